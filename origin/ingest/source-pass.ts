/** One pass of a source: from the first frames of its tracks, which set its clock, to the end of the last one. */
import {
  SOURCE_CLOCK_LIMITS as SOURCE_LIMITS,
  SourceClock,
  type SourceTrack,
} from "../../core/ingest/source/source-clock.ts";
import type { Clock } from "../../core/kit/clock.ts";
import type { RawFrame } from "./frame-pool.ts";
import { LoopRecording, type MediaReader } from "./media-reader.ts";
import { RAW_AUDIO } from "./raw-media.ts";
import { AAC_FRAME_SAMPLES } from "./source-info.ts";
import type { SyncTimeline } from "./sync-timeline.ts";

/** Limits of read-ahead, and of waiting for a track to begin. */
const READ_AHEAD_LIMITS = {
  /** Queued pictures: total bytes, and minimum and maximum number. */
  frameBytes: 24_000_000,
  minFrames: 3,
  maxFrames: 30,
  /** Audio is read this far ahead: its end is known before the video's. */
  audioAheadS: 3,
  /** The source begins without a track whose first frame is missing for this long. */
  startTimeoutMs: 1_500,
  /** Audio that begins this much before the video does so because of its codec. */
  primingS: 0.06,
  /** A file's last picture is shown for at most this long, whatever the file says. */
  lastFrameS: 30,
} as const;

/** Dependencies of a pass. */
export interface SourcePassOptions {
  readonly clock: Clock;
  readonly reader: MediaReader;
  readonly timeline: SyncTimeline;
  /** The frame at which it begins. */
  readonly startFrame: number;
  /** `waits`: a file, read as far as there is space. `live`: everything is accepted as it arrives. */
  readonly kind: "waits" | "live";
  /** Begins when all tracks have begun, however long that takes: nobody watches meanwhile. */
  readonly isPatient: boolean;
  /** See `SourceClockOptions`. */
  readonly mayJump: boolean;
  readonly now: () => number;
  /** Media arrived, or a track ended. */
  readonly onArrival: () => void;
}

/** A frame that arrived before the clock was set. */
interface PendingFrame {
  readonly track: SourceTrack;
  readonly ptsS: number;
  readonly place: () => void;
  readonly drop: () => void;
}

/** See the file's first line. */
export class SourcePass {
  readonly startFrame: number;
  readonly #options: SourcePassOptions;
  readonly #reader: MediaReader;
  readonly #timeline: SyncTimeline;
  readonly #recording: LoopRecording;
  readonly #maxFrames: number;
  readonly #ended = new Set<SourceTrack>();
  #clock: SourceClock | null = null;
  #originS: number | null = null;
  #pending: PendingFrame[] = [];
  #firstMs: number | null = null;
  #frameCounts: Record<SourceTrack, number> = { video: 0, audio: 0 };

  constructor(options: SourcePassOptions) {
    this.#options = options;
    this.#reader = options.reader;
    this.#timeline = options.timeline;
    this.startFrame = options.startFrame;
    this.#recording = new LoopRecording(options.clock, options.reader.tracks);
    const fitting = Math.floor(READ_AHEAD_LIMITS.frameBytes / (options.timeline.frameBytes || 1));
    this.#maxFrames = Math.min(READ_AHEAD_LIMITS.maxFrames, Math.max(READ_AHEAD_LIMITS.minFrames, fitting));
  }

  /** Starts reading. */
  start(): void {
    const { video, audio } = this.#timeline;
    if (this.#reader.tracks.includes("video")) video?.resumeInput();
    else video?.endInput();
    if (this.#reader.tracks.includes("audio")) audio?.resumeInput(this.#timeline.sampleOf(this.startFrame));
    else audio?.endInput();
    this.#reader.start({
      onVideoFrame: (ptsS, picture) => {
        this.#recording.addVideoFrame(ptsS, picture);
        const place = (): void => this.#placeVideo(ptsS, picture);
        this.#onFrame({ track: "video", ptsS, place, drop: () => picture.release() });
      },
      onAudioSamples: (ptsS, samples) => {
        this.#recording.addAudioSamples(ptsS, samples);
        this.#onFrame({ track: "audio", ptsS, place: () => this.#placeAudio(ptsS, samples), drop: () => {} });
      },
      onEnd: (track) => {
        this.#ended.add(track);
        if (track === "video") video?.endInput();
        else audio?.endInput();
        this.#options.onArrival();
      },
    });
  }

  /** Stops reading at once. */
  stop(): void {
    this.#reader.stop();
  }

  /** Whether the clock is set, and so all positions are known. */
  get isAligned(): boolean {
    return this.#clock !== null;
  }

  /** The source's timestamp at position 0, seconds, until its clock jumps; null before the clock is set. */
  get originS(): number | null {
    return this.#originS;
  }

  /** Whether all tracks have ended and all their frames are placed. */
  get isOver(): boolean {
    return this.#hasEnded && (this.isAligned || this.#pending.length === 0);
  }

  /** A single picture and nothing else. */
  get isStill(): boolean {
    return this.#hasEnded && this.#frameCounts.video === 1 && this.#frameCounts.audio === 0;
  }

  /** Whether a track has ended, so that the next pass may be prepared. */
  get isEnding(): boolean {
    return this.#ended.size > 0;
  }

  /** A replay from memory, once everything has passed; "long" if it was too much to keep. */
  replay(): MediaReader | "long" | "later" {
    const reader = this.#recording.createReader();
    if (reader === null) return "long";
    return this.#hasEnded ? reader : "later";
  }

  /** Whether the track has ended in this pass. */
  isTrackOver(track: SourceTrack): boolean {
    return this.#ended.has(track) || !this.#reader.tracks.includes(track);
  }

  /** See `SourceClock.liveEdgeS`. */
  liveEdgeS(track: SourceTrack, now: number): number | null {
    return this.#clock?.liveEdgeS(track, now) ?? null;
  }

  /** The frame after the last: `pictureEndS` is the end of the last picture in a file's index. */
  endFrame(pictureEndS: number | null): number {
    const { endFrame, video, fps } = this.#timeline;
    if (pictureEndS === null || video === null || this.#clock === null || this.#frameCounts.video === 0)
      return endFrame;
    const longest = video.endFrame + Math.round(READ_AHEAD_LIMITS.lastFrameS * fps);
    return Math.max(endFrame, Math.min(longest, this.#timeline.frameAt(this.#clock.positionOf(pictureEndS))));
  }

  /** Resumes reading if there is space. */
  applyBackpressure(): void {
    if (this.#options.kind === "live" || this.#clock === null) return;
    const { video, audio } = this.#timeline;
    const isFull = {
      video: (video?.queuedFrames ?? 0) >= this.#maxFrames,
      audio: (audio?.endSample ?? 0) - (audio?.nextSample ?? 0) >= READ_AHEAD_LIMITS.audioAheadS * RAW_AUDIO.sampleRate,
    };
    for (const track of this.#reader.tracks) {
      if (isFull[track]) this.#reader.pause(track);
      else this.#reader.resume(track);
    }
  }

  /**
   * Once each track has begun, or its wait is over: sets the clock, and places the waiting frames. `skippedFrames` are
   * dropped at the beginning. Returns whether that was done now.
   */
  align(skippedFrames: number): boolean {
    const firstOf = (track: SourceTrack): number | undefined => this.#pending.find((one) => one.track === track)?.ptsS;
    const missing = this.#reader.tracks.filter((track) => !this.#ended.has(track) && firstOf(track) === undefined);
    if (this.#clock !== null || this.#pending.length === 0) return false;
    const waitedMs = this.#options.now() - (this.#firstMs ?? 0);
    if (missing.length > 0 && (this.#options.isPatient || waitedMs < READ_AHEAD_LIMITS.startTimeoutMs)) return false;
    const originS = Math.min(...this.#reader.tracks.map((track) => firstOf(track) ?? Number.POSITIVE_INFINITY));
    const startS = this.#timeline.secondsOf(this.startFrame - skippedFrames);
    // The first picture is exactly on a frame, and the audio keeps its distance from it.
    const pictureS = this.#timeline.fps === 0 ? undefined : firstOf("video");
    const early = pictureS === undefined ? 0 : pictureS - originS;
    // A codec's priming is not worth a frame without a picture, nor is a separate clock.
    const isNegligible = early > SOURCE_LIMITS.maxStartSkewS || early < READ_AHEAD_LIMITS.primingS;
    const frames = isNegligible ? 0 : Math.ceil(early * this.#timeline.fps - 1e-6);
    const { kind, mayJump } = this.#options;
    const positionS = startS + (frames === 0 ? 0 : this.#timeline.secondsOf(frames));
    this.#originS = (pictureS ?? originS) - positionS;
    this.#clock = new SourceClock({ live: kind === "live", mayJump }, pictureS ?? originS, positionS);
    for (const { place } of this.#pending.splice(0)) place();
    this.applyBackpressure();
    return true;
  }

  get #hasEnded(): boolean {
    return this.#ended.size === this.#reader.tracks.length;
  }

  #onFrame(frame: PendingFrame): void {
    const { track } = frame;
    this.#frameCounts[track] += 1;
    if (this.#clock !== null) frame.place();
    else this.#holdUntilAligned(frame);
    this.#options.onArrival();
  }

  /** Holds frames until the clock is set: all read-ahead of a file, the newest of a live source. */
  #holdUntilAligned(frame: PendingFrame): void {
    const { kind, now } = this.#options;
    this.#firstMs ??= now();
    this.#pending.push(frame);
    const waiting = this.#pending.filter(({ track }) => track === frame.track);
    const most =
      frame.track === "video"
        ? this.#maxFrames
        : (READ_AHEAD_LIMITS.audioAheadS * RAW_AUDIO.sampleRate) / AAC_FRAME_SAMPLES;
    if (waiting.length < most) return;
    if (kind === "waits") {
      this.#reader.pause(frame.track);
      return;
    }
    const [oldest] = waiting;
    this.#pending = this.#pending.filter((one) => one !== oldest);
    oldest?.drop();
  }

  #placeVideo(ptsS: number, picture: RawFrame): void {
    const { video, fps, videoPositionS } = this.#timeline;
    if (video === null || this.#clock === null) {
      picture.release();
      return;
    }
    const at = { nowMs: this.#options.now(), emittedS: videoPositionS, durationS: 1 / fps };
    video.push(this.#clock.positionFrame({ track: "video", ptsS, ...at }), picture);
    if (this.#options.kind === "live") video.keepNewest(this.#maxFrames);
    else this.applyBackpressure();
  }

  #placeAudio(ptsS: number, samples: Int16Array): void {
    const { audio, audioPositionS } = this.#timeline;
    if (audio === null || this.#clock === null) return;
    const durationS = samples.length / RAW_AUDIO.channels / RAW_AUDIO.sampleRate;
    const at = { nowMs: this.#options.now(), emittedS: audioPositionS, durationS };
    audio.push(this.#clock.positionFrame({ track: "audio", ptsS, ...at }), samples);
    this.applyBackpressure();
  }
}
