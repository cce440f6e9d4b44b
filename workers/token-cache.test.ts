import { expect, test } from "vitest";
import { TokenCache } from "./token-cache.ts";

test("what a token said is known until there are too many, and then the first to come goes first", () => {
  const cache = new TokenCache<number>(10);
  cache.keep("aaaa", 1);
  cache.keep("bbbb", 2);
  cache.keep("aaaa", 3);
  expect([cache.get("aaaa"), cache.get("bbbb")]).toEqual([3, 2]);
  cache.keep("cccc", 4);
  expect([cache.get("aaaa"), cache.get("bbbb"), cache.get("cccc")]).toEqual([undefined, 2, 4]);
  cache.keep("longer than all", 5);
  expect(["bbbb", "cccc", "longer than all"].map((token) => cache.get(token))).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});
