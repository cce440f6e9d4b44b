/** What a track has at a position: a part, or a chunk of one. */
import type { TrackState } from "../../broadcast/broadcast-log.ts";
import { countChunkFrames, type TrackChunk } from "../../broadcast/part-chunks.ts";
import type { Replica } from "../../broadcast/replica.ts";
import type { PartState, SegmentStart, SegmentState } from "../../broadcast/segment.ts";
import { comparePartPositions, nextPartOf, type PartPosition } from "../../broadcast/track-position.ts";
import { cutChunk } from "../../media/cmaf/chunk.ts";
import { CmafError } from "../../media/cmaf/errors.ts";
import { FLOW_LIMITS } from "../node-limits.ts";

/** A frame's position in its track. */
export interface FramePosition extends PartPosition {
  /** Its number within the part. */
  readonly frame: number;
}

/** Negative if `a` is before `b`. */
export function compareFramePositions(a: FramePosition, b: FramePosition): number {
  return comparePartPositions(a, b) || a.frame - b.frame;
}

/** A place of a track from which something can be sent. */
export interface PieceStart {
  /** Of its segment. */
  readonly start: SegmentStart;
  /** Program time, milliseconds since the epoch. */
  readonly startMs: number;
}

/** One fragment that can be sent. */
export interface TrackPiece extends PieceStart {
  readonly at: FramePosition;
  readonly bytes: Uint8Array;
  /** The position after it. */
  readonly after: FramePosition;
}

/** `new`: nothing was sent. `broken`: media was left out since. After both only a keyframe can follow. */
export type FlowContinuity = "new" | "whole" | "broken";

/** The continuity after media that is not sent. */
export const leaveOut = (before: FlowContinuity): FlowContinuity => (before === "new" ? "new" : "broken");

/** A position after what cannot be sent, and what can be sent there, or null if it has not come. */
export interface PieceSearch {
  readonly at: FramePosition;
  readonly continuity: FlowContinuity;
  readonly piece: TrackPiece | null;
}

/** Whether a program time is over `FLOW_LIMITS.lagMs` before the end of the newest part. */
export function isLate({ track, segments }: TrackState, programTimeMs: number): boolean {
  const last = segments.at(-1);
  if (last === undefined) return false;
  const headMs = last.start.programTimeMs + (last.durationTicks * 1000) / track.timescale;
  return headMs - programTimeMs > FLOW_LIMITS.lagMs;
}

/** Program time at which a listed part begins. */
function programTimeOf({ track }: TrackState, segment: SegmentState, part: PartState): number {
  let ticks = 0;
  for (const each of segment.parts) {
    if (each.part === part.part) break;
    ticks += each.durationTicks;
  }
  return segment.start.programTimeMs + (ticks * 1000) / track.timescale;
}

/** Where a position begins; null if it has not come. */
export function locatePiece(replica: Replica, state: TrackState, at: FramePosition): PieceStart | null {
  const segment = state.segments.find(({ msn }) => msn === at.msn);
  const part = segment?.parts[at.part];
  if (segment !== undefined && part !== undefined)
    return { start: segment.start, startMs: programTimeOf(state, segment, part) };
  return comparePartPositions(at, nextPartOf(state)) === 0 ? locateChunk(replica, state, at) : null;
}

/** The place of a chunk of the open part. */
function locateChunk(replica: Replica, state: TrackState, { msn, part, frame }: FramePosition): PieceStart | null {
  const chunks = replica.partChunks(state.track.name, { msn, part });
  const last = state.segments.at(-1);
  const start = part === 0 ? chunks[0]?.meta.start : last?.start;
  if (start === undefined || !chunks.some(({ meta }) => meta.frame === frame)) return null;
  const before = part === 0 ? 0 : (last?.durationTicks ?? 0);
  return {
    start,
    startMs: start.programTimeMs + ((before + ticksBefore(chunks, frame)) * 1000) / state.track.timescale,
  };
}

function ticksBefore(chunks: readonly TrackChunk[], frame: number): number {
  let ticks = 0;
  for (const { meta } of chunks) if (meta.frame < frame) ticks += meta.durationTicks;
  return ticks;
}

/** The latest keyframe that begins a chunk or a part, or null. */
export function latestKeyframe(replica: Replica, state: TrackState): FramePosition | null {
  const next = nextPartOf(state);
  const key = replica.partChunks(state.track.name, next).findLast(({ meta }) => meta.key);
  if (key !== undefined) return { ...next, frame: key.meta.frame };
  for (const { msn, parts } of state.segments.toReversed())
    for (const { part, independent, gap } of parts.toReversed())
      if (independent && !gap) return { msn, part, frame: 0 };
  return null;
}

/** What can be sent from a position on: goes over gaps and what is missing. */
export function findPiece(
  replica: Replica,
  state: TrackState,
  from: FramePosition,
  before: FlowContinuity,
): PieceSearch {
  let at: FramePosition = { msn: from.msn, part: from.part, frame: from.frame };
  let continuity = before;
  for (const segment of state.segments) {
    if (segment.msn < at.msn) continue;
    // Segments between them have left the window.
    if (segment.msn > at.msn) [at, continuity] = [{ msn: segment.msn, part: 0, frame: 0 }, leaveOut(continuity)];
    for (const part of segment.parts.slice(at.part)) {
      at = { msn: segment.msn, part: part.part, frame: part.part === at.part ? at.frame : 0 };
      const found =
        at.frame === 0
          ? wholePart(replica, state, segment, part, continuity !== "whole")
          : restOfPart(replica, state, at, segment, part, continuity !== "whole");
      if (typeof found === "object") return { at: found.at, continuity, piece: found };
      // After a new snapshot a feed brings bytes of parts that are listed.
      const isAwaited =
        found === "missing" && !replica.state.ended && !isLate(state, programTimeOf(state, segment, part));
      if (isAwaited) return { at, continuity, piece: null };
      if (found !== "read") continuity = leaveOut(continuity);
      at = { msn: segment.msn, part: part.part + 1, frame: 0 };
    }
    if (segment.closed) at = { msn: segment.msn + 1, part: 0, frame: 0 };
  }
  return findChunk(replica, state, at, continuity);
}

/** Bytes that have not come, or what a viewer cannot use. */
type Unsendable = "missing" | "unusable";

function wholePart(
  replica: Replica,
  state: TrackState,
  segment: SegmentState,
  part: PartState,
  needsKeyframe: boolean,
): TrackPiece | Unsendable {
  const { msn, start } = segment;
  const bytes = replica.tail.partBytes(state.track.name, msn, part.part);
  if (bytes === null && !part.gap) return "missing";
  if (bytes === null || part.gap || (needsKeyframe && !part.independent)) return "unusable";
  const startMs = programTimeOf(state, segment, part);
  return {
    ...{ at: { msn, part: part.part, frame: 0 }, bytes, start, startMs },
    after: { msn, part: part.part + 1, frame: 0 },
  };
}

/** Of a part of which a viewer has the first frames: the next ones, or that there are no more. */
function restOfPart(
  replica: Replica,
  state: TrackState,
  at: FramePosition,
  segment: SegmentState,
  part: PartState,
  needsKeyframe: boolean,
): TrackPiece | "read" | Unsendable {
  const { name, timescale } = state.track;
  const { start } = segment;
  const startMs = programTimeOf(state, segment, part);
  const chunks = replica.partChunks(name, at);
  if (chunks.length > 0) {
    const next = chunks.find(({ meta }) => meta.frame >= at.frame && (meta.key || !needsKeyframe));
    if (next === undefined) return countChunkFrames(chunks) > at.frame ? "unusable" : "read";
    return pieceOfChunk(next, { start, startMs: startMs + (ticksBefore(chunks, next.meta.frame) * 1000) / timescale });
  }
  const bytes = replica.tail.partBytes(name, at.msn, at.part);
  if (bytes === null) return part.gap ? "unusable" : "missing";
  const rest = cutRest(bytes, at.frame);
  if (typeof rest === "string") return rest;
  if (needsKeyframe) return "unusable";
  return { at, bytes: rest, start, startMs, after: { msn: at.msn, part: at.part + 1, frame: 0 } };
}

/** The open part's next chunk. */
function findChunk(replica: Replica, state: TrackState, from: FramePosition, continuity: FlowContinuity): PieceSearch {
  const none = { at: from, continuity, piece: null };
  if (comparePartPositions(from, nextPartOf(state)) !== 0) return none;
  const chunks = replica.partChunks(state.track.name, from);
  const next = chunks.find(({ meta }) => meta.frame >= from.frame && (meta.key || continuity === "whole"));
  if (next === undefined) return none;
  const at = { msn: from.msn, part: from.part, frame: next.meta.frame };
  const place = locateChunk(replica, state, at);
  return place === null ? none : { at, continuity, piece: pieceOfChunk(next, place) };
}

function pieceOfChunk({ meta, bytes }: TrackChunk, place: PieceStart): TrackPiece {
  const { msn, part, frame, frames } = meta;
  return { ...place, at: { msn, part, frame }, bytes, after: { msn, part, frame: frame + frames } };
}

/** What follows the first frames of parts, by their number: cut once for all viewers. */
const rests = new WeakMap<Uint8Array, Map<number, Uint8Array | "read" | "unusable">>();

function cutRest(part: Uint8Array, frame: number): Uint8Array | "read" | "unusable" {
  const known = rests.get(part) ?? new Map<number, Uint8Array | "read" | "unusable">();
  rests.set(part, known);
  const rest = known.get(frame) ?? cutOrUnusable(part, frame);
  known.set(frame, rest);
  return rest;
}

function cutOrUnusable(part: Uint8Array, frame: number): Uint8Array | "read" | "unusable" {
  try {
    return cutChunk(part, frame) ?? "read";
  } catch (error) {
    if (error instanceof CmafError) return "unusable";
    throw error;
  }
}
