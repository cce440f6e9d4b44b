import fc from "fast-check";
import { expect, test } from "vitest";
import type { TrackName } from "../kit/ids.ts";
import {
  iframePlaylistChunks,
  mediaPlaylistChunks,
  renderIframePlaylist,
  renderMediaPlaylist,
} from "../media/hls/media-playlist.ts";
import { BROADCAST_LIMITS } from "./broadcast-limits.ts";
import type { BroadcastState, TrackState } from "./broadcast-log.ts";
import {
  appendPackedSegments,
  dropPackedSegments,
  findPackedSegment,
  joinPacks,
  NO_PACKED_SEGMENTS,
  SEGMENTS_PER_PACK,
  unpackSegments,
} from "./packed-segments.ts";
import { Replica } from "./replica.ts";
import type { SegmentState } from "./segment.ts";
import { findSegment, MIN_WINDOW_SEGMENTS } from "./segment-window.ts";
import { TailBuffer } from "./tail-buffer.ts";
import { makeInitEntry, makePartEntry, makeTestConfig, makeTestTrack } from "./testing.ts";

const video = "video" as TrackName;
const TICKS = 30_000;

/** Segments of one part of a third of a second: occasional gaps and new init sections, some stored late. */
const broadcast = fc.record({
  segments: fc.integer({ min: 0, max: 1_700 }),
  windowS: fc.constantFrom(12, 90, 400, 500, 86_400),
  gapEvery: fc.integer({ min: 2, max: 200 }),
  initEvery: fc.integer({ min: 50, max: 900 }),
  storedAfter: fc.integer({ min: 0, max: 130 }),
});
type Broadcast = typeof broadcast extends fc.Arbitrary<infer T> ? T : never;

function play(one: Broadcast, look: (replica: Replica, index: number) => void): Replica {
  const replica = new Replica(
    "e",
    makeTestConfig({ windowS: one.windowS, tracks: [makeTestTrack("video")] }),
    new TailBuffer(1),
  );
  for (let version = 0; version * one.initEvery <= one.segments; version += 1) {
    const { entry, bytes } = makeInitEntry("video", version);
    replica.appendEntry(entry, bytes);
  }
  for (let index = 0; index < one.segments; index += 1) {
    const { entry, bytes } = makePartEntry("video", index, 1, index % one.gapEvery === 1);
    if (entry.kind !== "part" || entry.meta.start === undefined) throw new Error("no segment");
    const start = { ...entry.meta.start, initVersion: Math.floor(index / one.initEvery) };
    replica.appendEntry({ ...entry, meta: { ...entry.meta, start } }, bytes);
    const msn = index - one.storedAfter;
    if (msn >= 0) replica.appendEntry({ kind: "durable", track: video, msn }, null);
    look(replica, index);
  }
  return replica;
}

const stateOf = (replica: Replica): TrackState => replica.track(video) as TrackState;
const all = ({ packed, segments }: TrackState): SegmentState[] => [
  ...packed.packs.flatMap((pack) => [...unpackSegments(pack)]),
  ...segments,
];

test("packed and plain segments give the same window: consecutive segments that fill it, and no more", () => {
  fc.assert(
    fc.property(broadcast, (one) => {
      const ticksOfWindow = one.windowS * 90_000;
      let first = 0;
      const replica = play(one, (now, index) => {
        while (index + 1 - first > MIN_WINDOW_SEGMENTS && (index - first) * TICKS >= ticksOfWindow) first += 1;
        const { mediaSequence, packed, segments } = stateOf(now);
        expect([mediaSequence, packed.length + segments.length]).toEqual([first, index + 1 - first]);
        expect(packed.durationTicks).toBe(packed.length * TICKS);
      });
      const state = stateOf(replica);
      for (const [index, segment] of all(state).entries()) {
        const msn = state.mediaSequence + index;
        const gap = msn % one.gapEvery === 1;
        expect(segment).toMatchObject({ msn, gap, closed: true, durationTicks: TICKS, byteLength: gap ? 0 : 20 });
        expect(segment.start.initVersion).toBe(Math.floor(msn / one.initEvery));
        expect(findSegment(state, msn)).toEqual(segment);
      }
      expect(findSegment(state, state.mediaSequence - 1)).toBeUndefined();
      expect(findSegment(state, one.segments)).toBeUndefined();
      expect(all(state).every(({ durable }, index) => durable || index >= state.packed.length)).toBe(true);
    }),
    { numRuns: 25 },
  );
});

test("playlists of packed and plain segments are equal, and text of unchanged packs is not rendered again", () => {
  fc.assert(
    fc.property(broadcast, (one) => {
      const replica = play(one, () => {});
      const { state } = replica;
      const track = stateOf(replica);
      const unpacked = { ...track, packed: NO_PACKED_SEGMENTS, segments: all(track) };
      const plain: BroadcastState = { ...state, tracks: new Map([[video, unpacked]]) };
      for (const skip of ["none", "YES", "v2"] as const) {
        const ended = { ended: one.segments % 2 === 0 };
        expect(renderMediaPlaylist({ ...state, ...ended }, video, { skip })).toBe(
          renderMediaPlaylist({ ...plain, ...ended }, video, { skip }),
        );
        expect(renderIframePlaylist({ ...state, ...ended }, video, { skip })).toBe(
          renderIframePlaylist({ ...plain, ...ended }, video, { skip }),
        );
      }
      for (const pieces of [mediaPlaylistChunks, iframePlaylistChunks]) {
        const [before, after] = [pieces(state, video, { skip: "none" }), pieces(state, video, { skip: "none" })];
        expect(before.filter((piece) => after.includes(piece)).length).toBe(track.packed.packs.length);
      }
    }),
    { numRuns: 25 },
  );
});

test("segments are removed and added in any number, and the rest is one row of packs", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2_000 }),
      fc.array(fc.record({ more: fc.nat(700), less: fc.nat(700) }), { maxLength: 8 }),
      (from, turns) => {
        let past = NO_PACKED_SEGMENTS;
        let [first, next] = [from, from];
        for (const { more, less } of turns) {
          past = appendPackedSegments(
            past,
            Array.from({ length: more }, (_, index) => segment(next + index)),
          );
          next += more;
          const leaving = Math.min(less, past.length);
          past = dropPackedSegments(past, leaving);
          first += leaving;
          expect(past.packs.flatMap((pack) => [...unpackSegments(pack)]).map(({ msn }) => msn)).toEqual(
            Array.from({ length: next - first }, (_, index) => first + index),
          );
          expect(joinPacks(past.packs)).toEqual(past);
          expect([findPackedSegment(past, first - 1), findPackedSegment(past, next)]).toEqual([undefined, undefined]);
        }
      },
    ),
    { numRuns: 50 },
  );
});

test("packs with a hole, with half a segment, empty or misaligned are refused", () => {
  const { packs } = appendPackedSegments(
    NO_PACKED_SEGMENTS,
    Array.from({ length: 3 * SEGMENTS_PER_PACK }, (_, index) => segment(index)),
  );
  const [one, two, three] = packs as [(typeof packs)[0], (typeof packs)[0], (typeof packs)[0]];
  expect(joinPacks([one, two, three])?.length).toBe(3 * SEGMENTS_PER_PACK);
  expect(joinPacks([one, three])).toBeNull();
  expect(joinPacks([two, one])).toBeNull();
  expect(joinPacks([{ ...one, bytes: one.bytes.subarray(1) }, two])).toBeNull();
  expect(joinPacks([{ ...one, bytes: new Uint8Array(0) }])).toBeNull();
  expect(joinPacks([{ ...one, first: 1 }])).toBeNull();
});

test("a window that never fills holds at most the segment limit, so short segments cannot exhaust memory", () => {
  const replica = new Replica(
    "e",
    makeTestConfig({ windowS: 86_400, tracks: [makeTestTrack("video")] }),
    new TailBuffer(1),
  );
  for (let index = 0; index < BROADCAST_LIMITS.windowSegments + 20; index += 1) {
    const { entry, bytes } = makePartEntry("video", index, 1);
    replica.appendEntry(entry, bytes);
    replica.appendEntry({ kind: "durable", track: video, msn: index }, null);
  }
  expect(all(stateOf(replica)).length).toBe(BROADCAST_LIMITS.windowSegments);
});

function segment(msn: number): SegmentState {
  return {
    msn,
    start: { programTimeMs: msn / 3, initVersion: 1, discontinuity: msn % 3 === 0 },
    parts: [],
    durationTicks: TICKS + msn,
    byteLength: msn,
    gap: msn % 5 === 0,
    closed: true,
    durable: true,
  };
}
