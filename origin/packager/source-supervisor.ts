/** Keeps a source on air: consecutive sessions with gaps between them, written by the packager. */
import type { EncodedSlate } from "../../core/ingest/slate/slate-schedule.ts";
import { type BackoffOptions, backoffMs } from "../../core/kit/backoff.ts";
import { type Platform, sleep } from "../../core/kit/clock.ts";
import type { TrackName } from "../../core/kit/ids.ts";
import { Packager, type PackagerOutput } from "../../core/media/cmaf/packager.ts";
import type { SourceInput } from "../ingest/input.ts";
import type { SourceHandle } from "../ingest/source-opener.ts";
import { SourceError } from "../kit/errors.ts";
import { ENCODE_OFFSET_S } from "./encode-args.ts";
import { EncodeSession, type EncodeSessionEnd, toSentence } from "./encode-session.ts";
import type { EncodeJob, InitSection } from "./encoder.ts";
import { frameMs, type Rendition } from "./ladder.ts";
import { SourceGaps } from "./source-gaps.ts";

/** Limits of waiting for a source. */
export interface SourceLimits {
  /** A live source that sends nothing for this long is closed; so is a session whose encoders yield nothing. */
  readonly stallMs: number;
  readonly startMs: number;
  /**
   * Consecutive failures, each with less than `stableSessionMs` of media, after which the source is abandoned. The demo and a
   * live source are never abandoned once they were on air, nor is a file whose FFmpeg was killed.
   */
  readonly failures: { readonly demo: number; readonly file: number; readonly live: number };
  readonly stableSessionMs: number;
  readonly retry: BackoffOptions;
}

/** The default limits. */
const SOURCE_LIMITS: SourceLimits = {
  stallMs: 10_000,
  startMs: 30_000,
  failures: { demo: 4, file: 4, live: 10 },
  stableSessionMs: 5_000,
  retry: { firstMs: 250, maxMs: 10_000 },
};

/** Period of filling. */
const SLATE_STEP_MS = 100;
/** A slate ends this much after a session's first picture, so that rounding leaves no gap between them. */
const SLATE_OVERLAP_MS = 3;
/** A session's media may be this much older than the arrival of its first frame, so gaps stay this far behind the clock. */
const GAP_MARGIN_MS = { demo: 1_500, file: 300, live: 300 } as const;
/** The start of a broadcast, before any output. */
export interface SourceStart {
  readonly inits: ReadonlyMap<TrackName, InitSection>;
  /** Program time of the first frame, milliseconds since the epoch. */
  readonly startedAtMs: number;
  /** Passes on frames ahead of their parts. */
  readonly chunkSource: Pick<Packager, "passChunksTo">;
}

/** How a source ended. */
export type SourceEnd =
  | { readonly kind: "ended" }
  | { readonly kind: "stopped" }
  | { readonly kind: "failed"; readonly message: string };

/** Dependencies of a source. */
export interface SourceSupervisorOptions {
  /** Names the input in messages. */
  readonly name: string;
  readonly kind: SourceInput["kind"];
  readonly loop: boolean;
  /** Whether a live input's end is no news: its owner knows it, and `open` waits for the next one. */
  readonly endsQuietly?: boolean;
  /** Opens the input for a session; waits until it is available. Throws `SourceError`. */
  readonly open: (signal: AbortSignal) => Promise<SourceHandle>;
  readonly job: EncodeJob;
  readonly partTargets: ReadonlyMap<TrackName, number>;
  readonly targetDurationS: number;
  /** Whether each video track carries the audio. */
  readonly muxed: boolean;
  /** Slates of all tracks for the time between sessions; null while there are none. Absent: gaps. */
  readonly slates?: () => ReadonlyMap<TrackName, EncodedSlate> | null;
  readonly log: { info(text: string): void; warn(text: string): void; error(text: string): void };
  /** Called once, before the first output. */
  readonly onStart: (start: SourceStart) => void;
  readonly onOutput: (output: PackagerOutput) => void;
  /** Whether outputs are queued, so that a source without a clock should wait too. */
  readonly isFull?: () => boolean;
  readonly limits?: Partial<SourceLimits>;
  readonly platform: Platform;
  /** Milliseconds since the epoch, never going back; see `createEpochClock`. */
  readonly epochNowMs: () => number;
}

/** Counters since the start. */
export interface SourceCounters {
  readonly sessions: number;
  /** Frames of the leading track, and their media time. */
  readonly frames: number;
  readonly mediaMs: number;
}

/** A source on air. */
export class SourceSupervisor {
  readonly #options: SourceSupervisorOptions;
  readonly #limits: SourceLimits;
  readonly #leader: Rendition;
  readonly #stop = new AbortController();
  #packager: Packager | null = null;
  #session: EncodeSession | null = null;
  #gaps: SourceGaps | null = null;
  #counters = { sessions: 0, frames: 0, mediaMs: 0 };

  constructor(options: SourceSupervisorOptions) {
    const leader = options.job.renditions[0];
    if (leader === undefined) throw new RangeError("a source needs a rendition");
    this.#leader = leader;
    this.#options = options;
    this.#limits = { ...SOURCE_LIMITS, ...options.limits };
  }

  /** Process ids of the running encoders. */
  get pids(): readonly number[] {
    return this.#session?.pids ?? [];
  }

  counters(): SourceCounters {
    return this.#counters;
  }

  /** Ends the source cleanly; `run` then resolves. */
  stop(): void {
    this.#stop.abort();
    this.#session?.stop();
  }

  /** Runs until the source ends, is stopped, or is abandoned; every segment is closed then. */
  async run(): Promise<SourceEnd> {
    try {
      return await this.#supervise();
    } finally {
      this.#gaps?.end(null);
      this.#emit(() => this.#packager?.end() ?? []);
    }
  }

  async #supervise(): Promise<SourceEnd> {
    const { log, name, kind, platform, endsQuietly } = this.#options;
    const { signal } = this.#stop;
    let failures = 0;
    for (;;) {
      if (signal.aborted) return { kind: "stopped" };
      const before = this.#counters.mediaMs;
      const { failure, isRetryable, wasKilled, hasBegun } = await this.#runSession();
      if (hasBegun) this.#emit(() => this.#packager?.endTimeline() ?? []);
      if (signal.aborted) return { kind: "stopped" };
      if (failure === null && kind !== "live") return { kind: "ended" };
      failures = this.#counters.mediaMs - before >= this.#limits.stableSessionMs ? 1 : failures + 1;
      const reason = failure ?? "the input ended.";
      if (!isRetryable) return { kind: "failed", message: `${name} cannot be broadcast: ${reason}` };
      const isWorthMore = this.#packager !== null && (kind !== "file" || wasKilled);
      if (failures >= this.#limits.failures[kind] && !isWorthMore) {
        return { kind: "failed", message: `${name} is abandoned after ${failures} failure(s): ${reason}` };
      }
      const waitMs = backoffMs(failures, this.#limits.retry, platform.random);
      if (failure !== null || endsQuietly !== true)
        log.warn(`${name} stopped: ${reason} Restarting it in ${(waitMs / 1000).toFixed(1)} s.`);
      this.#gaps?.start();
      await sleep(platform.clock, waitMs, signal).catch(() => {});
    }
  }

  /** One session from its opening to its end. */
  async #runSession(): Promise<EncodeSessionEnd & Pick<EncodeSession, "wasKilled" | "hasBegun">> {
    const { open, kind } = this.#options;
    let source: SourceHandle;
    try {
      source = await open(this.#stop.signal);
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      return { failure: toSentence(error), isRetryable: kind === "live", wasKilled: false, hasBegun: false };
    }
    try {
      this.#counters.sessions += 1;
      const session = this.#createSession(source);
      this.#session = session;
      if (this.#stop.signal.aborted) session.stop();
      const end = await session.run();
      return { ...end, wasKilled: session.wasKilled, hasBegun: session.hasBegun };
    } finally {
      this.#session = null;
      source.close();
    }
  }

  #createSession(source: SourceHandle): EncodeSession {
    const { name, kind, loop, job, log, isFull, platform, epochNowMs } = this.#options;
    return new EncodeSession({
      ...{ name, kind, loop, job, log, source, epochNowMs, limits: this.#limits, clock: platform.clock },
      ...(isFull === undefined ? {} : { isFull }),
      resumeS: kind === "file" && !loop ? this.#counters.mediaMs / 1000 : 0,
      isOnAir: () => this.#packager !== null,
      onLeaderFrame: ({ durationTicks }) => {
        this.#counters.frames += 1;
        this.#counters.mediaMs += (durationTicks * 1000) / this.#leader.timescale;
      },
      onBegin: (inits, startedAtMs) => this.#beginTimeline(inits, startedAtMs),
      onFrame: (track, frame) => {
        this.#emit(() => this.#packager?.push(track, frame) ?? []);
        if (track === this.#leader.name) this.#gaps?.observe();
      },
    });
  }

  #beginTimeline(inits: ReadonlyMap<TrackName, InitSection>, startedAtMs: number): void {
    this.#gaps?.end(startedAtMs + SLATE_OVERLAP_MS);
    if (this.#packager === null) {
      const wholeMs = Math.floor(startedAtMs);
      this.#packager = this.#createPackager(wholeMs);
      this.#gaps = this.#createGaps(this.#packager);
      this.#options.onStart({ inits, startedAtMs: wholeMs, chunkSource: this.#packager });
    }
    const packager = this.#packager;
    const programOffsetMs = startedAtMs - ENCODE_OFFSET_S * 1000;
    this.#emit(() => packager.beginTimeline({ inits, programOffsetMs }));
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

  #createGaps(packager: Packager): SourceGaps {
    const { kind, job, slates, platform, epochNowMs, log } = this.#options;
    return new SourceGaps({
      ...{ packager, keyframes: job.schedule, clock: platform.clock, epochNowMs, log },
      ...{ stepMs: Math.min(job.preset.partMs, SLATE_STEP_MS), marginMs: GAP_MARGIN_MS[kind] },
      ...(slates === undefined ? {} : { slates }),
      emit: (outputs) => this.#emit(() => outputs),
    });
  }

  #emit(step: () => readonly PackagerOutput[]): void {
    for (const output of step()) this.#options.onOutput(output);
  }
}
