import { expect, test } from "vitest";
import { TREE_LIMITS } from "./feed-policy.ts";
import { LIVE_ADDRESS, type NodeAddress } from "./node-address.ts";
import { cacheableParent } from "./parent-resolver.ts";

const SHARD: NodeAddress = { tier: "colo", region: "weur", colo: "FRA", shard: 3 };

test("a data centre's shield is worth telling at once, whichever shard feeds the teller", () => {
  expect(cacheableParent(SHARD, 0)).toEqual({ ...SHARD, shard: 0 });
});

test("the Live object's place is told by who has been fed there for a while, so that no herd follows", () => {
  expect(cacheableParent(LIVE_ADDRESS, TREE_LIMITS.liveParentCacheDelayMs - 1)).toBeNull();
  expect(cacheableParent(LIVE_ADDRESS, TREE_LIMITS.liveParentCacheDelayMs)).toBe(LIVE_ADDRESS);
});

test("a region's shield, which stands in for one that failed, is nobody's way", () => {
  expect(cacheableParent({ tier: "region", region: "weur" }, TREE_LIMITS.parentCacheMs)).toBeNull();
});
