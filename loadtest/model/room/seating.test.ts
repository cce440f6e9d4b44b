import { expect, test } from "vitest";
import { ROOM_LIMITS } from "../../../protocol/room/limits.ts";
import { randomOf } from "../random.ts";
import { Lookups, lookupsPerSecond, type Trust } from "./lookups.ts";
import { Returns } from "./returns.ts";
import { type Seating, type Storm, seat } from "./seating.ts";

const ALONE: Trust = { isolateMs: () => 3_000, coloMs: null };
const SHARED: Trust = { ...ALONE, coloMs: () => 3_000 };
/** Forty isolates in each of ten data centres. */
const COLOS = Array.from({ length: 400 }, (_, isolate) => Math.floor(isolate / 40));
const STEP: Storm = {
  viewers: 50_000,
  joins: [50_000],
  colos: COLOS,
  trust: ALONE,
  shards: 1,
  joinsPerSecond: 1_000,
};
const SLOW: Storm = { ...STEP, joins: Array.from({ length: 100 }, () => 500) };
const seated = ({ seats }: Seating): number => seats.reduce((sum, sockets) => sum + sockets, 0);

test.each([STEP, SLOW])("everybody has a seat or is counted as without one", (storm) => {
  const seating = seat(storm, randomOf(1));
  expect(seated(seating) + seating.without).toBeCloseTo(storm.viewers, -1);
  expect(seating.without).toBeLessThanOrEqual(storm.viewers / 1_000);
});

test("who comes slowly enough for one shard after another fails nowhere; a step fails often, and takes longer after its end", () => {
  const slow = seat(SLOW, randomOf(1));
  const step = seat(STEP, randomOf(1));
  expect(slow.failed).toBe(0);
  expect(step.failed).toBeGreaterThan(STEP.viewers);
  expect(step.mostS).toBeGreaterThan(10);
  expect(slow.shards).toBe(32);
  expect(step.shards).toBe(32);
});

test("a room that has its shards takes all back sooner than a new one takes them in", () => {
  const anew = seat(STEP, randomOf(1));
  const back = seat({ ...STEP, shards: anew.shards }, randomOf(1));
  expect(back.mostS).toBeLessThan(anew.mostS ?? 0);
  expect(back.peakJoins).toBeLessThan(anew.peakJoins);
});

test("no shard has more sockets than the room allows: the others are sent away", () => {
  const unlimited = seat({ ...STEP, joinsPerSecond: 1e9 }, randomOf(1));
  expect(Math.max(...unlimited.seats)).toBeLessThanOrEqual(ROOM_LIMITS.shardSockets + 1);
  expect(unlimited.sentAway).toBeGreaterThan(STEP.viewers / 2);
});

test("an isolate asks where to once while it remembers, however many come", () => {
  expect(seat({ ...STEP, joins: [10_000, 20_000, 20_000] }, randomOf(1)).peakPlaces).toBe(COLOS.length);
  expect(seat({ ...STEP, colos: [0] }, randomOf(1)).peakPlaces).toBe(1);
});

test("one seed gives one outcome", () => {
  expect(seat(STEP, randomOf(5))).toEqual(seat(STEP, randomOf(5)));
});

test("those who come again are spread over the steps asked for, none of them lost", () => {
  const returns = new Returns(2, 3, 10);
  returns.add(1, 2, 60, 6);
  returns.add(1, 2, 10, 1);
  const came = Array.from({ length: 12 }, () => returns.next());
  expect(came.slice(0, 7).map((count) => Math.round(count))).toEqual([20, 10, 10, 10, 10, 10, 0]);
  expect(came.reduce((sum, count) => sum + count, 0)).toBeCloseTo(70);
});

test("isolates that share their data centre's cache ask once for all of them", () => {
  expect(seat({ ...STEP, trust: SHARED }, randomOf(1)).peakPlaces).toBe(10);
  const isolates = COLOS.map((colo) => ({ colo, rate: 1_000 }));
  expect(lookupsPerSecond(isolates, ALONE, 1)).toBeCloseTo(400 / 3, 0);
  expect(lookupsPerSecond(isolates, SHARED, 1)).toBeCloseTo(10 / 3, 0);
});

test("whoever was told lately sends viewers by what it was told", () => {
  const lookups = new Lookups([0, 1], ALONE, 1, randomOf(1));
  expect([...lookups.views(1_000, 4, 0)]).toEqual([[4, 1]]);
  expect([...lookups.views(1_000, 8, 2_000)]).toEqual([[4, 1]]);
  expect([...lookups.views(1_000, 8, 3_100)]).toEqual([[8, 1]]);
  expect(lookups.asked).toBe(4);
});

test("shards that filled up before the room grew send viewers to the others", () => {
  const storm = { ...STEP, joinsPerSecond: 1e9, viewers: 30_000, joins: [30_000] };
  const seating = seat(storm, randomOf(1));
  expect(seating.shards).toBe(16);
  // All sat down in the first shard before anybody knew of others; a moment later some of them have left it.
  expect(Math.max(...seating.seats)).toBeLessThan(ROOM_LIMITS.shardSockets);
  expect(Math.min(...seating.seats)).toBeGreaterThan(0);
});
