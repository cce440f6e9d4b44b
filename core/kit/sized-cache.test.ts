import { expect, test } from "vitest";
import { SizedCache } from "./sized-cache.ts";

test("the least recently used values are evicted until the rest fits", () => {
  const cache = new SizedCache<string>(10);
  for (const key of ["a", "b", "c"]) cache.add(key, key, 3);
  expect(cache.get("a")).toBe("a");
  cache.add("d", "d", 6);
  expect(["a", "b", "c", "d"].map((key) => cache.get(key))).toEqual(["a", null, null, "d"]);
});

test("a cached value stays, and one larger than the bound evicts nothing", () => {
  const cache = new SizedCache<string>(10);
  cache.add("a", "first", 4);
  cache.add("a", "second", 10);
  cache.add("b", "large", 11);
  expect([cache.get("a"), cache.get("b")]).toEqual(["first", null]);
});
