import { expect, test } from "vitest";
import { VerifiedTokenCache } from "./verified-token-cache.ts";

test("verified claims are cached up to a bound, and the oldest is evicted first", () => {
  const cache = new VerifiedTokenCache<number>(10);
  cache.store("aaaa", 1);
  cache.store("bbbb", 2);
  cache.store("aaaa", 3);
  expect([cache.get("aaaa"), cache.get("bbbb")]).toEqual([3, 2]);
  cache.store("cccc", 4);
  expect([cache.get("aaaa"), cache.get("bbbb"), cache.get("cccc")]).toEqual([undefined, 2, 4]);
  cache.store("longer than all", 5);
  expect(["bbbb", "cccc", "longer than all"].map((token) => cache.get(token))).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});
