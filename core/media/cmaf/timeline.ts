/** One run of the source: the leader decides where segments begin, the other tracks follow. */
import { CmafError } from "./errors.ts";
import type { CodedFrame, TimedFrame } from "./frame.ts";
import type { FrameQueue } from "./frame-queue.ts";
import type { GapFiller } from "./gaps.ts";
import type { KeyframeSchedule } from "./keyframes.ts";
import { CMAF_LIMITS } from "./limits.ts";
import type { PartOutput } from "./part-writer.ts";
import { ALIGNMENT_TOLERANCE_S, SegmentGrid } from "./segment-grid.ts";
import type { TrackPackager } from "./track-packager.ts";

/** What a run needs of the packager. */
export interface TimelineContext {
  readonly tracks: readonly TrackPackager[];
  readonly leader: TrackPackager;
  /** What the video tracks carry beside their pictures, or null. */
  readonly muxedAudio: FrameQueue | null;
  readonly gapFiller: GapFiller;
  /** Output time minus media time, milliseconds. */
  readonly offsetMs: number;
  readonly segmentTargetS: number;
  readonly targetDurationS: number;
  /** See `PackagerConfig`. */
  readonly keyframes: KeyframeSchedule | null;
  /** Whether `EXT-X-DISCONTINUITY` stands before the run's first segment. */
  readonly discontinuity: boolean;
  /** Programme time of an output time. */
  readonly programTimeMs: (seconds: number) => number;
  /** Called when a track's first segment of this run opens. */
  readonly onTrackStart: (lane: TrackPackager) => void;
}

/** What becomes of a follower's next frame. */
type FramePlacement = "this-segment" | "next-segment" | "drop" | "wait";

/** Seconds by which a track's last segment may pass the leader's and still round to the target duration. */
const TARGET_MARGIN_S = 0.04;
/** Gap part that closes a segment whose last part is already out, seconds. */
const CLOSING_GAP_S = 0.01;

/** See the file's first line. Times are seconds on the output timeline where names end in `S`, else a track's ticks. */
export class Timeline {
  readonly #context: TimelineContext;
  readonly #leader: TrackPackager;
  readonly #followers: readonly TrackPackager[];
  readonly #grid: SegmentGrid;
  /** The leader's segment was closed in expectation of the keyframe that is scheduled next. */
  #isClosedEarly = false;
  /** When the last sound that was handed on begins, seconds. */
  #lastAudioS: number = Number.NEGATIVE_INFINITY;
  #gapPlan: readonly number[] = [];
  #failure: CmafError | null = null;
  /** What was complete when `#failure` was thrown. */
  #completedParts: PartOutput[] = [];

  constructor(context: TimelineContext) {
    this.#context = context;
    this.#leader = context.leader;
    this.#grid = new SegmentGrid(context.segmentTargetS, context.keyframes);
    const others = context.tracks.filter((lane) => lane !== context.leader);
    this.#followers = [
      ...others.filter((lane) => lane.kind === "video"),
      ...others.filter((lane) => lane.kind === "audio"),
    ];
  }

  /** Takes a frame in; gives the parts that it completes. Throws `CmafError`, from then on always the same. */
  push(intake: FrameQueue, frame: CodedFrame): PartOutput[] {
    if (this.#failure !== null) throw this.#failure;
    const out: PartOutput[] = [];
    try {
      intake.enqueue(frame);
      const follower = this.#followers.find((lane) => lane === intake);
      if (follower !== undefined) this.#placeFollowerFrames(follower, out, false);
      else if (intake === this.#leader) {
        this.#pushLeaderFrame(frame, out);
        for (const lane of this.#followers) this.#placeFollowerFrames(lane, out, false);
        this.#checkLag();
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

  /** Emits what is held; all tracks close the same segment at the same time. */
  end(): PartOutput[] {
    const out = this.#completedParts;
    if (this.#grid.originS === null) return out;
    for (const lane of this.#followers) {
      try {
        this.#placeFollowerFrames(lane, out, true);
      } catch (error) {
        // The run is over for a reason that was told already, or ends before this could matter.
        if (!(error instanceof CmafError)) throw error;
      }
    }
    this.#dropEmptyBoundary();
    this.#alignEnds(out);
    return out;
  }

  /** A run that ends where a keyframe was due has no segment after that; it is not opened for nothing. */
  #dropEmptyBoundary(): void {
    const { msn, atS } = this.#grid.lastBoundary;
    const isEmpty = this.#context.tracks.every((lane) => lane.hasStarted && lane.writer.msn < msn);
    if (this.#isClosedEarly && isEmpty && this.#lastAudioS < atS) this.#grid.removeLastBoundary();
  }

  /** Hands sound to every track that carries it; what begins before the pictures is left out. */
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
    const lane = this.#leader;
    lane.dequeue();
    if (this.#grid.originS === null) {
      if (!frame.sync) return;
      this.#startAtKeyframe(frame, out);
    } else {
      const timed = lane.toOutputTime(frame);
      if (this.#isClosedEarly) {
        if (!frame.sync) throw this.#missingKeyframe(frame);
        this.#isClosedEarly = false;
        this.#enterSegment(lane, timed, out);
      } else if (frame.sync && this.#grid.isDue(lane.toSeconds(timed.dts + lane.keyframeCtsOffset))) {
        this.#checkSegmentLength(lane, timed.dts, frame);
        this.#addBoundary(lane.toSeconds(timed.pts));
        this.#enterSegment(lane, timed, out);
      } else this.#checkSegmentLength(lane, timed.end, frame);
    }
    const timed = lane.toOutputTime(frame);
    lane.writer.addFrame(timed, out);
    lane.frameTicks = frame.durationTicks;
    this.#grid.observeLeaderFrame(lane.toSeconds(timed.pts), lane.toSeconds(frame.durationTicks));
    // A part that may be the segment's last waits for the next frame, which tells.
    const nextS = lane.toSeconds(lane.writer.endTicks + lane.keyframeCtsOffset);
    if (!this.#grid.isDue(nextS)) lane.writer.flushIfFull(out);
    else if (this.#grid.isScheduled(nextS)) {
      lane.writer.closeSegment(1, out);
      this.#addBoundary(nextS);
      this.#isClosedEarly = true;
    }
  }

  #missingKeyframe(frame: CodedFrame): CmafError {
    const what = "the keyframe that the encoder was told to make did not come";
    return new CmafError("no-keyframe", what, {
      input: this.#leader.name,
      timestampS: this.#leader.toSeconds(frame.dts),
    });
  }

  /** The leader's first keyframe: the run's timeline is placed behind what was written before. */
  #startAtKeyframe(frame: CodedFrame, out: PartOutput[]): void {
    const { tracks, muxedAudio, gapFiller, offsetMs, discontinuity } = this.#context;
    const lane = this.#leader;
    const place = (shiftS: number): void => {
      for (const each of muxedAudio === null ? tracks : [...tracks, muxedAudio])
        each.setOffset(Math.round((offsetMs / 1000 + shiftS) * each.timescale));
    };
    place(0);
    const early = discontinuity ? gapFiller.writtenUntilS - lane.toSeconds(lane.toOutputTime(frame).dts) : 0;
    if (early > 0) place(early);
    const timed = lane.toOutputTime(frame);
    const fail = (what: string): CmafError =>
      new CmafError("timestamp-invalid", what, { input: lane.name, timestampS: lane.toSeconds(frame.dts) });
    if (timed.dts < 0) throw fail("its programme time is more than a second before the broadcast's start");
    if (timed.end > CMAF_LIMITS.ticks / 2) throw fail("its programme time is absurdly late");
    if (-early > CMAF_LIMITS.gapS && discontinuity)
      throw fail(`it is ${(-early).toFixed(0)} s after the last run's end`);
    const resumeS = lane.toSeconds(Math.max(timed.dts, lane.writer.endTicks));
    const openMsn = lane.writer.isOpen ? lane.writer.msn : lane.writer.msn + 1;
    this.#gapPlan = discontinuity ? gapFiller.planSegments(resumeS) : [];
    this.#grid.begin(openMsn + this.#gapPlan.length, lane.toSeconds(timed.pts));
    this.#startTrack(lane, timed, out);
  }

  /** Opens the run's first segment in `lane`, after the gap before it; `frame` is its first, null if none ever came. */
  #startTrack(lane: TrackPackager, frame: TimedFrame | null, out: PartOutput[]): void {
    const { gapFiller, onTrackStart, discontinuity } = this.#context;
    const atS = this.#grid.boundaryOf(this.#grid.firstMsn)?.atS ?? 0;
    // What begins a frame or more after the others has a gap within its first segment, so that all segments agree.
    const late = frame === null || lane.toSeconds(frame.dts) - atS > lane.toSeconds(frame.end - frame.dts);
    const dts = frame === null || late ? lane.toTicks(atS) : frame.dts;
    gapFiller.writePlan(lane, this.#gapPlan, dts, out);
    lane.keyframeCtsOffset = frame === null ? 0 : frame.pts - frame.dts;
    lane.hasStarted = true;
    onTrackStart(lane);
    this.#openSegment(lane, this.#grid.firstMsn, dts, late ? null : frame, discontinuity);
  }

  #openSegment(lane: TrackPackager, msn: number, dts: number, frame: TimedFrame | null, discontinuity: boolean): void {
    const begin = frame?.pts ?? (lane.writer.hasBegun ? lane.writer.endTicks : dts);
    const programTimeMs = this.#context.programTimeMs(lane.toSeconds(begin));
    lane.writer.openSegment(msn, dts, { programTimeMs, initVersion: lane.initVersion, discontinuity });
  }

  #addBoundary(atS: number): void {
    const first = this.#grid.firstMsn;
    const { tracks } = this.#context;
    this.#grid.addBoundary(atS, Math.min(...tracks.map((lane) => (lane.hasStarted ? lane.writer.msn : first - 1))));
  }

  /** Closes `lane`'s segment and opens the next with `frame`. */
  #enterSegment(lane: TrackPackager, frame: TimedFrame, out: PartOutput[]): void {
    const { writer } = lane;
    if (writer.isOpen) {
      writer.bridgeTo(frame.dts, out);
      writer.closeSegment(1, out);
    }
    this.#openSegment(lane, writer.msn + 1, frame.dts, frame, false);
  }

  /** Rule 3: a segment's duration, rounded, is at most the target duration. */
  #checkSegmentLength(lane: TrackPackager, end: number, frame: CodedFrame): void {
    if (this.#fitsSegment(lane, end)) return;
    const { targetDurationS } = this.#context;
    const what = `no keyframe came in time: the segment would be longer than the target duration of ${targetDurationS} s`;
    throw new CmafError("no-keyframe", what, { input: lane.name, timestampS: lane.toSeconds(frame.dts) });
  }

  #fitsSegment(lane: TrackPackager, end: number): boolean {
    return lane.toSeconds(end - lane.writer.segmentDts) < this.#maxSegmentS;
  }

  /** A segment must be shorter than this. */
  get #maxSegmentS(): number {
    return this.#context.targetDurationS + 0.5 - TARGET_MARGIN_S;
  }

  #checkLag(): void {
    if (this.#grid.originS === null) return;
    const leadS = this.#leader.receivedS ?? 0;
    const { muxedAudio } = this.#context;
    for (const lane of muxedAudio === null ? this.#followers : [...this.#followers, muxedAudio]) {
      const atS = Math.max(lane.receivedS ?? this.#grid.originS, this.#grid.originS);
      if (leadS - atS <= CMAF_LIMITS.lagS) continue;
      const what = `it has sent nothing for ${CMAF_LIMITS.lagS} s while ${this.#leader.name} went on`;
      throw new CmafError("limit", what, { input: lane.name, timestampS: lane.toSeconds(lane.firstFrame?.dts ?? 0) });
    }
  }

  /** Places as many of `lane`'s frames as can be placed; all of them if `ending`. */
  #placeFollowerFrames(lane: TrackPackager, out: PartOutput[], ending: boolean): void {
    if (this.#grid.originS === null) return;
    for (let frame = lane.firstFrame; frame !== undefined; frame = lane.firstFrame) {
      const timed = lane.toOutputTime(frame);
      if (!this.#fillSilence(lane, timed, out) && !ending) break;
      let place = this.#placementOf(lane, timed, frame);
      if (place === "wait") {
        if (!ending) break;
        place = this.#placementAfterLeader(lane, timed);
      }
      lane.dequeue();
      if (place === "drop") continue;
      if (!lane.hasStarted) this.#startTrack(lane, timed, out);
      else if (place === "next-segment") this.#enterSegment(lane, timed, out);
      // What an audio frame leaves empty is filled later, because segments may begin within it.
      const end = lane.kind === "audio" ? Math.min(timed.end, timed.dts + lane.writer.partTicks) : timed.end;
      lane.writer.addFrame({ ...timed, end }, out);
      if (frame.durationTicks <= lane.writer.partTicks) lane.frameTicks = frame.durationTicks;
      lane.silentUntilTicks = timed.end;
    }
    if (lane.firstFrame === undefined) this.#fillSilence(lane, null, out);
    if (!lane.hasStarted || !lane.writer.isOpen) return;
    const next = this.#grid.boundaryOf(lane.writer.msn + 1);
    const endS = lane.toSeconds(lane.writer.endTicks + lane.keyframeCtsOffset);
    const frameS = lane.toSeconds(lane.frameTicks);
    const nearS = lane.kind === "audio" ? frameS / 2 : ALIGNMENT_TOLERANCE_S / 2;
    const complete = lane.kind === "audio" || this.#context.keyframes !== null;
    if (next !== undefined && complete && endS >= next.atS - nearS) lane.writer.closeSegment(1, out);
    else if (next !== undefined ? endS < next.atS - 2 * frameS : endS + frameS < this.#grid.horizonS)
      lane.writer.flushIfFull(out);
  }

  /** Gap parts for the time in which an audio track has nothing, segment by segment; whether that time is over. */
  #fillSilence(lane: TrackPackager, next: TimedFrame | null, out: PartOutput[]): boolean {
    const { writer } = lane;
    if (!lane.hasStarted || lane.kind === "video") return true;
    const until = next === null ? lane.silentUntilTicks : Math.max(lane.silentUntilTicks, next.dts);
    while (until - writer.endTicks > lane.frameTicks) {
      const cut = this.#grid.boundaryOf(writer.msn + 1);
      const known = cut === undefined ? Math.floor(this.#grid.leaderPtsS * lane.timescale) : lane.toTicks(cut.atS);
      if (writer.isOpen) writer.fillGapUntil(Math.min(until, known), out);
      if (known >= until) return true;
      if (cut === undefined) return false;
      if (writer.isOpen) writer.closeSegment(1, out);
      this.#openSegment(lane, cut.msn, known, null, false);
    }
    return true;
  }

  #placementOf(lane: TrackPackager, frame: TimedFrame, raw: CodedFrame): FramePlacement {
    // A frame that lasts over a pause is no longer than others where its beginning is concerned.
    const halfS = lane.toSeconds(Math.min(raw.durationTicks, lane.frameTicks || lane.writer.partTicks)) / 2;
    const ptsS = lane.toSeconds(frame.pts);
    const next = this.#grid.boundaryOf(lane.hasStarted ? lane.writer.msn + 1 : this.#grid.firstMsn);
    if (next === undefined) return ptsS + halfS < this.#grid.horizonS ? "this-segment" : "wait";
    const before: FramePlacement = lane.hasStarted ? "this-segment" : "drop";
    if (lane.kind === "audio") {
      const reached = ptsS >= next.atS - halfS && (lane.hasStarted || this.#isAfterGap(lane, frame));
      return reached ? "next-segment" : before;
    }
    const same = Math.abs(ptsS - next.atS) <= Math.min(halfS, ALIGNMENT_TOLERANCE_S);
    if (same && frame.sync) return "next-segment";
    const key = lane.hasStarted ? lane.keyframeCtsOffset : 0;
    if (!same && (ptsS < next.atS || lane.toSeconds(frame.dts + key) <= next.atS + halfS)) return before;
    const what = `renditions not aligned: ${this.#leader.name} has a keyframe at ${this.#inputTime(next.atS)} s, this track has none`;
    throw new CmafError("not-aligned", what, { input: lane.name, timestampS: lane.toSeconds(raw.dts + raw.ctsOffset) });
  }

  /** A gap segment needs time of its own, so a run's first audio frame does not begin within what was written. */
  #isAfterGap(lane: TrackPackager, frame: TimedFrame): boolean {
    return !lane.writer.hasBegun || frame.dts > lane.writer.endTicks || this.#gapPlan.length === 0;
  }

  /** The leader has ended: where a frame goes that it never reached. */
  #placementAfterLeader(lane: TrackPackager, frame: TimedFrame): FramePlacement {
    if (!lane.hasStarted || this.#fitsSegment(lane, frame.end)) return lane.hasStarted ? "this-segment" : "drop";
    if (!frame.sync) return "drop";
    this.#addBoundary(lane.toSeconds(frame.pts));
    return "next-segment";
  }

  #inputTime(atS: number): string {
    return (atS - this.#context.offsetMs / 1000).toFixed(6);
  }

  /** Brings all tracks to the same segment and the same end, with gap parts where one has less, and closes them. */
  #alignEnds(out: PartOutput[]): void {
    const { tracks } = this.#context;
    const endOf = (): number => Math.max(...tracks.map(({ writer, timescale }) => writer.endTicks / timescale));
    // Sound that outlasts the pictures may need segments of its own.
    const soundS = this.#lastAudioS >= endOf() ? this.#lastAudioS + CLOSING_GAP_S : 0;
    while (soundS - this.#grid.lastBoundary.atS >= this.#maxSegmentS)
      this.#addBoundary(Math.max(this.#grid.idealBoundaryS, endOf()));
    const lastMsn = this.#grid.lastBoundary.msn;
    for (const lane of tracks) {
      if (!lane.hasStarted) this.#startTrack(lane, null, out);
      for (let msn = lane.writer.msn + 1; msn <= lastMsn; msn++) {
        const { writer } = lane;
        const dts = Math.max(lane.toTicks(this.#grid.boundaryOf(msn)?.atS ?? 0), writer.endTicks);
        if (writer.isOpen) {
          writer.bridgeTo(dts, out);
          writer.closeSegment(lane.toTicks(CLOSING_GAP_S), out);
        }
        this.#openSegment(lane, msn, dts, null, false);
      }
    }
    let endS = Math.max(endOf(), soundS);
    if (tracks.some((lane) => !lane.writer.isPending && lane.toTicks(endS) <= lane.writer.endTicks))
      endS += CLOSING_GAP_S;
    for (const lane of tracks) {
      if (!lane.writer.isOpen) continue;
      lane.writer.bridgeTo(lane.toTicks(endS), out);
      lane.writer.closeSegment(1, out);
    }
  }
}
