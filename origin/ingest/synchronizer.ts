/**
 * Between a source and the encoders: turns any input into video frames at a constant rate and audio without holes, both
 * on one timeline that begins at 0. A track that pauses, ends or never begins is held or silent, and blocks nothing.
 */
import type { SourceTrack } from "../../core/ingest/source/source-clock.ts";
import type { Clock } from "../../core/kit/clock.ts";
import type { Rational } from "../../core/kit/rational.ts";
import { SourceError } from "../kit/errors.ts";
import type { RawFrame } from "./frame-pool.ts";
import type { MediaReader } from "./media-reader.ts";
import { type Canvas, RAW_AUDIO } from "./raw-media.ts";
import { AAC_FRAME_SAMPLES } from "./source-info.ts";
import { SourcePass } from "./source-pass.ts";
import { SyncTimeline } from "./sync-timeline.ts";

/** Limits of waiting. */
const SYNCHRONIZER_LIMITS = {
  /** Wait for a due frame before the last one is repeated. */
  patienceMs: 500,
  /** A track that is missing for this long is reported. */
  warnAfterMs: 2_000,
  /** Most that one track may run ahead of the other: a slow encoder holds both. */
  maxSkewS: 1,
  /** An encoder this far behind the clock is too slow for its ladder. */
  warnLagMs: 4_000,
  /** A live source this far behind is reopened. */
  maxLagMs: 12_000,
} as const;

/** Audio is output this much early: its encoder needs two frames to emit one. */
const AUDIO_LEAD_S = (3 * AAC_FRAME_SAMPLES) / RAW_AUDIO.sampleRate;
/** Poll period while no due time is known. */
const POLL_MS = 20;
const TRACK_LABELS: Readonly<Record<SourceTrack, string>> = { video: "video", audio: "audio" };
const FALLBACK_LABELS: Readonly<Record<SourceTrack, string>> = {
  video: "repeating the last picture",
  audio: "sending silence",
};

/** The consumer of video frames and audio samples. */
export interface MediaSink {
  readonly canAcceptVideo: boolean;
  readonly canAcceptAudio: boolean;
  /** A sink that needs the frame after the call retains it. */
  writeVideo(picture: RawFrame): void;
  writeAudio(samples: Int16Array): void;
  /** No media follows. */
  end(): void;
}

/** The pacing of output. */
export type Pacing =
  /** By the wall clock, as a file is played. */
  | { readonly kind: "clock" }
  /** The same, with position 0 at `startMs`, milliseconds since the epoch; earlier frames are skipped. */
  | { readonly kind: "anchored"; readonly startMs: number }
  /** On arrival, for a live source. */
  | { readonly kind: "arrival" }
  /** As fast as the sink accepts. */
  | { readonly kind: "none" };

/** Dependencies of a synchronizer. */
export interface SynchronizerOptions {
  /** Names the source in messages. */
  readonly name: string;
  /** Null if the broadcast has no video. */
  readonly frameRate: Rational | null;
  readonly canvas: Canvas | null;
  readonly hasAudio: boolean;
  readonly sink: MediaSink;
  /** Opens the source, from its beginning after the first time. */
  readonly open: () => MediaReader;
  /** The source repeats. */
  readonly loop: boolean;
  readonly pacing: Pacing;
  /** See `SourceClockOptions`. */
  readonly mayJump: boolean;
  /** Timestamp at which the last picture ends, if the source's index states it; else null. */
  readonly pictureEndS: number | null;
  /**
   * Program time of timestamp 0 of a source that arrives, milliseconds since the epoch; null or absent: it is derived from
   * the arrival of decoded frames.
   */
  readonly programOffsetMs?: () => number | null;
  readonly clock: Clock;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: { info(text: string): void; warn(text: string): void };
}

/** A track whose next frame is due but missing: since when, and whether that was reported. */
interface TrackWait {
  sinceMs: number | null;
  isHolding: boolean;
  isWarned: boolean;
}

/** See the file's first line. */
export class Synchronizer {
  /** Resolves when the source has ended and everything was output, or after `stop`; rejects with a `SourceError`. */
  readonly done: Promise<void>;
  readonly #options: SynchronizerOptions;
  readonly #timeline: SyncTimeline;
  readonly #waits: Record<SourceTrack, TrackWait> = {
    video: { sinceMs: null, isHolding: false, isWarned: false },
    audio: { sinceMs: null, isHolding: false, isWarned: false },
  };
  readonly #completion: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  #pass: SourcePass;
  /** The prepared next pass. */
  #nextReader: MediaReader | null = null;
  /** Wall clock at position 0, milliseconds since the epoch; null until known. */
  #startMs: number | null = null;
  /** Frame after the last, once the source has ended. */
  #endFrame: number | null = null;
  #cancelTimer: () => void = () => {};
  #isLagWarned = false;
  #lastArrivalMs: number;
  #isOver = false;

  constructor(options: SynchronizerOptions) {
    this.#options = options;
    this.#lastArrivalMs = options.now();
    this.#timeline = new SyncTimeline(options.frameRate, options.canvas, options.hasAudio);
    this.#pass = this.#createPass(options.open(), 0);
    this.done = this.#completion.promise;
  }

  /** Starts reading. */
  start(): void {
    this.#pass.start();
    this.#schedule();
  }

  /** Wall clock of position 0, milliseconds since the epoch, from the frames with the least delay; null before. */
  get startedAtMs(): number | null {
    if (this.#options.pacing.kind !== "arrival") return this.#startMs;
    const offsetMs = this.#options.programOffsetMs?.() ?? null;
    const { originS } = this.#pass;
    if (offsetMs !== null && originS !== null) return offsetMs + originS * 1000;
    const now = this.#options.now();
    const edges = (["video", "audio"] as const).flatMap((track) => this.#pass.liveEdgeS(track, now) ?? []);
    return edges.length === 0 ? null : now - Math.max(...edges) * 1000;
  }

  /** Time of the source's last media, milliseconds since the epoch. */
  get lastArrivalMs(): number {
    return this.#lastArrivalMs;
  }

  /** The sink can take more. */
  onSinkDrain(): void {
    this.#advance();
  }

  /** Ends the output here; video and audio end together. */
  stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelTimer();
    this.#pass.stop();
    this.#nextReader?.stop();
    this.#alignEnds();
    this.#options.sink.end();
    this.#completion.resolve();
  }

  #createPass(reader: MediaReader, startFrame: number): SourcePass {
    const { clock, pacing, mayJump, now } = this.#options;
    const round: SourcePass = new SourcePass({
      ...{ clock, reader, startFrame, mayJump, now, timeline: this.#timeline },
      kind: pacing.kind === "arrival" ? "live" : "waits",
      isPatient: pacing.kind === "none",
      onArrival: () => {
        if (round !== this.#pass) return;
        this.#lastArrivalMs = now();
        this.#advance();
      },
    });
    return round;
  }

  /** Outputs everything that is due. */
  #advance(): void {
    if (this.#isOver) return;
    const now = this.#options.now();
    this.#align(now);
    this.#prepareNextPass();
    if (this.#endFrame === null && this.#pass.isOver) this.#endPass();
    if (this.#startMs !== null) while (this.#emitVideo(now) || this.#emitAudio(now));
    this.#pass.applyBackpressure();
    const isGivenOut = this.#endFrame !== null && !this.#hasVideoLeft && !this.#hasAudioLeft;
    if (isGivenOut) this.stop();
    this.#checkPace(now);
    this.#schedule();
  }

  /** Sets the clock of a pass that has begun; the first one starts the timeline's. */
  #align(now: number): void {
    const { pacing } = this.#options;
    const isAnchored = pacing.kind === "anchored" && this.#startMs === null;
    // Media of an anchored source from before the start is skipped, in whole frames.
    const late = isAnchored ? ((now - pacing.startMs) / 1000) * this.#timeline.fps : 0;
    const skipped = Math.max(0, Math.ceil(late));
    if (!this.#pass.align(skipped)) return;
    this.#startMs ??= isAnchored ? pacing.startMs + this.#timeline.secondsOf(skipped) * 1000 : now;
  }

  /** The next pass is prepared while this one's other track continues. */
  #prepareNextPass(): void {
    if (!this.#options.loop || this.#nextReader !== null || !this.#pass.isEnding || this.#pass.isStill) return;
    const again = this.#pass.replay();
    if (again === "long") this.#nextReader = this.#options.open();
    else if (again !== "later") this.#nextReader = again;
  }

  /** All tracks have ended: the next pass begins at the end of the longer one, or the source has ended. */
  #endPass(): void {
    // A single repeating picture is held, as after any source's end.
    if (this.#options.loop && this.#pass.isStill) return;
    const endFrame = this.#pass.endFrame(this.#options.pictureEndS);
    const next = this.#nextReader;
    this.#nextReader = null;
    if (next !== null && endFrame > this.#pass.startFrame) {
      this.#pass = this.#createPass(next, endFrame);
      this.#pass.start();
      return;
    }
    next?.stop();
    this.#endFrame = endFrame;
  }

  /** Whether pictures remain to be output. */
  get #hasVideoLeft(): boolean {
    const { video } = this.#timeline;
    return video !== null && (this.#endFrame === null || video.nextFrame < this.#endFrame);
  }

  /** Whether audio remains to be output. */
  get #hasAudioLeft(): boolean {
    const { audio } = this.#timeline;
    return audio !== null && (this.#endFrame === null || audio.nextSample < this.#timeline.sampleOf(this.#endFrame));
  }

  #emitVideo(now: number): boolean {
    const { video, videoPositionS } = this.#timeline;
    const { sink } = this.#options;
    if (video === null || !this.#hasVideoLeft || !sink.canAcceptVideo) return false;
    if (
      videoPositionS > this.#limitS("video", now) ||
      !this.#isDue("video", videoPositionS, video.isNextFrameDecided, now)
    )
      return false;
    sink.writeVideo(video.emitFrame());
    return true;
  }

  #emitAudio(now: number): boolean {
    const { audio, audioPositionS } = this.#timeline;
    const { sink } = this.#options;
    if (audio === null || !this.#hasAudioLeft || !sink.canAcceptAudio) return false;
    const end = this.#endFrame === null ? Number.POSITIVE_INFINITY : this.#timeline.sampleOf(this.#endFrame);
    const count = Math.min(AAC_FRAME_SAMPLES, end - audio.nextSample);
    const untilS = audioPositionS + count / RAW_AUDIO.sampleRate;
    if (untilS > this.#limitS("audio", now) || !this.#isDue("audio", untilS, audio.areSamplesDecided(count), now))
      return false;
    sink.writeAudio(audio.emitSamples(count));
    return true;
  }

  /** Brings the shorter track to the end of the other. */
  #alignEnds(): void {
    const { video, audio } = this.#timeline;
    if (video === null || audio === null || this.#startMs === null) return;
    while (this.#timeline.sampleOf(video.nextFrame) < audio.nextSample)
      this.#options.sink.writeVideo(video.emitFrame());
    const left = this.#timeline.sampleOf(video.nextFrame) - audio.nextSample;
    if (left > 0) this.#options.sink.writeAudio(audio.emitSamples(left));
  }

  /** Position up to which a track may be output now: by the clock, and close to the other track. */
  #limitS(track: SourceTrack, now: number): number {
    const { videoPositionS, audioPositionS } = this.#timeline;
    const otherS = track === "video" ? audioPositionS : videoPositionS;
    // The next pass may begin at the other track's end, and output cannot be withdrawn.
    const isLast = this.#isTrackOver(track) && !this.#isTrackOver(track === "video" ? "audio" : "video");
    const byOtherS = otherS + (isLast ? 0 : SYNCHRONIZER_LIMITS.maxSkewS);
    const byClockS = this.#isClocked ? (now - (this.#startMs ?? now)) / 1000 : Number.POSITIVE_INFINITY;
    return Math.min(byOtherS, byClockS + (track === "audio" ? AUDIO_LEAD_S : 0));
  }

  /** Whether a track has ended, for now. */
  #isTrackOver(track: SourceTrack): boolean {
    const { video, audio } = this.#timeline;
    return (track === "video" ? video : audio) === null || this.#pass.isTrackOver(track);
  }

  get #isClocked(): boolean {
    return this.#options.pacing.kind === "clock" || this.#options.pacing.kind === "anchored";
  }

  /** Whether a frame is output: it is decided, or its wait is over. */
  #isDue(track: SourceTrack, positionS: number, isDecided: boolean, now: number): boolean {
    const waiting = this.#waits[track];
    const { pacing, name, log } = this.#options;
    if (isDecided) {
      if (waiting.isWarned && !this.#isTrackOver(track)) log.info(`${name} delivers ${TRACK_LABELS[track]} again.`);
      this.#waits[track] = { sinceMs: null, isHolding: false, isWarned: false };
      return true;
    }
    waiting.sinceMs ??= now;
    if (!waiting.isWarned && now - waiting.sinceMs > SYNCHRONIZER_LIMITS.warnAfterMs && pacing.kind !== "none") {
      waiting.isWarned = true;
      log.warn(`${name} delivers no ${TRACK_LABELS[track]}: ${FALLBACK_LABELS[track]} until it does.`);
    }
    switch (pacing.kind) {
      case "clock":
      case "anchored":
        waiting.isHolding ||= now - waiting.sinceMs >= SYNCHRONIZER_LIMITS.patienceMs;
        return waiting.isHolding;
      case "arrival": {
        const edgeS = this.#pass.liveEdgeS(track, now);
        return edgeS !== null && positionS + SYNCHRONIZER_LIMITS.patienceMs / 1000 <= edgeS;
      }
      case "none":
        return false;
    }
  }

  /** Schedules a check when the next frame is due. */
  #schedule(): void {
    if (this.#isOver) return;
    this.#cancelTimer();
    this.#cancelTimer = this.#options.clock.startTimer(this.#nextPollMs(), () => this.#advance());
  }

  #nextPollMs(): number {
    if (!this.#isClocked || this.#startMs === null) return POLL_MS;
    const { videoPositionS, audioPositionS } = this.#timeline;
    const sendS = audioPositionS + AAC_FRAME_SAMPLES / RAW_AUDIO.sampleRate - AUDIO_LEAD_S;
    const dueMs = this.#startMs + Math.min(videoPositionS, sendS) * 1000 - this.#options.now();
    // A due frame waits for its source or for the encoder, which call back.
    return dueMs <= 0 ? POLL_MS : Math.min(Math.max(1, Math.ceil(dueMs)), 1000);
  }

  /** How far the output is behind its due time, milliseconds. */
  #lagMs(now: number): number {
    const { videoPositionS, audioPositionS } = this.#timeline;
    const leavesS = Number.isFinite(videoPositionS) ? videoPositionS : audioPositionS;
    if (this.#isClocked) return now - (this.#startMs ?? now) - leavesS * 1000;
    const edgeS = this.#options.pacing.kind === "arrival" ? this.#pass.liveEdgeS("video", now) : null;
    return edgeS === null ? 0 : (edgeS - leavesS) * 1000;
  }

  /** Warns of encoders that cannot keep up; a live source that is late because of them is reopened. */
  #checkPace(now: number): void {
    const { name, log, sink, pacing } = this.#options;
    if (this.#isOver || this.#startMs === null || this.#endFrame !== null || sink.canAcceptVideo) return;
    const behindMs = this.#lagMs(now);
    const advice = "use fewer or smaller renditions with --ladder, or --preset ultra, which encodes faster";
    if (behindMs > SYNCHRONIZER_LIMITS.warnLagMs && !this.#isLagWarned) {
      this.#isLagWarned = true;
      const seconds = (behindMs / 1000).toFixed(0);
      log.warn(`This machine encodes slower than ${name} plays, and is ${seconds} s behind: ${advice}.`);
    }
    if (behindMs < SYNCHRONIZER_LIMITS.maxLagMs || pacing.kind === "clock" || pacing.kind === "none") return;
    this.#completion.reject(new SourceError(`this machine encodes slower than real time; ${advice}`));
    this.stop();
  }
}
