/** One opening of a source, from its decoders through the synchronizer to its encoders. */

import { type Clock, startInterval } from "../../core/kit/clock.ts";
import type { TrackName } from "../../core/kit/ids.ts";
import { CmafError } from "../../core/media/cmaf/errors.ts";
import type { CodedFrame } from "../../core/media/cmaf/frame.ts";
import type { SourceInput } from "../ingest/input.ts";
import type { DecoderExit } from "../ingest/media-reader.ts";
import type { SourceHandle } from "../ingest/source-opener.ts";
import { type MediaSink, Synchronizer } from "../ingest/synchronizer.ts";
import { SourceError } from "../kit/errors.ts";
import { describeFailure, isExternalKill, type ProcessExit } from "../kit/ffmpeg-process.ts";
import { type EncodeJob, type InitSection, RenditionEncoder } from "./encoder.ts";

/**
 * The first frames of a live source arrive in a burst, delayed by probing. Its timeline begins this long
 * after the first of them: by then frames without delay have shown how media time relates to the clock.
 */
const SETTLE_MS = { demo: 0, file: 0, live: 700 } as const;
/** Frames held while init sections are awaited; beyond it a track yields nothing. */
const HELD_FRAMES = 4_096;
const STALL_CHECK_MS = 1_000;
const TRACK_LABELS = { video: "video", audio: "audio" } as const;

/** A session's callbacks. */
export interface EncodeSessionHandlers {
  /** A frame of the leading track was encoded; also called for held frames. */
  readonly onLeaderFrame: (frame: CodedFrame) => void;
  /** Every init section and the program time of position 0 are known. Called once, before the first `onFrame`. */
  readonly onBegin: (inits: ReadonlyMap<TrackName, InitSection>, startedAtMs: number) => void;
  readonly onFrame: (track: TrackName, frame: CodedFrame) => void;
}

/** Dependencies of a session. */
export interface EncodeSessionOptions extends EncodeSessionHandlers {
  /** Names the input in messages. */
  readonly name: string;
  readonly kind: SourceInput["kind"];
  readonly loop: boolean;
  readonly job: EncodeJob;
  readonly source: SourceHandle;
  /** Resume position of a file, seconds. */
  readonly resumeS: number;
  /** See `SourceLimits`. */
  readonly limits: { readonly stallMs: number; readonly startMs: number };
  /** Whether outputs are queued, so that a source without a clock should wait too. */
  readonly isFull?: () => boolean;
  /** Whether the broadcast has begun, in this session or in an earlier one. */
  readonly isOnAir: () => boolean;
  readonly clock: Clock;
  readonly epochNowMs: () => number;
  readonly log: { info(text: string): void; warn(text: string): void };
}

/** How a session ended. */
export interface EncodeSessionEnd {
  /** Null if the source ended normally. */
  readonly failure: string | null;
  /** Whether another start may succeed. */
  readonly isRetryable: boolean;
}

/** See the file's first line. */
export class EncodeSession {
  readonly #options: EncodeSessionOptions;
  readonly #leader: TrackName;
  readonly #tracks: readonly TrackName[];
  readonly #encoder: RenditionEncoder;
  readonly #synchronizer: Synchronizer;
  readonly #decoders: Promise<readonly DecoderExit[]>[] = [];
  readonly #inits = new Map<TrackName, InitSection>();
  readonly #heldFrames: { readonly track: TrackName; readonly frame: CodedFrame }[] = [];
  #hasBegun = false;
  #hasLeaderFrame = false;
  #lastFrameMs: number;
  #firstFrameMs: number = Number.POSITIVE_INFINITY;
  /** Why the session was ended by its owner. */
  #failure: string | null = null;
  #wasKilled = false;
  #isStopped = false;

  /** Starts the encoders and opens the source; reading starts with `run`. */
  constructor(options: EncodeSessionOptions) {
    const { name, job, source, clock, loop, log } = options;
    this.#options = options;
    this.#tracks = job.renditions.map((rendition) => rendition.name);
    const [leader] = this.#tracks;
    if (leader === undefined) throw new RangeError("a source needs a rendition");
    this.#leader = leader;
    this.#lastFrameMs = clock.monotonicMs();
    this.#encoder = new RenditionEncoder(name, job, {
      onInit: (track, init) => {
        this.#inits.set(track, init);
        this.#tryBegin();
      },
      onFrame: (track, frame) => this.#onFrame(track, frame),
      onDrain: () => this.#synchronizer.onSinkDrain(),
    });
    let { resumeS } = options;
    this.#synchronizer = new Synchronizer({
      ...{ name, loop, log, clock, sink: createSink(this.#encoder, options.isFull), now: options.epochNowMs },
      ...{ pacing: source.pacing, mayJump: source.mayJump, pictureEndS: source.pictureEndS },
      programOffsetMs: source.programOffsetMs,
      frameRate: job.schedule?.frameRate ?? null,
      canvas: job.canvas,
      hasAudio: job.renditions.some((each) => each.kind === "audio"),
      open: () => {
        const reader = source.read(resumeS, (end) => this.#onDecoderExit(end));
        resumeS = 0;
        this.#decoders.push(reader.done);
        return reader;
      },
    });
  }

  /** Process ids of the encoders. */
  get pids(): readonly number[] {
    return this.#encoder.pids;
  }

  /** Whether frames were emitted. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Whether a process was killed from outside. */
  get wasKilled(): boolean {
    return this.#wasKilled;
  }

  /** Ends the session cleanly; `run` then resolves. */
  stop(): void {
    this.#isStopped = true;
    this.#synchronizer.stop();
  }

  /** Runs until the source ends, is stopped, or a process fails. */
  async run(): Promise<EncodeSessionEnd> {
    const { clock, isOnAir } = this.#options;
    if (!this.#isStopped) this.#synchronizer.start();
    const stopWatchdog = startInterval(clock, STALL_CHECK_MS, () => this.#checkStall());
    try {
      // The source ends and the encoders after it, or an encoder fails and no frame can follow.
      await Promise.race([
        this.#synchronizer.done.catch((error: unknown) => this.#recordFailure(error)),
        this.#encoder.done,
      ]);
      this.#synchronizer.stop();
      const encoded = await this.#encoder.done;
      if (this.#failure === null && isExternalKill(encoded)) this.#wasKilled = true;
      const failure = this.#failure ?? describeFailure(encoded);
      const decoded = (await Promise.all(this.#decoders)).flat();
      if (failure === null) return this.#judgeEnd(decoded);
      return { failure, isRetryable: isCurable(encoded.error) && !isPermanent(encoded, isOnAir()) };
    } finally {
      stopWatchdog();
      this.#synchronizer.stop();
      this.#encoder.kill();
    }
  }

  /**
   * A decoder has exited. If it was killed, its track would be held or silent from then on: the session ends, and the
   * source is resumed there. Undecodable media is reported at once, if the rest is on air.
   */
  #onDecoderExit({ track, exit, isBroken, frameCount }: DecoderExit): void {
    const { log, name, kind } = this.#options;
    const failure = describeFailure(exit);
    if (isBroken) {
      if (this.#failure === null && isExternalKill(exit)) this.#wasKilled = true;
      this.#failure ??= failure;
      this.#synchronizer.stop();
    } else if (failure !== null && exit.signal === null && this.#hasBegun && kind !== "live") {
      const what = frameCount === 0 ? "cannot be decoded" : "could be decoded only partly";
      log.warn(`The ${TRACK_LABELS[track]} of ${name} ${what}: ${failure}`);
    }
  }

  /** The encoders ended cleanly: the decoders' exits decide the result. */
  #judgeEnd(decoded: readonly DecoderExit[]): EncodeSessionEnd {
    const { kind, isOnAir } = this.#options;
    const failed = decoded.flatMap(({ exit }) => (exit.signal === null ? (describeFailure(exit) ?? []) : []));
    // A file resumed at its very end has no frame left.
    const isAtEnd = isOnAir() && kind === "file" && failed.length === 0;
    if (!this.#hasBegun && !isAtEnd && !this.#isStopped) {
      const tracks = [...new Set(decoded.map(({ track }) => TRACK_LABELS[track]))].join(" and ");
      const what = `no frame of its ${tracks || "tracks"} can be decoded.`;
      const advice = kind === "file" ? ["Check that FFmpeg plays it: ffplay FILE."] : [];
      const mayWorkAgain = kind === "live" || isOnAir();
      return { failure: [what, ...new Set(failed), ...advice].join(" "), isRetryable: mayWorkAgain };
    }
    return { failure: kind === "live" ? (failed[0] ?? null) : null, isRetryable: true };
  }

  /** Ends a session that yields nothing. */
  #checkStall(): void {
    const { limits, kind, epochNowMs, clock } = this.#options;
    const limitMs = this.#hasBegun ? limits.stallMs : limits.startMs;
    const isSilent = kind === "live" && epochNowMs() - this.#synchronizer.lastArrivalMs > limitMs;
    if (!isSilent && clock.monotonicMs() - this.#lastFrameMs <= limitMs) return;
    this.#failure = "no frame arrived in time.";
    if (isSilent) this.#synchronizer.stop();
    else this.#encoder.kill();
  }

  #onFrame(track: TrackName, frame: CodedFrame): void {
    this.#lastFrameMs = this.#options.clock.monotonicMs();
    if (track === this.#leader) this.#options.onLeaderFrame(frame);
    if (this.#hasBegun) this.#options.onFrame(track, frame);
    else this.#holdFrame(track, frame);
  }

  /** Holds a frame until all init sections are known and media time is related to the clock. */
  #holdFrame(track: TrackName, frame: CodedFrame): void {
    if (track === this.#leader) this.#hasLeaderFrame = true;
    this.#firstFrameMs = Math.min(this.#firstFrameMs, this.#lastFrameMs);
    this.#heldFrames.push({ track, frame });
    if (this.#heldFrames.length > HELD_FRAMES) {
      const missing = this.#tracks.filter((each) => !this.#inits.has(each)).join(", ") || this.#leader;
      throw new CmafError("state", `no frame of ${missing}`, { input: this.#options.name });
    }
    this.#tryBegin();
  }

  /** Begins once every track's init section and the leader's first frame are known. */
  #tryBegin(): void {
    const { kind, clock, onBegin, onFrame } = this.#options;
    if (!this.#hasLeaderFrame || this.#inits.size < this.#tracks.length) return;
    if (clock.monotonicMs() - this.#firstFrameMs < SETTLE_MS[kind]) return;
    const { startedAtMs } = this.#synchronizer;
    if (startedAtMs === null) return;
    onBegin(this.#inits, startedAtMs);
    this.#hasBegun = true;
    for (const { track, frame } of this.#heldFrames.splice(0)) onFrame(track, frame);
  }

  /** The synchronizer failed. Throws errors that are not the source's. */
  #recordFailure(error: unknown): void {
    if (!(error instanceof SourceError)) throw error;
    this.#failure = toSentence(error);
  }
}

/** The encoders, which accept nothing while their output queue is full. */
function createSink(encoder: RenditionEncoder, isFull: (() => boolean) | undefined): MediaSink {
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

/** An encoder that fails before the broadcast's first frame fails each time. */
function isPermanent({ code }: ProcessExit, isOnAir: boolean): boolean {
  return !isOnAir && code !== null && code !== 0;
}

/** A missing program or an internal error is not fixed by another start. */
function isCurable(error: unknown): boolean {
  if (error === null || error instanceof CmafError || error instanceof SourceError) return true;
  return error instanceof Error && "code" in error && error.code !== "ENOENT";
}

/** An error's message with one full stop. */
export function toSentence(error: Error): string {
  return `${error.message.replace(/\.$/, "")}.`;
}
