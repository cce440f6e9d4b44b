import { expect, test } from "vitest";
import { TREE_LIMITS } from "./feed-policy.ts";
import { LIVE_ADDRESS, type NodeAddress } from "./node-address.ts";
import { cacheableParent } from "./parent-resolver.ts";

const SHARD: NodeAddress = { tier: "colo", region: "weur", colo: "FRA", shard: 3 };

test("any shard's feed makes its colo's shield the cacheable parent at once", () => {
  expect(cacheableParent(SHARD, 0)).toEqual({ ...SHARD, shard: 0 });
});

test("the Live object is a cacheable parent only after a delay, so that no herd follows", () => {
  expect(cacheableParent(LIVE_ADDRESS, TREE_LIMITS.liveParentCacheDelayMs - 1)).toBeNull();
  expect(cacheableParent(LIVE_ADDRESS, TREE_LIMITS.liveParentCacheDelayMs)).toBe(LIVE_ADDRESS);
});

test("a region shield that stands in for a failed one is no cacheable parent", () => {
  expect(cacheableParent({ tier: "region", region: "weur" }, TREE_LIMITS.parentCacheMs)).toBeNull();
});
