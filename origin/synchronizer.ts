/**
 * Between a source and the encoders: whatever a source brings, and whenever, leaves as pictures at a constant rate and
 * as sound without holes, both on one timeline that begins at 0. A track that pauses, ends, or never begins is held or
 * silent, and holds up nothing.
 */
import { PictureSync } from "../protocol/ingest/picture-sync.ts";
import { SoundSync } from "../protocol/ingest/sound-sync.ts";
import { LIMITS as SOURCE_LIMITS, SourceClock, type SourceTrack } from "../protocol/ingest/source-clock.ts";
import type { Rational } from "../protocol/rational.ts";
import { type Canvas, SOUND } from "./decode-args.ts";
import { AAC_FRAME_SAMPLES } from "./ladder.ts";
import { type MediaReader, type Picture, Recording } from "./media-reader.ts";

export type { Picture } from "./media-reader.ts";

/** Bounds on waiting and on what waits. */
export const LIMITS = {
  /** Pictures that wait for their time: bytes of them, and how many at least and at most. */
  pictureBytes: 24_000_000,
  fewestPictures: 3,
  mostPictures: 30,
  /** Sound is read this far ahead: its end is known before the picture's. */
  soundAheadS: 3,
  /** The other track's first frame is waited for so long before a source begins without it. */
  headWaitMs: 1_500,
  /** A frame that is due is waited for so long before the last one is repeated. */
  patienceMs: 500,
  /** What is missing for so long is worth a word. */
  worthAWordMs: 2_000,
  /** Without a clock, no track runs further ahead of the other. */
  apartS: 2,
  /** Sound that begins this much before the picture does so because of its codec. */
  runUpS: 0.06,
  /** A file's last picture is shown for so long at most, whatever the file says. */
  lastPictureS: 30,
  /** An encoder that is so far behind the clock is too slow for what is asked of it. */
  behindMs: 4_000,
} as const;

/** Sound leaves this much before its time: its encoder needs two frames to give out one. */
const SOUND_LEAD_S = (3 * AAC_FRAME_SAMPLES) / SOUND.sampleRate;
/** A live source's missing frames are looked for so often. */
const LOOK_MS = 20;

/** Where pictures and sound go. */
export interface MediaSink {
  readonly canTakePicture: boolean;
  readonly canTakeSound: boolean;
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

/** One reading of the source. */
interface Round {
  readonly reader: MediaReader;
  readonly recording: Recording;
  /** Frame at which it begins. */
  readonly startFrame: number;
  readonly ended: Set<SourceTrack>;
  clock: SourceClock | null;
  /** What came before all tracks had begun. */
  pending: { readonly track: SourceTrack; readonly ptsS: number; readonly place: () => void }[];
  firstMs: number | null;
  pictures: number;
  sounds: number;
}

/** How a track does: since when its next frame is due and isn't there, and whether that was told. */
interface Waiting {
  sinceMs: number | null;
  isHolding: boolean;
  isTold: boolean;
}

/** See the file's first line. */
export class Synchronizer {
  /** Resolves when the source has ended and all of it was given out, or with `stop`. Rejects if it brings nothing. */
  readonly done: Promise<void>;
  readonly #options: SynchronizerOptions;
  readonly #pictures: PictureSync<Picture> | null;
  readonly #sound: SoundSync | null;
  readonly #fps: number;
  readonly #mostPictures: number;
  readonly #waiting: Record<SourceTrack, Waiting> = {
    video: { sinceMs: null, isHolding: false, isTold: false },
    audio: { sinceMs: null, isHolding: false, isTold: false },
  };
  readonly #finish: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  #round: Round | null = null;
  #ahead: MediaReader | null = null;
  /** Wall clock at position 0, milliseconds since the epoch; null until it is known. */
  #startMs: number | null = null;
  /** Frame and sample after the last, once the source has ended. */
  #end: { readonly frame: number; readonly sample: number } | null = null;
  #timer: NodeJS.Timeout | null = null;
  #isBehindTold = false;
  #lastArrivalMs: number;
  #isOver = false;

  constructor(options: SynchronizerOptions) {
    const { frameRate, canvas, hasSound } = options;
    this.#options = options;
    this.#lastArrivalMs = options.now();
    this.#fps = frameRate === null ? 0 : frameRate.num / frameRate.den;
    this.#pictures = frameRate === null || canvas === null ? null : new PictureSync(frameRate, blankPicture(canvas));
    this.#sound = hasSound ? new SoundSync(SOUND.sampleRate, SOUND.channels) : null;
    const bytes = canvas === null ? 1 : (canvas.width * canvas.height * 3) / 2;
    const fitting = Math.floor(LIMITS.pictureBytes / bytes);
    this.#mostPictures = Math.min(LIMITS.mostPictures, Math.max(LIMITS.fewestPictures, fitting));
    this.done = this.#finish.promise;
  }

  /** Begins to read. */
  start(): void {
    this.#begin(this.#options.open(), 0);
    this.#schedule();
  }

  /** Wall clock of position 0, milliseconds since the epoch, by the frames that came with the least delay; null before. */
  get startedAtMs(): number | null {
    if (this.#options.pacing.kind !== "arrival") return this.#startMs;
    const now = this.#options.now();
    const edgeS = this.#round?.clock?.liveEdgeS(now) ?? null;
    return edgeS === null ? null : now - edgeS * 1000;
  }

  /** When the source last brought anything, milliseconds since the epoch. */
  get lastArrivalMs(): number {
    return this.#lastArrivalMs;
  }

  /** What was done to pictures and sound since the start. */
  counters(): {
    readonly repeated: number;
    readonly dropped: number;
    readonly silentS: number;
    readonly stretchedS: number;
  } {
    const { repeated = 0, dropped = 0 } = this.#pictures?.counters() ?? {};
    const { silence = 0, stretched = 0 } = this.#sound?.counters() ?? {};
    return { repeated, dropped, silentS: silence / SOUND.sampleRate, stretchedS: stretched / SOUND.sampleRate };
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
    this.#round?.reader.stop();
    this.#ahead?.stop();
    this.#level();
    this.#options.sink.end();
    this.#finish.resolve();
  }

  /** Brings the track that is behind to the end of the other. */
  #level(): void {
    const [pictures, sound] = [this.#pictures, this.#sound];
    if (pictures === null || sound === null || this.#startMs === null) return;
    const samplesOf = (frame: number): number => Math.round((frame / this.#fps) * SOUND.sampleRate);
    while (samplesOf(pictures.next) < sound.next) this.#options.sink.picture(pictures.take());
    const left = samplesOf(pictures.next) - sound.next;
    if (left > 0) this.#options.sink.sound(sound.take(left));
  }

  #begin(reader: MediaReader, startFrame: number): void {
    const recording = new Recording(reader.tracks);
    const round: Round = {
      ...{ reader, recording, startFrame, ended: new Set<SourceTrack>(), clock: null, pending: [] },
      ...{ firstMs: null, pictures: 0, sounds: 0 },
    };
    this.#round = round;
    if (reader.tracks.includes("video")) this.#pictures?.resume();
    else this.#pictures?.end();
    if (reader.tracks.includes("audio")) this.#sound?.resume(this.#sampleAt(startFrame));
    else this.#sound?.finish();
    reader.start({
      onPicture: (ptsS, picture) => {
        round.pictures += 1;
        recording.picture(ptsS, picture);
        this.#arrive(round, "video", ptsS, () => this.#placePicture(round, ptsS, picture));
      },
      onSound: (ptsS, samples) => {
        round.sounds += 1;
        recording.sound(ptsS, samples);
        this.#arrive(round, "audio", ptsS, () => this.#placeSound(round, ptsS, samples));
      },
      onEnd: (track) => this.#endTrack(round, track),
    });
  }

  #arrive(round: Round, track: SourceTrack, ptsS: number, place: () => void): void {
    if (round !== this.#round || this.#isOver) return;
    this.#lastArrivalMs = this.#options.now();
    if (round.clock !== null) place();
    else {
      round.firstMs ??= this.#lastArrivalMs;
      round.pending.push({ track, ptsS, place });
      if (track === "video" && round.pictures >= this.#mostPictures && this.#isPaced) round.reader.pause("video");
      if (
        track === "audio" &&
        round.sounds * AAC_FRAME_SAMPLES > LIMITS.soundAheadS * SOUND.sampleRate &&
        this.#isPaced
      )
        round.reader.pause("audio");
    }
    this.#advance();
  }

  /** Whether a source waits for us; a live one does not. */
  get #isPaced(): boolean {
    return this.#options.pacing.kind !== "arrival";
  }

  /** Once each track has begun, or was waited for: the round's clock is set, and what came is placed by it. */
  #align(round: Round, now: number): void {
    const { pending, reader, ended } = round;
    const firstOf = (track: SourceTrack): number | undefined => pending.find((each) => each.track === track)?.ptsS;
    const missing = reader.tracks.filter((track) => !ended.has(track) && firstOf(track) === undefined);
    const [first] = pending;
    if (first === undefined) return;
    const waitedMs = now - (round.firstMs ?? now);
    if (missing.length > 0 && (this.#options.pacing.kind === "none" || waitedMs < LIMITS.headWaitMs)) return;
    const pictureS = firstOf("video");
    const originS = Math.min(...reader.tracks.map((track) => firstOf(track) ?? Number.POSITIVE_INFINITY));
    const startFrame = round.startFrame - this.#skipped(now);
    const startS = this.#fps > 0 ? startFrame / this.#fps : startFrame / SOUND.sampleRate;
    // The first picture is exactly on a frame, and the sound as far from it as it was.
    const early = pictureS === undefined || this.#fps === 0 ? 0 : pictureS - originS;
    // A sound codec's run-up is not worth a frame without a picture, nor is a clock of its own.
    const isNegligible = early > SOURCE_LIMITS.apartS || early < LIMITS.runUpS;
    const apart = isNegligible ? 0 : Math.ceil(early * this.#fps - 1e-6) / (this.#fps || 1);
    const [ptsS, positionS] =
      pictureS === undefined || this.#fps === 0 ? [originS, startS] : [pictureS, startS + apart];
    const options = { live: !this.#isPaced, mayJump: this.#options.mayJump };
    round.clock = new SourceClock(options, ptsS, positionS);
    this.#startMs ??= this.#anchorMs(now);
    round.pending = [];
    for (const { place } of pending) place();
    for (const track of reader.tracks) this.#flow(round, track);
  }

  /** Frames of an anchored source that are due before it is there. */
  #skipped(now: number): number {
    const { pacing } = this.#options;
    if (pacing.kind !== "anchored" || this.#startMs !== null) return 0;
    return Math.max(0, Math.ceil(((now - pacing.startMs) / 1000) * this.#fps));
  }

  #anchorMs(now: number): number {
    const { pacing } = this.#options;
    if (pacing.kind !== "anchored") return now;
    return pacing.startMs + (this.#skipped(now) * 1000) / this.#fps;
  }

  #placePicture(round: Round, ptsS: number, picture: Picture): void {
    const pictures = this.#pictures;
    if (pictures === null || round.clock === null) return;
    const durationS = 1 / this.#fps;
    const at = { nowMs: this.#options.now(), givenOutS: pictures.next / this.#fps };
    pictures.push(round.clock.place({ track: "video", ptsS, durationS, ...at }), picture);
    if (this.#isPaced) this.#flow(round, "video");
    else pictures.thin(this.#mostPictures);
  }

  #placeSound(round: Round, ptsS: number, samples: Int16Array): void {
    const sound = this.#sound;
    if (sound === null || round.clock === null) return;
    const durationS = samples.length / SOUND.channels / SOUND.sampleRate;
    const at = { nowMs: this.#options.now(), givenOutS: sound.next / SOUND.sampleRate };
    sound.push(round.clock.place({ track: "audio", ptsS, durationS, ...at }), samples);
    if (this.#isPaced) this.#flow(round, "audio");
  }

  /** Reads a track on, or no further for now. */
  #flow(round: Round, track: SourceTrack): void {
    if (round.clock === null || !this.#isPaced) return;
    const isFull =
      track === "video"
        ? (this.#pictures?.waiting ?? 0) >= this.#mostPictures
        : (this.#sound?.end ?? 0) - (this.#sound?.next ?? 0) >= LIMITS.soundAheadS * SOUND.sampleRate;
    if (isFull) round.reader.pause(track);
    else round.reader.resume(track);
  }

  #endTrack(round: Round, track: SourceTrack): void {
    if (round !== this.#round || this.#isOver || round.ended.has(track)) return;
    round.ended.add(track);
    if (track === "video") this.#pictures?.end();
    else this.#sound?.finish();
    this.#openAhead(round);
    this.#advance();
  }

  /** The next reading is got ready while this one's other track goes on. */
  #openAhead(round: Round): void {
    if (!this.#options.loop || this.#ahead !== null || isStill(round)) return;
    const replay = round.recording.reader();
    if (replay === null) this.#ahead = this.#options.open();
    else if (isOver(round)) this.#ahead = replay;
  }

  /** All tracks have ended: the next reading begins where the longer of them ended, or the source is over. */
  #endRound(round: Round): void {
    const { pictureEndS } = this.#options;
    const shownUntilS = pictureEndS === null || round.pictures === 0 ? null : round.clock?.positionOf(pictureEndS);
    const longest = (this.#pictures?.endFrame ?? 0) + Math.round(LIMITS.lastPictureS * this.#fps);
    const lastShown = Math.min(longest, Math.round((shownUntilS ?? 0) * this.#fps));
    const frames = this.#pictures === null ? 0 : Math.max(this.#pictures.endFrame, this.#pictures.next, lastShown);
    const samples = this.#sound === null ? 0 : Math.max(this.#sound.end, this.#sound.next);
    const endFrame = this.#fps > 0 ? Math.max(frames, Math.round((samples / SOUND.sampleRate) * this.#fps)) : samples;
    // One picture that repeats is held, as it is after any source's end.
    if (this.#options.loop && isStill(round) && round.pictures > 0) return;
    const next = this.#ahead;
    this.#ahead = null;
    if (next !== null && endFrame > round.startFrame) {
      this.#begin(next, endFrame);
      return;
    }
    next?.stop();
    this.#end = { frame: endFrame, sample: this.#sampleAt(endFrame) };
  }

  /** The sample with which a frame begins; without pictures, frames are samples. */
  #sampleAt(frame: number): number {
    return this.#fps > 0 ? Math.round((frame / this.#fps) * SOUND.sampleRate) : frame;
  }

  /** Gives out all that can be given out now. */
  #advance(): void {
    if (this.#isOver) return;
    const now = this.#options.now();
    const round = this.#round;
    if (round !== null && round.clock === null) this.#align(round, now);
    if (round !== null && this.#end === null && isOver(round) && (round.clock !== null || round.pending.length === 0))
      this.#endRound(round);
    if (this.#startMs !== null) {
      let more = true;
      while (more) {
        const pictured = this.#givePicture(now);
        const sounded = this.#giveSound(now);
        more = pictured || sounded;
      }
    }
    this.#checkEnd();
    this.#schedule();
  }

  #givePicture(now: number): boolean {
    const pictures = this.#pictures;
    const { sink } = this.#options;
    if (pictures === null || !sink.canTakePicture) return false;
    if (this.#end !== null && pictures.next >= this.#end.frame) return false;
    const positionS = pictures.next / this.#fps;
    if (positionS > this.#limitS(now) || this.#isAhead("video", positionS)) return false;
    if (!this.#isDue("video", positionS, pictures.isDecided, now)) return false;
    sink.picture(pictures.take());
    if (this.#round !== null) this.#flow(this.#round, "video");
    return true;
  }

  #giveSound(now: number): boolean {
    const sound = this.#sound;
    const { sink } = this.#options;
    if (sound === null || !sink.canTakeSound) return false;
    const left = this.#end === null ? AAC_FRAME_SAMPLES : Math.min(AAC_FRAME_SAMPLES, this.#end.sample - sound.next);
    if (left <= 0) return false;
    const positionS = (sound.next + left) / SOUND.sampleRate;
    if (positionS > this.#limitS(now) + SOUND_LEAD_S || this.#isAhead("audio", positionS)) return false;
    if (!this.#isDue("audio", positionS, sound.isDecided(left), now)) return false;
    sink.sound(sound.take(left));
    if (this.#round !== null) this.#flow(this.#round, "audio");
    return true;
  }

  /**
   * Whether a track that has ended would leave the other behind: where that one ends, the next reading may begin, and
   * what was given out by then can't be taken back.
   */
  #isAhead(track: SourceTrack, positionS: number): boolean {
    const round = this.#round;
    if (round === null || !this.#isOut(track)) return false;
    if (track === "video") return !this.#isOut("audio") && positionS > (this.#sound?.next ?? 0) / SOUND.sampleRate;
    return !this.#isOut("video") && positionS > (this.#pictures?.next ?? 0) / this.#fps;
  }

  /** Whether nothing more comes of a track in this reading. */
  #isOut(track: SourceTrack): boolean {
    const round = this.#round;
    const isAired = track === "video" ? this.#pictures !== null : this.#sound !== null;
    return !isAired || round === null || round.ended.has(track) || !round.reader.tracks.includes(track);
  }

  /** Position up to which frames may leave now. */
  #limitS(now: number): number {
    switch (this.#options.pacing.kind) {
      case "clock":
      case "anchored":
        return (now - (this.#startMs ?? now)) / 1000;
      case "arrival":
        return Number.POSITIVE_INFINITY;
      case "none": {
        const pictureS = this.#pictures === null ? Number.POSITIVE_INFINITY : this.#pictures.next / this.#fps;
        const soundS = this.#sound === null ? Number.POSITIVE_INFINITY : this.#sound.next / SOUND.sampleRate;
        return Math.min(pictureS, soundS) + LIMITS.apartS;
      }
    }
  }

  /** Whether a frame leaves: it is decided, or it was waited for long enough. */
  #isDue(track: SourceTrack, positionS: number, isDecided: boolean, now: number): boolean {
    const waiting = this.#waiting[track];
    if (isDecided) {
      if (waiting.isTold && this.#round?.ended.has(track) === false)
        this.#options.log.info(`${this.#options.name} brings ${NAMES[track]} again.`);
      waiting.sinceMs = null;
      waiting.isHolding = false;
      waiting.isTold = false;
      return true;
    }
    waiting.sinceMs ??= now;
    if (!waiting.isTold && now - waiting.sinceMs > LIMITS.worthAWordMs && this.#options.pacing.kind !== "none") {
      waiting.isTold = true;
      this.#options.log.warn(`${this.#options.name} brings no ${NAMES[track]}: ${INSTEAD[track]} until it does.`);
    }
    switch (this.#options.pacing.kind) {
      case "clock":
      case "anchored":
        waiting.isHolding ||= now - waiting.sinceMs >= LIMITS.patienceMs;
        return waiting.isHolding;
      case "arrival": {
        const edgeS = this.#round?.clock?.liveEdgeS(now) ?? null;
        return edgeS !== null && positionS + LIMITS.patienceMs / 1000 <= edgeS;
      }
      case "none":
        return false;
    }
  }

  #checkEnd(): void {
    if (this.#end === null) return;
    const pictured = this.#pictures === null || this.#pictures.next >= this.#end.frame;
    const sounded = this.#sound === null || this.#sound.next >= this.#end.sample;
    if (pictured && sounded) this.stop();
  }

  /** Looks again when the next frame is due. */
  #schedule(): void {
    if (this.#isOver) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#advance(), this.#nextLookMs());
  }

  #nextLookMs(): number {
    const startMs = this.#startMs;
    const isClocked = this.#options.pacing.kind === "clock" || this.#options.pacing.kind === "anchored";
    if (!isClocked || startMs === null) return LOOK_MS;
    const now = this.#options.now();
    const pictureMs = this.#pictures === null ? Number.POSITIVE_INFINITY : (this.#pictures.next * 1000) / this.#fps;
    const soundS = this.#sound === null ? Number.POSITIVE_INFINITY : this.#sound.next / SOUND.sampleRate;
    const soundMs = (soundS + AAC_FRAME_SAMPLES / SOUND.sampleRate - SOUND_LEAD_S) * 1000;
    this.#tellWhenBehind(now - startMs - pictureMs);
    const dueMs = startMs + Math.min(pictureMs, soundMs) - now;
    // What is due and still here waits for its source or for the encoder, who say so when they have it.
    return dueMs <= 0 ? LOOK_MS : Math.min(Math.max(1, Math.ceil(dueMs)), 1000);
  }

  #tellWhenBehind(behindMs: number): void {
    if (this.#isBehindTold || behindMs < LIMITS.behindMs || this.#options.sink.canTakePicture) return;
    this.#isBehindTold = true;
    this.#options.log.warn(
      `This machine encodes slower than ${this.#options.name} plays, and is ${(behindMs / 1000).toFixed(0)} s behind: ` +
        "choose fewer or smaller renditions with --ladder, or --preset ultra, whose encode is faster.",
    );
  }
}

const NAMES: Readonly<Record<SourceTrack, string>> = { video: "pictures", audio: "sound" };
const INSTEAD: Readonly<Record<SourceTrack, string>> = { video: "the last one is held", audio: "there is silence" };

function isOver({ ended, reader }: Round): boolean {
  return ended.size === reader.tracks.length;
}

/** A source of one picture, read to its end. */
function isStill(round: Round): boolean {
  return isOver(round) && round.pictures <= 1 && round.sounds === 0;
}

/** Black, in 4:2:0 of limited range. */
function blankPicture({ width, height }: Canvas): Picture {
  const luma = width * height;
  const bytes = new Uint8Array((luma * 3) / 2).fill(128);
  bytes.fill(16, 0, luma);
  return [bytes];
}
