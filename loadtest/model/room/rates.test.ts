import fc from "fast-check";
import { expect, test } from "vitest";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import { batchIntervalMs, reportIntervalMs, tickIntervalMs } from "../../../core/room/sharding.ts";
import { seededRandom } from "../random.ts";
import { ASSUMPTIONS } from "./assumptions.ts";
import {
  callEveryMs,
  paceMs,
  quietShare,
  reportsPerSecond,
  roomRates,
  type SteadyRoom,
  shownPerSecond,
  submissionsPerSecond,
  tickEveryMs,
  ticksPerSecond,
} from "./rates.ts";

const ROOM: SteadyRoom = {
  viewers: 2_000,
  shards: 1,
  assumptions: ASSUMPTIONS,
  hopMs: 50,
  sendMs: 0.01,
  sharedMs: 0,
  placesPerSecond: 0,
  withoutRelays: false,
};
const MOST_CALLS = 200;

test("all shards together stay within the room's call limit under any load", () => {
  const shards = fc.integer({ min: 1, max: 1_000 });
  const rate = fc.double({ min: 0, max: 1e6, noNaN: true });
  fc.assert(
    fc.property(shards, rate, (count, things) => {
      expect(count * submissionsPerSecond(things, batchIntervalMs(count), 50)).toBeLessThanOrEqual(MOST_CALLS);
      expect(count * reportsPerSecond(things, reportIntervalMs(count))).toBeLessThanOrEqual(MOST_CALLS * (1 + 1e-9));
    }),
  );
});

test("rare commands each cause a call, a report and a tick", () => {
  expect(submissionsPerSecond(0.01, 50, 10)).toBeCloseTo(0.01, 4);
  expect(ticksPerSecond(0.01, 100, 1)).toBeCloseTo(0.01, 4);
  // An unchanged count is reported every ten seconds.
  expect(reportsPerSecond(0, 500)).toBeCloseTo(0.1);
});

test("there are at most ten ticks a second", () => {
  expect(ticksPerSecond(1e6, ROOM_LIMITS.minTickMs, 0)).toBeCloseTo(10);
});

test("a shard under constant load is never idle for longer than its batch interval", () => {
  expect(quietShare(1_000, 50, 10, 100)).toBeCloseTo(0);
  expect(quietShare(1e9, 50, 10, 30)).toBeCloseTo(0.5);
  expect(quietShare(0, 50, 10, 100)).toBe(1);
  expect(quietShare(0.001, 50, 10, 100)).toBeCloseTo(1);
});

test("a shard that takes longer than a tick to answer is called every other tick", () => {
  // With this many shards none uses cohorts.
  const wide = { ...ROOM, viewers: 32 * 2_000, shards: 32, assumptions: { ...ASSUMPTIONS, concurrentCalls: 1_000 } };
  const everyMs = tickIntervalMs(wide.viewers);
  expect(tickEveryMs({ ...wide, hopMs: 50 }, 32, 0)).toBe(everyMs);
  expect(tickEveryMs({ ...wide, hopMs: everyMs - 10 }, 32, 0)).toBe(2 * everyMs);
  expect(tickEveryMs({ ...wide, hopMs: 5, sendMs: 0.1 }, 32, 0)).toBe(2 * everyMs);
  expect(tickEveryMs({ ...wide, hopMs: 5, sendMs: 0.2 }, 32, 0)).toBe(3 * everyMs);
});

test("a shard with cohorts is called once per cohort, or as often as it answers", () => {
  const everyMs = tickIntervalMs(ROOM.viewers);
  expect(callEveryMs({ ...ROOM, hopMs: 1 }, 1, 0)).toBe(everyMs / 4);
  expect(callEveryMs({ ...ROOM, hopMs: 50 }, 1, 0)).toBe(everyMs / 2);
  expect(tickEveryMs({ ...ROOM, hopMs: 50 }, 1, 0)).toBe(everyMs);
  expect(tickEveryMs({ ...ROOM, hopMs: 2 * everyMs }, 1, 0)).toBeGreaterThan(2 * everyMs);
  // The core's capacity is the limit.
  expect(tickEveryMs({ ...ROOM, hopMs: 1, sendMs: 0.2 }, 1, 0)).toBe(400);
  const { calls, ticks } = roomRates(
    { ...ROOM, hopMs: 1, assumptions: { ...ASSUMPTIONS, chatPerMinute: 60 } },
    seededRandom(1),
  );
  expect(calls / ticks).toBeCloseTo(4, 0);
});

test("at most the displayable messages are shown", () => {
  for (const everyMs of [ROOM_LIMITS.minTickMs, ROOM_LIMITS.maxTickMs]) {
    expect(shownPerSecond(12, everyMs, seededRandom(1))).toBeCloseTo(12, 0);
    expect(shownPerSecond(5_000, everyMs, seededRandom(1))).toBeCloseTo(ROOM_LIMITS.displayPerSecond, 0);
  }
});

test("six concurrent calls to a hundred distant objects take many round trips, and to six objects none", () => {
  expect(paceMs(6, ROOM)).toBe(0);
  expect(paceMs(100, ROOM)).toBeCloseTo((100 / 6) * 50);
  const large = { ...ROOM, viewers: 200_000, shards: 64 };
  const unlimited = { ...large, assumptions: { ...ASSUMPTIONS, concurrentCalls: Number.POSITIVE_INFINITY } };
  expect(roomRates(large, seededRandom(1)).ticks).toBeLessThan(2);
  expect(roomRates(unlimited, seededRandom(1)).ticks).toBeGreaterThan(5);
});

test("above its fan-out limit the room calls relays, unless relays are disabled", () => {
  const many = { ...ROOM, viewers: 1_000_000, shards: 512 };
  expect(roomRates(many, seededRandom(1))).toMatchObject({ relays: 8, roomChildren: 8, relayChildren: 64 });
  expect(roomRates({ ...many, withoutRelays: true }, seededRandom(1))).toMatchObject({ relays: 0, roomChildren: 512 });
  expect(roomRates(ROOM, seededRandom(1))).toMatchObject({ relays: 0, roomChildren: 1 });
});

test("a silent room with a steady audience makes no calls except presence reports", () => {
  const silent = { ...ASSUMPTIONS, chatPerMinute: 0, likesPerMinute: 0, stayS: Number.POSITIVE_INFINITY };
  const rates = roomRates({ ...ROOM, assumptions: silent }, seededRandom(1));
  expect(rates).toMatchObject({ messages: 0, submissions: 0, joins: 0, shownMessages: 0 });
  expect(rates.reports).toBeCloseTo(0.1);
});
