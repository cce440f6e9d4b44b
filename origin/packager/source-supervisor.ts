/** Keeps a source on the air: runs follow each other, gaps stand between them, the packager cuts it all. */
import { setTimeout as sleep } from "node:timers/promises";
import { type BackoffOptions, backoffMs } from "../../core/kit/backoff.ts";
import type { TrackName } from "../../core/kit/ids.ts";
import { CmafError } from "../../core/media/cmaf/errors.ts";
import type { CodedFrame } from "../../core/media/cmaf/frame.ts";
import { Packager, type PackagerOutput } from "../../core/media/cmaf/packager.ts";
import type { SourceInput } from "../ingest/input.ts";
import type { DecoderExit } from "../ingest/media-reader.ts";
import type { SourceHandle } from "../ingest/source-opener.ts";
import { type MediaSink, Synchronizer } from "../ingest/synchronizer.ts";
import { errorMessage, SourceError } from "../kit/errors.ts";
import { describeFailure, isExternalKill } from "../kit/ffmpeg-process.ts";
import { ENCODE_OFFSET_S } from "./encode-args.ts";
import { type EncodeJob, type InitSection, RenditionEncoder } from "./encoder.ts";
import { frameMs, type Rendition } from "./ladder.ts";

/** Bounds on patience with a source. */
export interface SourceLimits {
  /** A live source that brings nothing for this long is dropped; so is a run whose encoders bring nothing. */
  readonly stallMs: number;
  readonly startMs: number;
  /**
   * Failures in a row, each with less than `goodRunMs` of media, after which the source is given up. What comes by itself
   * is not given up any more once it was on the air, nor is a file whose FFmpeg was killed: it may come back.
   */
  readonly failures: { readonly demo: number; readonly file: number; readonly live: number };
  readonly stableSessionMs: number;
  readonly retry: BackoffOptions;
}

/** The bounds used unless a test shortens them. */
const SOURCE_LIMITS: SourceLimits = {
  stallMs: 10_000,
  startMs: 30_000,
  failures: { demo: 4, file: 4, live: 10 },
  stableSessionMs: 5_000,
  retry: { firstMs: 250, maxMs: 10_000 },
};

/** How long before its first frame arrives a run's media may lie, milliseconds: gaps stay that far behind the clock. */
const GAP_MARGIN_MS = { demo: 1_500, file: 300, live: 300 } as const;
/**
 * A live source's first frames come in a burst, late by the time it took to look at it. Its run begins this much after
 * the first of them, when the frames that came in time have told how media time lies to the clock.
 */
const SETTLE_MS = { demo: 0, file: 0, live: 700 } as const;
/** Frames held while init sections are awaited; a source with more has no working track. */
const HELD_FRAMES = 4_096;

/** What a broadcast's first run is, before any output of it. */
export interface SourceStart {
  readonly inits: ReadonlyMap<TrackName, InitSection>;
  /** Programme time of the first frame, milliseconds since the epoch. */
  readonly startedAtMs: number;
}

/** How a source ended. */
export type SourceEnd =
  | { readonly kind: "ended" }
  | { readonly kind: "stopped" }
  | { readonly kind: "failed"; readonly message: string };

/** What a source needs. */
export interface SourceSupervisorOptions {
  /** Names the input in messages. */
  readonly name: string;
  readonly kind: SourceInput["kind"];
  readonly loop: boolean;
  /** Opens the input for a run; waits until there is one. Throws `SourceError`. */
  readonly open: (signal: AbortSignal) => Promise<SourceHandle>;
  readonly job: EncodeJob;
  readonly partTargets: ReadonlyMap<TrackName, number>;
  readonly targetDurationS: number;
  /** Each video track carries the sound. */
  readonly muxed: boolean;
  readonly log: { info(text: string): void; warn(text: string): void; error(text: string): void };
  /** Called once, before the first output. */
  readonly onStart: (start: SourceStart) => void;
  readonly onOutput: (output: PackagerOutput) => void;
  /** Whether outputs wait to be sent, so that a source without a clock should wait too. */
  readonly isFull?: () => boolean;
  readonly limits?: Partial<SourceLimits>;
  readonly now?: () => number;
}

/** Counters since the start. */
export interface SourceCounters {
  readonly runs: number;
  /** Frames of the leading track, and their media time. */
  readonly frames: number;
  readonly mediaMs: number;
}

/** How a run ended. */
interface EncodeSessionEnd {
  /** Null where the source ended as it should. */
  readonly failure: string | null;
  /** Another start may do better. */
  readonly isRetryable: boolean;
}

/** A source on the air. */
export class SourceSupervisor {
  readonly #options: SourceSupervisorOptions;
  readonly #limits: SourceLimits;
  readonly #leader: Rendition;
  readonly #tracks: readonly TrackName[];
  readonly #now: () => number;
  readonly #stop = new AbortController();
  #packager: Packager | null = null;
  #session: { readonly encoder: RenditionEncoder; readonly synchronizer: Synchronizer } | null = null;
  #gapTimer: NodeJS.Timeout | null = null;
  #counters = { runs: 0, frames: 0, mediaMs: 0 };

  constructor(options: SourceSupervisorOptions) {
    const leader = options.job.renditions[0];
    if (leader === undefined) throw new RangeError("a source needs a rendition");
    this.#leader = leader;
    this.#options = options;
    this.#limits = { ...SOURCE_LIMITS, ...options.limits };
    this.#tracks = options.job.renditions.map(({ name }) => name);
    this.#now = options.now ?? ((): number => performance.timeOrigin + performance.now());
  }

  /** Process ids of the encoders that run now. */
  get pids(): readonly number[] {
    return this.#session?.encoder.pids ?? [];
  }

  counters(): SourceCounters {
    return this.#counters;
  }

  /** Ends the source cleanly; `run` then resolves. */
  stop(): void {
    this.#stop.abort();
    this.#session?.synchronizer.stop();
  }

  /** Runs until the source ends, is stopped, or is given up; every segment is closed then. */
  async run(): Promise<SourceEnd> {
    try {
      return await this.#supervise();
    } finally {
      this.#stopGaps();
      this.#emit(() => this.#packager?.end() ?? []);
    }
  }

  async #supervise(): Promise<SourceEnd> {
    const { log, name, kind } = this.#options;
    const { signal } = this.#stop;
    let failures = 0;
    for (;;) {
      if (signal.aborted) return { kind: "stopped" };
      const before = this.#counters.mediaMs;
      const run = new EncodeSession();
      const { failure, isRetryable } = await this.#runSession(run);
      this.#emit(() => (run.hasBegun ? (this.#packager?.endTimeline() ?? []) : []));
      if (signal.aborted) return { kind: "stopped" };
      if (failure === null && kind !== "live") return { kind: "ended" };
      failures = this.#counters.mediaMs - before >= this.#limits.stableSessionMs ? 1 : failures + 1;
      const reason = failure ?? "the input ended.";
      if (!isRetryable) return { kind: "failed", message: `${name} cannot be broadcast: ${reason}` };
      const mayComeBack = this.#packager !== null && (kind !== "file" || run.wasKilled);
      if (failures >= this.#limits.failures[kind] && !mayComeBack) {
        return { kind: "failed", message: `${name} is given up after ${failures} failure(s): ${reason}` };
      }
      const waitMs = backoffMs(failures, this.#limits.retry, Math.random);
      log.warn(`${name} stopped: ${reason} Starting it again in ${(waitMs / 1000).toFixed(1)} s.`);
      this.#startGaps();
      await sleep(waitMs, undefined, { signal }).catch(() => {});
    }
  }

  /** One run from its opening to its end. */
  async #runSession(run: EncodeSession): Promise<EncodeSessionEnd> {
    let open: SourceHandle;
    try {
      open = await this.#options.open(this.#stop.signal);
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      return { failure: toSentence(error), isRetryable: this.#options.kind === "live" };
    }
    try {
      return await this.#encodeSource(run, open);
    } finally {
      open.close();
    }
  }

  async #encodeSource(run: EncodeSession, open: SourceHandle): Promise<EncodeSessionEnd> {
    const { job, name, kind, loop, log } = this.#options;
    const decoders: Promise<readonly DecoderExit[]>[] = [];
    this.#counters.runs += 1;
    run.lastFrameMs = performance.now();
    const encoder = new RenditionEncoder(name, job, {
      onInit: (track, init) => {
        run.inits.set(track, init);
        this.#beginTimeline(run, synchronizer);
      },
      onFrame: (track, frame) => this.#onFrame(run, track, frame, synchronizer),
      onDrain: () => synchronizer.onSinkDrain(),
    });
    let resumeS = kind === "file" && !loop ? this.#counters.mediaMs / 1000 : 0;
    const synchronizer: Synchronizer = new Synchronizer({
      ...{ name, loop, log, sink: this.#createSink(encoder), pacing: open.pacing, now: this.#now },
      ...{ mayJump: open.mayJump, pictureEndS: open.pictureEndS },
      frameRate: job.schedule?.frameRate ?? null,
      canvas: job.canvas,
      hasAudio: job.renditions.some((each) => each.kind === "audio"),
      open: () => {
        const reader = open.read(resumeS, (end) => this.#onDecoderExit(run, end, synchronizer));
        resumeS = 0;
        decoders.push(reader.done);
        return reader;
      },
    });
    this.#session = { encoder, synchronizer };
    if (this.#stop.signal.aborted) synchronizer.stop();
    else synchronizer.start();
    const watchdog = setInterval(() => this.#checkStall(run, encoder, synchronizer), 1000);
    try {
      // The source ends and the encoders after it, or an encoder fails and nothing can come any more.
      await Promise.race([synchronizer.done.catch((error: unknown) => recordFailure(run, error)), encoder.done]);
      synchronizer.stop();
      const encoded = await encoder.done;
      if (run.failure === null && isExternalKill(encoded)) run.wasKilled = true;
      const failure = run.failure ?? describeFailure(encoded);
      const decoded = (await Promise.all(decoders)).flat();
      // An encoder that gives up before the broadcast's first frame does so each time.
      const isPermanent = this.#packager === null && encoded.code !== null && encoded.code !== 0;
      if (failure !== null) return { failure, isRetryable: isRetryable(encoded.error) && !isPermanent };
      return this.#judgeEnd(decoded, run);
    } finally {
      clearInterval(watchdog);
      synchronizer.stop();
      encoder.kill();
      this.#session = null;
    }
  }

  /** The encoders, who take nothing while too much waits behind them. */
  #createSink(encoder: RenditionEncoder): MediaSink {
    const isFull = this.#options.isFull;
    if (isFull === undefined) return encoder;
    return {
      get canAcceptVideo(): boolean {
        return encoder.canAcceptVideo && !isFull();
      },
      get canAcceptAudio(): boolean {
        return encoder.canAcceptAudio && !isFull();
      },
      writeVideo: (picture) => encoder.writeVideo(picture),
      writeAudio: (samples) => encoder.writeAudio(samples),
      end: () => encoder.end(),
    };
  }

  /**
   * A decoder is gone. Where it was killed, its track would be held or silent from then on: the run ends, and is taken up
   * again there. What it could not decode is told at once, if the rest of the source is on the air.
   */
  #onDecoderExit(run: EncodeSession, { track, end, isBroken, frames }: DecoderExit, synchronizer: Synchronizer): void {
    const { log, name, kind } = this.#options;
    const failure = describeFailure(end);
    if (isBroken) {
      if (run.failure === null && isExternalKill(end)) run.wasKilled = true;
      run.failure ??= failure;
      synchronizer.stop();
    } else if (failure !== null && end.signal === null && run.hasBegun && kind !== "live") {
      const what = frames === 0 ? "cannot be decoded" : "could be decoded only in part";
      log.warn(`The ${TRACK_LABELS[track]} of ${name} ${what}: ${failure}`);
    }
  }

  /** A run that the encoders brought to its end: what the decoders say of it. */
  #judgeEnd(decoded: readonly DecoderExit[], run: EncodeSession): EncodeSessionEnd {
    const { kind } = this.#options;
    const failed = decoded.flatMap(({ end }) => (end.signal === null ? (describeFailure(end) ?? []) : []));
    // What was taken up again at its very end has nothing more to bring.
    const isAtEnd = this.#packager !== null && kind === "file" && failed.length === 0;
    if (!run.hasBegun && !isAtEnd && !this.#stop.signal.aborted) {
      const tracks = [...new Set(decoded.map(({ track }) => TRACK_LABELS[track]))].join(" and ");
      const what = `no frame of its ${tracks || "tracks"} can be decoded.`;
      const advice = kind === "file" ? ["See whether FFmpeg plays it: ffplay FILE."] : [];
      const mayWorkAgain = kind === "live" || this.#packager !== null;
      return { failure: [what, ...new Set(failed), ...advice].join(" "), isRetryable: mayWorkAgain };
    }
    return { failure: kind === "live" ? (failed[0] ?? null) : null, isRetryable: true };
  }

  /** Ends what brings nothing. */
  #checkStall(run: EncodeSession, encoder: RenditionEncoder, synchronizer: Synchronizer): void {
    const limit = run.hasBegun ? this.#limits.stallMs : this.#limits.startMs;
    const isSilent = this.#options.kind === "live" && this.#now() - synchronizer.lastArrivalMs > limit;
    if (!isSilent && performance.now() - run.lastFrameMs <= limit) return;
    run.failure = "no frame came for too long.";
    if (isSilent) synchronizer.stop();
    else encoder.kill();
  }

  #onFrame(run: EncodeSession, track: TrackName, frame: CodedFrame, synchronizer: Synchronizer): void {
    run.lastFrameMs = performance.now();
    if (track === this.#leader.name) {
      this.#counters.frames += 1;
      this.#counters.mediaMs += (frame.durationTicks * 1000) / this.#leader.timescale;
    }
    if (run.hasBegun) this.#emit(() => this.#packager?.push(track, frame) ?? []);
    else this.#holdFrame(run, track, frame, synchronizer);
  }

  /** Holds a frame until all init sections are there, and it is known how media time lies to the clock. */
  #holdFrame(run: EncodeSession, track: TrackName, frame: CodedFrame, synchronizer: Synchronizer): void {
    if (track === this.#leader.name) run.hasLeaderFrame = true;
    run.firstFrameMs = Math.min(run.firstFrameMs, performance.now());
    run.heldFrames.push({ track, frame });
    if (run.heldFrames.length > HELD_FRAMES) {
      const missing = this.#tracks.filter((each) => !run.inits.has(each)).join(", ") || this.#leader.name;
      throw new CmafError("state", `nothing came of ${missing}`, { input: this.#options.name });
    }
    this.#beginTimeline(run, synchronizer);
  }

  /** Begins the packager's run once every track's init section and the leader's first frame are there. */
  #beginTimeline(run: EncodeSession, synchronizer: Synchronizer): void {
    if (!run.hasLeaderFrame || run.inits.size < this.#tracks.length) return;
    if (performance.now() - run.firstFrameMs < SETTLE_MS[this.#options.kind]) return;
    const startedAtMs = synchronizer.startedAtMs;
    if (startedAtMs === null) return;
    const programOffsetMs = startedAtMs - ENCODE_OFFSET_S * 1000;
    this.#stopGaps();
    if (this.#packager === null) {
      const wholeMs = Math.floor(startedAtMs);
      this.#packager = this.#createPackager(wholeMs);
      this.#options.onStart({ inits: run.inits, startedAtMs: wholeMs });
    }
    const packager = this.#packager;
    this.#emit(() => packager.beginTimeline({ inits: run.inits, programOffsetMs }));
    run.hasBegun = true;
    for (const { track, frame } of run.heldFrames.splice(0)) this.#emit(() => packager.push(track, frame));
  }

  #createPackager(startedAtMs: number): Packager {
    const { job, partTargets, targetDurationS, muxed } = this.#options;
    const tracks = job.renditions.map((rendition) => ({
      name: rendition.name,
      kind: rendition.kind,
      timescale: rendition.timescale,
      partTargetMs: partTargets.get(rendition.name) ?? Math.max(job.preset.partMs, frameMs(rendition)),
    }));
    return new Packager({
      tracks,
      segmentTargetMs: job.preset.segmentMs,
      targetDurationS,
      startedAtMs,
      ...(job.schedule === null ? {} : { keyframes: job.schedule }),
      muxed,
    });
  }

  #emit(step: () => readonly PackagerOutput[]): void {
    for (const output of step()) this.#options.onOutput(output);
  }

  /** While nothing runs, what does not come is marked as it becomes due. */
  #startGaps(): void {
    const packager = this.#packager;
    if (packager === null || this.#gapTimer !== null) return;
    const tick = (): void => {
      try {
        this.#emit(() => packager.fillGapUntil(this.#now() - GAP_MARGIN_MS[this.#options.kind]));
      } catch (error) {
        this.#stopGaps();
        this.#options.log.error(`The gap cannot be marked any longer: ${errorMessage(error)}.`);
      }
    };
    this.#gapTimer = setInterval(tick, this.#options.job.preset.partMs);
  }

  #stopGaps(): void {
    if (this.#gapTimer !== null) clearInterval(this.#gapTimer);
    this.#gapTimer = null;
  }
}

const TRACK_LABELS = { video: "picture", audio: "sound" } as const;

/** What is known of one run. */
class EncodeSession {
  readonly inits: Map<TrackName, InitSection> = new Map();
  readonly heldFrames: { readonly track: TrackName; readonly frame: CodedFrame }[] = [];
  hasBegun = false;
  hasLeaderFrame = false;
  lastFrameMs = 0;
  firstFrameMs: number = Number.POSITIVE_INFINITY;
  /** Why we ended it. */
  failure: string | null = null;
  /** Somebody else ended it. */
  wasKilled = false;
}

/** A missing program or a fault of ours is not cured by another start. */
function isRetryable(error: unknown): boolean {
  if (error === null || error instanceof CmafError || error instanceof SourceError) return true;
  return error instanceof Error && "code" in error && error.code !== "ENOENT";
}

/** A synchronizer gave up. Throws what is a fault of ours. */
function recordFailure(run: EncodeSession, error: unknown): void {
  if (!(error instanceof SourceError)) throw error;
  run.failure = toSentence(error);
}

function toSentence(error: Error): string {
  return `${error.message.replace(/\.$/, "")}.`;
}
