/**
 * Between a source and the encoders: whatever a source brings, and whenever, leaves as pictures at a constant rate and
 * as sound without holes, both on one timeline that begins at 0. A track that pauses, ends, or never begins is held or
 * silent, and holds up nothing.
 */
import type { SourceTrack } from "../protocol/ingest/source-clock.ts";
import type { Rational } from "../protocol/rational.ts";
import { type Canvas, SOUND } from "./decode-args.ts";
import { SourceError } from "./errors.ts";
import { AAC_FRAME_SAMPLES } from "./ladder.ts";
import type { MediaReader } from "./media-reader.ts";
import type { Picture } from "./picture-pool.ts";
import { SourceRound } from "./source-round.ts";
import { Timeline } from "./timeline.ts";

/** Bounds on waiting. */
export const LIMITS = {
  /** A frame that is due is waited for so long before the last one is repeated. */
  patienceMs: 500,
  /** What is missing for so long is worth a word. */
  warnAfterMs: 2_000,
  /** No track runs further ahead of the other: an encoder that is slow holds up both. */
  apartS: 1,
  /** An encoder that is so far behind the clock is too slow for what is asked of it. */
  warnLagMs: 4_000,
  /** What is live is begun anew where it is so far behind: later is not live. */
  maxLagMs: 12_000,
} as const;

/** Sound leaves this much before its time: its encoder needs two frames to give out one. */
const SOUND_LEAD_S = (3 * AAC_FRAME_SAMPLES) / SOUND.sampleRate;
/** What has no time of its own is looked for so often. */
const LOOK_MS = 20;
const NAMES: Readonly<Record<SourceTrack, string>> = { video: "pictures", audio: "sound" };
const INSTEAD: Readonly<Record<SourceTrack, string>> = { video: "the last one is held", audio: "there is silence" };

/** Where pictures and sound go. */
export interface MediaSink {
  readonly canTakePicture: boolean;
  readonly canTakeSound: boolean;
  /** Whoever needs the picture for longer retains it. */
  picture(picture: Picture): void;
  sound(samples: Int16Array): void;
  /** Nothing more will come. */
  end(): void;
}

/** When frames leave. */
export type Pacing =
  /** At their time by the wall clock, as a file is played. */
  | { readonly kind: "clock" }
  /** The same, from a position 0 that lies at `startMs`, milliseconds since the epoch; what is due before is skipped. */
  | { readonly kind: "anchored"; readonly startMs: number }
  /** When they come, as a live source sends them. */
  | { readonly kind: "arrival" }
  /** As fast as they are taken. */
  | { readonly kind: "none" };

/** What a synchronizer needs. */
export interface SynchronizerOptions {
  /** Names the source in messages. */
  readonly name: string;
  /** Null where the broadcast has no picture. */
  readonly frameRate: Rational | null;
  readonly canvas: Canvas | null;
  readonly hasSound: boolean;
  readonly sink: MediaSink;
  /** Opens the source, from its beginning after the first time. */
  readonly open: () => MediaReader;
  /** The source is read again and again. */
  readonly loop: boolean;
  readonly pacing: Pacing;
  /** See `SourceClockOptions`. */
  readonly mayJump: boolean;
  /** Timestamp at which the last picture ends, where the source's index says so; null elsewhere. */
  readonly pictureEndS: number | null;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: { info(text: string): void; warn(text: string): void };
}

/** How a track does: since when its next frame is due and isn't there, and whether that was told. */
interface Waiting {
  sinceMs: number | null;
  isHolding: boolean;
  isWarned: boolean;
}

/** See the file's first line. */
export class Synchronizer {
  /** Resolves when the source has ended and all of it was given out, or with `stop`; rejects with a `SourceError`. */
  readonly done: Promise<void>;
  readonly #options: SynchronizerOptions;
  readonly #timeline: Timeline;
  readonly #waiting: Record<SourceTrack, Waiting> = {
    video: { sinceMs: null, isHolding: false, isWarned: false },
    audio: { sinceMs: null, isHolding: false, isWarned: false },
  };
  readonly #finish: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  #round: SourceRound;
  /** The next reading, got ready. */
  #ahead: MediaReader | null = null;
  /** Wall clock at position 0, milliseconds since the epoch; null until it is known. */
  #startMs: number | null = null;
  /** Frame after the last, once the source has ended. */
  #endFrame: number | null = null;
  #timer: NodeJS.Timeout | null = null;
  #isLagWarned = false;
  #lastArrivalMs: number;
  #isOver = false;

  constructor(options: SynchronizerOptions) {
    this.#options = options;
    this.#lastArrivalMs = options.now();
    this.#timeline = new Timeline(options.frameRate, options.canvas, options.hasSound);
    this.#round = this.#newRound(options.open(), 0);
    this.done = this.#finish.promise;
  }

  /** Begins to read. */
  start(): void {
    this.#round.start();
    this.#schedule();
  }

  /** Wall clock of position 0, milliseconds since the epoch, by the frames that came with the least delay; null before. */
  get startedAtMs(): number | null {
    if (this.#options.pacing.kind !== "arrival") return this.#startMs;
    const now = this.#options.now();
    const edges = (["video", "audio"] as const).flatMap((track) => this.#round.liveEdgeS(track, now) ?? []);
    return edges.length === 0 ? null : now - Math.max(...edges) * 1000;
  }

  /** When the source last brought anything, milliseconds since the epoch. */
  get lastArrivalMs(): number {
    return this.#lastArrivalMs;
  }

  /** The sink can take more. */
  drained(): void {
    this.#advance();
  }

  /** Ends here: what was given out is all there is, and pictures and sound end together. */
  stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#round.stop();
    this.#ahead?.stop();
    this.#level();
    this.#options.sink.end();
    this.#finish.resolve();
  }

  #newRound(reader: MediaReader, startFrame: number): SourceRound {
    const { pacing, mayJump, now } = this.#options;
    const round: SourceRound = new SourceRound({
      ...{ reader, startFrame, mayJump, now, timeline: this.#timeline },
      kind: pacing.kind === "arrival" ? "live" : "waits",
      isPatient: pacing.kind === "none",
      onArrival: () => {
        if (round !== this.#round) return;
        this.#lastArrivalMs = now();
        this.#advance();
      },
    });
    return round;
  }

  /** Gives out all that can be given out now. */
  #advance(): void {
    if (this.#isOver) return;
    const now = this.#options.now();
    this.#align(now);
    this.#openAhead();
    if (this.#endFrame === null && this.#round.isOver) this.#endRound();
    if (this.#startMs !== null) while (this.#givePicture(now) || this.#giveSound(now));
    this.#round.applyBackpressure();
    const isGivenOut = this.#endFrame !== null && !this.#hasPictures && !this.#hasSound;
    if (isGivenOut) this.stop();
    this.#checkPace(now);
    this.#schedule();
  }

  /** Sets the clock of a reading that has begun; the first one starts the timeline's. */
  #align(now: number): void {
    const { pacing } = this.#options;
    const isAnchored = pacing.kind === "anchored" && this.#startMs === null;
    // What an anchored source made before it was there is skipped, in whole frames.
    const late = isAnchored ? ((now - pacing.startMs) / 1000) * this.#timeline.fps : 0;
    const skipped = Math.max(0, Math.ceil(late));
    if (!this.#round.align(skipped)) return;
    this.#startMs ??= isAnchored ? pacing.startMs + this.#timeline.secondsOf(skipped) * 1000 : now;
  }

  /** The next reading is got ready while this one's other track goes on. */
  #openAhead(): void {
    if (!this.#options.loop || this.#ahead !== null || !this.#round.isEnding || this.#round.isStill) return;
    const again = this.#round.replay();
    if (again === "long") this.#ahead = this.#options.open();
    else if (again !== "later") this.#ahead = again;
  }

  /** All tracks have ended: the next reading begins where the longer of them ended, or the source is over. */
  #endRound(): void {
    // One picture that repeats is held, as it is after any source's end.
    if (this.#options.loop && this.#round.isStill) return;
    const endFrame = this.#round.endFrame(this.#options.pictureEndS);
    const next = this.#ahead;
    this.#ahead = null;
    if (next !== null && endFrame > this.#round.startFrame) {
      this.#round = this.#newRound(next, endFrame);
      this.#round.start();
      return;
    }
    next?.stop();
    this.#endFrame = endFrame;
  }

  /** Whether pictures are left to give out. */
  get #hasPictures(): boolean {
    const { pictures } = this.#timeline;
    return pictures !== null && (this.#endFrame === null || pictures.next < this.#endFrame);
  }

  /** Whether sound is left to give out. */
  get #hasSound(): boolean {
    const { sound } = this.#timeline;
    return sound !== null && (this.#endFrame === null || sound.next < this.#timeline.sampleOf(this.#endFrame));
  }

  #givePicture(now: number): boolean {
    const { pictures, pictureS } = this.#timeline;
    const { sink } = this.#options;
    if (pictures === null || !this.#hasPictures || !sink.canTakePicture) return false;
    if (pictureS > this.#limitS("video", now) || !this.#isDue("video", pictureS, pictures.isDecided, now)) return false;
    sink.picture(pictures.take());
    return true;
  }

  #giveSound(now: number): boolean {
    const { sound, soundS } = this.#timeline;
    const { sink } = this.#options;
    if (sound === null || !this.#hasSound || !sink.canTakeSound) return false;
    const end = this.#endFrame === null ? Number.POSITIVE_INFINITY : this.#timeline.sampleOf(this.#endFrame);
    const count = Math.min(AAC_FRAME_SAMPLES, end - sound.next);
    const untilS = soundS + count / SOUND.sampleRate;
    if (untilS > this.#limitS("audio", now) || !this.#isDue("audio", untilS, sound.isDecided(count), now)) return false;
    sink.sound(sound.take(count));
    return true;
  }

  /** Brings the track that is behind to the end of the other. */
  #level(): void {
    const { pictures, sound } = this.#timeline;
    if (pictures === null || sound === null || this.#startMs === null) return;
    while (this.#timeline.sampleOf(pictures.next) < sound.next) this.#options.sink.picture(pictures.take());
    const left = this.#timeline.sampleOf(pictures.next) - sound.next;
    if (left > 0) this.#options.sink.sound(sound.take(left));
  }

  /** Position up to which a track may leave now: by the clock, and not far from the other track. */
  #limitS(track: SourceTrack, now: number): number {
    const { pictureS, soundS } = this.#timeline;
    const otherS = track === "video" ? soundS : pictureS;
    // Where the other track ends, the next reading may begin, and what was given out by then can't be taken back.
    const isLast = this.#isTrackOver(track) && !this.#isTrackOver(track === "video" ? "audio" : "video");
    const byOtherS = otherS + (isLast ? 0 : LIMITS.apartS);
    const byClockS = this.#isClocked ? (now - (this.#startMs ?? now)) / 1000 : Number.POSITIVE_INFINITY;
    return Math.min(byOtherS, byClockS + (track === "audio" ? SOUND_LEAD_S : 0));
  }

  /** Whether nothing more comes of a track, for now. */
  #isTrackOver(track: SourceTrack): boolean {
    const { pictures, sound } = this.#timeline;
    return (track === "video" ? pictures : sound) === null || this.#round.isTrackOver(track);
  }

  get #isClocked(): boolean {
    return this.#options.pacing.kind === "clock" || this.#options.pacing.kind === "anchored";
  }

  /** Whether a frame leaves: it is decided, or it was waited for long enough. */
  #isDue(track: SourceTrack, positionS: number, isDecided: boolean, now: number): boolean {
    const waiting = this.#waiting[track];
    const { pacing, name, log } = this.#options;
    if (isDecided) {
      if (waiting.isWarned && !this.#isTrackOver(track)) log.info(`${name} brings ${NAMES[track]} again.`);
      this.#waiting[track] = { sinceMs: null, isHolding: false, isWarned: false };
      return true;
    }
    waiting.sinceMs ??= now;
    if (!waiting.isWarned && now - waiting.sinceMs > LIMITS.warnAfterMs && pacing.kind !== "none") {
      waiting.isWarned = true;
      log.warn(`${name} brings no ${NAMES[track]}: ${INSTEAD[track]} until it does.`);
    }
    switch (pacing.kind) {
      case "clock":
      case "anchored":
        waiting.isHolding ||= now - waiting.sinceMs >= LIMITS.patienceMs;
        return waiting.isHolding;
      case "arrival": {
        const edgeS = this.#round.liveEdgeS(track, now);
        return edgeS !== null && positionS + LIMITS.patienceMs / 1000 <= edgeS;
      }
      case "none":
        return false;
    }
  }

  /** Looks again when the next frame is due. */
  #schedule(): void {
    if (this.#isOver) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#advance(), this.#nextLookMs());
  }

  #nextLookMs(): number {
    if (!this.#isClocked || this.#startMs === null) return LOOK_MS;
    const { pictureS, soundS } = this.#timeline;
    const sendS = soundS + AAC_FRAME_SAMPLES / SOUND.sampleRate - SOUND_LEAD_S;
    const dueMs = this.#startMs + Math.min(pictureS, sendS) * 1000 - this.#options.now();
    // What is due and still here waits for its source or for the encoder, who say so when they have it.
    return dueMs <= 0 ? LOOK_MS : Math.min(Math.max(1, Math.ceil(dueMs)), 1000);
  }

  /** How far what leaves is behind what should, milliseconds. */
  #lagMs(now: number): number {
    const { pictureS, soundS } = this.#timeline;
    const leavesS = Number.isFinite(pictureS) ? pictureS : soundS;
    if (this.#isClocked) return now - (this.#startMs ?? now) - leavesS * 1000;
    const edgeS = this.#options.pacing.kind === "arrival" ? this.#round.liveEdgeS("video", now) : null;
    return edgeS === null ? 0 : (edgeS - leavesS) * 1000;
  }

  /** Encoders that can't keep up are told of; where that makes a live source late, it is begun anew. */
  #checkPace(now: number): void {
    const { name, log, sink, pacing } = this.#options;
    if (this.#isOver || this.#startMs === null || this.#endFrame !== null || sink.canTakePicture) return;
    const behindMs = this.#lagMs(now);
    const advice = "choose fewer or smaller renditions with --ladder, or --preset ultra, whose encode is faster";
    if (behindMs > LIMITS.warnLagMs && !this.#isLagWarned) {
      this.#isLagWarned = true;
      const seconds = (behindMs / 1000).toFixed(0);
      log.warn(`This machine encodes slower than ${name} plays, and is ${seconds} s behind: ${advice}.`);
    }
    if (behindMs < LIMITS.maxLagMs || pacing.kind === "clock" || pacing.kind === "none") return;
    this.#finish.reject(new SourceError(`this machine encodes slower than it plays; ${advice}`));
    this.stop();
  }
}
