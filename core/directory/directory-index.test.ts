import fc from "fast-check";
import { expect, test } from "vitest";
import { PUBLIC_ACCESS_POLICY } from "../access/access-policy.ts";
import type { StreamName } from "../kit/ids.ts";
import { createCard, type DirectoryCard, isListable, selectDirectoryShard } from "./directory-card.ts";
import { DirectoryIndex } from "./directory-index.ts";
import { DIRECTORY_LIMITS } from "./directory-limits.ts";
import { mergeListings, pageOfLive, parsePageCursor } from "./directory-pages.ts";
import { EMPTY_PROFILE } from "./stream-details.ts";

const START = Date.UTC(2026, 10, 30);
const at = (ms: number): { nowMs: number; monotonicMs: number } => ({ nowMs: START + ms, monotonicMs: ms });
const name = (text: string): StreamName => text as StreamName;

function card(over: Partial<DirectoryCard> = {}): DirectoryCard {
  const live = { startedMs: START, viewers: 0 };
  return { ...createCard(EMPTY_PROFILE, "public", { live, endedMs: null }), ...over };
}
const liveCard = (viewers: number): DirectoryCard => card({ live: { startedMs: START, viewers } });
const endedCard = (endedMs: number): DirectoryCard => card({ live: null, endedMs });

const streams = (list: readonly { stream: StreamName }[]): string[] => list.map(({ stream }) => stream);

test("live streams are listed by viewers, and equal ones by name", () => {
  const index = new DirectoryIndex();
  for (const [stream, viewers] of [
    ["c", 1],
    ["b", 7],
    ["a", 1],
  ] as const) {
    index.put(name(stream), 1, liveCard(viewers), at(0));
  }
  expect(streams(index.list(at(1)).live)).toEqual(["b", "a", "c"]);
  expect(index.renew(name("c"), 1, 9, at(2))).toBe(true);
  expect(streams(index.list(at(3)).live)).toEqual(["c", "b", "a"]);
});

test("a broadcast that ends leaves the live list at once and is a recording, until it is too old", () => {
  const index = new DirectoryIndex();
  index.put(name("a"), 1, liveCard(3), at(0));
  index.put(name("a"), 2, endedCard(START + 10), at(10));
  expect(index.list(at(11))).toMatchObject({ live: [], replays: [{ stream: "a", viewers: 0, atMs: START + 10 }] });
  expect(index.list(at(11 + DIRECTORY_LIMITS.replayMs)).replays).toEqual([]);
  expect(index.sweep(at(11 + DIRECTORY_LIMITS.replayMs))).toEqual(["a"]);
});

test("a stream that is not renewed leaves when its lease is over, and comes back with its card", () => {
  const index = new DirectoryIndex();
  index.put(name("a"), 1, liveCard(3), at(0));
  index.renew(name("a"), 1, 3, at(50_000));
  expect(streams(index.list(at(50_000 + DIRECTORY_LIMITS.leaseMs)).live)).toEqual(["a"]);
  const overMs = 50_001 + DIRECTORY_LIMITS.leaseMs;
  expect(index.list(at(overMs))).toEqual({ live: [], upcoming: [], replays: [] });
  expect(index.sweep(at(overMs))).toEqual(["a"]);
  expect(index.renew(name("a"), 1, 3, at(overMs))).toBe(false);
  index.put(name("a"), 1, liveCard(3), at(overMs));
  expect(streams(index.list(at(overMs)).live)).toEqual(["a"]);
});

test("the wall clock ends no lease: it jumps", () => {
  const index = new DirectoryIndex();
  index.put(name("a"), 1, liveCard(3), at(0));
  expect(index.list({ nowMs: START + 1e9, monotonicMs: 5 }).live).toHaveLength(1);
});

test("messages in any order, and repeated, leave what the newest one says", () => {
  const messages = [liveCard(1), endedCard(START + 5), liveCard(2), null].map((sent, n) => ({ revision: n + 1, sent }));
  fc.assert(
    fc.property(fc.shuffledSubarray([...messages, ...messages], { minLength: 1 }), fc.boolean(), (sent, renews) => {
      const index = new DirectoryIndex();
      for (const { revision, sent: each } of sent) {
        index.put(name("a"), revision, each, at(0));
        if (renews) index.renew(name("a"), 1, 50, at(1));
      }
      const newest = sent.reduce((latest, each) => (each.revision > latest.revision ? each : latest));
      const { live, replays } = index.list(at(2));
      expect([live.length, replays.length]).toEqual([
        newest.sent?.live == null ? 0 : 1,
        newest.sent !== null && newest.sent.live === null ? 1 : 0,
      ]);
    }),
  );
});

test("an announced broadcast is listed until an hour after its time, unless the stream is live", () => {
  const index = new DirectoryIndex();
  const schedule = [{ startsAt: new Date(START + 60_000).toISOString(), title: "" }];
  index.put(name("a"), 1, card({ live: null, schedule }), at(0));
  expect(index.list(at(0)).upcoming).toMatchObject([{ stream: "a", atMs: START + 60_000 }]);
  expect(index.list(at(3_600_000)).upcoming).toHaveLength(1);
  expect(index.list(at(3_700_000)).upcoming).toEqual([]);
  index.put(name("a"), 2, card({ schedule }), at(1));
  expect(index.list(at(2))).toMatchObject({ live: [{ stream: "a" }], upcoming: [] });
});

test("a full index makes room with the broadcast that ended first, and never with a live one before", () => {
  const index = new DirectoryIndex();
  const size = DIRECTORY_LIMITS.streamsPerShard;
  for (let n = 0; n < size; n += 1) {
    index.put(name(`s${n}`), 1, n % 2 === 0 ? liveCard(n) : endedCard(START + n), at(n));
  }
  expect(index.put(name("new"), 1, liveCard(1), at(size))).toEqual({ evicted: "s1" });
  expect(index.size).toBe(size);
  const { live, replays } = index.list(at(size));
  expect([live.length, replays.length]).toEqual([DIRECTORY_LIMITS.livePerShard, DIRECTORY_LIMITS.replaysPerShard]);
});

test("only what everybody may watch is listed, unless its host says otherwise; a stopped stream never is", () => {
  const stop = { category: "other", reason: "x", untilMs: null, atMs: 0, authority: "operator" } as const;
  const listed = (isListed: boolean | null, over: object): boolean =>
    isListable({ isListed }, { ...PUBLIC_ACCESS_POLICY, ...over }, START);
  expect([listed(null, {}), listed(null, { playback: "token" }), listed(null, { playback: "followers" })]).toEqual([
    true,
    false,
    false,
  ]);
  expect([listed(true, { playback: "token" }), listed(false, {}), listed(true, { stop })]).toEqual([
    true,
    false,
    false,
  ]);
});

test("the pages of the merged lists have every stream once, the most viewers first", () => {
  const counts = fc.array(fc.nat(5), { maxLength: 60 });
  fc.assert(
    fc.property(counts, fc.integer({ min: 1, max: 7 }), (viewers, size) => {
      const shards = Array.from({ length: DIRECTORY_LIMITS.shards }, () => new DirectoryIndex());
      for (const [n, count] of viewers.entries()) {
        const stream = name(`s${n}`);
        shards[selectDirectoryShard(stream)]?.put(stream, 1, liveCard(count), at(0));
      }
      const { live } = mergeListings(shards.map((index) => index.list(at(1))));
      const seen: { stream: StreamName; viewers: number }[] = [];
      let after: string | null = null;
      do {
        const page = pageOfLive(live, after === null ? null : parsePageCursor(after), size);
        seen.push(...page.cards);
        after = page.next;
      } while (after !== null);
      expect(new Set(streams(seen)).size).toBe(viewers.length);
      expect(seen.map((each) => each.viewers)).toEqual([...viewers].sort((a, b) => b - a));
    }),
    { numRuns: 50 },
  );
});

test("a cursor is a number and a name", () => {
  expect(parsePageCursor("12.show")).toEqual({ viewers: 12, stream: "show" });
  for (const text of ["", "12", ".show", "-1.show", "1e9.show", "12.SHOW", "1234567890.a", "1.a/../b"]) {
    expect(parsePageCursor(text), text).toBeNull();
  }
});
