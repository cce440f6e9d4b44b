import fc from "fast-check";
import { expect, test } from "vitest";
import type { BroadcastState, PartMeta } from "../../broadcast/broadcast-log.ts";
import type { TrackName } from "../../kit/ids.ts";
import { addFixturePart, emptyState, evenPart, fixtureConfig, fixtureTrack } from "./fixtures.ts";
import { renderIframePlaylist, renderMediaPlaylist } from "./media-playlist.ts";
import type { VodSegment } from "./segment-lines.ts";
import { holdBackS, partHoldBackS } from "./timing.ts";
import { renderVodPlaylist } from "./vod-playlist.ts";

const video = "720p" as TrackName;
const audio = "audio" as TrackName;
const config = fixtureConfig([
  fixtureTrack(video),
  fixtureTrack(audio, { kind: "audio", timescale: 48000, partTargetMs: 512 }),
]);
const videoCut = { parts: 2, partTicks: 45000, timescale: 90000, startedAtMs: config.startedAtMs };
const audioCut = { parts: 2, partTicks: 24000, timescale: 48000, startedAtMs: config.startedAtMs };
const live = { skip: "none" } as const;

function grow(count: number, change: (meta: PartMeta) => PartMeta = (meta) => meta, cut = videoCut): BroadcastState {
  let state = emptyState(config);
  for (let i = 0; i < count; i++) state = addFixturePart(state, video, change(evenPart(cut, i)));
  return state;
}

test("a live playlist in full", () => {
  const state = addFixturePart(grow(3), audio, evenPart(audioCut, 0));
  expect(renderMediaPlaylist(state, video, { ...live, nextInitVersion: 1 })).toBe(`#EXTM3U
#EXT-X-VERSION:10
#EXT-X-TARGETDURATION:2
#EXT-X-PART-INF:PART-TARGET=0.50000
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12.00000,HOLD-BACK=6.00000,PART-HOLD-BACK=1.53600
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-MAP:URI="init-0.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:05.006Z
#EXT-X-PART:DURATION=0.50000,URI="0.0.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.50000,URI="0.1.m4s"
#EXTINF:1.00000,
0.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:06.006Z
#EXT-X-PART:DURATION=0.50000,URI="1.0.m4s",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="1.1.m4s"
#EXT-X-PRELOAD-HINT:TYPE=MAP,URI="init-1.mp4"
#EXT-X-RENDITION-REPORT:URI="../audio/media.m3u8",LAST-MSN=0,LAST-PART=0
`);
});

test("a track without media renders a playlist with its first part hinted", () => {
  const text = renderMediaPlaylist(emptyState(config, 7), audio, live);
  expect(text).toContain("#EXT-X-MEDIA-SEQUENCE:7\n");
  expect(text).toContain('TYPE=PART,URI="7.0.m4s"');
  expect(text).not.toContain("RENDITION-REPORT");
});

test("rule 16: server control is the same in every playlist and covers the largest part target", () => {
  const state = grow(3);
  const control = (text: string) => /#EXT-X-SERVER-CONTROL:.*/.exec(text)?.[0];
  const first = control(renderMediaPlaylist(state, video, live));
  expect(control(renderMediaPlaylist(state, audio, live))).toBe(first);
  expect(control(renderIframePlaylist(state, video))).toBe(first);
  expect(control(renderMediaPlaylist({ ...state, ended: true }, video, live))).toBe(first);
  expect(partHoldBackS(config)).toBe(1.536);
  expect(holdBackS(config)).toBe(6);
});

test("rule 12: discontinuity, map and program time stand before the first part, and a map only where it changes", () => {
  const cut = { ...videoCut, discontinuityAt: 1, initVersion: (msn: number) => (msn === 0 ? 0 : 1) };
  const text = renderMediaPlaylist(grow(5, undefined, cut), video, live);
  expect(text).toContain(
    "0.m4s\n#EXT-X-DISCONTINUITY\n" +
      '#EXT-X-MAP:URI="init-1.mp4"\n#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:06.006Z\n#EXT-X-PART',
  );
  expect(text.match(/EXT-X-MAP/g)).toHaveLength(2);
});

test("rule 17: parts stay within three target durations of the end and then leave with their whole segment", () => {
  const parts = (count: number) =>
    [...renderMediaPlaylist(grow(count), video, live).matchAll(/EXT-X-PART:.*"(\d+)\.0\.m4s"/g)].map((match) =>
      Number(match[1]),
    );
  expect(parts(14)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  expect(parts(15)).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

test("rule 26: missing parts are gaps, and so is a segment of gaps only", () => {
  const lost = (meta: PartMeta): PartMeta => ({ ...meta, gap: meta.msn === 1 || (meta.msn === 2 && meta.part === 0) });
  const text = renderMediaPlaylist(grow(6, lost), video, live);
  expect(text).toContain('URI="1.0.m4s",INDEPENDENT=YES,GAP=YES');
  expect(text).toContain("#EXT-X-GAP\n#EXTINF:1.00000,\n1.m4s");
  expect(text.match(/#EXT-X-GAP\n/g)).toHaveLength(1);
  expect(text).toContain('URI="2.0.m4s",INDEPENDENT=YES,GAP=YES\n#EXT-X-PART:DURATION=0.50000,URI="2.1.m4s"\n#EXTINF');
});

test("rules 20 and 29: after the end there is an end tag and no hint, and the rest stays", () => {
  const state = grow(9);
  const before = renderMediaPlaylist(state, video, { skip: "none", nextInitVersion: 3 }).split("\n");
  const after = renderMediaPlaylist({ ...state, ended: true }, video, { skip: "none", nextInitVersion: 3 }).split("\n");
  expect(after).toEqual([...before.filter((line) => line !== "" && !line.includes("HINT")), "#EXT-X-ENDLIST", ""]);
});

test("rule 32: a delta update skips segments beyond the boundary and keeps the tags of the rest", () => {
  const cut = { ...videoCut, discontinuityAt: 3, initVersion: (msn: number) => (msn < 3 ? 0 : 1) };
  const text = renderMediaPlaylist(grow(31, undefined, cut), video, { skip: "YES" });
  expect(text).toContain(
    "#EXT-X-DISCONTINUITY-SEQUENCE:0\n#EXT-X-SKIP:SKIPPED-SEGMENTS=2\n#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:07.006Z",
  );
  expect(text).toContain('2.m4s\n#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI="init-1.mp4"');
  const later = renderMediaPlaylist(grow(33, undefined, cut), video, { skip: "YES" });
  expect(later).toContain('SKIPPED-SEGMENTS=3\n#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI="init-1.mp4"');
});

test("rule 32: a delta update that would skip nothing is the full playlist", () => {
  for (const count of [0, 1, 8, 27]) {
    const state = grow(count);
    expect(renderMediaPlaylist(state, video, { skip: "YES" })).toBe(renderMediaPlaylist(state, video, live));
  }
});

test("rule 45: a v2 delta update lists removed date ranges, which are always none", () => {
  expect(renderMediaPlaylist(grow(33), video, { skip: "v2" })).toContain(
    '#EXT-X-SKIP:SKIPPED-SEGMENTS=3,RECENTLY-REMOVED-DATERANGES=""',
  );
});

test("rule 44: no delta update after the end", () => {
  const state = { ...grow(33), ended: true };
  expect(renderMediaPlaylist(state, video, { skip: "YES" })).toBe(renderMediaPlaylist(state, video, live));
  expect(renderIframePlaylist(state, video, { skip: "YES" })).toBe(renderIframePlaylist(state, video));
});

test("an I-frame playlist in full", () => {
  const lost = (meta: PartMeta): PartMeta => ({ ...meta, gap: meta.msn === 1 });
  expect(renderIframePlaylist(grow(5, lost), video)).toBe(`#EXTM3U
#EXT-X-VERSION:10
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12.00000,HOLD-BACK=6.00000,PART-HOLD-BACK=1.53600
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-I-FRAMES-ONLY
#EXT-X-MAP:URI="init-0.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:05.006Z
#EXTINF:1.00000,
#EXT-X-BYTERANGE:700@0
0.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:06.006Z
#EXTINF:1.00000,
#EXT-X-GAP
1.m4s
`);
});

test("an I-frame playlist offers the delta update that its server control promises", () => {
  expect(renderIframePlaylist(grow(33), video, { skip: "YES" })).toContain(
    "#EXT-X-I-FRAMES-ONLY\n#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n#EXT-X-PROGRAM-DATE-TIME",
  );
});

const part = (durationTicks: number, byteLength: number): VodSegment["parts"][number] => ({
  durationTicks,
  byteLength,
  gap: byteLength === 0,
});

/** A recording of one segment with these parts. */
function recordingOf(parts: VodSegment["parts"], iframes = false): string[] {
  const start = { programTimeMs: config.startedAtMs, initVersion: 0, discontinuity: false };
  const durationTicks = parts.reduce((sum, one) => sum + one.durationTicks, 0);
  const gap = parts.every((one) => one.gap);
  const segment = { msn: 3, start, durationTicks, gap, iframeBytes: 100, parts };
  const lines = renderVodPlaylist(config, video, [segment], { iframes }).split("\n");
  return lines.slice(lines.findIndex((line) => line.includes("PROGRAM-DATE-TIME")) + 1, -2);
}

test("rule 26: missing parts of a segment are a gap in the recording too, next to all parts that arrived", () => {
  expect(recordingOf([part(30_000, 500), part(30_000, 0), part(30_000, 0), part(30_000, 700)])).toEqual([
    "#EXTINF:0.33333,",
    "#EXT-X-BYTERANGE:500@0",
    "3.m4s",
    "#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:05.339Z",
    "#EXT-X-GAP",
    "#EXTINF:0.66667,",
    "3.m4s",
    "#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:06.006Z",
    "#EXTINF:0.33333,",
    "#EXT-X-BYTERANGE:700@500",
    "3.m4s",
  ]);
  // The parts that exist are the whole segment: it needs no range.
  const ends = recordingOf([part(45_000, 500), part(45_000, 0)]);
  expect(ends).toEqual([
    "#EXTINF:0.50000,",
    "3.m4s",
    "#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:05.506Z",
    "#EXT-X-GAP",
    "#EXTINF:0.50000,",
    "3.m4s",
  ]);
  // A tick that only carries the segment's end is invisible.
  expect(recordingOf([part(90_000, 500), part(1, 0)])).toEqual(["#EXTINF:1.00001,", "3.m4s"]);
});

test("a segment whose first part is missing has no first picture, whatever its close says", () => {
  const parts = [part(45_000, 0), part(45_000, 500)];
  expect(recordingOf(parts, true)).toEqual(["#EXTINF:1.00000,", "#EXT-X-GAP", "3.m4s"]);
  const lost = (meta: PartMeta): PartMeta => ({ ...meta, gap: meta.msn === 1 && meta.part === 0 });
  expect(renderIframePlaylist(grow(5, lost), video)).toContain("#EXTINF:1.00000,\n#EXT-X-GAP\n1.m4s");
});

test("pieces of a recording add up to the segment in time and bytes, with the gaps of its parts", () => {
  const one = fc.record({ durationTicks: fc.integer({ min: 1, max: 45_000 }), byteLength: fc.nat(3) });
  fc.assert(
    fc.property(fc.array(one, { minLength: 1, maxLength: 12 }), (made) => {
      const parts = made.map(({ durationTicks, byteLength }) => part(durationTicks, byteLength));
      const lines = recordingOf(parts);
      const whole = parts.reduce((sum, { durationTicks }) => sum + durationTicks, 0);
      const units = lines.flatMap((line) => (line.startsWith("#EXTINF:") ? [Number(line.slice(8, -1))] : []));
      expect(units.reduce((sum, unit) => sum + unit, 0)).toBeCloseTo(whole / 90_000, 4);
      const ranges = lines.flatMap((line) =>
        line.startsWith("#EXT-X-BYTERANGE:") ? [line.slice(17).split("@").map(Number)] : [],
      );
      let at = 0;
      for (const [length = 0, offset] of ranges) {
        expect(offset).toBe(at);
        at += length;
      }
      if (ranges.length > 0) expect(at).toBe(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
      const long = parts.some(({ gap, durationTicks }) => gap && durationTicks >= 9_000);
      if (long) expect(lines).toContain("#EXT-X-GAP");
    }),
  );
});

test("the playlist of an ended broadcast in full, from any iterable", () => {
  function* segments(): Generator<VodSegment> {
    const start = { programTimeMs: config.startedAtMs, initVersion: 0, discontinuity: false };
    yield { msn: 0, start, durationTicks: 180000, gap: false, iframeBytes: 900, parts: [part(180000, 4_000)] };
    const changed = { ...start, initVersion: 1, discontinuity: true };
    yield { msn: 1, start: changed, durationTicks: 90001, gap: true, parts: [part(90001, 0)] };
  }
  expect(renderVodPlaylist(config, video, segments(), { iframes: false })).toBe(`#EXTM3U
#EXT-X-VERSION:8
#EXT-X-TARGETDURATION:2
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-MAP:URI="init-0.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:05.006Z
#EXTINF:2.00000,
0.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="init-1.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:05.006Z
#EXT-X-GAP
#EXTINF:1.00001,
1.m4s
#EXT-X-ENDLIST
`);
  const iframes = renderVodPlaylist(config, video, segments(), { iframes: true });
  expect(iframes).toContain("#EXT-X-I-FRAMES-ONLY\n");
  expect(iframes).toContain("#EXTINF:2.00000,\n#EXT-X-BYTERANGE:900@0\n0.m4s");
});

test("an unknown track throws", () => {
  const ghost = "ghost" as TrackName;
  expect(() => renderMediaPlaylist(grow(1), ghost, live)).toThrow(RangeError);
  expect(() => renderVodPlaylist(config, ghost, [], { iframes: false })).toThrow(RangeError);
});
