import { expect, test } from "vitest";
import type { StreamStatus } from "../../../../core/broadcast/stream-status.ts";
import type { BroadcastId, StreamName, TrackName } from "../../../../core/kit/ids.ts";
import type { HealthAnswer } from "../health/health-answer.ts";
import {
  describeTile,
  keepOrder,
  type ListedCard,
  type StreamFacts,
  type StreamTile,
  sortTiles,
  summarizeTiles,
} from "./stream-tile.ts";

const NOW = Date.parse("2026-12-01T12:00:00Z");
const MINUTE = 60_000;

const card = (list: ListedCard["list"], atMs: number, over: Partial<ListedCard> = {}): ListedCard => ({
  list,
  stream: "show",
  title: "The show",
  host: "Ann",
  poster: "/p",
  avatar: "/a",
  viewers: 7,
  atMs,
  ...over,
});

/** A status whose newest media is `delayS` old. */
const status = (state: StreamStatus["state"], delayS = 0.4, over: Partial<StreamStatus> = {}): StreamStatus => ({
  stream: "show" as StreamName,
  state,
  broadcast: "b" as BroadcastId,
  startedAt: NOW - 62 * MINUTE,
  at: NOW,
  countedFrom: NOW,
  tracks: [
    {
      name: "720p" as TrackName,
      kind: "video",
      codecs: "avc1",
      bandwidth: 1,
      partTargetMs: 200,
      lastMsn: 1,
      lastPart: 1,
      programTimeMs: NOW - 1_000 * delayS,
    },
  ],
  viewers: { current: 3, peak: 9, watching: 12 },
  requestsPerSecond: 0,
  tiers: [],
  children: 0,
  ...over,
});

const health = (state: HealthAnswer["state"], checks: HealthAnswer["checks"] = []): HealthAnswer => ({
  state,
  reportedMs: NOW,
  checks,
  samples: [],
});

const facts = (over: Partial<StreamFacts> = {}): StreamFacts => ({
  ...{ stream: "show", card: null, details: null, status: null, health: null },
  ...over,
});

const tileOf = (over: Partial<StreamFacts>): StreamTile => describeTile(facts(over), NOW);

test("a live stream has its viewers, its time on the air and its delay", () => {
  expect(tileOf({ card: card("live", NOW - 62 * MINUTE) })).toMatchObject({
    ...{ title: "The show", host: "Ann", poster: "/p", state: "live", badge: "LIVE" },
    ...{ line: "7 watching · 1 h 2 min", verdict: { level: "none", text: "" } },
  });
  expect(tileOf({ status: status("live") })).toMatchObject({
    ...{ title: "show", poster: "/api/streams/show/images/poster" },
    ...{ line: "12 watching · 1 h 2 min", verdict: { level: "good", text: "Good · delay 0.4 s" } },
  });
  expect(tileOf({ status: status("live", 5) }).verdict).toEqual({
    level: "fair",
    text: "The newest media is 5.0 s old.",
  });
  expect(tileOf({ status: status("live", 30) }).verdict).toEqual({ level: "bad", text: "No new media for 30 s." });
});

test("the worst check of the encoder is the verdict, and one that nobody measures is none", () => {
  const check = { id: "x", sinceMs: NOW, fix: "" } as const;
  const checks = [
    { ...check, severity: "warning", say: "The bit rate swings." },
    { ...check, severity: "error", say: "Frames are missing." },
  ] as const;
  const live = status("live");
  const verdictOf = (answer: HealthAnswer): StreamTile["verdict"] => tileOf({ status: live, health: answer }).verdict;
  expect(verdictOf(health("bad", checks))).toEqual({ level: "bad", text: "Frames are missing." });
  expect(verdictOf(health("fair", checks))).toEqual({ level: "fair", text: "The bit rate swings." });
  expect(verdictOf(health("no-data")).level).toBe("bad");
  expect(verdictOf(health("revoked")).text).toMatch(/key was revoked/);
  expect(verdictOf(health("good"))).toEqual({ level: "good", text: "Good · delay 0.4 s" });
  expect(verdictOf({ ...health("no-data"), reportedMs: null }).level).toBe("good");
});

test("what is not live says since when, and when it begins", () => {
  const details = { title: "", host: "", poster: "/p", startsMs: NOW + 400 * 24 * 60 * MINUTE };
  expect(tileOf({ status: "none", details })).toMatchObject({ title: "show", state: "scheduled" });
  expect(tileOf({ status: "none", details }).line).toMatch(/^Starts .*2028/);
  // An announced broadcast says more than the end of the last one.
  expect(tileOf({ status: status("ended"), details }).state).toBe("scheduled");
  expect(tileOf({ status: status("ended") }).line).toMatch(/^Last broadcast began /);
  expect(tileOf({ card: card("replays", NOW - MINUTE) })).toMatchObject({ state: "ended", badge: "ENDED" });
  expect(tileOf({ status: "none" })).toMatchObject({ state: "idle", verdict: { text: "No broadcast yet." } });
  expect(tileOf({})).toMatchObject({ state: "asking", badge: "", line: "" });
  const stop = { category: "legal", reason: "No rights.", until: null } as const;
  expect(tileOf({ status: status("live", 0, { stop }) })).toMatchObject({
    ...{ state: "stopped", verdict: { text: "Stopped: No rights." } },
  });
});

test("an announced broadcast that is about to begin, or late, needs attention", () => {
  const startsIn = (ms: number): StreamTile["verdict"] =>
    tileOf({ status: "none", details: { title: "", host: "", poster: "", startsMs: NOW + ms } }).verdict;
  expect(startsIn(20 * MINUTE)).toEqual({ level: "none", text: "" });
  expect(startsIn(5 * MINUTE)).toEqual({ level: "fair", text: "It begins in 5 min." });
  expect(startsIn(-5 * MINUTE)).toEqual({ level: "fair", text: "It was to begin 5 min ago." });
});

test("trouble comes first, then what is live by viewers, announced by time, and the rest", () => {
  const tiles = [
    describeTile(facts({ stream: "ended-long-ago", card: card("replays", NOW - 90 * MINUTE) }), NOW),
    describeTile(facts({ stream: "idle", status: "none" }), NOW),
    describeTile(facts({ stream: "ended-now", card: card("replays", NOW - MINUTE) }), NOW),
    describeTile(facts({ stream: "later", card: card("upcoming", NOW + 300 * MINUTE) }), NOW),
    describeTile(facts({ stream: "soon", card: card("upcoming", NOW + 200 * MINUTE) }), NOW),
    describeTile(facts({ stream: "small", card: card("live", NOW, { viewers: 1 }) }), NOW),
    describeTile(facts({ stream: "large", card: card("live", NOW, { viewers: 90 }) }), NOW),
    describeTile(facts({ stream: "late", status: status("live", 5) }), NOW),
    describeTile(facts({ stream: "lost", status: status("reconnecting") }), NOW),
  ];
  const names = sortTiles(tiles).map(({ stream }) => stream);
  expect(names).toEqual(["lost", "late", "large", "small", "soon", "later", "idle", "ended-now", "ended-long-ago"]);
  expect(summarizeTiles(tiles)).toBe("4 live · 2 need attention");
  expect(summarizeTiles(tiles.slice(0, 1))).toBe("None live");
  expect(summarizeTiles([])).toBe("");
  const kept = keepOrder(["large", "idle", "lost"], sortTiles(tiles)).map(({ stream }) => stream);
  expect(kept).toEqual(["large", "idle", "lost", "late", "small", "soon", "later", "ended-now", "ended-long-ago"]);
});
