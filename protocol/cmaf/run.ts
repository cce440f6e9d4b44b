/** One run of the source: the leader decides where segments begin, the other tracks follow. */
import { CmafError } from "./errors.ts";
import type { Frame, TimedFrame } from "./frame.ts";
import type { GapFiller } from "./gaps.ts";
import { ALIGNED_S, Grid } from "./grid.ts";
import type { Intake } from "./intake.ts";
import type { KeyframeSchedule } from "./keyframes.ts";
import type { Lane } from "./lane.ts";
import { LIMITS } from "./limits.ts";
import type { PartOutput } from "./part.ts";

/** What a run needs of the packager. */
export interface RunContext {
  readonly lanes: readonly Lane[];
  readonly leader: Lane;
  /** What the video tracks carry beside their pictures, or null. */
  readonly sound: Intake | null;
  readonly gaps: GapFiller;
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
  readonly enter: (lane: Lane) => void;
}

/** What becomes of a follower's next frame. */
type Place = "this-segment" | "next-segment" | "drop" | "wait";

/** Seconds by which a track's last segment may pass the leader's and still round to the target duration. */
const TARGET_MARGIN_S = 0.04;
/** Gap part that closes a segment whose last part is already out, seconds. */
const CARRIER_S = 0.01;

/** See the file's first line. Times are seconds on the output timeline where names end in `S`, else a track's ticks. */
export class Run {
  readonly #context: RunContext;
  readonly #leader: Lane;
  readonly #followers: readonly Lane[];
  readonly #grid: Grid;
  /** The leader's segment was closed in expectation of the keyframe that is scheduled next. */
  #closedAhead = false;
  /** When the last sound that was handed on begins, seconds. */
  #heardS: number = Number.NEGATIVE_INFINITY;
  #plan: readonly number[] = [];
  #failure: CmafError | null = null;
  /** What was complete when `#failure` was thrown. */
  #kept: PartOutput[] = [];

  constructor(context: RunContext) {
    this.#context = context;
    this.#leader = context.leader;
    this.#grid = new Grid(context.segmentTargetS, context.keyframes);
    const others = context.lanes.filter((lane) => lane !== context.leader);
    this.#followers = [
      ...others.filter((lane) => lane.kind === "video"),
      ...others.filter((lane) => lane.kind === "audio"),
    ];
  }

  /** Takes a frame in; gives the parts that it completes. Throws `CmafError`, from then on always the same. */
  push(intake: Intake, frame: Frame): PartOutput[] {
    if (this.#failure !== null) throw this.#failure;
    const out: PartOutput[] = [];
    try {
      intake.hold(frame);
      const follower = this.#followers.find((lane) => lane === intake);
      if (follower !== undefined) this.#follow(follower, out, false);
      else if (intake === this.#leader) {
        this.#lead(frame, out);
        for (const lane of this.#followers) this.#follow(lane, out, false);
        this.#checkLag();
      }
      this.#hear(out);
      return out;
    } catch (error) {
      if (!(error instanceof CmafError)) throw error;
      this.#failure = error;
      this.#kept = out;
      throw error;
    }
  }

  /** Emits what is held; all tracks close the same segment at the same time. */
  end(): PartOutput[] {
    const out = this.#kept;
    if (this.#grid.originS === null) return out;
    for (const lane of this.#followers) {
      try {
        this.#follow(lane, out, true);
      } catch (error) {
        // The run is over for a reason that was told already, or ends before this could matter.
        if (!(error instanceof CmafError)) throw error;
      }
    }
    this.#dropEmptyCut();
    this.#level(out);
    return out;
  }

  /** A run that ends where a keyframe was due has no segment after that; it is not opened for nothing. */
  #dropEmptyCut(): void {
    const { msn, atS } = this.#grid.last;
    const isEmpty = this.#context.lanes.every((lane) => lane.started && lane.writer.msn < msn);
    if (this.#closedAhead && isEmpty && this.#heardS < atS) this.#grid.uncut();
  }

  /** Hands sound to every track that carries it; what begins before the pictures is left out. */
  #hear(out: PartOutput[]): void {
    const { sound, lanes } = this.#context;
    if (sound === null || this.#grid.originS === null) return;
    for (let frame = sound.head; frame !== undefined; frame = sound.head) {
      sound.shift();
      const timed = sound.timed(frame);
      // Half a sample: the tracks' clocks round differently.
      if (sound.seconds(timed.dts + 0.5) < this.#grid.originS) continue;
      for (const { muxer } of lanes) muxer?.hear(timed);
      this.#heardS = sound.seconds(timed.dts);
    }
    const untilS = sound.receivedS ?? Number.NEGATIVE_INFINITY;
    for (const { muxer, receivedS } of lanes) {
      const lateS = (receivedS ?? Number.NEGATIVE_INFINITY) - LIMITS.soundWaitS;
      muxer?.pass(Math.max(untilS, lateS) * sound.timescale, out);
    }
  }

  #lead(frame: Frame, out: PartOutput[]): void {
    const lane = this.#leader;
    lane.shift();
    if (this.#grid.originS === null) {
      if (!frame.sync) return;
      this.#start(frame, out);
    } else {
      const timed = lane.timed(frame);
      if (this.#closedAhead) {
        if (!frame.sync) throw this.#broken(frame);
        this.#closedAhead = false;
        this.#enterSegment(lane, timed, out);
      } else if (frame.sync && this.#grid.isDue(lane.seconds(timed.dts + lane.keyOffset))) {
        this.#checkLength(lane, timed.dts, frame);
        this.#cut(lane.seconds(timed.pts));
        this.#enterSegment(lane, timed, out);
      } else this.#checkLength(lane, timed.end, frame);
    }
    const timed = lane.timed(frame);
    lane.writer.frame(timed, out);
    lane.frameTicks = frame.durationTicks;
    this.#grid.pass(lane.seconds(timed.pts), lane.seconds(frame.durationTicks));
    // A part that may be the segment's last waits for the next frame, which tells.
    const nextS = lane.seconds(lane.writer.end + lane.keyOffset);
    if (!this.#grid.isDue(nextS)) lane.writer.settle(out);
    else if (this.#grid.isScheduled(nextS)) {
      lane.writer.close(1, out);
      this.#cut(nextS);
      this.#closedAhead = true;
    }
  }

  #broken(frame: Frame): CmafError {
    const what = "the keyframe that the encoder was told to make did not come";
    return new CmafError("no-keyframe", what, {
      input: this.#leader.name,
      timestampS: this.#leader.seconds(frame.dts),
    });
  }

  /** The leader's first keyframe: the run's timeline is placed behind what was written before. */
  #start(frame: Frame, out: PartOutput[]): void {
    const { lanes, sound, gaps, offsetMs, discontinuity } = this.#context;
    const lane = this.#leader;
    const place = (shiftS: number): void => {
      for (const each of sound === null ? lanes : [...lanes, sound])
        each.align(Math.round((offsetMs / 1000 + shiftS) * each.timescale));
    };
    place(0);
    const early = discontinuity ? gaps.fromS - lane.seconds(lane.timed(frame).dts) : 0;
    if (early > 0) place(early);
    const timed = lane.timed(frame);
    const fail = (what: string): CmafError =>
      new CmafError("timestamp-invalid", what, { input: lane.name, timestampS: lane.seconds(frame.dts) });
    if (timed.dts < 0) throw fail("its programme time is more than a second before the broadcast's start");
    if (timed.end > LIMITS.ticks / 2) throw fail("its programme time is absurdly late");
    if (-early > LIMITS.gapS && discontinuity) throw fail(`it is ${(-early).toFixed(0)} s after the last run's end`);
    const resumeS = lane.seconds(Math.max(timed.dts, lane.writer.end));
    const openMsn = lane.writer.isOpen ? lane.writer.msn : lane.writer.msn + 1;
    this.#plan = discontinuity ? gaps.plan(resumeS) : [];
    this.#grid.begin(openMsn + this.#plan.length, lane.seconds(timed.pts));
    this.#startLane(lane, timed, out);
  }

  /** Opens the run's first segment in `lane`, after the gap before it; `frame` is its first, null if none ever came. */
  #startLane(lane: Lane, frame: TimedFrame | null, out: PartOutput[]): void {
    const { gaps, enter, discontinuity } = this.#context;
    const atS = this.#grid.of(this.#grid.firstMsn)?.atS ?? 0;
    // What begins a frame or more after the others has a gap within its first segment, so that all segments agree.
    const late = frame === null || lane.seconds(frame.dts) - atS > lane.seconds(frame.end - frame.dts);
    const dts = frame === null || late ? lane.ticks(atS) : frame.dts;
    gaps.fill(lane, this.#plan, dts, out);
    lane.keyOffset = frame === null ? 0 : frame.pts - frame.dts;
    lane.started = true;
    enter(lane);
    this.#open(lane, this.#grid.firstMsn, dts, late ? null : frame, discontinuity);
  }

  #open(lane: Lane, msn: number, dts: number, frame: TimedFrame | null, discontinuity: boolean): void {
    const begin = frame?.pts ?? (lane.writer.hasBegun ? lane.writer.end : dts);
    const programTimeMs = this.#context.programTimeMs(lane.seconds(begin));
    lane.writer.open(msn, dts, { programTimeMs, initVersion: lane.initVersion, discontinuity });
  }

  #cut(atS: number): void {
    const first = this.#grid.firstMsn;
    const { lanes } = this.#context;
    this.#grid.cut(atS, Math.min(...lanes.map((lane) => (lane.started ? lane.writer.msn : first - 1))));
  }

  /** Closes `lane`'s segment and opens the next with `frame`. */
  #enterSegment(lane: Lane, frame: TimedFrame, out: PartOutput[]): void {
    const { writer } = lane;
    if (writer.isOpen) {
      writer.bridge(frame.dts, out);
      writer.close(1, out);
    }
    this.#open(lane, writer.msn + 1, frame.dts, frame, false);
  }

  /** Rule 3: a segment's duration, rounded, is at most the target duration. */
  #checkLength(lane: Lane, end: number, frame: Frame): void {
    if (this.#fits(lane, end)) return;
    const { targetDurationS } = this.#context;
    const what = `no keyframe came in time: the segment would be longer than the target duration of ${targetDurationS} s`;
    throw new CmafError("no-keyframe", what, { input: lane.name, timestampS: lane.seconds(frame.dts) });
  }

  #fits(lane: Lane, end: number): boolean {
    return lane.seconds(end - lane.writer.segmentDts) < this.#longestS;
  }

  /** A segment must be shorter than this. */
  get #longestS(): number {
    return this.#context.targetDurationS + 0.5 - TARGET_MARGIN_S;
  }

  #checkLag(): void {
    if (this.#grid.originS === null) return;
    const leadS = this.#leader.receivedS ?? 0;
    const { sound } = this.#context;
    for (const lane of sound === null ? this.#followers : [...this.#followers, sound]) {
      const atS = Math.max(lane.receivedS ?? this.#grid.originS, this.#grid.originS);
      if (leadS - atS <= LIMITS.lagS) continue;
      const what = `it has sent nothing for ${LIMITS.lagS} s while ${this.#leader.name} went on`;
      throw new CmafError("limit", what, { input: lane.name, timestampS: lane.seconds(lane.head?.dts ?? 0) });
    }
  }

  /** Places as many of `lane`'s frames as can be placed; all of them if `ending`. */
  #follow(lane: Lane, out: PartOutput[], ending: boolean): void {
    if (this.#grid.originS === null) return;
    for (let frame = lane.head; frame !== undefined; frame = lane.head) {
      const timed = lane.timed(frame);
      if (!this.#passSilence(lane, timed, out) && !ending) break;
      let place = this.#placeOf(lane, timed, frame);
      if (place === "wait") {
        if (!ending) break;
        place = this.#placeAlone(lane, timed);
      }
      lane.shift();
      if (place === "drop") continue;
      if (!lane.started) this.#startLane(lane, timed, out);
      else if (place === "next-segment") this.#enterSegment(lane, timed, out);
      // What an audio frame leaves empty is filled later, because segments may begin within it.
      const end = lane.kind === "audio" ? Math.min(timed.end, timed.dts + lane.writer.partTicks) : timed.end;
      lane.writer.frame({ ...timed, end }, out);
      if (frame.durationTicks <= lane.writer.partTicks) lane.frameTicks = frame.durationTicks;
      lane.silentUntil = timed.end;
    }
    if (lane.head === undefined) this.#passSilence(lane, null, out);
    if (!lane.started || !lane.writer.isOpen) return;
    const next = this.#grid.of(lane.writer.msn + 1);
    const endS = lane.seconds(lane.writer.end + lane.keyOffset);
    const frameS = lane.seconds(lane.frameTicks);
    const nearS = lane.kind === "audio" ? frameS / 2 : ALIGNED_S / 2;
    const complete = lane.kind === "audio" || this.#context.keyframes !== null;
    if (next !== undefined && complete && endS >= next.atS - nearS) lane.writer.close(1, out);
    else if (next !== undefined ? endS < next.atS - 2 * frameS : endS + frameS < this.#grid.horizonS)
      lane.writer.settle(out);
  }

  /** Gap parts for the time in which an audio track has nothing, segment by segment; whether that time is over. */
  #passSilence(lane: Lane, next: TimedFrame | null, out: PartOutput[]): boolean {
    const { writer } = lane;
    if (!lane.started || lane.kind === "video") return true;
    const until = next === null ? lane.silentUntil : Math.max(lane.silentUntil, next.dts);
    while (until - writer.end > lane.frameTicks) {
      const cut = this.#grid.of(writer.msn + 1);
      const known = cut === undefined ? Math.floor(this.#grid.passedS * lane.timescale) : lane.ticks(cut.atS);
      if (writer.isOpen) writer.gapUntil(Math.min(until, known), out);
      if (known >= until) return true;
      if (cut === undefined) return false;
      if (writer.isOpen) writer.close(1, out);
      this.#open(lane, cut.msn, known, null, false);
    }
    return true;
  }

  #placeOf(lane: Lane, frame: TimedFrame, raw: Frame): Place {
    // A frame that lasts over a pause is no longer than others where its beginning is concerned.
    const halfS = lane.seconds(Math.min(raw.durationTicks, lane.frameTicks || lane.writer.partTicks)) / 2;
    const ptsS = lane.seconds(frame.pts);
    const next = this.#grid.of(lane.started ? lane.writer.msn + 1 : this.#grid.firstMsn);
    if (next === undefined) return ptsS + halfS < this.#grid.horizonS ? "this-segment" : "wait";
    const before: Place = lane.started ? "this-segment" : "drop";
    if (lane.kind === "audio") {
      const reached = ptsS >= next.atS - halfS && (lane.started || this.#isAfterGap(lane, frame));
      return reached ? "next-segment" : before;
    }
    const same = Math.abs(ptsS - next.atS) <= Math.min(halfS, ALIGNED_S);
    if (same && frame.sync) return "next-segment";
    const key = lane.started ? lane.keyOffset : 0;
    if (!same && (ptsS < next.atS || lane.seconds(frame.dts + key) <= next.atS + halfS)) return before;
    const what = `renditions not aligned: ${this.#leader.name} has a keyframe at ${this.#inputTime(next.atS)} s, this track has none`;
    throw new CmafError("not-aligned", what, { input: lane.name, timestampS: lane.seconds(raw.dts + raw.ctsOffset) });
  }

  /** A gap segment needs time of its own, so a run's first audio frame does not begin within what was written. */
  #isAfterGap(lane: Lane, frame: TimedFrame): boolean {
    return !lane.writer.hasBegun || frame.dts > lane.writer.end || this.#plan.length === 0;
  }

  /** The leader has ended: where a frame goes that it never reached. */
  #placeAlone(lane: Lane, frame: TimedFrame): Place {
    if (!lane.started || this.#fits(lane, frame.end)) return lane.started ? "this-segment" : "drop";
    if (!frame.sync) return "drop";
    this.#cut(lane.seconds(frame.pts));
    return "next-segment";
  }

  #inputTime(atS: number): string {
    return (atS - this.#context.offsetMs / 1000).toFixed(6);
  }

  /** Brings all tracks to the same segment and the same end, with gap parts where one has less, and closes them. */
  #level(out: PartOutput[]): void {
    const { lanes } = this.#context;
    const endOf = (): number => Math.max(...lanes.map(({ writer, timescale }) => writer.end / timescale));
    // Sound that outlasts the pictures may need segments of its own.
    const soundS = this.#heardS >= endOf() ? this.#heardS + CARRIER_S : 0;
    while (soundS - this.#grid.last.atS >= this.#longestS) this.#cut(Math.max(this.#grid.boundaryS, endOf()));
    const lastMsn = this.#grid.last.msn;
    for (const lane of lanes) {
      if (!lane.started) this.#startLane(lane, null, out);
      for (let msn = lane.writer.msn + 1; msn <= lastMsn; msn++) {
        const { writer } = lane;
        const dts = Math.max(lane.ticks(this.#grid.of(msn)?.atS ?? 0), writer.end);
        if (writer.isOpen) {
          writer.bridge(dts, out);
          writer.close(lane.ticks(CARRIER_S), out);
        }
        this.#open(lane, msn, dts, null, false);
      }
    }
    let endS = Math.max(endOf(), soundS);
    if (lanes.some((lane) => !lane.writer.isPending && lane.ticks(endS) <= lane.writer.end)) endS += CARRIER_S;
    for (const lane of lanes) {
      if (!lane.writer.isOpen) continue;
      lane.writer.bridge(lane.ticks(endS), out);
      lane.writer.close(1, out);
    }
  }
}
