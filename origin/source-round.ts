/** One reading of a source: from the first frames of its tracks, which set its clock, to the end of the last. */
import { LIMITS as SOURCE_LIMITS, SourceClock, type SourceTrack } from "../protocol/ingest/source-clock.ts";
import { SOUND } from "./decode-args.ts";
import { AAC_FRAME_SAMPLES } from "./ladder.ts";
import { type MediaReader, Recording } from "./media-reader.ts";
import type { Picture } from "./picture-pool.ts";
import type { Timeline } from "./timeline.ts";

/** Bounds on what is read ahead, and on waiting for a track to begin. */
export const LIMITS = {
  /** Pictures that wait for their time: bytes of them, and how many at least and at most. */
  pictureBytes: 24_000_000,
  fewestPictures: 3,
  mostPictures: 30,
  /** Sound is read this far ahead: its end is known before the picture's. */
  soundAheadS: 3,
  /** The other track's first frame is waited for so long before a source begins without it. */
  startTimeoutMs: 1_500,
  /** Sound that begins this much before the picture does so because of its codec. */
  primingS: 0.06,
  /** A file's last picture is shown for so long at most, whatever the file says. */
  lastPictureS: 30,
} as const;

/** What a reading needs. */
export interface RoundOptions {
  readonly reader: MediaReader;
  readonly timeline: Timeline;
  /** Frame at which it begins. */
  readonly startFrame: number;
  /** `waits`: a file, read as far as there is room. `live`: what comes is taken. */
  readonly kind: "waits" | "live";
  /** Begins when all tracks have, however long that takes: nobody watches meanwhile. */
  readonly isPatient: boolean;
  /** See `SourceClockOptions`. */
  readonly mayJump: boolean;
  readonly now: () => number;
  /** Something came, or a track ended. */
  readonly onArrival: () => void;
}

/** A frame that came before the clock was set. */
interface Pending {
  readonly track: SourceTrack;
  readonly ptsS: number;
  readonly place: () => void;
  readonly drop: () => void;
}

/** See the file's first line. */
export class SourceRound {
  readonly startFrame: number;
  readonly #options: RoundOptions;
  readonly #reader: MediaReader;
  readonly #timeline: Timeline;
  readonly #recording: Recording;
  readonly #mostPictures: number;
  readonly #ended = new Set<SourceTrack>();
  #clock: SourceClock | null = null;
  #pending: Pending[] = [];
  #firstMs: number | null = null;
  #frames: Record<SourceTrack, number> = { video: 0, audio: 0 };

  constructor(options: RoundOptions) {
    this.#options = options;
    this.#reader = options.reader;
    this.#timeline = options.timeline;
    this.startFrame = options.startFrame;
    this.#recording = new Recording(options.reader.tracks);
    const fitting = Math.floor(LIMITS.pictureBytes / (options.timeline.pictureBytes || 1));
    this.#mostPictures = Math.min(LIMITS.mostPictures, Math.max(LIMITS.fewestPictures, fitting));
  }

  /** Begins to read. */
  start(): void {
    const { pictures, sound } = this.#timeline;
    if (this.#reader.tracks.includes("video")) pictures?.resume();
    else pictures?.end();
    if (this.#reader.tracks.includes("audio")) sound?.resume(this.#timeline.sampleOf(this.startFrame));
    else sound?.finish();
    this.#reader.start({
      onPicture: (ptsS, picture) => {
        this.#recording.picture(ptsS, picture);
        const place = (): void => this.#placePicture(ptsS, picture);
        this.#arrive({ track: "video", ptsS, place, drop: () => picture.release() });
      },
      onSound: (ptsS, samples) => {
        this.#recording.sound(ptsS, samples);
        this.#arrive({ track: "audio", ptsS, place: () => this.#placeSound(ptsS, samples), drop: () => {} });
      },
      onEnd: (track) => {
        this.#ended.add(track);
        if (track === "video") pictures?.end();
        else sound?.finish();
        this.#options.onArrival();
      },
    });
  }

  /** Ends the reading at once. */
  stop(): void {
    this.#reader.stop();
  }

  /** Whether the clock is set, and with it where everything lies. */
  get isAligned(): boolean {
    return this.#clock !== null;
  }

  /** Whether all tracks have ended, and all that came of them is placed. */
  get isOver(): boolean {
    return this.#hasEnded && (this.isAligned || this.#pending.length === 0);
  }

  /** One picture and nothing else. */
  get isStill(): boolean {
    return this.#hasEnded && this.#frames.video === 1 && this.#frames.audio === 0;
  }

  /** Whether a track has ended, so that the next reading may be got ready. */
  get isEnding(): boolean {
    return this.#ended.size > 0;
  }

  /** The same again, from memory, once all of it has passed; "long" where it was too much to keep. */
  replay(): MediaReader | "long" | "later" {
    const reader = this.#recording.reader();
    if (reader === null) return "long";
    return this.#hasEnded ? reader : "later";
  }

  /** Whether nothing more comes of a track in this reading. */
  isTrackOver(track: SourceTrack): boolean {
    return this.#ended.has(track) || !this.#reader.tracks.includes(track);
  }

  /** See `SourceClock.liveEdgeS`. */
  liveEdgeS(track: SourceTrack, now: number): number | null {
    return this.#clock?.liveEdgeS(track, now) ?? null;
  }

  /** The frame after the last: `pictureEndS` is the timestamp at which a file's index ends the last picture. */
  endFrame(pictureEndS: number | null): number {
    const { endFrame, pictures, fps } = this.#timeline;
    if (pictureEndS === null || pictures === null || this.#clock === null || this.#frames.video === 0) return endFrame;
    const longest = pictures.endFrame + Math.round(LIMITS.lastPictureS * fps);
    return Math.max(endFrame, Math.min(longest, this.#timeline.frameAt(this.#clock.positionOf(pictureEndS))));
  }

  /** Reads on where there is room. */
  applyBackpressure(): void {
    if (this.#options.kind === "live" || this.#clock === null) return;
    const { pictures, sound } = this.#timeline;
    const isFull = {
      video: (pictures?.waiting ?? 0) >= this.#mostPictures,
      audio: (sound?.end ?? 0) - (sound?.next ?? 0) >= LIMITS.soundAheadS * SOUND.sampleRate,
    };
    for (const track of this.#reader.tracks) {
      if (isFull[track]) this.#reader.pause(track);
      else this.#reader.resume(track);
    }
  }

  /**
   * Once each track has begun, or was waited for: sets the clock, and places what came by it. `skippedFrames` are left out
   * at the beginning. Whether that was done now.
   */
  align(skippedFrames: number): boolean {
    const firstOf = (track: SourceTrack): number | undefined => this.#pending.find((one) => one.track === track)?.ptsS;
    const missing = this.#reader.tracks.filter((track) => !this.#ended.has(track) && firstOf(track) === undefined);
    if (this.#clock !== null || this.#pending.length === 0) return false;
    const waitedMs = this.#options.now() - (this.#firstMs ?? 0);
    if (missing.length > 0 && (this.#options.isPatient || waitedMs < LIMITS.startTimeoutMs)) return false;
    const originS = Math.min(...this.#reader.tracks.map((track) => firstOf(track) ?? Number.POSITIVE_INFINITY));
    const startS = this.#timeline.secondsOf(this.startFrame - skippedFrames);
    // The first picture is exactly on a frame, and the sound as far from it as it was.
    const pictureS = this.#timeline.fps === 0 ? undefined : firstOf("video");
    const early = pictureS === undefined ? 0 : pictureS - originS;
    // A sound codec's run-up is not worth a frame without a picture, nor is a clock of its own.
    const isNegligible = early > SOURCE_LIMITS.apartS || early < LIMITS.primingS;
    const frames = isNegligible ? 0 : Math.ceil(early * this.#timeline.fps - 1e-6);
    const { kind, mayJump } = this.#options;
    const positionS = startS + (frames === 0 ? 0 : this.#timeline.secondsOf(frames));
    this.#clock = new SourceClock({ live: kind === "live", mayJump }, pictureS ?? originS, positionS);
    for (const { place } of this.#pending.splice(0)) place();
    this.applyBackpressure();
    return true;
  }

  get #hasEnded(): boolean {
    return this.#ended.size === this.#reader.tracks.length;
  }

  #arrive(frame: Pending): void {
    const { track } = frame;
    this.#frames[track] += 1;
    if (this.#clock !== null) frame.place();
    else this.#await(frame);
    this.#options.onArrival();
  }

  /** Keeps what came until the clock is set: all of a file that was read ahead, the newest of what is live. */
  #await(frame: Pending): void {
    const { kind, now } = this.#options;
    this.#firstMs ??= now();
    this.#pending.push(frame);
    const waiting = this.#pending.filter(({ track }) => track === frame.track);
    const most =
      frame.track === "video" ? this.#mostPictures : (LIMITS.soundAheadS * SOUND.sampleRate) / AAC_FRAME_SAMPLES;
    if (waiting.length < most) return;
    if (kind === "waits") {
      this.#reader.pause(frame.track);
      return;
    }
    const [oldest] = waiting;
    this.#pending = this.#pending.filter((one) => one !== oldest);
    oldest?.drop();
  }

  #placePicture(ptsS: number, picture: Picture): void {
    const { pictures, fps, pictureS } = this.#timeline;
    if (pictures === null || this.#clock === null) {
      picture.release();
      return;
    }
    const at = { nowMs: this.#options.now(), emittedS: pictureS, durationS: 1 / fps };
    pictures.push(this.#clock.place({ track: "video", ptsS, ...at }), picture);
    if (this.#options.kind === "live") pictures.keepNewest(this.#mostPictures);
    else this.applyBackpressure();
  }

  #placeSound(ptsS: number, samples: Int16Array): void {
    const { sound, soundS } = this.#timeline;
    if (sound === null || this.#clock === null) return;
    const durationS = samples.length / SOUND.channels / SOUND.sampleRate;
    const at = { nowMs: this.#options.now(), emittedS: soundS, durationS };
    sound.push(this.#clock.place({ track: "audio", ptsS, ...at }), samples);
    this.applyBackpressure();
  }
}
