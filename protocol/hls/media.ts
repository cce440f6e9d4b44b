/** Media playlists, rendered whole from a broadcast's state: values in, text out, one pass over the segments. */
import type {
  BroadcastConfig,
  BroadcastState,
  PartState,
  SegmentStart,
  SegmentState,
  TrackState,
} from "../broadcast/log.ts";
import type { TrackName } from "../ids.ts";
import { initPath, partPath, segmentPath } from "./paths.ts";
import { lastPartOf, nextPartOf, trackOf } from "./position.ts";
import {
  canSkipUntil,
  holdBack,
  PART_WINDOW_TARGETS,
  partHoldBack,
  partTargetUnits,
  SKIP_BOUNDARY_TARGETS,
  ticksToUnits,
  UNITS_PER_SECOND,
  unitsToText,
} from "./timing.ts";

/** §8: 9 for `EXT-X-SKIP`, 10 where it replaces date ranges; constant, so a reload never changes it. */
const LIVE_VERSION = 10;
/** §8: 6 for `EXT-X-MAP`; `EXT-X-GAP` came with 8. */
const VOD_VERSION = 8;

/** Which delta update a playlist request asks for: none, segments, or segments and date ranges. */
export type Skip = "none" | "YES" | "v2";

/** What a live playlist depends on beside the state. */
export interface MediaOptions {
  readonly skip: Skip;
  /** The init section that coming segments will need, once it is known to change. */
  readonly nextInitVersion?: number;
}

/** A closed segment of an ended broadcast, as the index keeps it. */
export interface VodSegment {
  readonly msn: number;
  readonly start: SegmentStart;
  readonly durationTicks: number;
  readonly gap: boolean;
  readonly iframeBytes?: number;
  readonly parts: readonly Pick<PartState, "durationTicks" | "byteLength" | "gap">[];
}

/** Holes of less than this are not told in a recording, seconds: players go over them by themselves. */
const NEGLIGIBLE_GAP_S = 0.1;

/** The live low-latency playlist of a track. Throws `RangeError` for a track that the broadcast doesn't have. */
export function renderMedia(state: BroadcastState, track: TrackName, opts: MediaOptions): string {
  const of = trackOf(state, track);
  const { timescale, partTargetMs } = of.track;
  const lines = liveHeader(state.config, of);
  lines.splice(3, 0, `#EXT-X-PART-INF:PART-TARGET=${unitsToText(partTargetUnits(partTargetMs))}`);

  const first = pushSkip(lines, state, of, opts.skip);
  let initVersion = first > 0 ? of.segments[first - 1]?.start.initVersion : undefined;
  // §6.2.2: "EXT-X-PART tags SHOULD be removed from the Playlist after they are greater than three Target Durations from
  // the end of the Playlist." A segment keeps all of its parts or none, or their indexes would change.
  const partWindowTicks = PART_WINDOW_TARGETS * state.config.targetDurationS * timescale;
  let ticksToEnd = 0;
  for (let i = first; i < of.segments.length; i++) ticksToEnd += of.segments[i]?.durationTicks ?? 0;

  for (let i = first; i < of.segments.length; i++) {
    const segment = of.segments[i];
    if (segment === undefined) break;
    pushSegmentStart(lines, segment.start, initVersion);
    initVersion = segment.start.initVersion;
    ticksToEnd -= segment.durationTicks;
    if (ticksToEnd <= partWindowTicks || !segment.closed) pushParts(lines, segment, timescale);
    if (segment.closed) pushSegmentEnd(lines, segment, timescale);
  }

  if (!state.ended) {
    const next = nextPartOf(of);
    lines.push(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${partPath(next.msn, next.part)}"`);
    if (opts.nextInitVersion !== undefined) {
      lines.push(`#EXT-X-PRELOAD-HINT:TYPE=MAP,URI="${initPath(opts.nextInitVersion)}"`);
    }
  }
  pushRenditionReports(lines, state, track);
  // §4.4.5.3: "A Playlist containing an EXT-X-ENDLIST tag MUST NOT contain an EXT-X-PRELOAD-HINT tag."
  if (state.ended) lines.push("#EXT-X-ENDLIST");
  return `${lines.join("\n")}\n`;
}

/**
 * The live I-frame playlist of a track: the first picture of each closed segment, as a byte range of the segment.
 * A segment without a picture keeps its place as a gap. Throws `RangeError` as `renderMedia` does.
 */
export function renderIframes(
  state: BroadcastState,
  track: TrackName,
  opts: { readonly skip: Skip } = { skip: "none" },
): string {
  const of = trackOf(state, track);
  const lines = liveHeader(state.config, of);
  lines.push("#EXT-X-I-FRAMES-ONLY");
  const first = pushSkip(lines, state, of, opts.skip);
  let initVersion = first > 0 ? of.segments[first - 1]?.start.initVersion : undefined;
  for (let i = first; i < of.segments.length; i++) {
    const segment = of.segments[i];
    if (segment === undefined || !segment.closed) break;
    pushSegmentStart(lines, segment.start, initVersion);
    initVersion = segment.start.initVersion;
    pushIframe(lines, segment, of.track.timescale);
  }
  if (state.ended) lines.push("#EXT-X-ENDLIST");
  return `${lines.join("\n")}\n`;
}

/** The playlist of a whole ended broadcast. `segments` are in order, without holes. Throws `RangeError` likewise. */
export function renderVod(
  config: BroadcastConfig,
  track: TrackName,
  segments: Iterable<VodSegment>,
  opts: { readonly iframes: boolean },
): string {
  const timescale = config.tracks.find((one) => one.name === track)?.timescale;
  if (timescale === undefined) throw new RangeError(`the broadcast has no track ${track}`);
  const body: string[] = [];
  let mediaSequence: number | undefined;
  let initVersion: number | undefined;
  for (const segment of segments) {
    mediaSequence ??= segment.msn;
    pushSegmentStart(body, segment.start, initVersion);
    initVersion = segment.start.initVersion;
    if (opts.iframes) pushIframe(body, segment, timescale);
    else pushVodSegment(body, segment, timescale);
  }
  const head = [
    "#EXTM3U",
    `#EXT-X-VERSION:${VOD_VERSION}`,
    `#EXT-X-TARGETDURATION:${config.targetDurationS}`,
    "#EXT-X-PLAYLIST-TYPE:VOD",
    `#EXT-X-MEDIA-SEQUENCE:${mediaSequence ?? 0}`,
    "#EXT-X-DISCONTINUITY-SEQUENCE:0",
  ];
  if (opts.iframes) head.push("#EXT-X-I-FRAMES-ONLY");
  return `${[...head, ...body, "#EXT-X-ENDLIST"].join("\n")}\n`;
}

function liveHeader(config: BroadcastConfig, of: TrackState): string[] {
  // §6.2.4: "If any Media Playlist ... contains an EXT-X-SERVER-CONTROL tag, then all Media Playlists in that
  // Multivariant Playlist MUST contain that tag, with the same attributes and values": I-frame playlists too.
  const control = [
    "CAN-BLOCK-RELOAD=YES",
    `CAN-SKIP-UNTIL=${decimal(canSkipUntil(config))}`,
    `HOLD-BACK=${decimal(holdBack(config))}`,
    `PART-HOLD-BACK=${decimal(partHoldBack(config))}`,
  ];
  return [
    "#EXTM3U",
    `#EXT-X-VERSION:${LIVE_VERSION}`,
    `#EXT-X-TARGETDURATION:${config.targetDurationS}`,
    `#EXT-X-SERVER-CONTROL:${control.join(",")}`,
    `#EXT-X-MEDIA-SEQUENCE:${of.mediaSequence}`,
    `#EXT-X-DISCONTINUITY-SEQUENCE:${of.discontinuitySequence}`,
  ];
}

/** Pushes the skip tag where one is due; returns the index of the first segment that stays. */
function pushSkip(lines: string[], state: BroadcastState, of: TrackState, skip: Skip): number {
  // §6.2.5.1: "A Server MUST ignore the _HLS_skip directive if ... it contains an EXT-X-ENDLIST tag."
  if (skip === "none" || state.ended) return 0;
  // §6.2.5.1: "Media Segments that are further from the end of the last (Parent) Media Segment in the Playlist than the
  // Skip Boundary, as well as their associated tags, are replaced by an EXT-X-SKIP tag."
  const boundaryTicks = SKIP_BOUNDARY_TARGETS * state.config.targetDurationS * of.track.timescale;
  let fromEnd = 0;
  let first = of.segments.length;
  while (first > 0) {
    const segment = of.segments[first - 1];
    if (segment === undefined || fromEnd > boundaryTicks) break;
    if (segment.closed) fromEnd += segment.durationTicks;
    first -= 1;
  }
  if (first === 0) return 0;
  // §4.4.5.2: RECENTLY-REMOVED-DATERANGES is "REQUIRED if the Client requested an update that skips EXT-X-DATERANGE
  // tags"; it may be empty, and is: no date ranges are published.
  const removed = skip === "v2" ? ',RECENTLY-REMOVED-DATERANGES=""' : "";
  lines.push(`#EXT-X-SKIP:SKIPPED-SEGMENTS=${first}${removed}`);
  return first;
}

function pushSegmentStart(lines: string[], start: SegmentStart, initVersion: number | undefined): void {
  // §4.4.4.9: "EXT-X-DISCONTINUITY, EXT-X-KEY, EXT-X-MAP, or EXT-X-PROGRAM-DATE-TIME ... MUST appear before the first
  // EXT-X-PART tag of that Parent Segment."
  if (start.discontinuity) lines.push("#EXT-X-DISCONTINUITY");
  if (start.initVersion !== initVersion) lines.push(`#EXT-X-MAP:URI="${initPath(start.initVersion)}"`);
  pushProgramTime(lines, start.programTimeMs);
}

function pushProgramTime(lines: string[], programTimeMs: number): void {
  lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(Math.round(programTimeMs)).toISOString()}`);
}

function pushParts(lines: string[], segment: SegmentState, timescale: number): void {
  // Each part spans from its rounded start to its rounded end, so printed parts add up to the printed segment, and none
  // is above its exact duration rounded up, which the printed part target covers.
  let endTicks = 0;
  let startUnits = 0;
  for (const part of segment.parts) {
    endTicks += part.durationTicks;
    const endUnits = ticksToUnits(endTicks, timescale);
    lines.push(partLine(segment.msn, part, endUnits - startUnits));
    startUnits = endUnits;
  }
}

function partLine(msn: number, part: PartState, units: number): string {
  const flags = `${part.independent ? ",INDEPENDENT=YES" : ""}${part.gap ? ",GAP=YES" : ""}`;
  return `#EXT-X-PART:DURATION=${unitsToText(units)},URI="${partPath(msn, part.part)}"${flags}`;
}

function pushSegmentEnd(lines: string[], segment: VodSegment, timescale: number): void {
  if (segment.gap) lines.push("#EXT-X-GAP");
  lines.push(`#EXTINF:${unitsToText(ticksToUnits(segment.durationTicks, timescale))},`, segmentPath(segment.msn));
}

/**
 * A segment of which parts never came: a recording has no parts, so what there is is listed as ranges of the segment, with
 * gaps of their own between them. A live playlist can't do that, since its sequence numbers are the segments'.
 */
function pushVodSegment(lines: string[], segment: VodSegment, timescale: number): void {
  const holed = !segment.gap && segment.parts.some(({ gap }) => gap);
  const pieces = holed ? piecesOf(segment, NEGLIGIBLE_GAP_S * timescale) : [];
  if (pieces.length < 2) {
    pushSegmentEnd(lines, segment, timescale);
    return;
  }
  const ranged = pieces.filter(({ gap }) => !gap).length > 1;
  let [endTicks, startUnits, offset] = [0, 0, 0];
  for (const { durationTicks, byteLength, gap } of pieces) {
    if (endTicks > 0) pushProgramTime(lines, segment.start.programTimeMs + (endTicks * 1_000) / timescale);
    endTicks += durationTicks;
    const endUnits = ticksToUnits(endTicks, timescale);
    // §4.4.4.7: "The EXT-X-GAP tag indicates that the segment URI to which it applies does not contain media data and
    // SHOULD NOT be loaded by clients."
    if (gap) lines.push("#EXT-X-GAP");
    lines.push(`#EXTINF:${unitsToText(endUnits - startUnits)},`);
    if (ranged && !gap) lines.push(`#EXT-X-BYTERANGE:${byteLength}@${offset}`);
    lines.push(segmentPath(segment.msn));
    startUnits = endUnits;
    offset += byteLength;
  }
}

/** The runs of parts that came and that didn't; a gap of less than `leastGapTicks` belongs to what it lies beside. */
function piecesOf({ parts }: VodSegment, leastGapTicks: number): VodSegment["parts"][number][] {
  const runs = joined(parts);
  const kept = runs.map((run) => (run.gap && run.durationTicks < leastGapTicks ? { ...run, gap: false } : run));
  return joined(kept);
}

function joined(parts: VodSegment["parts"]): VodSegment["parts"][number][] {
  const runs: VodSegment["parts"][number][] = [];
  for (const { durationTicks, byteLength, gap } of parts) {
    const last = runs.at(-1);
    if (last?.gap !== gap) {
      runs.push({ durationTicks, byteLength, gap });
      continue;
    }
    const grown = { durationTicks: last.durationTicks + durationTicks, byteLength: last.byteLength + byteLength, gap };
    runs[runs.length - 1] = grown;
  }
  return runs;
}

function pushIframe(lines: string[], segment: VodSegment, timescale: number): void {
  // The prefix that decodes to the first picture is that of the first part.
  const missing = segment.gap || segment.iframeBytes === undefined || segment.parts[0]?.gap === true;
  lines.push(`#EXTINF:${unitsToText(ticksToUnits(segment.durationTicks, timescale))},`);
  lines.push(missing ? "#EXT-X-GAP" : `#EXT-X-BYTERANGE:${segment.iframeBytes}@0`, segmentPath(segment.msn));
}

function pushRenditionReports(lines: string[], state: BroadcastState, self: TrackName): void {
  for (const [name, other] of state.tracks) {
    if (name === self) continue;
    const last = lastPartOf(other);
    // A rendition without media has no last part to report.
    if (last === null) continue;
    // §4.4.5.4: "[URI] MUST be relative to the URI of the Media Playlist containing the ... tag."
    lines.push(`#EXT-X-RENDITION-REPORT:URI="../${name}/media.m3u8",LAST-MSN=${last.msn},LAST-PART=${last.part}`);
  }
}

function decimal(seconds: number): string {
  return unitsToText(Math.round(seconds * UNITS_PER_SECOND));
}
