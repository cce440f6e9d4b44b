/** One track's segments as values: adding a part, sliding the window. Pure; every tier computes the same. */

import { BROADCAST_LIMITS } from "./broadcast-limits.ts";
import type { BroadcastConfig, PartMeta, Track, TrackState } from "./broadcast-log.ts";
import { appendPackedSegments, dropPackedSegments, findPackedSegment, NO_PACKED_SEGMENTS } from "./packed-segments.ts";
import type { PartState, SegmentState } from "./segment.ts";
import { nextPartOf } from "./track-position.ts";

/** A part that does not follow the last one, or is inconsistent; nothing was changed. */
export class BroadcastLogError extends Error {
  readonly code: "out-of-order" | "malformed";
  constructor(code: "out-of-order" | "malformed", message: string) {
    super(message);
    this.name = "LogError";
    this.code = code;
  }
}

/** Minimum segments of a live playlist (Apple's authoring rules require 6). */
export const MIN_WINDOW_SEGMENTS = 6;

/**
 * Target durations from the end within which segments keep their parts: a playlist lists those of the last 3, a delta
 * update reaches back 6, and a player that was paused briefly requests parts that it knows.
 */
const TAIL_TARGET_DURATIONS = 12;

/** The length of a track's tail. */
export const tailTicksOf = ({ timescale }: Track, { targetDurationS }: BroadcastConfig): number =>
  TAIL_TARGET_DURATIONS * targetDurationS * timescale;

/** A track before its first part. */
export function createTrackState(track: Track): TrackState {
  return { track, packed: NO_PACKED_SEGMENTS, segments: [], mediaSequence: 0, discontinuitySequence: 0 };
}

/** The segment `msn` of the window, or undefined. One before the tail has no parts. */
export function findSegment(state: TrackState, msn: number): SegmentState | undefined {
  const index = msn - state.mediaSequence - state.packed.length;
  return index < 0 ? findPackedSegment(state.packed, msn) : state.segments[index];
}

/** The track with one more part. Throws `BroadcastLogError` if it is not the next one or malformed. */
export function appendPartToTrack(
  state: TrackState,
  config: BroadcastConfig,
  meta: PartMeta,
  byteLength: number,
): TrackState {
  const next = nextPartOf(state);
  if (meta.msn !== next.msn || meta.part !== next.part) {
    const name = state.track.name;
    throw new BroadcastLogError(
      "out-of-order",
      `${name}: got ${meta.msn}.${meta.part}, next is ${next.msn}.${next.part}`,
    );
  }
  checkPart(state.track, meta, byteLength);
  const part: PartState = {
    part: meta.part,
    durationTicks: meta.durationTicks,
    independent: meta.independent,
    gap: meta.gap,
    byteLength,
  };
  const segments = state.segments.slice();
  if (meta.start === undefined) segments.push(addPartToSegment(segments.pop(), part, meta));
  else segments.push(addPartToSegment(openSegment(meta, meta.start), part, meta));
  return meta.close === undefined
    ? { ...state, segments }
    : packDurableSegments(slideWindow({ ...state, segments }, config), config);
}

function checkPart(track: Track, meta: PartMeta, byteLength: number): void {
  const fail = (why: string): never => {
    throw new BroadcastLogError("malformed", `${track.name} ${meta.msn}.${meta.part}: ${why}`);
  };
  if ((meta.part === 0) !== (meta.start !== undefined)) fail("`start` is required on part 0 and only there");
  if (meta.part >= BROADCAST_LIMITS.partsPerSegment)
    fail(`a segment has at most ${BROADCAST_LIMITS.partsPerSegment} parts`);
  if (!Number.isSafeInteger(meta.durationTicks) || meta.durationTicks <= 0)
    fail("durationTicks is not a positive whole number");
  if (meta.gap !== (byteLength === 0)) fail("a part needs bytes, and a gap must be empty");
  // One tick of grace: part targets are rounded to 10 µs, ticks are not.
  if (meta.durationTicks > (track.partTargetMs * track.timescale) / 1000 + 1) fail("longer than the part target");
}

function openSegment(meta: PartMeta, start: SegmentState["start"]): SegmentState {
  return { msn: meta.msn, start, parts: [], durationTicks: 0, byteLength: 0, gap: true, closed: false, durable: false };
}

/** A segment with one more part. Throws `BroadcastLogError` where there is none to add it to. */
export function addPartToSegment(segment: SegmentState | undefined, part: PartState, meta: PartMeta): SegmentState {
  if (segment === undefined) throw new BroadcastLogError("malformed", "no open segment");
  const grown: SegmentState = {
    ...segment,
    parts: [...segment.parts, part],
    durationTicks: segment.durationTicks + part.durationTicks,
    byteLength: segment.byteLength + part.byteLength,
    gap: segment.gap && part.gap,
    closed: meta.close !== undefined,
  };
  return meta.close?.iframeBytes === undefined ? grown : { ...grown, iframeBytes: meta.close.iframeBytes };
}

/** Removes segments at the front while the remaining closed ones still fill the window, or are too many. */
export function slideWindow(state: TrackState, config: BroadcastConfig): TrackState {
  const { packed, segments } = state;
  const windowTicks = config.windowS * state.track.timescale;
  const closed = segments.filter((segment) => segment.closed);
  let remaining = closed.reduce((sum, segment) => sum + segment.durationTicks, packed.durationTicks);
  let count = packed.length + closed.length;
  let drop = 0;
  let discontinuities = 0;
  while (count > MIN_WINDOW_SEGMENTS) {
    const first = findSegment(state, state.mediaSequence + drop);
    if (first === undefined) break;
    if (remaining - first.durationTicks < windowTicks && count <= BROADCAST_LIMITS.windowSegments) break;
    remaining -= first.durationTicks;
    discontinuities += first.start.discontinuity ? 1 : 0;
    drop += 1;
    count -= 1;
  }
  if (drop === 0) return state;
  const ofPast = Math.min(drop, packed.length);
  return {
    track: state.track,
    packed: dropPackedSegments(packed, ofPast),
    segments: segments.slice(drop - ofPast),
    mediaSequence: state.mediaSequence + drop,
    discontinuitySequence: state.discontinuitySequence + discontinuities,
  };
}

/** Moves stored segments before the tail to the past. */
export function packDurableSegments(state: TrackState, config: BroadcastConfig): TrackState {
  const { packed, segments } = state;
  const tailTicks = tailTicksOf(state.track, config);
  let after = segments.reduce((sum, { durationTicks }) => sum + durationTicks, 0);
  let leaving = 0;
  for (const { closed, durable, durationTicks } of segments) {
    after -= durationTicks;
    if (!closed || !durable || after < tailTicks) break;
    leaving += 1;
  }
  if (leaving === 0) return state;
  return {
    ...state,
    packed: appendPackedSegments(packed, segments.slice(0, leaving)),
    segments: segments.slice(leaving),
  };
}

/** The track with segment `msn` marked as stored; unchanged if it has already left the tail. */
export function markSegmentDurable(state: TrackState, msn: number, config: BroadcastConfig): TrackState {
  const segments = state.segments.map((segment) => (segment.msn === msn ? { ...segment, durable: true } : segment));
  return packDurableSegments({ ...state, segments }, config);
}

/** The track with its open segment, if any, closed as it stands. */
export function closeOpenSegment(state: TrackState): TrackState {
  const last = state.segments.at(-1);
  if (last === undefined || last.closed) return state;
  return { ...state, segments: [...state.segments.slice(0, -1), { ...last, closed: true }] };
}
