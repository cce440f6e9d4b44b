import { expect, test } from "vitest";
import { type Address, LIVE } from "./address.ts";
import { Door, type Fed } from "./door.ts";
import { type Asker, TREE_LIMITS, type Verdict } from "./policy.ts";

const COLO: Address = { tier: "colo", region: "weur", colo: "FRA", shard: 0 };
const isolate: Asker = { kind: "isolate", pressed: true, renews: false, sited: true };
const nobody: Fed = { isolates: 0, shields: 0, has: () => false };

function herd(door: Door, count: number, fed: Fed, nowMs: number): Verdict[] {
  return Array.from({ length: count }, (_, index) => door.ask(`isolate-${index}`, isolate, fed, nowMs));
}

test("a herd that comes before the node's own feed is counted as it is told to be fed: no more than the node's fill", () => {
  const verdicts = herd(new Door(COLO), 200, nobody, 0);
  expect(verdicts.filter((verdict) => verdict === "serve").length).toBe(TREE_LIMITS.coloIsolates);
  expect(verdicts.filter((verdict) => verdict === "down").length).toBe(200 - TREE_LIMITS.coloIsolates);
});

test("who was told to be fed and never came makes room again", () => {
  const door = new Door(COLO);
  herd(door, TREE_LIMITS.coloIsolates, nobody, 0);
  expect(door.ask("late", isolate, nobody, TREE_LIMITS.promiseMs)).toBe("down");
  expect(door.ask("later", isolate, nobody, TREE_LIMITS.promiseMs + 1)).toBe("serve");
});

test("who is fed is not counted a second time as one who was told to be", () => {
  const door = new Door(LIVE);
  const half = TREE_LIMITS.liveIsolates / 2;
  herd(door, half, nobody, 0);
  const fed: Fed = { isolates: half, shields: 0, has: () => true };
  expect(door.ask("next", isolate, fed, 1)).toBe("serve");
  expect(door.ask("full", isolate, { ...fed, isolates: TREE_LIMITS.liveIsolates }, 1)).toBe("down");
});

test("one who asks again is one asker and takes one place", () => {
  const door = new Door(COLO);
  for (let time = 0; time < 2 * TREE_LIMITS.coloIsolates; time += 1) {
    expect(door.ask("eager", isolate, nobody, time)).toBe("serve");
  }
});
