import fc from "fast-check";
import hls from "hls-parser";
import { type ParsedManifest, Parser } from "m3u8-parser";
import { expect, test } from "vitest";
import type { BroadcastState, PartMeta } from "../../broadcast/broadcast-log.ts";
import { nextPartOf, requireTrackState } from "../../broadcast/track-position.ts";
import type { TrackName } from "../../kit/ids.ts";
import { addFixturePart, emptyState, fixtureConfig, fixtureTrack } from "./fixtures.ts";
import { renderIframePlaylist, renderMediaPlaylist } from "./media-playlist.ts";

const main = "main" as TrackName;
const other = "other" as TrackName;

/** True once in `n`; the middle value, because the generator prefers the outer ones. */
const oneIn = (n: number) => fc.integer({ min: 1, max: n }).map((value) => value === (n + 1) >> 1);

/** One part of an arbitrary broadcast: `share` of the part target (at least 86 % unless it closes), and its changes. */
const step = fc.record({
  share: fc.integer({ min: 1, max: 1000 }),
  close: oneIn(5),
  gap: oneIn(10),
  discontinuity: oneIn(6),
  newInit: oneIn(6),
  independent: fc.boolean(),
  onOther: oneIn(4),
});

const broadcast = fc.record({
  timescale: fc.constantFrom(1000, 12800, 30000, 44100, 48000, 90000, 10_000_000),
  partTargetMs: fc.constantFrom(200, 333.3333333333333, 333.367, 500, 1000, 1001),
  steps: fc.array(step, { minLength: 70, maxLength: 140 }),
});

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Broadcast = typeof broadcast extends fc.Arbitrary<infer T> ? T : never;

/** Grows the broadcast and passes each state with the previous one to `look`. */
function play({ timescale, partTargetMs, steps }: Broadcast, look: (now: BroadcastState, was: BroadcastState) => void) {
  const tracks = [
    fixtureTrack(main, { timescale, partTargetMs }),
    fixtureTrack(other, { kind: "audio", timescale, partTargetMs }),
  ];
  let state = emptyState(fixtureConfig(tracks, { windowS: 14 }), 5);
  let initVersion = 0;
  for (const one of steps) {
    if (one.newInit) initVersion += 1;
    const track = one.onOther ? other : main;
    const was = state;
    state = addFixturePart(state, track, partOf(state, track, one, initVersion));
    look(state, was);
  }
}

function partOf(state: BroadcastState, name: TrackName, one: Step, initVersion: number): PartMeta {
  const { track, segments } = requireTrackState(state, name);
  const { msn, part } = nextPartOf(requireTrackState(state, name));
  const mostTicks = Math.floor((track.partTargetMs * track.timescale) / 1000);
  const durationTicks = Math.max(1, Math.floor((mostTicks * (one.close ? one.share : 860 + one.share * 0.14)) / 1000));
  const soFar = part === 0 ? 0 : (segments.at(-1)?.durationTicks ?? 0);
  const mustClose = soFar + durationTicks + mostTicks > state.config.targetDurationS * track.timescale;
  const start = { programTimeMs: 1e12 + msn * 2000, initVersion, discontinuity: one.discontinuity };
  return {
    msn,
    part,
    durationTicks,
    independent: part === 0 || one.independent,
    gap: one.gap,
    ...(part === 0 ? { start } : {}),
    ...(one.close || mustClose ? { close: { iframeBytes: 500 } } : {}),
  };
}

const runs = { numRuns: 40 };
const property = (name: string, look: (now: BroadcastState, was: BroadcastState) => void) =>
  test(name, () =>
    fc.assert(
      fc.property(broadcast, (one) => play(one, look)),
      runs,
    ),
  );

const full = (state: BroadcastState) => renderMediaPlaylist(state, main, { skip: "none" });
const number = (text: string, pattern: RegExp) => Number(pattern.exec(text)?.[1]);

/** Splits a playlist into the lines before, in and after its segments; parts belong to the segment after them. */
function blocks(text: string) {
  const lines = text.split("\n");
  const begin = lines.findIndex((line) => /^#EXT-X-(SKIP|DISCONTINUITY$|MAP|PROGRAM)/.test(line));
  const tail = lines.findIndex((line) => /^#EXT-X-(PRELOAD|RENDITION)/.test(line));
  const head = lines.slice(0, begin === -1 ? tail : begin);
  const segments: string[][] = [];
  let current: string[] = [];
  for (const line of begin === -1 ? [] : lines.slice(begin, tail)) {
    if (line.startsWith("#EXT-X-SKIP")) continue;
    current.push(line);
    if (line.startsWith("#")) continue;
    segments.push(current);
    current = [];
  }
  return { head, segments, tail: [...current, ...lines.slice(tail)] };
}

test("the broadcasts of these properties exceed the skip boundary and slide", () => {
  let skips = 0;
  let slides = 0;
  const look = (now: BroadcastState) => {
    if (renderMediaPlaylist(now, main, { skip: "YES" }).includes("EXT-X-SKIP")) skips += 1;
    if (requireTrackState(now, main).mediaSequence > 5) slides += 1;
  };
  for (const one of fc.sample(broadcast, { numRuns: 20, seed: 1 })) play(one, look);
  expect(skips).toBeGreaterThan(100);
  expect(slides).toBeGreaterThan(100);
});

property("a delta update merged onto the playlist before it is the full playlist", (now, was) => {
  for (const render of [renderMediaPlaylist, renderIframePlaylist]) {
    const whole = render(now, main, { skip: "none" });
    const delta = render(now, main, { skip: "YES" });
    const skipped = number(delta, /SKIPPED-SEGMENTS=(\d+)/);
    expect(skipped).not.toBe(0);
    if (Number.isNaN(skipped)) {
      expect(delta).toBe(whole);
      continue;
    }
    if (render === renderIframePlaylist) continue;
    const left = number(delta, /MEDIA-SEQUENCE:(\d+)/) - number(full(was), /MEDIA-SEQUENCE:(\d+)/);
    const known = blocks(full(was)).segments.slice(left, left + skipped);
    const news = blocks(delta);
    const mine = known.map((lines) => lines.filter((line) => !line.startsWith("#EXT-X-PART:")));
    // A client keeps the current init section; a playlist that now begins there must name it.
    const wholeSegments = blocks(whole).segments;
    if (left > 0) mine[0] = wholeSegments[0] ?? [];
    expect([...news.head, ...mine.flat(), ...news.segments.flat(), ...news.tail].join("\n")).toBe(whole);
  }
});

property("every printed part is within the part target, and the parts of a segment add up to it", (now) => {
  const units = (text: string | undefined) => Math.round(Number(text) * 1e5);
  const text = full(now);
  const target = units(/PART-TARGET=([\d.]+)/.exec(text)?.[1]);
  for (const lines of blocks(text).segments) {
    const joined = lines.join("\n");
    const parts = [...joined.matchAll(/PART:DURATION=([\d.]+)/g)].map((match) => units(match[1]));
    for (const part of parts) expect(part).toBeLessThanOrEqual(target);
    if (parts.length === 0) continue;
    expect(parts.reduce((sum, part) => sum + part, 0)).toBe(units(/EXTINF:([\d.]+)/.exec(joined)?.[1]));
  }
});

property(
  "between two playlists segments only leave at the start and come at the end, unchanged but for parts",
  (now, was) => {
    const left = number(full(now), /MEDIA-SEQUENCE:(\d+)/) - number(full(was), /MEDIA-SEQUENCE:(\d+)/);
    const strip = (lines: string[]) => lines.filter((line) => !/^#EXT-X-(PART|MAP):?/.test(line));
    const before = blocks(full(was)).segments.slice(left).map(strip);
    const after = blocks(full(now)).segments.map(strip);
    expect(left).toBeGreaterThanOrEqual(0);
    expect(after.slice(0, before.length)).toEqual(before);
    expect(after.length - before.length).toBeLessThanOrEqual(1);
  },
);

property("discontinuity numbers of segments never change while the window slides", (now, was) => {
  const numbers = (text: string) => {
    let discontinuity = number(text, /DISCONTINUITY-SEQUENCE:(\d+)/);
    return blocks(text).segments.map((lines) => {
      if (lines.includes("#EXT-X-DISCONTINUITY")) discontinuity += 1;
      return [lines.at(-1), discontinuity];
    });
  };
  const before = new Map(numbers(full(was)).map(([uri, n]) => [uri, n]));
  for (const [uri, n] of numbers(full(now))) expect(n).toBe(before.get(uri) ?? n);
});

property("the part that comes has the URI that was hinted", (now, was) => {
  const hinted = /PRELOAD-HINT:TYPE=PART,URI="(.*)"/.exec(full(was))?.[1];
  const added = now.tracks.get(main) !== was.tracks.get(main);
  expect(full(now).includes(`URI="${hinted}"`)).toBe(true);
  if (added) expect(full(now)).toMatch(new RegExp(`#EXT-X-PART:.*URI="${hinted}"`));
});

property("rendition reports name the other track's last part", (now) => {
  const next = requireTrackState(now, other).segments.at(-1);
  const report = /RENDITION-REPORT:URI="\.\.\/other\/media\.m3u8",LAST-MSN=(\d+),LAST-PART=(\d+)/.exec(full(now));
  expect(report?.slice(1).map(Number)).toEqual(next && [next.msn, next.parts.length - 1]);
});

function judge(text: string): ParsedManifest {
  const parser = new Parser();
  const problems: string[] = [];
  parser.on("warn", (problem) => problems.push(problem.message));
  parser.on("error", (problem) => problems.push(problem.message));
  parser.push(text);
  parser.end();
  expect(problems).toEqual([]);
  return parser.manifest;
}

test("m3u8-parser and hls-parser read the rendered segments and parts", () => {
  // Its strict mode counts three segments for three target durations, and supports no independent or missing parts.
  hls.setOptions({ strictMode: false, silent: true });
  const look = (now: BroadcastState) => {
    const text = full(now);
    const { segments, mediaSequence } = requireTrackState(now, main);
    const one = judge(text);
    const two = hls.parse(text);
    if (two.isMasterPlaylist) throw new Error("hls-parser took a media playlist for a multivariant one");
    expect(one.mediaSequence).toBe(mediaSequence);
    expect(two.mediaSequenceBase ?? 0).toBe(mediaSequence);
    const closed = segments.filter((segment) => segment.closed);
    const uris = closed.map((segment) => `${segment.msn}.m4s`);
    expect(one.segments.map((segment) => segment.uri)).toEqual(uris);
    expect(two.segments.filter((segment) => segment.uri).map((segment) => segment.uri)).toEqual(uris);
    for (const [i, segment] of closed.entries()) {
      const scale = requireTrackState(now, main).track.timescale;
      expect(one.segments[i]?.duration).toBeCloseTo(segment.durationTicks / scale, 4);
      expect(two.segments[i]?.duration).toBeCloseTo(segment.durationTicks / scale, 4);
      expect(one.segments[i]?.map?.uri).toBe(`init-${segment.start.initVersion}.mp4`);
      expect(two.segments[i]?.map.uri).toBe(`init-${segment.start.initVersion}.mp4`);
      const listed = one.segments[i]?.parts?.map((part) => part.uri) ?? [];
      expect(two.segments[i]?.parts.map((part) => part.uri)).toEqual(listed);
      if (listed.length > 0) expect(listed).toEqual(segment.parts.map((part) => `${segment.msn}.${part.part}.m4s`));
    }
    const open = segments.find((segment) => !segment.closed);
    expect(one.preloadSegment?.parts?.length ?? 0).toBe(open?.parts.length ?? 0);
  };
  fc.assert(
    fc.property(broadcast, (one) => play(one, look)),
    { numRuns: 15 },
  );
});
