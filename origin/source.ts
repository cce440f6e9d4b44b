/** Keeps a source on the air: FFmpeg runs follow each other, gaps stand between them, the packager cuts it all. */
import { setTimeout as sleep } from "node:timers/promises";
import { CmafError } from "../protocol/cmaf/errors.ts";
import type { Frame } from "../protocol/cmaf/frame.ts";
import { type Output, Packager } from "../protocol/cmaf/packager.ts";
import type { TrackName } from "../protocol/ids.ts";
import { type BackoffOptions, backoffMs } from "./backoff.ts";
import { messageOf, SourceError } from "./errors.ts";
import { type EncodeJob, encodeArgs } from "./ffmpeg-args.ts";
import { type EncodeEnd, type EncodeHandlers, FfmpegProcess, type Init } from "./ffmpeg-process.ts";
import { frameMs, type Rendition } from "./ladder.ts";
import type { Feed } from "./listen.ts";

/** Bounds on patience with a source. */
export interface Patience {
  /** A run that brings no frame for this long is ended; its beginning may take `startMs`. */
  readonly stallMs: number;
  readonly startMs: number;
  /** Failures in a row, each with less than `goodRunMs` of media, after which the source is given up. */
  readonly failures: { readonly demo: number; readonly file: number; readonly live: number };
  readonly goodRunMs: number;
  readonly retry: BackoffOptions;
}

/** The bounds used unless a test shortens them. */
export const LIMITS: Patience = {
  stallMs: 10_000,
  startMs: 30_000,
  failures: { demo: 4, file: 4, live: 10 },
  goodRunMs: 5_000,
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
  readonly inits: ReadonlyMap<TrackName, Init>;
  /** Programme time of the first frame, milliseconds since the epoch. */
  readonly startedAtMs: number;
}

/** How a source ended. */
export type SourceEnd =
  | { readonly kind: "ended" }
  | { readonly kind: "stopped" }
  | { readonly kind: "failed"; readonly message: string };

/** What a source needs. */
export interface SourceOptions {
  /** Names the input in messages. */
  readonly name: string;
  readonly job: EncodeJob;
  readonly partTargets: ReadonlyMap<TrackName, number>;
  readonly targetDurationS: number;
  /** Each video track carries the sound. */
  readonly muxed: boolean;
  readonly log: { info(text: string): void; warn(text: string): void; error(text: string): void };
  /** Called once, before the first output. */
  readonly onStart: (start: SourceStart) => void;
  readonly onOutput: (output: Output) => void;
  /** Where FFmpeg's standard input comes from, for each run; waits until there is one. */
  readonly feed?: (signal: AbortSignal) => Promise<Feed>;
  readonly limits?: Partial<Patience>;
  readonly now?: () => number;
}

/** Counters since the start. */
export interface SourceCounters {
  readonly runs: number;
  /** Frames of the leading track, and their media time. */
  readonly frames: number;
  readonly mediaMs: number;
}

/** A source on the air. */
export class Source {
  readonly #options: SourceOptions;
  readonly #limits: Patience;
  readonly #leader: Rendition;
  readonly #tracks: readonly TrackName[];
  readonly #now: () => number;
  readonly #stop = new AbortController();
  #packager: Packager | null = null;
  #process: FfmpegProcess | null = null;
  #gapTimer: NodeJS.Timeout | null = null;
  #counters = { runs: 0, frames: 0, mediaMs: 0 };

  constructor(options: SourceOptions) {
    const leader = options.job.renditions[0];
    if (leader === undefined) throw new RangeError("a source needs a rendition");
    this.#leader = leader;
    this.#options = options;
    this.#limits = { ...LIMITS, ...options.limits };
    this.#tracks = options.job.renditions.map(({ name }) => name);
    this.#now = options.now ?? ((): number => performance.timeOrigin + performance.now());
  }

  /** Process id of the FFmpeg that runs now. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  counters(): SourceCounters {
    return this.#counters;
  }

  /** Ends the source cleanly; `run` then resolves. */
  stop(): void {
    this.#stop.abort();
    this.#process?.stop();
  }

  /** Runs until the source ends, is stopped, or is given up; every segment is closed then. */
  async run(): Promise<SourceEnd> {
    try {
      return await this.#supervise();
    } finally {
      this.#stopGaps();
      this.#emit(() => this.#packager?.finish() ?? []);
    }
  }

  async #supervise(): Promise<SourceEnd> {
    const { log, name, job } = this.#options;
    const { signal } = this.#stop;
    let failures = 0;
    for (;;) {
      if (signal.aborted) return { kind: "stopped" };
      const before = this.#counters.mediaMs;
      const run = new Run();
      const end = await this.#runOnce(run);
      this.#emit(() => (run.begun ? (this.#packager?.endRun() ?? []) : []));
      if (signal.aborted) return { kind: "stopped" };
      const mediaMs = this.#counters.mediaMs - before;
      if (end.error === null && end.code === 0 && job.input.kind === "file" && !job.input.loop && run.begun) {
        return { kind: "ended" };
      }
      failures = mediaMs >= this.#limits.goodRunMs ? 1 : failures + 1;
      const reason = reasonOf(end, run.stalled);
      if (failures >= this.#limits.failures[job.input.kind] || !isWorthAnother(end)) {
        return { kind: "failed", message: `${name} is given up after ${failures} failure(s): ${reason}` };
      }
      const waitMs = backoffMs(failures, this.#limits.retry);
      log.warn(`${name} stopped: ${reason} Starting it again in ${(waitMs / 1000).toFixed(1)} s.`);
      this.#startGaps();
      await sleep(waitMs, undefined, { signal }).catch(() => {});
    }
  }

  /** One FFmpeg process from its start to its end, fed by what is fed. */
  async #runOnce(run: Run): Promise<EncodeEnd> {
    if (this.#options.feed === undefined) return this.#encode(run, null);
    let feed: Feed | null = null;
    try {
      feed = await this.#options.feed(this.#stop.signal);
      return await this.#encode(run, feed);
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      return { code: null, signal: null, lastLines: [], error };
    } finally {
      feed?.close();
    }
  }

  async #encode(run: Run, feed: Feed | null): Promise<EncodeEnd> {
    const { job, name } = this.#options;
    const resumeS = job.input.kind === "file" && !job.input.loop ? this.#counters.mediaMs / 1000 : 0;
    this.#counters.runs += 1;
    run.lastFrameMs = performance.now();
    const handlers: EncodeHandlers = {
      onInit: (track, init) => {
        run.inits.set(track, init);
        this.#begin(run);
      },
      onFrame: (track, frame) => {
        run.lastFrameMs = performance.now();
        if (track === this.#leader.name) {
          this.#counters.frames += 1;
          this.#counters.mediaMs += (frame.durationTicks * 1000) / this.#leader.timescale;
        }
        if (run.begun) this.#emit(() => this.#packager?.push(track, frame) ?? []);
        else this.#hold(run, track, frame);
      },
    };
    const ffmpeg = new FfmpegProcess(encodeArgs(job, resumeS), this.#tracks, name, handlers, feed?.stream ?? null);
    this.#process = ffmpeg;
    if (this.#stop.signal.aborted) ffmpeg.stop();
    const watchdog = setInterval(() => {
      const limit = run.begun ? this.#limits.stallMs : this.#limits.startMs;
      if (performance.now() - run.lastFrameMs <= limit) return;
      run.stalled = true;
      ffmpeg.kill();
    }, 1000);
    try {
      return await ffmpeg.done;
    } finally {
      clearInterval(watchdog);
      this.#process = null;
    }
  }

  /** Holds a frame until all init sections are there, and learns from it how media time lies to the clock. */
  #hold(run: Run, track: TrackName, frame: Frame): void {
    const rendition = this.#options.job.renditions.find((each) => each.name === track) ?? this.#leader;
    const mediaMs = ((frame.dts + frame.ctsOffset) * 1000) / rendition.timescale;
    if (track === this.#leader.name) run.leads = true;
    run.firstFrameMs = Math.min(run.firstFrameMs, performance.now());
    run.firstMediaMs = Math.min(run.firstMediaMs, mediaMs);
    run.offsetMs = Math.min(run.offsetMs, this.#now() - mediaMs);
    run.held.push({ track, frame });
    if (run.held.length > HELD_FRAMES) {
      const missing = this.#tracks.filter((each) => !run.inits.has(each)).join(", ") || this.#leader.name;
      throw new CmafError("state", `nothing came of ${missing}`, { input: this.#options.name });
    }
    this.#begin(run);
  }

  /** Begins the packager's run once every track's init section and the leader's first frame are there. */
  #begin(run: Run): void {
    if (!run.leads || run.inits.size < this.#tracks.length) return;
    if (performance.now() - run.firstFrameMs < SETTLE_MS[this.#options.job.input.kind]) return;
    // The demo's timestamps are wall clock; all others are placed where their first frames arrived.
    const programOffsetMs = this.#options.job.input.kind === "demo" ? 0 : run.offsetMs;
    this.#stopGaps();
    if (this.#packager === null) {
      const startedAtMs = Math.floor(run.firstMediaMs + programOffsetMs);
      this.#packager = this.#createPackager(startedAtMs);
      this.#options.onStart({ inits: run.inits, startedAtMs });
    }
    const packager = this.#packager;
    this.#emit(() => packager.beginRun({ inits: run.inits, programOffsetMs }));
    run.begun = true;
    for (const { track, frame } of run.held.splice(0)) this.#emit(() => packager.push(track, frame));
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
      keyframesPromised: true,
      muxed,
    });
  }

  #emit(step: () => readonly Output[]): void {
    for (const output of step()) this.#options.onOutput(output);
  }

  /** While nothing runs, what does not come is marked as it becomes due. */
  #startGaps(): void {
    const packager = this.#packager;
    if (packager === null || this.#gapTimer !== null) return;
    const tick = (): void => {
      try {
        this.#emit(() => packager.gap(this.#now() - GAP_MARGIN_MS[this.#options.job.input.kind]));
      } catch (error) {
        this.#stopGaps();
        this.#options.log.error(`The gap cannot be marked any longer: ${messageOf(error)}.`);
      }
    };
    this.#gapTimer = setInterval(tick, this.#options.job.preset.partMs);
  }

  #stopGaps(): void {
    if (this.#gapTimer !== null) clearInterval(this.#gapTimer);
    this.#gapTimer = null;
  }
}

/** What is known of one run. */
class Run {
  readonly inits: Map<TrackName, Init> = new Map();
  readonly held: { readonly track: TrackName; readonly frame: Frame }[] = [];
  begun = false;
  leads = false;
  stalled = false;
  lastFrameMs = 0;
  firstFrameMs: number = Number.POSITIVE_INFINITY;
  firstMediaMs: number = Number.POSITIVE_INFINITY;
  /** Wall clock minus media time of the frame that was least late. */
  offsetMs: number = Number.POSITIVE_INFINITY;
}

/** A missing program or a fault of ours is not cured by another start. */
function isWorthAnother({ error }: EncodeEnd): boolean {
  if (error === null || error instanceof CmafError || error instanceof SourceError) return true;
  return error instanceof Error && "code" in error && error.code !== "ENOENT";
}

/** Why a run ended, as a sentence. */
function reasonOf({ error, code, signal, lastLines }: EncodeEnd, stalled: boolean): string {
  if (error !== null) return `${messageOf(error).replace(/\.$/, "")}.`;
  if (stalled) return "no frame came for too long.";
  const words = lastLines.length === 0 ? "" : ` ${lastLines.join(" | ")}`;
  if (signal !== null) return `FFmpeg was ended by ${signal}.${words}`;
  return code === 0 ? `the input ended.${words}` : `FFmpeg ended with code ${code}.${words}`;
}
