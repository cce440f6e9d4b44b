import { expect, test } from "vitest";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import { seededRandom } from "../random.ts";
import { type JoinStorm, type PlacementResult, simulateJoinStorm } from "./join-storm.ts";
import { lookupsPerSecond, PlacementLookups, type PlacementTtl } from "./lookups.ts";
import { RetrySchedule } from "./retry-schedule.ts";

const ALONE: PlacementTtl = { isolateMs: () => 3_000, coloMs: null };
const SHARED: PlacementTtl = { ...ALONE, coloMs: () => 3_000 };
/** Forty isolates in each of ten data centres. */
const COLOS = Array.from({ length: 400 }, (_, isolate) => Math.floor(isolate / 40));
const STEP: JoinStorm = {
  viewers: 50_000,
  joins: [50_000],
  colos: COLOS,
  placementTtl: ALONE,
  shards: 1,
  joinsPerSecond: 1_000,
};
const SLOW: JoinStorm = { ...STEP, joins: Array.from({ length: 100 }, () => 500) };
const seated = ({ socketsPerShard }: PlacementResult): number =>
  socketsPerShard.reduce((sum, sockets) => sum + sockets, 0);

test.each([STEP, SLOW])("every viewer gets a connection or is counted without one", (storm) => {
  const seating = simulateJoinStorm(storm, seededRandom(1));
  expect(seated(seating) + seating.unplaced).toBeCloseTo(storm.viewers, -1);
  expect(seating.unplaced).toBeLessThanOrEqual(storm.viewers / 1_000);
});

test("joins slow enough to fill one shard after another never fail; a step fails often, and takes longer after its end", () => {
  const slow = simulateJoinStorm(SLOW, seededRandom(1));
  const step = simulateJoinStorm(STEP, seededRandom(1));
  expect(slow.failed).toBe(0);
  expect(step.failed).toBeGreaterThan(STEP.viewers);
  expect(step.almostAllS).toBeGreaterThan(10);
  expect(slow.shards).toBe(32);
  expect(step.shards).toBe(32);
});

test("a room that has its shards readmits its viewers sooner than a new room admits them", () => {
  const anew = simulateJoinStorm(STEP, seededRandom(1));
  const back = simulateJoinStorm({ ...STEP, shards: anew.shards }, seededRandom(1));
  expect(back.almostAllS).toBeLessThan(anew.almostAllS ?? 0);
  expect(back.peakJoins).toBeLessThan(anew.peakJoins);
});

test("no shard exceeds the room's limit of sockets: the rest is redirected", () => {
  const unlimited = simulateJoinStorm({ ...STEP, joinsPerSecond: 1e9 }, seededRandom(1));
  expect(Math.max(...unlimited.socketsPerShard)).toBeLessThanOrEqual(ROOM_LIMITS.socketsPerShard + 1);
  expect(unlimited.redirected).toBeGreaterThan(STEP.viewers / 2);
});

test("an isolate requests a placement once per cache lifetime, however many viewers arrive", () => {
  expect(simulateJoinStorm({ ...STEP, joins: [10_000, 20_000, 20_000] }, seededRandom(1)).peakPlaces).toBe(
    COLOS.length,
  );
  expect(simulateJoinStorm({ ...STEP, colos: [0] }, seededRandom(1)).peakPlaces).toBe(1);
});

test("equal seeds give equal results", () => {
  expect(simulateJoinStorm(STEP, seededRandom(5))).toEqual(simulateJoinStorm(STEP, seededRandom(5)));
});

test("retries are spread over the requested interval, and none is lost", () => {
  const returns = new RetrySchedule(2, 3, 10);
  returns.spread(1, 2, 60, 6);
  returns.spread(1, 2, 10, 1);
  const came = Array.from({ length: 12 }, () => returns.advance());
  expect(came.slice(0, 7).map((count) => Math.round(count))).toEqual([20, 10, 10, 10, 10, 10, 0]);
  expect(came.reduce((sum, count) => sum + count, 0)).toBeCloseTo(70);
});

test("isolates that share their data centre's cache make one request for all of them", () => {
  expect(simulateJoinStorm({ ...STEP, placementTtl: SHARED }, seededRandom(1)).peakPlaces).toBe(10);
  const isolates = COLOS.map((colo) => ({ colo, rate: 1_000 }));
  expect(lookupsPerSecond(isolates, ALONE, 1)).toBeCloseTo(400 / 3, 0);
  expect(lookupsPerSecond(isolates, SHARED, 1)).toBeCloseTo(10 / 3, 0);
});

test("an isolate with a recent placement uses it", () => {
  const lookups = new PlacementLookups([0, 1], ALONE, 1, seededRandom(1));
  expect([...lookups.shardCountShares(1_000, 4, 0)]).toEqual([[4, 1]]);
  expect([...lookups.shardCountShares(1_000, 8, 2_000)]).toEqual([[4, 1]]);
  expect([...lookups.shardCountShares(1_000, 8, 3_100)]).toEqual([[8, 1]]);
  expect(lookups.roomRequests).toBe(4);
});

test("shards that filled before the room grew redirect viewers to the others", () => {
  const storm = { ...STEP, joinsPerSecond: 1e9, viewers: 30_000, joins: [30_000] };
  const seating = simulateJoinStorm(storm, seededRandom(1));
  expect(seating.shards).toBe(16);
  // All connected to the first shard before others were known; soon some have moved.
  expect(Math.max(...seating.socketsPerShard)).toBeLessThan(ROOM_LIMITS.socketsPerShard);
  expect(Math.min(...seating.socketsPerShard)).toBeGreaterThan(0);
});
