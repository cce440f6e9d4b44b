/** One timeline, between two discontinuities: the leader decides where segments begin, the other tracks follow. */
import { CmafError } from "./errors.ts";
import type { CodedFrame, TimedFrame } from "./frame.ts";
import type { FrameQueue } from "./frame-queue.ts";
import type { GapFiller } from "./gaps.ts";
import type { KeyframeSchedule } from "./keyframes.ts";
import { CMAF_LIMITS } from "./limits.ts";
import { checkLag, type FollowerContext, fillWithoutFrames, resumeLostTrack, tryEnqueue } from "./missing-frames.ts";
import type { PartOutput } from "./part-writer.ts";
import { ALIGNMENT_TOLERANCE_S, maxSegmentSOf, SegmentGrid, type SourceKeyframes } from "./segment-grid.ts";
import type { TrackPackager } from "./track-packager.ts";

/** What a timeline needs from the packager. */
export interface TimelineContext {
  readonly tracks: readonly TrackPackager[];
  readonly leader: TrackPackager;
  /** Audio that the video tracks carry, or null. */
  readonly muxedAudio: FrameQueue | null;
  readonly gapFiller: GapFiller;
  /** Output time minus media time, milliseconds. */
  readonly offsetMs: number;
  readonly segmentTargetS: number;
  readonly targetDurationS: number;
  /** See `PackagerConfig`. */
  readonly keyframes: KeyframeSchedule | null;
  /** Limits of keyframes that the source places, or null. */
  readonly sourceKeyframes: SourceKeyframes | null;
  /** Whether `EXT-X-DISCONTINUITY` stands before the timeline's first segment. */
  readonly discontinuity: boolean;
  /** Program time of an output time. */
  readonly programTimeMs: (seconds: number) => number;
  /** Called when a track's first segment of this timeline opens. */
  readonly onTrackStart: (track: TrackPackager) => void;
}

/** Placement of a follower's next frame. */
type FramePlacement = "this-segment" | "next-segment" | "drop" | "wait";

/** Gap part that closes a segment whose last part is already out, seconds. */
const CLOSING_GAP_S = 0.01;

/** See the file's first line. Names ending in `S` are seconds on the output timeline, other times a track's ticks. */
export class Timeline {
  readonly #context: TimelineContext;
  readonly #leader: TrackPackager;
  readonly #followers: readonly TrackPackager[];
  readonly #grid: SegmentGrid;
  readonly #maxSegmentS: number;
  /** The leader's segment was closed ahead of the next scheduled keyframe. */
  #isClosedEarly = false;
  readonly #followerContext: FollowerContext;
  /** Start of the last audio frame that was muxed, seconds. */
  #lastAudioS: number = Number.NEGATIVE_INFINITY;
  #gapPlan: readonly number[] = [];
  #failure: CmafError | null = null;
  /** Parts that were complete when `#failure` was thrown. */
  #completedParts: PartOutput[] = [];

  constructor(context: TimelineContext) {
    this.#context = context;
    this.#leader = context.leader;
    this.#maxSegmentS = maxSegmentSOf(context.targetDurationS);
    this.#grid = new SegmentGrid(context.segmentTargetS, context.keyframes, context.sourceKeyframes);
    this.#followerContext = {
      grid: this.#grid,
      startTrack: (track, frame, out) => this.#startTrack(track, frame, out),
      openSegment: (track, msn, dts) => this.#openSegment(track, msn, dts, dts + track.keyframeCtsOffset, false),
      enterSegment: (track, frame, out) => this.#enterSegment(track, frame, out),
      useInit: context.onTrackStart,
    };
    const others = context.tracks.filter((track) => track !== context.leader);
    this.#followers = [
      ...others.filter((track) => track.kind === "video"),
      ...others.filter((track) => track.kind === "audio"),
    ];
  }

  /** Adds a frame; returns the parts that it completes. Throws `CmafError`, and the same error from then on. */
  push(queue: FrameQueue, frame: CodedFrame): PartOutput[] {
    if (this.#failure !== null) throw this.#failure;
    const out: PartOutput[] = [];
    try {
      const follower = this.#followers.find((track) => track === queue);
      if (follower?.isOptional !== true) queue.enqueue(frame);
      else if (!tryEnqueue(follower, frame)) return out;
      if (follower !== undefined) this.#advanceFollower(follower, out);
      else if (queue === this.#leader) {
        this.#pushLeaderFrame(frame, out);
        for (const track of this.#followers) this.#advanceFollower(track, out);
        const { muxedAudio } = this.#context;
        const awaited = muxedAudio === null ? this.#followers : [...this.#followers, muxedAudio];
        if (this.#grid.originS !== null) checkLag(this.#leader, awaited, this.#grid.originS);
      }
      this.#distributeAudio(out);
      return out;
    } catch (error) {
      if (!(error instanceof CmafError)) throw error;
      this.#failure = error;
      this.#completedParts = out;
      throw error;
    }
  }

  /** No frame of a following track comes before `untilTicks` of its media time: gap parts stand for it. */
  markSilent(queue: FrameQueue, untilTicks: number): PartOutput[] {
    const out: PartOutput[] = [];
    queue.extendSilence(untilTicks);
    const originS = this.#grid.originS ?? Number.POSITIVE_INFINITY;
    const track = this.#followers.find((each) => each === queue);
    const endS = track?.isOptional ? track.toSeconds(track.toOutputTicks(untilTicks)) : (queue.receivedS ?? 0);
    if (track !== undefined && endS > originS && this.#failure === null) {
      track.isLost ||= track.isOptional;
      if (!track.hasStarted) this.#startTrack(track, null, out);
      track.silentUntilTicks = Math.max(track.silentUntilTicks, track.toTicks(endS));
      this.#advanceFollower(track, out);
    }
    this.#distributeAudio(out);
    return out;
  }

  /** Emits what is held; all tracks close the same segment at the same time. */
  end(): PartOutput[] {
    const out = this.#completedParts;
    if (this.#grid.originS === null) return out;
    for (const track of this.#followers) {
      try {
        this.#placeFollowerFrames(track, out, true);
      } catch (error) {
        // The error was thrown already, or the timeline ends before it matters.
        if (!(error instanceof CmafError)) throw error;
      }
    }
    this.#dropEmptyBoundary();
    this.#alignEnds(out);
    return out;
  }

  /** A timeline that ends where a keyframe was due has no segment after it. */
  #dropEmptyBoundary(): void {
    const { msn, atS } = this.#grid.lastBoundary;
    const isEmpty = this.#context.tracks.every((track) => track.hasStarted && track.writer.msn < msn);
    if (this.#isClosedEarly && isEmpty && this.#lastAudioS < atS) this.#grid.removeLastBoundary();
  }

  /** Adds audio to every track that carries it; audio before the first video frame is dropped. */
  #distributeAudio(out: PartOutput[]): void {
    const { muxedAudio, tracks } = this.#context;
    if (muxedAudio === null || this.#grid.originS === null) return;
    for (let frame = muxedAudio.firstFrame; frame !== undefined; frame = muxedAudio.firstFrame) {
      muxedAudio.dequeue();
      const timed = muxedAudio.toOutputTime(frame);
      // Half a sample: the tracks' clocks round differently.
      if (muxedAudio.toSeconds(timed.dts + 0.5) < this.#grid.originS) continue;
      for (const { muxer } of tracks) muxer?.addAudioFrame(timed);
      this.#lastAudioS = muxedAudio.toSeconds(timed.dts);
    }
    const untilS = muxedAudio.receivedS ?? Number.NEGATIVE_INFINITY;
    for (const { muxer, receivedS } of tracks) {
      const lateS = (receivedS ?? Number.NEGATIVE_INFINITY) - CMAF_LIMITS.audioWaitS;
      muxer?.completeAudioUntil(Math.max(untilS, lateS) * muxedAudio.timescale, out);
    }
  }

  #pushLeaderFrame(frame: CodedFrame, out: PartOutput[]): void {
    const track = this.#leader;
    track.dequeue();
    if (this.#grid.originS === null) {
      if (!frame.sync) return;
      this.#startAtKeyframe(frame, out);
    } else {
      const timed = track.toOutputTime(frame);
      if (frame.sync) this.#grid.observeKeyframe(track.toSeconds(timed.pts));
      if (this.#isClosedEarly) {
        if (!frame.sync) throw this.#missingKeyframe(frame);
        this.#isClosedEarly = false;
        this.#enterSegment(track, timed, out);
      } else if (frame.sync && this.#grid.isDue(track.toSeconds(timed.dts + track.keyframeCtsOffset))) {
        this.#checkSegmentLength(track, timed.dts, frame);
        this.#addBoundary(track.toSeconds(timed.pts));
        this.#enterSegment(track, timed, out);
      } else this.#checkSegmentLength(track, timed.end, frame);
    }
    const timed = track.toOutputTime(frame);
    track.writer.addFrame(timed, out);
    track.frameTicks = frame.durationTicks;
    this.#grid.observeLeaderFrame(track.toSeconds(timed.pts), track.toSeconds(frame.durationTicks));
    // A part that may be the segment's last waits for the next frame.
    const nextS = track.toSeconds(track.writer.endTicks + track.keyframeCtsOffset);
    if (!this.#grid.isDue(nextS)) track.writer.flushIfFull(out);
    else if (this.#grid.isScheduled(nextS)) {
      track.writer.closeSegment(1, out);
      this.#addBoundary(nextS);
      this.#isClosedEarly = true;
    }
  }

  #missingKeyframe(frame: CodedFrame): CmafError {
    const what = "the encoder did not make the keyframe at its scheduled frame";
    return new CmafError("no-keyframe", what, {
      input: this.#leader.name,
      timestampS: this.#leader.toSeconds(frame.dts),
    });
  }

  /** The leader's first keyframe places the timeline after the media that was written before. */
  #startAtKeyframe(frame: CodedFrame, out: PartOutput[]): void {
    const { tracks, muxedAudio, gapFiller, offsetMs, discontinuity } = this.#context;
    const track = this.#leader;
    const place = (shiftS: number): void => {
      for (const each of muxedAudio === null ? tracks : [...tracks, muxedAudio])
        each.setOffset(Math.round((offsetMs / 1000 + shiftS) * each.timescale));
    };
    place(0);
    const early = discontinuity ? gapFiller.writtenUntilS - track.toSeconds(track.toOutputTime(frame).dts) : 0;
    if (early > 0) place(early);
    const timed = track.toOutputTime(frame);
    const fail = (what: string): CmafError =>
      new CmafError("timestamp-invalid", what, { input: track.name, timestampS: track.toSeconds(frame.dts) });
    if (timed.dts < 0) throw fail("its program time is more than a second before the broadcast's start");
    if (timed.end > CMAF_LIMITS.ticks / 2) throw fail("its program time is beyond the limit");
    if (-early > CMAF_LIMITS.gapS && discontinuity)
      throw fail(`it is ${(-early).toFixed(0)} s after the end of the timeline before`);
    const resumeS = track.toSeconds(Math.max(timed.dts, track.writer.endTicks));
    const openMsn = track.writer.isOpen ? track.writer.msn : track.writer.msn + 1;
    this.#gapPlan = discontinuity ? gapFiller.planSegments(resumeS) : [];
    this.#grid.begin(openMsn + this.#gapPlan.length, track.toSeconds(timed.pts));
    this.#startTrack(track, timed, out);
  }

  /** Opens the timeline's first segment in `track`, after the gap before it; `frame` is its first, null if it has none. */
  #startTrack(track: TrackPackager, frame: TimedFrame | null, out: PartOutput[]): void {
    const { gapFiller, onTrackStart, discontinuity } = this.#context;
    const atS = this.#grid.boundaryOf(this.#grid.firstMsn)?.atS ?? 0;
    // A track that begins a frame or more later has a gap within its first segment, so that all segments align.
    const late = frame === null || track.toSeconds(frame.dts) - atS > track.toSeconds(frame.end - frame.dts);
    const dts = frame === null || late ? track.toTicks(atS) : frame.dts;
    gapFiller.writePlan(track, this.#gapPlan, dts, out);
    track.keyframeCtsOffset = frame === null ? 0 : frame.pts - frame.dts;
    track.hasStarted = true;
    onTrackStart(track);
    const begin = track.writer.hasBegun ? track.writer.endTicks : dts;
    this.#openSegment(track, this.#grid.firstMsn, dts, late ? begin : frame.pts, discontinuity);
  }

  #openSegment(track: TrackPackager, msn: number, dts: number, pts: number, discontinuity: boolean): void {
    const programTimeMs = this.#context.programTimeMs(track.toSeconds(pts));
    track.writer.openSegment(msn, dts, { programTimeMs, initVersion: track.initVersion, discontinuity });
  }

  #addBoundary(atS: number): void {
    const beforeFirst = this.#grid.firstMsn - 1;
    const passed = this.#context.tracks.map((track) => (track.hasStarted ? track.writer.msn : beforeFirst));
    this.#grid.addBoundary(atS, Math.min(...passed));
  }

  /** Closes `track`'s segment and opens the next with `frame`. */
  #enterSegment(track: TrackPackager, frame: TimedFrame, out: PartOutput[]): void {
    const { writer } = track;
    if (writer.isOpen) {
      writer.bridgeTo(frame.dts, out);
      writer.closeSegment(1, out);
    }
    this.#openSegment(track, writer.msn + 1, frame.dts, frame.pts, false);
  }

  /** Rule 3: a segment's duration, rounded, is at most the target duration. */
  #checkSegmentLength(track: TrackPackager, end: number, frame: CodedFrame): void {
    if (this.#fitsSegment(track, end)) return;
    const { targetDurationS } = this.#context;
    const what = `no keyframe came in time: the segment would be longer than the target duration of ${targetDurationS} s`;
    throw new CmafError("no-keyframe", what, { input: track.name, timestampS: track.toSeconds(frame.dts) });
  }

  #fitsSegment(track: TrackPackager, end: number): boolean {
    return track.toSeconds(end - track.writer.segmentDts) < this.#maxSegmentS;
  }

  /** As `#placeFollowerFrames`. An optional track that does not fit loses its place, instead of ending the timeline. */
  #advanceFollower(track: TrackPackager, out: PartOutput[]): void {
    try {
      this.#placeFollowerFrames(track, out, false);
    } catch (error) {
      if (!(error instanceof CmafError && track.isOptional)) throw error;
      track.isLost = true;
    }
  }

  /** Places as many of `track`'s frames as can be placed; all of them if `ending`. */
  #placeFollowerFrames(track: TrackPackager, out: PartOutput[], ending: boolean): void {
    if (this.#grid.originS === null) return;
    if (track.isLost) resumeLostTrack(track, this.#followerContext, ending, out);
    if (track.isLost) return;
    for (let frame = track.firstFrame; frame !== undefined; frame = track.firstFrame) {
      const timed = track.toOutputTime(frame);
      if (!this.#fillSilence(track, timed, out) && !ending) break;
      let place = this.#placementOf(track, timed, frame);
      if (place === "wait") {
        if (!ending) break;
        place = this.#placementAfterLeader(track, timed);
      }
      track.dequeue();
      if (place === "drop") continue;
      if (!track.hasStarted) this.#startTrack(track, timed, out);
      else if (place === "next-segment") this.#enterSegment(track, timed, out);
      // Time after an audio frame is filled later, because segments may begin within it.
      const end = track.kind === "audio" ? Math.min(timed.end, timed.dts + track.writer.partTicks) : timed.end;
      track.writer.addFrame({ ...timed, end }, out);
      if (frame.durationTicks <= track.writer.partTicks) track.frameTicks = frame.durationTicks;
      track.silentUntilTicks = Math.max(track.silentUntilTicks, timed.end);
    }
    if (track.firstFrame === undefined) this.#fillSilence(track, null, out);
    if (!track.hasStarted || !track.writer.isOpen) return;
    const next = this.#grid.boundaryOf(track.writer.msn + 1);
    const endS = track.toSeconds(track.writer.endTicks + track.keyframeCtsOffset);
    const frameS = track.toSeconds(track.frameTicks);
    const nearS = track.kind === "audio" ? frameS / 2 : ALIGNMENT_TOLERANCE_S / 2;
    const complete = track.kind === "audio" || this.#context.keyframes !== null;
    if (next !== undefined && complete && endS >= next.atS - nearS) track.writer.closeSegment(1, out);
    else if (next !== undefined ? endS < next.atS - 2 * frameS : endS + frameS < this.#grid.horizonS)
      track.writer.flushIfFull(out);
  }

  /** Fills silence with gap parts, segment by segment; whether it is over. Frames that wait stand before silence marked later. */
  #fillSilence(track: TrackPackager, next: TimedFrame | null, out: PartOutput[]): boolean {
    const silent = track.silentUntilTicks;
    if (!track.hasStarted || track.isOptional) return true;
    const until = track.kind === "video" ? Math.min(silent, next?.dts ?? silent) : (next?.dts ?? silent);
    return fillWithoutFrames(track, until, this.#followerContext, out);
  }

  #placementOf(track: TrackPackager, frame: TimedFrame, raw: CodedFrame): FramePlacement {
    // A frame that lasts through a pause counts with its usual duration.
    const halfS = track.toSeconds(Math.min(raw.durationTicks, track.frameTicks || track.writer.partTicks)) / 2;
    const ptsS = track.toSeconds(frame.pts);
    const next = this.#grid.boundaryOf(track.hasStarted ? track.writer.msn + 1 : this.#grid.firstMsn);
    if (next === undefined) return ptsS + halfS < this.#grid.horizonS ? "this-segment" : "wait";
    const before: FramePlacement = track.hasStarted ? "this-segment" : "drop";
    if (track.kind === "audio") {
      const reached = ptsS >= next.atS - halfS && (track.hasStarted || this.#isAfterGap(track, frame));
      return reached ? "next-segment" : before;
    }
    const same = Math.abs(ptsS - next.atS) <= Math.min(halfS, ALIGNMENT_TOLERANCE_S);
    if (same && frame.sync) return "next-segment";
    const key = track.hasStarted ? track.keyframeCtsOffset : 0;
    if (!same && (ptsS < next.atS || track.toSeconds(frame.dts + key) <= next.atS + halfS)) return before;
    const what = `renditions not aligned: ${this.#leader.name} has a keyframe at ${this.#inputTime(next.atS)} s, this track has none`;
    throw new CmafError("not-aligned", what, {
      input: track.name,
      timestampS: track.toSeconds(raw.dts + raw.ctsOffset),
    });
  }

  /** A gap segment needs time of its own, so a timeline's first audio frame does not begin within written media. */
  #isAfterGap(track: TrackPackager, frame: TimedFrame): boolean {
    return !track.writer.hasBegun || frame.dts > track.writer.endTicks || this.#gapPlan.length === 0;
  }

  /** Placement of a frame beyond the leader's end. */
  #placementAfterLeader(track: TrackPackager, frame: TimedFrame): FramePlacement {
    if (!track.hasStarted || this.#fitsSegment(track, frame.end)) return track.hasStarted ? "this-segment" : "drop";
    if (!frame.sync) return "drop";
    this.#addBoundary(track.toSeconds(frame.pts));
    return "next-segment";
  }

  #inputTime(atS: number): string {
    return (atS - this.#context.offsetMs / 1000).toFixed(6);
  }

  /** Brings all tracks to the same segment and the same end, with gap parts where one has less, and closes them. */
  #alignEnds(out: PartOutput[]): void {
    const { tracks } = this.#context;
    const endOf = (): number => Math.max(...tracks.map(({ writer, timescale }) => writer.endTicks / timescale));
    // Audio that outlasts the video may need segments of its own.
    const audioS = this.#lastAudioS >= endOf() ? this.#lastAudioS + CLOSING_GAP_S : 0;
    while (audioS - this.#grid.lastBoundary.atS >= this.#maxSegmentS)
      this.#addBoundary(Math.max(this.#grid.idealBoundaryS, endOf()));
    const lastMsn = this.#grid.lastBoundary.msn;
    for (const track of tracks) {
      if (!track.hasStarted) this.#startTrack(track, null, out);
      for (let msn = track.writer.msn + 1; msn <= lastMsn; msn++) {
        const { writer } = track;
        const dts = Math.max(track.toTicks(this.#grid.boundaryOf(msn)?.atS ?? 0), writer.endTicks);
        if (writer.isOpen) {
          writer.bridgeTo(dts, out);
          writer.closeSegment(track.toTicks(CLOSING_GAP_S), out);
        }
        this.#openSegment(track, msn, dts, writer.endTicks, false);
      }
    }
    let endS = Math.max(endOf(), audioS);
    if (tracks.some((track) => !track.writer.isPending && track.toTicks(endS) <= track.writer.endTicks))
      endS += CLOSING_GAP_S;
    for (const track of tracks) {
      if (!track.writer.isOpen) continue;
      track.writer.bridgeTo(track.toTicks(endS), out);
      track.writer.closeSegment(1, out);
    }
  }
}
