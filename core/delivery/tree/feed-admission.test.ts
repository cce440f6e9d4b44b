import { expect, test } from "vitest";
import { FeedAdmission, type SubscriberSummary } from "./feed-admission.ts";
import { type AdmissionDecision, type FeedRequester, TREE_LIMITS } from "./feed-policy.ts";
import { LIVE_ADDRESS, type NodeAddress } from "./node-address.ts";

const COLO: NodeAddress = { tier: "colo", region: "weur", colo: "FRA", shard: 0 };
const isolate: FeedRequester = { kind: "isolate", mustBeServed: true, isRenewal: false, hasSite: true };
const nobody: SubscriberSummary = { isolates: 0, shields: 0, has: () => false };

function herd(door: FeedAdmission, count: number, fed: SubscriberSummary, nowMs: number): AdmissionDecision[] {
  return Array.from({ length: count }, (_, index) => door.admit(`isolate-${index}`, isolate, fed, nowMs));
}

test("subscribers redirected to a node before its own feed exists count towards its limit", () => {
  const verdicts = herd(new FeedAdmission(COLO), 200, nobody, 0);
  expect(verdicts.filter((verdict) => verdict === "serve").length).toBe(TREE_LIMITS.coloIsolates);
  expect(verdicts.filter((verdict) => verdict === "down").length).toBe(200 - TREE_LIMITS.coloIsolates);
});

test("a redirected subscriber that never arrives frees its slot", () => {
  const door = new FeedAdmission(COLO);
  herd(door, TREE_LIMITS.coloIsolates, nobody, 0);
  expect(door.admit("late", isolate, nobody, TREE_LIMITS.reservationMs)).toBe("down");
  expect(door.admit("later", isolate, nobody, TREE_LIMITS.reservationMs + 1)).toBe("serve");
});

test("a connected subscriber is not counted a second time as redirected", () => {
  const door = new FeedAdmission(LIVE_ADDRESS);
  const half = TREE_LIMITS.liveIsolates / 2;
  herd(door, half, nobody, 0);
  const fed: SubscriberSummary = { isolates: half, shields: 0, has: () => true };
  expect(door.admit("next", isolate, fed, 1)).toBe("serve");
  expect(door.admit("full", isolate, { ...fed, isolates: TREE_LIMITS.liveIsolates }, 1)).toBe("down");
});

test("a subscriber that asks again takes one slot", () => {
  const door = new FeedAdmission(COLO);
  for (let time = 0; time < 2 * TREE_LIMITS.coloIsolates; time += 1) {
    expect(door.admit("eager", isolate, nobody, time)).toBe("serve");
  }
});
