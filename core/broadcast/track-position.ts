/** The position of a track: the last part, the next part, the last complete segment. */
import type { TrackName } from "../kit/ids.ts";
import type { BroadcastState, TrackState } from "./broadcast-log.ts";

/** A part's position in its track. */
export interface PartPosition {
  readonly msn: number;
  readonly part: number;
}

/** Negative if `a` is before `b`. */
export function comparePartPositions(a: PartPosition, b: PartPosition): number {
  return a.msn - b.msn || a.part - b.part;
}

/** A broadcast's track; throws `RangeError` for an unknown one. */
export function requireTrackState(state: BroadcastState, name: TrackName): TrackState {
  const track = state.tracks.get(name);
  if (track === undefined) throw new RangeError(`the broadcast has no track ${name}`);
  return track;
}

/** The last published part, or null before the first. */
export function lastPartOf(track: TrackState): PartPosition | null {
  const last = track.segments.at(-1);
  return last === undefined ? null : { msn: last.msn, part: last.parts.length - 1 };
}

/** The next part: the only one that the log accepts, and the one that the preload hint names. */
export function nextPartOf(track: TrackState): PartPosition {
  const last = track.segments.at(-1);
  if (last === undefined) return { msn: track.mediaSequence, part: 0 };
  return last.closed ? { msn: last.msn + 1, part: 0 } : { msn: last.msn, part: last.parts.length };
}

/** The last complete segment; one before `mediaSequence` if there is none. */
export function lastClosedMsn(track: TrackState): number {
  return nextPartOf(track).msn - 1;
}
