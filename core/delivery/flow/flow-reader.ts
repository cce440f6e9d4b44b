/**
 * A viewer's position in a replica. It is a value: what comes next depends on it and on the replica alone, so all viewers at
 * one position share the bytes.
 */
import type { TrackState } from "../../broadcast/broadcast-log.ts";
import type { WaitTarget } from "../../broadcast/parked-requests.ts";
import type { Replica } from "../../broadcast/replica.ts";
import type { PartState, SegmentState } from "../../broadcast/segment.ts";
import { comparePartPositions, nextPartOf, type PartPosition } from "../../broadcast/track-position.ts";
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
import type { FlowRequest } from "./flow-request.ts";

/** A viewer's position in one track. */
interface TrackCursor extends PartPosition {
  readonly track: TrackName;
  /** Id of the track in the response. */
  readonly trackId: number;
  readonly initVersion: number;
  /** `new`: nothing was sent. `broken`: media was left out since. After both only an independent part can follow. */
  readonly continuity: "new" | "whole" | "broken";
}

/** A viewer's position. `joining`: nothing was sent; `from`: the leading track's first part, null if it is not known. */
export type FlowCursor =
  | { readonly kind: "joining"; readonly from: PartPosition | null }
  | { readonly kind: "reading"; readonly video: TrackCursor | null; readonly audio: TrackCursor | null };

/** What a viewer gets next. `bytes` is null if there is nothing; `end`: nothing follows it. */
export interface FlowRead {
  readonly cursor: FlowCursor;
  readonly bytes: Uint8Array | null;
  readonly end: FlowEnd | null;
}

/** Where every viewer begins. */
export const FLOW_START: FlowCursor = { kind: "joining", from: null };

/** A key that is equal for equal positions of one replica and request. */
export function flowCursorKey(cursor: FlowCursor): string {
  if (cursor.kind === "joining") return cursor.from === null ? "start" : `from ${cursor.from.msn}.${cursor.from.part}`;
  const describe = (at: TrackCursor | null): string =>
    at === null ? "-" : `${at.msn}.${at.part}.${at.initVersion} ${at.continuity}`;
  return `${describe(cursor.video)} ${describe(cursor.audio)}`;
}

/** The targets of which one must be reached before more can be read. */
export function flowTargets(
  { video, audio }: FlowRequest,
  cursor: FlowCursor,
  replica: Replica,
): { readonly track: TrackName; readonly target: WaitTarget }[] {
  const at = (track: TrackName, position: PartPosition) => {
    const state = replica.track(track);
    const next = state === undefined ? position : nextPartOf(state);
    // A part that is listed and whose bytes have not come: they are there, or given up, when another one is.
    const { msn, part } = comparePartPositions(position, next) < 0 ? next : position;
    return { track, target: { kind: "part", msn, part } } as const;
  };
  if (cursor.kind === "reading") {
    return [cursor.video, cursor.audio].flatMap((each) => (each === null ? [] : [at(each.track, each)]));
  }
  const lead = video ?? audio;
  const state = lead === null ? undefined : replica.track(lead);
  return lead === null || state === undefined ? [] : [at(lead, cursor.from ?? nextPartOf(state))];
}

/** Everything that can be sent at a position, up to `FLOW_LIMITS.readBytes`. */
export function readFlow(request: FlowRequest, cursor: FlowCursor, replica: Replica): FlowRead {
  if (cursor.kind === "reading") return readMedia(cursor, replica, []);
  let joined: Joined;
  try {
    joined = join(request, cursor.from, replica);
  } catch (error) {
    if (error instanceof CmafError) return { cursor, bytes: null, end: "malformed" };
    throw error;
  }
  if (joined.kind === "joining") return { cursor: joined, bytes: null, end: replica.state.ended ? "ended" : null };
  return readMedia(joined.cursor, replica, joined.head);
}

type Joined =
  | { readonly kind: "joining"; readonly from: PartPosition | null }
  | {
      readonly kind: "joined";
      readonly cursor: FlowCursor & { readonly kind: "reading" };
      readonly head: Uint8Array[];
    };

/** Throws `CmafError` for malformed init sections. */
function join(request: FlowRequest, wanted: PartPosition | null, replica: Replica): Joined {
  const lead = request.video ?? request.audio;
  const state = lead === null ? undefined : replica.track(lead);
  if (lead === null || state === undefined) return { kind: "joining", from: null };
  const from = wanted ?? (request.join === "next" ? nextSegmentOf(state) : lastIndependentPart(state));
  const first = from === null ? null : findPart(state, from);
  if (from === null || first === null) return { kind: "joining", from };
  const startMs = programTimeOf(state, first);
  const sound = request.video === null || request.audio === null ? undefined : replica.track(request.audio);
  const heard = sound === undefined ? null : partAt(sound, startMs);
  const soundVersion =
    heard?.version ?? (request.audio === null ? undefined : replica.latestInitVersion(request.audio));
  const inits: FlowInits =
    request.video === null
      ? { video: null, audio: initOf(replica, lead, first.segment.start.initVersion) }
      : {
          video: initOf(replica, lead, first.segment.start.initVersion),
          audio: sound === undefined ? null : initOf(replica, sound.track.name, soundVersion),
        };
  // An init section that has not come: it comes before its first part.
  if (inits.video === null && inits.audio === null) return { kind: "joining", from };
  if (sound !== undefined && inits.audio === null) return { kind: "joining", from };
  const { bytes, trackIds } = writeFlowInit(inits);
  const begin = (track: TrackName, trackId: number, at: PartPosition, initVersion: number): TrackCursor => ({
    ...{ track, trackId, initVersion, msn: at.msn, part: at.part, continuity: "new" },
  });
  const version = first.segment.start.initVersion;
  const isSound = request.video === null;
  const video = isSound ? null : begin(lead, trackIds.video, from, version);
  const audio = isSound
    ? begin(lead, trackIds.audio, from, version)
    : sound === undefined
      ? null
      : begin(sound.track.name, trackIds.audio, heard?.at ?? nextPartOf(sound), soundVersion ?? 0);
  return { kind: "joined", cursor: { kind: "reading", video, audio }, head: [bytes] };
}

const initOf = (replica: Replica, track: TrackName, version: number | undefined): Uint8Array | null =>
  version === undefined ? null : replica.initSection(track, version);

/** A part that the replica lists. */
interface ListedPart {
  readonly segment: SegmentState;
  readonly part: PartState;
}

function findPart({ segments }: TrackState, { msn, part }: PartPosition): ListedPart | null {
  const segment = segments.find((each) => each.msn === msn);
  const found = segment?.parts[part];
  return segment === undefined || found === undefined ? null : { segment, part: found };
}

/** Program time of a part's beginning, milliseconds since the epoch. */
function programTimeOf({ track }: TrackState, { segment, part }: ListedPart): number {
  let ticks = 0;
  for (const each of segment.parts) {
    if (each.part === part.part) break;
    ticks += each.durationTicks;
  }
  return segment.start.programTimeMs + (ticks * 1000) / track.timescale;
}

function nextSegmentOf(state: TrackState): PartPosition {
  const next = nextPartOf(state);
  return next.part === 0 ? next : { msn: next.msn + 1, part: 0 };
}

/** The last part that begins with a keyframe, or null. */
function lastIndependentPart({ segments }: TrackState): PartPosition | null {
  for (const segment of segments.toReversed())
    for (const { part, independent, gap } of segment.parts.toReversed())
      if (independent && !gap) return { msn: segment.msn, part };
  return null;
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

/** The next part of a track that can be sent. */
interface ReadyPart extends ListedPart {
  readonly bytes: Uint8Array;
  readonly startMs: number;
}

/** A position after parts that cannot be sent, and the part there, or null if it has not come. */
interface Advance {
  readonly cursor: TrackCursor;
  readonly ready: ReadyPart | null;
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
  let needsInit = false;
  while (byteLength < FLOW_LIMITS.readBytes) {
    const isSound = comesFirst(audio, video);
    const next = isSound ? audio : video;
    if (next === null || next.ready === null) break;
    const { ready } = next;
    needsInit = needsOtherInit(next.cursor, ready, replica);
    if (needsInit) break;
    const bytes = withFragmentTrackId(ready.bytes, next.cursor.trackId);
    if (next.cursor.continuity === "broken") pieces.push(writeFlowEvent({ kind: "skip" }));
    const isResumed = next.cursor.continuity !== "whole" || ready.part.part === 0;
    if (isResumed && (!isSound || video === null)) pieces.push(writeClockReference(bytes, ready.startMs));
    pieces.push(bytes);
    byteLength += bytes.byteLength;
    const { initVersion } = ready.segment.start;
    const after = { ...next.cursor, part: ready.part.part + 1, initVersion, continuity: "whole" } as const;
    if (isSound) audio = advance(after, replica);
    else video = advance(after, replica);
  }
  const isRead = [video, audio].every((each) => each === null || each.ready === null);
  return {
    cursor: { kind: "reading", video: video?.cursor ?? null, audio: audio?.cursor ?? null },
    bytes: pieces.length === 0 ? null : concatBytes(pieces),
    end: needsInit ? "init" : isRead && replica.state.ended ? "ended" : null,
  };
}

/** Whether the part of `one` begins before that of `other`. */
function comesFirst(one: Advance | null, other: Advance | null): boolean {
  if (one === null || one.ready === null) return false;
  return other === null || other.ready === null || one.ready.startMs < other.ready.startMs;
}

/** The latest keyframe's position, for a viewer that is over `FLOW_LIMITS.lagMs` behind. */
function catchUp(at: TrackCursor, replica: Replica): TrackCursor {
  const state = replica.track(at.track);
  const own = state === undefined ? null : findPart(state, at);
  if (state === undefined || own === null || !isLate(state, programTimeOf(state, own))) return at;
  const key = lastIndependentPart(state);
  return key !== null && comparePartPositions(key, at) > 0 ? { ...leaveOut(at), ...key } : at;
}

/** Whether a program time is over `FLOW_LIMITS.lagMs` before the end of the newest part. */
function isLate({ track, segments }: TrackState, programTimeMs: number): boolean {
  const last = segments.at(-1);
  if (last === undefined) return false;
  const headMs = last.start.programTimeMs + (last.durationTicks * 1000) / track.timescale;
  return headMs - programTimeMs > FLOW_LIMITS.lagMs;
}

/** The cursor after media that is not sent. */
const leaveOut = (at: TrackCursor): TrackCursor => ({
  ...at,
  continuity: at.continuity === "new" ? "new" : "broken",
});

/** Goes over gaps and missing bytes. */
function advance(from: TrackCursor, replica: Replica): Advance {
  const state = replica.track(from.track);
  let cursor = from;
  for (const segment of state?.segments ?? []) {
    if (state === undefined || segment.msn < cursor.msn) continue;
    // Segments between them have left the window.
    if (segment.msn > cursor.msn) cursor = { ...leaveOut(cursor), msn: segment.msn, part: 0 };
    for (const part of segment.parts.slice(cursor.part)) {
      const bytes = part.gap ? null : replica.tail.partBytes(cursor.track, segment.msn, part.part);
      const startMs = programTimeOf(state, { segment, part });
      if (bytes !== null && (part.independent || cursor.continuity === "whole"))
        return { cursor: { ...cursor, part: part.part }, ready: { segment, part, bytes, startMs } };
      // After a new snapshot a feed brings bytes of parts that are listed.
      const isAwaited = bytes === null && !part.gap && !replica.state.ended && !isLate(state, startMs);
      if (isAwaited) return { cursor: { ...cursor, part: part.part }, ready: null };
      cursor = { ...leaveOut(cursor), part: part.part + 1 };
    }
    if (segment.closed) cursor = { ...cursor, msn: segment.msn + 1, part: 0 };
  }
  return { cursor, ready: null };
}

/** Whether the part needs an init section that the response has not sent. */
function needsOtherInit({ track, initVersion }: TrackCursor, { segment }: ReadyPart, replica: Replica): boolean {
  const { initVersion: wanted } = segment.start;
  if (wanted === initVersion) return false;
  const [sent, other] = [replica.initSection(track, initVersion), replica.initSection(track, wanted)];
  return sent === null || other === null || !isSameBytes(sent, other);
}
