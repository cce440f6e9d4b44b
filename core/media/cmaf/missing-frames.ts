/** Time in which a follower has no frames: gap parts stand for it, segment by segment. */
import { CmafError } from "./errors.ts";
import type { CodedFrame, TimedFrame } from "./frame.ts";
import type { FrameQueue } from "./frame-queue.ts";
import { CMAF_LIMITS } from "./limits.ts";
import type { PartOutput } from "./part-writer.ts";
import { ALIGNMENT_TOLERANCE_S, type SegmentBoundary, type SegmentGrid } from "./segment-grid.ts";
import type { TrackPackager } from "./track-packager.ts";

/** What a timeline does for its followers. */
export interface FollowerContext {
  readonly grid: SegmentGrid;
  /** Opens the timeline's first segment; `frame` is its first, null if it has none. */
  readonly startTrack: (track: TrackPackager, frame: TimedFrame | null, out: PartOutput[]) => void;
  readonly openSegment: (track: TrackPackager, msn: number, dts: number) => void;
  /** Closes the track's segment and opens the next one with `frame`. */
  readonly enterSegment: (track: TrackPackager, frame: TimedFrame, out: PartOutput[]) => void;
  /** The track's newest init section describes its next segments. */
  readonly useInit: (track: TrackPackager) => void;
}

/** Fills the time up to `until`, ticks, as far as the leader has come; whether all of it is filled. */
export function fillWithoutFrames(
  track: TrackPackager,
  until: number,
  { grid, openSegment }: FollowerContext,
  out: PartOutput[],
): boolean {
  const { writer } = track;
  while (until - writer.endTicks > track.frameTicks) {
    const boundary = grid.boundaryOf(writer.msn + 1);
    const known =
      boundary === undefined
        ? Math.floor(grid.leaderPtsS * track.timescale)
        : track.toTicks(boundary.atS) - track.keyframeCtsOffset;
    if (writer.isOpen) writer.fillGapUntil(Math.min(until, known), out);
    if (known >= until) return true;
    if (boundary === undefined) return false;
    if (writer.isOpen) writer.closeSegment(1, out);
    openSegment(track, boundary.msn, known);
  }
  return true;
}

/** Drops the frames of a lost track up to a keyframe that begins a segment, with which it goes on. */
export function resumeLostTrack(
  track: TrackPackager,
  context: FollowerContext,
  isEnding: boolean,
  out: PartOutput[],
): void {
  for (let frame = track.firstFrame; frame !== undefined; frame = track.firstFrame) {
    const timed = track.toOutputTime(frame);
    const place = resumptionOf(track, frame, timed, context.grid);
    if (place === "wait" && !isEnding) break;
    track.dequeue();
    if (place === "wait" || place === "drop") continue;
    resume(track, place, timed, context, out);
    track.writer.addFrame(timed, out);
    track.frameTicks = frame.durationTicks;
    track.silentUntilTicks = timed.end;
    track.isLost = false;
    return;
  }
  if (track.hasStarted) fillWithoutFrames(track, track.silentUntilTicks, context, out);
}

/** The boundary at which `frame` can go on. */
function resumptionOf(
  track: TrackPackager,
  frame: CodedFrame,
  timed: TimedFrame,
  grid: SegmentGrid,
): SegmentBoundary | "drop" | "wait" {
  if (!frame.sync || timed.dts < track.writer.endTicks - track.frameTicks) return "drop";
  const ptsS = track.toSeconds(timed.pts);
  const boundary = grid.boundaryNear(ptsS, ALIGNMENT_TOLERANCE_S);
  const after = track.hasStarted ? track.writer.msn : grid.firstMsn - 1;
  if (boundary !== undefined && boundary.msn > after) return boundary;
  return ptsS + ALIGNMENT_TOLERANCE_S < grid.horizonS ? "drop" : "wait";
}

function resume(
  track: TrackPackager,
  { msn }: SegmentBoundary,
  frame: TimedFrame,
  context: FollowerContext,
  out: PartOutput[],
): void {
  if (!track.hasStarted && msn === context.grid.firstMsn) {
    context.startTrack(track, frame, out);
    return;
  }
  if (!track.hasStarted) context.startTrack(track, null, out);
  track.keyframeCtsOffset = frame.pts - frame.dts;
  // A tick more than a frame is filled exactly.
  track.frameTicks = 0;
  fillWithoutFrames(track, frame.dts, context, out);
  context.useInit(track);
  context.enterSegment(track, frame, out);
}

/** Queues a frame of an optional track; one that is not valid costs the track its place. */
export function tryEnqueue(track: TrackPackager, frame: CodedFrame): boolean {
  try {
    track.enqueue(frame);
    return true;
  } catch (error) {
    if (!(error instanceof CmafError)) throw error;
    track.isLost = true;
    return false;
  }
}

/** Throws `CmafError` if a follower has fallen too far behind; `originS` is the timeline's first keyframe. */
export function checkLag(leader: FrameQueue, followers: readonly FrameQueue[], originS: number): void {
  const leadS = leader.receivedS ?? 0;
  for (const track of followers) {
    const atS = Math.max(track.receivedS ?? originS, originS);
    if (leadS - atS <= CMAF_LIMITS.lagS) continue;
    const what = `it has sent nothing for ${CMAF_LIMITS.lagS} s while ${leader.name} went on`;
    const timestampS = track.toSeconds(track.firstFrame?.dts ?? 0);
    throw new CmafError("limit", what, { input: track.name, timestampS });
  }
}
