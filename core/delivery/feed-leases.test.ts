import { expect, test } from "vitest";
import type { TrackName } from "../kit/ids.ts";
import { type FeedLease, FeedLeases } from "./feed-leases.ts";
import { EDGE_STREAM_LIMITS } from "./node-limits.ts";

const LEASE_MS = 24_000;
const VIDEO = "video" as TrackName;
const NO_TRACKS = (): Set<TrackName> => new Set();

function acquire(leases: FeedLeases, nowMs: number, tracks: () => Set<TrackName> = NO_TRACKS): FeedLease | null {
  return leases.acquire(nowMs, true, tracks)?.lease ?? null;
}

function acquired(leases: FeedLeases, nowMs: number): FeedLease {
  const lease = acquire(leases, nowMs);
  if (lease === null) throw new Error("no lease");
  return lease;
}

test("one request holds the lease, and the next takes over once the lease is due", () => {
  const leases = new FeedLeases(LEASE_MS, () => 0);
  const first = acquired(leases, 0);
  expect([acquire(leases, 1), leases.isFresh(1, true)]).toEqual([null, false]);
  leases.markCaughtUp(first);
  expect(leases.isFresh(1, true)).toBe(true);
  first.recordBytes(LEASE_MS);
  expect(acquire(leases, LEASE_MS)).toBeNull();
  const next = leases.acquire(LEASE_MS + 1, true, NO_TRACKS);
  expect(next?.predecessor).toBe(first);
  expect([leases.isRelieved(first), leases.isFeeding(first)]).toEqual([false, true]);
  if (next === null) throw new Error("no lease");
  leases.markCaughtUp(next.lease);
  expect(leases.isRelieved(first)).toBe(true);
  expect([leases.end(first, "stopped", LEASE_MS + 2), leases.current]).toEqual([false, next.lease]);
});

test("a lease that has not caught up is not taken over by age, unless it is suspect", () => {
  const leases = new FeedLeases(LEASE_MS, () => 0);
  const lease = acquired(leases, 0);
  lease.recordBytes(LEASE_MS + 1);
  expect(acquire(leases, LEASE_MS + 1)).toBeNull();
  const suspectMs = LEASE_MS + 2 + EDGE_STREAM_LIMITS.leaseSuspectMs;
  expect([lease.isSuspect(suspectMs), acquire(leases, suspectMs)?.startedMs]).toEqual([true, suspectMs]);
});

test("a track that the feed lacks makes the lease due as soon as the feed has caught up", () => {
  const leases = new FeedLeases(LEASE_MS, () => 0);
  expect([leases.requestTrack(VIDEO), leases.carriesTrack(VIDEO)]).toEqual([false, true]);
  const lease = acquired(leases, 0);
  expect([leases.requestTrack(VIDEO), leases.carriesTrack(VIDEO)]).toEqual([true, false]);
  expect(acquire(leases, 1)).toBeNull();
  leases.markCaughtUp(lease);
  const next = acquire(leases, 2, () => new Set([VIDEO]));
  if (next === null) throw new Error("no lease");
  leases.markCaughtUp(next);
  expect([leases.requestTrack(VIDEO), leases.carriesTrack(VIDEO)]).toEqual([false, true]);
});

test("after a failure the first retry is immediate, and later ones are spread over a doubling, bounded time", () => {
  const leases = new FeedLeases(LEASE_MS, () => 1);
  const delays: number[] = [];
  let nowMs = 0;
  for (let failures = 0; failures < 9; failures += 1) {
    expect(leases.end(acquired(leases, nowMs), "broken", nowMs)).toBe(true);
    let delayMs = 0;
    while (acquire(leases, nowMs + delayMs) === null) delayMs += 1;
    const probe = leases.current;
    if (probe !== null) leases.end(probe, "bye", nowMs + delayMs);
    delays.push(delayMs);
    nowMs += delayMs;
  }
  expect(delays).toEqual([0, 100, 200, 400, 800, 1_600, 2_000, 2_000, 2_000]);
  expect(leases.isCircuitOpen).toBe(true);
  leases.markServed(acquired(leases, nowMs));
  expect(leases.isCircuitOpen).toBe(false);
});

test("feeds that begin and break at once are retried at a growing distance, until one has lasted", () => {
  const leases = new FeedLeases(LEASE_MS, () => 1);
  let nowMs = 0;
  const breakFeed = (lifeMs: number): number => {
    const lease = acquired(leases, nowMs);
    leases.markServed(lease);
    leases.markCaughtUp(lease);
    nowMs += lifeMs;
    leases.end(lease, "broken", nowMs);
    const brokenMs = nowMs;
    while (leases.acquire(nowMs, true, NO_TRACKS) === null) nowMs += 1;
    const probe = leases.current;
    if (probe !== null) leases.end(probe, "bye", nowMs);
    return nowMs - brokenMs;
  };
  expect([breakFeed(10), breakFeed(10), breakFeed(10)]).toEqual([0, 100, 200]);
  expect([breakFeed(EDGE_STREAM_LIMITS.maxRetryMs + 1), breakFeed(10)]).toEqual([0, 100]);
});

test("an absent stream is fresh without a replica, and not requested meanwhile", () => {
  const leases = new FeedLeases(LEASE_MS, () => 0);
  const tryAcquire = (nowMs: number): boolean => leases.acquire(nowMs, false, NO_TRACKS) !== null;
  leases.end(acquired(leases, 0), "absent", 10);
  const untilMs = 10 + EDGE_STREAM_LIMITS.absenceCacheMs;
  expect([leases.isFresh(untilMs - 1, false), tryAcquire(untilMs - 1)]).toEqual([true, false]);
  expect(leases.isFresh(untilMs - 1, true)).toBe(false);
  expect([leases.isFresh(untilMs, false), tryAcquire(untilMs)]).toEqual([false, true]);
});

test("closed leases release their holders and grant no more", () => {
  const leases = new FeedLeases(LEASE_MS, () => 0);
  const lease = acquired(leases, 0);
  leases.close();
  expect([leases.isRelieved(lease), leases.end(lease, "stopped", 1), acquire(leases, 1)]).toEqual([true, true, null]);
});

test("a clock that is set back keeps no dead holder, no absence and no wait for a retry", () => {
  const leases = new FeedLeases(LEASE_MS, () => 0);
  const dead = acquired(leases, 100_000);
  leases.markCaughtUp(dead);
  expect([dead.isSuspect(20_000), leases.isFresh(20_000, true)]).toEqual([true, false]);
  const next = acquired(leases, 20_000);
  leases.end(next, "absent", 100_000);
  expect([leases.isFresh(100_001, false), leases.isFresh(20_001, false)]).toEqual([true, false]);
  for (let count = 0; count < 3; count += 1) leases.end(acquired(leases, 200_000 + 10_000 * count), "broken", 300_000);
  expect([acquire(leases, 300_001), acquire(leases, 250_000)]).toEqual([null, leases.current]);
});
