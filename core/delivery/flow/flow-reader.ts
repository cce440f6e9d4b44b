/**
 * A viewer's position in a replica. It is a value: what comes next depends on it and on the replica alone, so all viewers at
 * one position share the bytes.
 */
import type { TrackState } from "../../broadcast/broadcast-log.ts";
import type { Replica } from "../../broadcast/replica.ts";
import type { SegmentStart } from "../../broadcast/segment.ts";
import { nextPartOf, type PartPosition } from "../../broadcast/track-position.ts";
import { concatBytes, isSameBytes } from "../../kit/bytes.ts";
import type { TrackName } from "../../kit/ids.ts";
import { CmafError } from "../../media/cmaf/errors.ts";
import { FLOW_LIMITS } from "../node-limits.ts";
import {
  type FlowEnd,
  type FlowInits,
  withFragmentTrackId,
  writeClockReference,
  writeFlowEvent,
  writeFlowInit,
} from "./flow-boxes.ts";
import {
  compareFramePositions,
  type FlowContinuity,
  type FramePosition,
  findPiece,
  isLate,
  latestKeyframe,
  leaveOut,
  locatePiece,
  type TrackPiece,
} from "./flow-pieces.ts";
import type { FlowRequest } from "./flow-request.ts";

/** A viewer's position in one track. */
interface TrackCursor extends FramePosition {
  readonly track: TrackName;
  /** Id of the track in the response. */
  readonly trackId: number;
  readonly initVersion: number;
  readonly continuity: FlowContinuity;
}

/** A viewer's position. `joining`: nothing was sent; `from`: the leading track's first frame, null if it is not known. */
export type FlowCursor =
  | { readonly kind: "joining"; readonly from: FramePosition | null }
  | { readonly kind: "reading"; readonly video: TrackCursor | null; readonly audio: TrackCursor | null };

/** What a viewer gets next. `bytes` is null if there is nothing; `end`: nothing follows it; `skips`: events of that kind in it. */
export interface FlowRead {
  readonly cursor: FlowCursor;
  readonly bytes: Uint8Array | null;
  readonly skips: number;
  readonly end: FlowEnd | null;
}

/** Where every viewer begins. */
export const FLOW_START: FlowCursor = { kind: "joining", from: null };

/** A key that is equal for equal positions of one replica; before anything was read, of one request too. */
export function flowCursorKey(cursor: FlowCursor): string {
  if (cursor.kind === "joining") return cursor.from === null ? "start" : `from ${describePosition(cursor.from)}`;
  const describe = (at: TrackCursor | null): string =>
    at === null ? "-" : `${at.track}.${at.trackId} ${describePosition(at)}.${at.initVersion} ${at.continuity}`;
  return `${describe(cursor.video)} ${describe(cursor.audio)}`;
}

const describePosition = ({ msn, part, frame }: FramePosition): string => `${msn}.${part}.${frame}`;

/** Everything that can be sent at a position, up to `FLOW_LIMITS.readBytes`. */
export function readFlow(request: FlowRequest, cursor: FlowCursor, replica: Replica): FlowRead {
  if (cursor.kind === "reading") return readMedia(cursor, replica, []);
  let joined: Joined;
  try {
    joined = join(request, cursor.from, replica);
  } catch (error) {
    if (error instanceof CmafError) return { cursor, bytes: null, skips: 0, end: "malformed" };
    throw error;
  }
  if (joined.kind === "joining")
    return { cursor: joined, bytes: null, skips: 0, end: replica.state.ended ? "ended" : null };
  return readMedia(joined.cursor, replica, joined.head);
}

type Joined =
  | { readonly kind: "joining"; readonly from: FramePosition | null }
  | {
      readonly kind: "joined";
      readonly cursor: FlowCursor & { readonly kind: "reading" };
      readonly head: Uint8Array[];
    };

/** Throws `CmafError` for malformed init sections. */
function join(request: FlowRequest, wanted: FramePosition | null, replica: Replica): Joined {
  const lead = request.video ?? request.audio;
  const state = lead === null ? undefined : replica.track(lead);
  if (lead === null || state === undefined) return { kind: "joining", from: null };
  const from = wanted ?? (request.join === "next" ? nextSegmentOf(state) : latestKeyframe(replica, state));
  const first = from === null ? null : locatePiece(replica, state, from);
  if (from === null || first === null) return { kind: "joining", from };
  const { startMs } = first;
  const sound = request.video === null || request.audio === null ? undefined : replica.track(request.audio);
  const heard = sound === undefined ? null : partAt(sound, startMs);
  const soundVersion =
    heard?.version ?? (request.audio === null ? undefined : replica.latestInitVersion(request.audio));
  const inits: FlowInits =
    request.video === null
      ? { video: null, audio: initOf(replica, lead, first.start.initVersion) }
      : {
          video: initOf(replica, lead, first.start.initVersion),
          audio: sound === undefined ? null : initOf(replica, sound.track.name, soundVersion),
        };
  // An init section that has not come: it comes before its first part.
  if (inits.video === null && inits.audio === null) return { kind: "joining", from };
  if (sound !== undefined && inits.audio === null) return { kind: "joining", from };
  const { bytes, trackIds } = writeFlowInit(inits);
  const begin = (track: TrackName, trackId: number, at: FramePosition, initVersion: number): TrackCursor => ({
    ...{ track, trackId, initVersion, msn: at.msn, part: at.part, frame: at.frame, continuity: "new" },
  });
  const version = first.start.initVersion;
  const isSound = request.video === null;
  const video = isSound ? null : begin(lead, trackIds.video, from, version);
  const audio = isSound
    ? begin(lead, trackIds.audio, from, version)
    : sound === undefined
      ? null
      : begin(sound.track.name, trackIds.audio, { ...(heard?.at ?? nextPartOf(sound)), frame: 0 }, soundVersion ?? 0);
  return { kind: "joined", cursor: { kind: "reading", video, audio }, head: [bytes] };
}

const initOf = (replica: Replica, track: TrackName, version: number | undefined): Uint8Array | null =>
  version === undefined ? null : replica.initSection(track, version);

function nextSegmentOf(state: TrackState): FramePosition {
  const next = nextPartOf(state);
  return { msn: next.part === 0 ? next.msn : next.msn + 1, part: 0, frame: 0 };
}

/** The part that plays at `programTimeMs`, or null if it has not come. */
function partAt(
  state: TrackState,
  programTimeMs: number,
): { readonly at: PartPosition; readonly version: number } | null {
  for (const segment of state.segments.toReversed()) {
    if (segment.start.programTimeMs > programTimeMs) continue;
    let endMs = segment.start.programTimeMs;
    for (const { part, durationTicks } of segment.parts) {
      endMs += (durationTicks * 1000) / state.track.timescale;
      if (endMs > programTimeMs) return { at: { msn: segment.msn, part }, version: segment.start.initVersion };
    }
    break;
  }
  const first = state.segments[0];
  if (first === undefined || first.start.programTimeMs <= programTimeMs) return null;
  return { at: { msn: first.msn, part: 0 }, version: first.start.initVersion };
}

/** A position after what cannot be sent, and what can be sent there, or null if it has not come. */
interface Advance {
  readonly cursor: TrackCursor;
  readonly piece: TrackPiece | null;
}

function readMedia(
  start: FlowCursor & { readonly kind: "reading" },
  replica: Replica,
  head: readonly Uint8Array[],
): FlowRead {
  const pieces = [...head];
  let video = start.video === null ? null : advance(catchUp(start.video, replica), replica);
  let audio = start.audio === null ? null : advance(start.audio, replica);
  let byteLength = 0;
  let skips = 0;
  let needsInit = false;
  while (byteLength < FLOW_LIMITS.readBytes) {
    const isSound = comesFirst(audio, video);
    const next = isSound ? audio : video;
    if (next === null || next.piece === null) break;
    const { at, start: segmentStart, startMs, after } = next.piece;
    needsInit = needsOtherInit(next.cursor, segmentStart, replica);
    if (needsInit) break;
    const bytes = withFragmentTrackId(next.piece.bytes, next.cursor.trackId);
    if (next.cursor.continuity === "broken") pieces.push(writeFlowEvent({ kind: "skip" }));
    const isResumed = next.cursor.continuity !== "whole" || (at.part === 0 && at.frame === 0);
    if (isResumed && (!isSound || video === null)) pieces.push(writeClockReference(bytes, startMs));
    pieces.push(bytes);
    byteLength += bytes.byteLength;
    if (next.cursor.continuity === "broken") skips += 1;
    const { initVersion } = segmentStart;
    const cursor = { ...next.cursor, ...after, initVersion, continuity: "whole" } as const;
    if (isSound) audio = advance(cursor, replica);
    else video = advance(cursor, replica);
  }
  const isRead = [video, audio].every((each) => each === null || each.piece === null);
  return {
    cursor: { kind: "reading", video: video?.cursor ?? null, audio: audio?.cursor ?? null },
    bytes: pieces.length === 0 ? null : concatBytes(pieces),
    skips,
    end: needsInit ? "init" : isRead && replica.state.ended ? "ended" : null,
  };
}

/** Whether what `one` has begins before what `other` has. */
function comesFirst(one: Advance | null, other: Advance | null): boolean {
  if (one === null || one.piece === null) return false;
  return other === null || other.piece === null || one.piece.startMs < other.piece.startMs;
}

/** The latest keyframe's position, for a viewer that is over `FLOW_LIMITS.lagMs` behind. */
function catchUp(at: TrackCursor, replica: Replica): TrackCursor {
  const state = replica.track(at.track);
  const own = state === undefined ? null : locatePiece(replica, state, at);
  if (state === undefined || own === null || !isLate(state, own.startMs)) return at;
  const key = latestKeyframe(replica, state);
  if (key === null || compareFramePositions(key, at) <= 0) return at;
  return { ...at, ...key, continuity: leaveOut(at.continuity) };
}

/** Goes over gaps and missing bytes. */
function advance(from: TrackCursor, replica: Replica): Advance {
  const state = replica.track(from.track);
  if (state === undefined) return { cursor: from, piece: null };
  const { at, continuity, piece } = findPiece(replica, state, from, from.continuity);
  return { cursor: { ...from, ...at, continuity }, piece };
}

/** Whether a segment needs an init section that the response has not sent. */
function needsOtherInit({ track, initVersion }: TrackCursor, start: SegmentStart, replica: Replica): boolean {
  const { initVersion: wanted } = start;
  if (wanted === initVersion) return false;
  const [sent, other] = [replica.initSection(track, initVersion), replica.initSection(track, wanted)];
  return sent === null || other === null || !isSameBytes(sent, other);
}
