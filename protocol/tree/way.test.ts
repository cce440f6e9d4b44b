import { expect, test } from "vitest";
import { type Address, LIVE } from "./address.ts";
import { TREE_LIMITS } from "./policy.ts";
import { memorable } from "./way.ts";

const SHARD: Address = { tier: "colo", region: "weur", colo: "FRA", shard: 3 };

test("a data centre's shield is worth telling at once, whichever shard feeds the teller", () => {
  expect(memorable(SHARD, 0)).toEqual({ ...SHARD, shard: 0 });
});

test("the Live object's place is told by who has been fed there for a while, so that no herd follows", () => {
  expect(memorable(LIVE, TREE_LIMITS.settledMs - 1)).toBeNull();
  expect(memorable(LIVE, TREE_LIMITS.settledMs)).toBe(LIVE);
});

test("a region's shield, which stands in for one that failed, is nobody's way", () => {
  expect(memorable({ tier: "region", region: "weur" }, TREE_LIMITS.wayMs)).toBeNull();
});
