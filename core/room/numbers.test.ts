import fc from "fast-check";
import { expect, test } from "vitest";
import { HyperLogLog } from "../kit/hyperloglog.ts";
import { type TokenBucket, takeTokens } from "../kit/token-bucket.ts";
import { encodeRoomChild, FIRST_SHARD_ID } from "./child-ids.ts";
import { ROOM_LIMITS } from "./room-limits.ts";
import { ROOM_SUMMARY_ISOLATE_TTL_MS, roomSummaryColoTtlS, shardCountPropagationMs } from "./room-summary.ts";
import { RoomAudience } from "./sequencer/audience.ts";
import { clampProgramTime } from "./sequencer/program-time.ts";
import {
  batchIntervalMs,
  DEFAULT_SHARDING,
  excessSockets,
  MAX_SHARDS,
  minFanoutIntervalMs,
  relayCount,
  relayIndexFor,
  reportIntervalMs,
  roomTreeDepth,
  ShardScaler,
  shardCountFor,
  shardIndexFor,
  siblingCount,
  tickIntervalMs,
  tickParts,
} from "./sharding.ts";

test("distinct participants are estimated within 2 % standard error in 2,040 bytes, however often they return", () => {
  const errors: number[] = [];
  for (let run = 0; run < 40; run += 1) {
    const people = 100 * 3 ** (run % 7);
    const distinct = new HyperLogLog();
    for (let twice = 0; twice < 2; twice += 1) {
      for (let person = 0; person < people; person += 1) distinct.add(`account:run-${run}-person-${person}`);
    }
    errors.push((distinct.estimate() - people) / people);
  }
  const rms = Math.sqrt(errors.reduce((sum, error) => sum + error * error, 0) / errors.length);
  expect(rms).toBeLessThan(0.025);
  expect(Math.max(...errors.map(Math.abs))).toBeLessThan(0.07);
});

test("an estimate survives serialization, and a union counts nobody twice", () => {
  const [a, b, both] = [new HyperLogLog(), new HyperLogLog(), new HyperLogLog()];
  for (let person = 0; person < 5_000; person += 1) {
    if (person < 3_000) a.add(`p${person}`);
    if (person > 2_000) b.add(`p${person}`);
    both.add(`p${person}`);
  }
  const kept = HyperLogLog.fromBytes(a.toBytes());
  expect(a.toBytes().byteLength).toBe(2_040);
  expect(kept.estimate()).toBe(a.estimate());
  expect(kept.merge(b)).toBe(true);
  expect(kept.merge(b)).toBe(false);
  expect(kept.estimate()).toBe(both.estimate());
});

test("a bucket never admits more than its burst and its rate", () => {
  const rate = { perSecond: 2, burst: 5 };
  fc.assert(
    fc.property(fc.array(fc.nat(2_000), { maxLength: 100 }), (waits) => {
      let bucket: TokenBucket | undefined;
      let nowMs = 0;
      let through = 0;
      for (const wait of waits) {
        nowMs += wait;
        const taken = takeTokens(bucket, rate, nowMs);
        bucket = taken.bucket;
        if (taken.ok) through += 1;
      }
      expect(through).toBeLessThanOrEqual(rate.burst + (rate.perSecond * nowMs) / 1_000);
    }),
  );
});

test("a bucket is refilled at its rate after the clock is set back", () => {
  const rate = { perSecond: 1, burst: 2 };
  const ahead = takeTokens(undefined, rate, 90_000, 2).bucket;
  const back = takeTokens(ahead, rate, 1_000);
  expect(back.ok).toBe(false);
  expect(takeTokens(back.bucket, rate, 2_000).ok).toBe(true);
});

test("a room gets shards as it grows, keeps them, and restarts with one when it is empty", () => {
  expect([0, 1, 2_500, 2_501, 100_000, 1_000_000, 1e9].map((sockets) => shardCountFor(sockets, 1))).toEqual([
    1,
    1,
    1,
    2,
    64,
    512,
    MAX_SHARDS,
  ]);
  expect(shardCountFor(10, 8)).toBe(8);
  expect(shardCountFor(0, 8)).toBe(1);
});

test("viewers spread evenly, and half of them stay on their shard when shards double", () => {
  const names = Array.from({ length: 20_000 }, (_, index) => `account:viewer-${index}`);
  const load = new Array<number>(16).fill(0);
  for (const name of names) {
    const shard = shardIndexFor(name, 16);
    load[shard] = (load[shard] ?? 0) + 1;
  }
  for (const viewers of load) expect(Math.abs(viewers - 1_250)).toBeLessThan(150);
  const stay = names.filter((name) => shardIndexFor(name, 16) === shardIndexFor(name, 32)).length;
  expect(Math.abs(stay - 10_000)).toBeLessThan(500);
});

test("all shards together call the room within its limit, and relays are needed above a hundred shards", () => {
  for (let shards = 1; shards <= MAX_SHARDS; shards *= 2) {
    for (const callers of [siblingCount(shards), relayCount(shards)].filter((each) => each > 0)) {
      expect(callers).toBeLessThanOrEqual(ROOM_LIMITS.fanOut);
      expect(callers / (batchIntervalMs(callers) / 1_000)).toBeLessThanOrEqual(200);
      expect(callers / (reportIntervalMs(callers) / 1_000)).toBeLessThanOrEqual(200);
    }
  }
  expect([1, 2, 64, 128, 4_096].map((shards) => roomTreeDepth(shards))).toEqual([1, 1, 1, 2, 2]);
  expect(shardCountFor(10_000_000, 1)).toBe(MAX_SHARDS);
});

test("a room of any size with viewers in 330 data centres is called at most 500 times a second", () => {
  for (let shards = 1; shards <= MAX_SHARDS; shards *= 2) {
    const callers = relayCount(shards) === 0 ? siblingCount(shards) : relayCount(shards);
    const submissions = callers / (batchIntervalMs(callers) / 1_000);
    const reports = callers / (reportIntervalMs(callers) / 1_000);
    expect(submissions + reports + 330 / roomSummaryColoTtlS(shards)).toBeLessThanOrEqual(500);
    expect(shardCountPropagationMs(shards)).toBeGreaterThan(
      ROOM_SUMMARY_ISOLATE_TTL_MS + 1_000 * roomSummaryColoTtlS(shards),
    );
  }
});

test("a shard keeps its relay at any room size, and no relay exceeds its number of shards", () => {
  const sizing = { ...DEFAULT_SHARDING, shardFill: 10, fanOut: 4 };
  expect([1, 2, 4].map((shards) => relayIndexFor(0, shards, sizing))).toEqual([null, null, null]);
  for (const shards of [8, 16]) {
    const of = Array.from({ length: shards }, (_, shard) => relayIndexFor(shard, shards, sizing));
    expect(new Set(of).size).toBe(relayCount(shards, sizing));
    expect(of.slice(0, 8)).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
  }
});

test("viewers are moved only from a shard above twice its target, or from one that the room no longer has", () => {
  const sizing = { ...DEFAULT_SHARDING, shardFill: 100, fanOut: 4 };
  expect([0, 100, 200, 250].map((sockets) => excessSockets(1, 2, sockets, sizing))).toEqual([0, 0, 0, 50]);
  expect(excessSockets(3, 2, 7, sizing)).toBe(7);
});

test("a room shrinks by halves after minutes of low use, never by a tree level, and at once when it is empty", () => {
  const size = new ShardScaler(1, { ...DEFAULT_SHARDING, shardFill: 100, fanOut: 4 });
  expect([size.updateSockets(1_600, 0), size.shards]).toEqual([true, 16]);
  expect(size.updateSockets(199, 0)).toBe(false);
  expect(size.updateSockets(199, 119_999)).toBe(false);
  expect(size.updateSockets(200, 120_000)).toBe(false);
  expect(size.updateSockets(50, 130_000)).toBe(false);
  expect([size.updateSockets(50, 250_000), size.shards]).toEqual([true, 8]);
  for (let atMs = 250_000; atMs < 2_000_000; atMs += 10_000) size.updateSockets(50, atMs);
  expect(size.shards).toBe(8);
  expect([size.updateSockets(0, 2_000_000), size.shards]).toEqual([true, 1]);
});

test("an expected audience has its shards before it arrives and while it is expected", () => {
  const size = new ShardScaler(1, { ...DEFAULT_SHARDING, shardFill: 100 }, { viewers: 1_600, untilMs: 1_000_000 });
  expect([size.updateSockets(0, 0), size.shards]).toEqual([true, 16]);
  // Few have joined so far, which is no reason to shrink.
  for (let atMs = 0; atMs < 1_000_000; atMs += 10_000) expect(size.updateSockets(50, atMs)).toBe(false);
  for (let atMs = 1_000_000; atMs < 1_500_000; atMs += 10_000) size.updateSockets(50, atMs);
  expect(size.shards).toBeLessThan(16);
  size.setExpectedAudience({ viewers: 800, untilMs: 3_000_000 });
  expect([size.updateSockets(50, 2_000_000), size.shards]).toEqual([true, 8]);
  size.setExpectedAudience({ viewers: 0, untilMs: 3_000_000 });
  expect([size.updateSockets(0, 2_000_000), size.shards]).toEqual([true, 1]);
});

test("a room's batch interval grows with its size, up to a bound", () => {
  expect([0, 750, 1_500, 1_000_000].map(tickIntervalMs)).toEqual([100, 125, 150, 150]);
});

test("a tick is divided where a shard has many sockets, and never into more calls than the room can make", () => {
  expect([0, 500, 501, 1_000, 1_001, 2_500].map((sockets) => tickParts(sockets, 1))).toEqual([1, 1, 2, 2, 4, 4]);
  expect([8, 16, 32, 4_096].map((shards) => tickParts(2_500 * shards, shards))).toEqual([4, 2, 1, 1]);
});

test("a shard above its target sends as often as one at its target", () => {
  const { shardFill, maxTickMs } = ROOM_LIMITS;
  expect([0, shardFill].map((sockets) => minFanoutIntervalMs(sockets, 4))).toEqual([0, 0]);
  expect([minFanoutIntervalMs(2 * shardFill, 1), minFanoutIntervalMs(2 * shardFill, 4)]).toEqual([
    2 * maxTickMs,
    maxTickMs / 2,
  ]);
});

test("reported program time is accepted where plausible, and never ahead of the server", () => {
  expect(clampProgramTime(null, 1_000_000)).toBe(1_000_000);
  expect(clampProgramTime(995_000, 1_000_000)).toBe(995_000);
  expect(clampProgramTime(1_005_000, 1_000_000)).toBe(1_000_000);
  expect(clampProgramTime(1, 1_000_000)).toBe(1_000_000);
});

test("a restored audience continues from its counts, and drops shards that do not report", () => {
  const empty = { shards: new Map(), totals: { peak: 0, watchedMs: 0, likes: 0, reactions: {} }, distinct: null };
  const audience = new RoomAudience(empty, 0);
  audience.applyReport(FIRST_SHARD_ID, { sockets: 12, watching: 10, distinct: null }, 0);
  audience.applyReport(
    encodeRoomChild({ kind: "shard", index: 1 }),
    { sockets: 5, watching: 5, distinct: null },
    1_000,
  );
  audience.addReactions(3, { "🎉": 2 });
  expect(audience.counts(1_000)).toEqual({ watching: 15, peak: 15, distinct: 0, likes: 3, reactions: { "🎉": 2 } });
  expect(audience.totals.watchedMs).toBe(10_000);
  const kept = {
    shards: new Map([[FIRST_SHARD_ID, { sockets: 12, watching: 10 }]]),
    totals: audience.totals,
    distinct: null,
  };
  const later = new RoomAudience(kept, 500_000);
  expect(later.counts(500_000)).toMatchObject({ watching: 10, peak: 15, likes: 3 });
  expect(later.counts(500_001 + ROOM_LIMITS.reportTtlMs).watching).toBe(0);
});
