/**
 * The directory with 100,000 live streams, in virtual time: its own index, shards, leases and cache lifetimes under the requests
 * of Live objects and of data centres. Requests at each object are counted, and how late a new broadcast is seen.
 */
import { expect, test } from "vitest";
import { LIVE_LIMITS } from "../delivery/node-limits.ts";
import { hash32 } from "../kit/hash.ts";
import type { StreamName } from "../kit/ids.ts";
import { createCard, type DirectoryListing, selectDirectoryShard } from "./directory-card.ts";
import { DirectoryIndex } from "./directory-index.ts";
import { DIRECTORY_LIMITS } from "./directory-limits.ts";
import { mergeListings } from "./directory-pages.ts";
import { EMPTY_PROFILE } from "./stream-details.ts";

const STREAMS = 100_000;
/** Data centres with a visitor at every moment, and isolates in each that ask on their own where the cache is empty. */
const COLOS = 330;
const ISOLATES = 2;
/** A call to an object, there and back. */
const CALL_MS = 200;
/** What an outbox waits before its alarm, and an alarm that is late. */
const OUTBOX_MS = 500;
const ALARM_LATE_MS = 300;
/** Mean duration of a broadcast. */
const BROADCAST_MS = 3_600_000;
const STEP_MS = 100;
const SECONDS = 10;
const RENEWAL_MS = LIVE_LIMITS.abandonedMs / LIVE_LIMITS.silentAlarms;

/** Chance from a seed: equal in each run. */
const chance = (text: string): number => hash32(text) / 2 ** 32;

test("100,000 live streams are 500 requests a second at most at every object, and a new one is listed within 5 s", () => {
  const shards = Array.from({ length: DIRECTORY_LIMITS.shards }, () => new DirectoryIndex());
  const requests = shards.map(() => new Array<number>(SECONDS + 1).fill(0));
  const count = (shard: number, atMs: number): void => {
    const seconds = requests[shard];
    const second = Math.floor(atMs / 1_000);
    if (seconds?.[second] !== undefined) seconds[second] += 1;
  };
  const time = (atMs: number): { nowMs: number; monotonicMs: number } => ({ nowMs: atMs, monotonicMs: atMs });
  const cardOf = (viewers: number, atMs: number) =>
    createCard(EMPTY_PROFILE, "public", { live: { startedMs: atMs, viewers }, endedMs: null });

  const all = Array.from({ length: STREAMS }, (_, n) => `stream-${n}` as StreamName);
  const phaseOf = new Map(all.map((stream) => [stream, Math.floor(chance(stream) * RENEWAL_MS)]));
  const byPhase = Map.groupBy(all, (stream) => Math.floor((phaseOf.get(stream) ?? 0) / STEP_MS));
  for (const stream of all) shards[selectDirectoryShard(stream)]?.put(stream, 1, cardOf(0, 0), time(0));

  // New broadcasts have more viewers than any other, so that each is in the lists as soon as its object has it.
  let begun = 0;
  const pending: { stream: StreamName; startMs: number; sentMs: number; seenBy: Set<number> }[] = [];
  const lateMs: number[] = [];
  const listings = shards.map((): { listing: DirectoryListing; atMs: number } | null => null);
  /** What a data centre's cache holds, and from when on. */
  const caches = Array.from({ length: COLOS }, () => ({ fromMs: 0, untilMs: 0, seen: new Set<string>() }));

  const readNames = (nowMs: number): Set<string> => {
    const merged = mergeListings(
      shards.map((index, shard) => {
        const held = listings[shard] ?? null;
        const isFresh = held !== null && nowMs - held.atMs < DIRECTORY_LIMITS.listingMs;
        const made = isFresh ? held : { listing: index.list(time(nowMs)), atMs: nowMs };
        listings[shard] = made;
        return made.listing;
      }),
    );
    return new Set(merged.live.map(({ stream }) => stream as string));
  };

  for (let nowMs = 0; nowMs < SECONDS * 1_000; nowMs += STEP_MS) {
    for (const stream of byPhase.get(Math.floor((nowMs % RENEWAL_MS) / STEP_MS)) ?? []) {
      const shard = selectDirectoryShard(stream);
      count(shard, nowMs);
      shards[shard]?.renew(stream, 1, Math.floor(chance(`${stream} ${nowMs}`) * 1_000), time(nowMs));
    }
    // As many end as begin: two requests for each.
    const starts = (STREAMS / BROADCAST_MS) * STEP_MS;
    for (; begun < (starts * nowMs) / STEP_MS; begun += 1) {
      const stream = `new-${begun}` as StreamName;
      pending.push({ stream, startMs: nowMs, sentMs: nowMs + OUTBOX_MS + ALARM_LATE_MS, seenBy: new Set() });
      count(selectDirectoryShard(`ended-${begun}` as StreamName), nowMs);
    }
    for (const { stream, sentMs } of pending) {
      if (sentMs !== nowMs) continue;
      const shard = selectDirectoryShard(stream);
      count(shard, nowMs);
      shards[shard]?.put(stream, 1, cardOf(100_000, nowMs), time(nowMs));
    }
    /** What whoever asks now gets. */
    let names: Set<string> | null = null;
    for (const [colo, cache] of caches.entries()) {
      // Visitors ask all the time; an isolate that finds the cache empty while another fills it asks as well.
      const firstMs = Math.floor(chance(`colo ${colo}`) * 2_000);
      if (nowMs < firstMs || nowMs < cache.untilMs) continue;
      for (let shard = 0; shard < shards.length; shard += 1) {
        for (let isolate = 0; isolate < ISOLATES; isolate += 1) count(shard, nowMs);
      }
      cache.fromMs = nowMs + CALL_MS;
      cache.untilMs = cache.fromMs + 1_000 * DIRECTORY_LIMITS.cacheS;
      names ??= readNames(nowMs);
      cache.seen = names;
      for (const each of pending) {
        if (each.seenBy.has(colo) || !cache.seen.has(each.stream)) continue;
        each.seenBy.add(colo);
        // The isolate's own copy may be half a second older than the cache.
        lateMs.push(cache.fromMs + DIRECTORY_LIMITS.isolateMs - each.startMs);
      }
    }
  }

  const busiest = Math.max(...requests.flat());
  const slowest = lateMs.reduce((most, each) => Math.max(most, each), 0);
  console.log(
    `directory: at most ${busiest} requests/s at one object, new broadcasts listed after ${slowest} ms at most`,
  );
  expect(busiest).toBeGreaterThan(200);
  expect(busiest).toBeLessThanOrEqual(500);
  expect(lateMs.length).toBeGreaterThan(10_000);
  expect(slowest).toBeLessThanOrEqual(5_000);
  // Those that began early enough are seen everywhere.
  const early = pending.filter(({ startMs }) => startMs < (SECONDS - 6) * 1_000);
  expect(early.filter(({ seenBy }) => seenBy.size < COLOS).length).toBe(0);
});
