/** One sender's media for FFmpeg: held while the sender is judged, then fed through a pipe as fragmented MP4. */
import { PassThrough } from "node:stream";
import { CodecConfigError } from "../../core/ingest/codecs/codec-error.ts";
import { describeTrack } from "../../core/ingest/codecs/describe-track.ts";
import type { IngestEvent, IngestFrame, IngestMetadata, IngestTrackConfig } from "../../core/ingest/media-event.ts";
import { FEED_OFFSET_S, FeedWriter } from "../../core/ingest/passthrough/feed-writer.ts";
import { PASSTHROUGH_LIMITS, PassthroughError } from "../../core/ingest/passthrough/limits.ts";
import { SenderTrack } from "../../core/ingest/passthrough/sender-track.ts";
import type { Clock } from "../../core/kit/clock.ts";
import type { EncoderConnection } from "../ingest/encoder-connection.ts";
import { INGEST_NODE_LIMITS } from "./ingest-limits.ts";
import { sourceInfoOf } from "./sender-source.ts";

/** What a feed needs. */
export interface SenderFeedOptions {
  readonly clock: Clock;
  /** Whether audio that comes late is worth another FFmpeg: a broadcast that began without has no place for it. */
  readonly needsAudio: () => boolean;
  /** Only pictures are fed, and without delay: their program time is known. */
  readonly isVideoOnly?: boolean;
  /** FFmpeg does not read as fast as the sender sends. */
  readonly onOverflow: () => void;
}

/** A frame that waits, with its media time, milliseconds. */
interface WaitingFrame {
  readonly frame: IngestFrame;
  readonly mediaMs: number;
}

/** The pipe of one FFmpeg. */
interface FeedPipe {
  readonly writer: FeedWriter;
  readonly stream: PassThrough;
  readonly openedMs: number;
  readonly fromMs: number;
  /** Whether it has all that waited: from then on each frame is written as it arrives. */
  isLive: boolean;
}

/** See the file's first line. Of several video tracks the largest is fed, of several audio tracks the first. */
export class SenderFeed {
  readonly #options: SenderFeedOptions;
  readonly #tracks = new Map<string, SenderTrack>();
  readonly #records = new Map<string, Uint8Array>();
  #metadata: IngestMetadata | null = null;
  #waiting: WaitingFrame[] = [];
  #waitingBytes = 0;
  #waitingSinceMs: number | null = null;
  /** The least arrival time minus media time, milliseconds: of the frames of one FFmpeg. */
  #leastDelayMs = Number.POSITIVE_INFINITY;
  #onConnection: ((connection: EncoderConnection) => void) | null = null;
  #pipe: FeedPipe | null = null;
  #cancelPump: () => void = () => {};
  /** Whether frames wait, or are fed. */
  #isHolding = true;
  #isEnded = false;

  constructor(options: SenderFeedOptions) {
    this.#options = options;
  }

  /** Feeds what waits and what follows; each time that FFmpeg must be started anew, `onConnection` gets another pipe. */
  open(onConnection: (connection: EncoderConnection) => void, nowMs: number): void {
    this.#onConnection = onConnection;
    this.#isHolding = true;
    this.#tryOpen(nowMs);
  }

  /** The sender is passed through: nothing of it waits. `open` may follow, and then begins with the next keyframe. */
  release(): void {
    this.#isHolding = false;
    this.#discard(this.#waiting.length);
    this.#waitingSinceMs = null;
  }

  /** The next event; `nowMs` is milliseconds since the epoch. Throws `PassthroughError` with a sentence for the operator. */
  push(event: IngestEvent, nowMs: number): void {
    if (this.#isEnded || (this.#isVideoOnly && event.kind !== "metadata" && event.media === "audio")) return;
    if (event.kind === "metadata") this.#metadata = event;
    else if (event.kind === "config") this.#configure(event);
    else this.#addFrame(event, nowMs);
  }

  /** The sender has gone: FFmpeg gets what waits, and the end. */
  end(): void {
    if (this.#isEnded) return;
    this.#cancelPump();
    for (const { frame } of this.#waiting.splice(0)) this.#write(frame);
    this.#isEnded = true;
    if (this.#pipe !== null) endPipe(this.#pipe);
    this.#pipe = null;
  }

  #configure(config: IngestTrackConfig): void {
    const { media, track, codec, record, timescale } = config;
    if (track >= PASSTHROUGH_LIMITS.tracks || (media === "audio" && track > 0)) return;
    const key = keyOf(config);
    const [known, old] = [this.#records.get(key), this.#tracks.get(key)];
    if (known !== undefined && old?.description.codec === codec && Buffer.compare(known, record) === 0) return;
    const before = this.#video;
    try {
      this.#tracks.set(key, new SenderTrack(track, describeTrack(config), timescale));
    } catch (cause) {
      if (!(cause instanceof CodecConfigError)) throw cause;
      throw new PassthroughError("codec", `The ${media} cannot be read: ${cause.message}.`, { cause });
    }
    this.#records.set(key, record);
    // FFmpeg has read the track's configuration; frames of another one need another FFmpeg.
    const isNewVideo = before !== null && this.#video !== before;
    if (this.#pipe === null) {
      if (isNewVideo || (media === "audio" && old !== undefined)) this.#discard(this.#waiting.length);
    } else if (isNewVideo || (media === "audio" && this.#options.needsAudio())) this.#restart();
  }

  #addFrame(frame: IngestFrame, nowMs: number): void {
    if (!this.#isHolding) return;
    const track = this.#tracks.get(keyOf(frame));
    if (track === undefined || (frame.media === "video" && track !== this.#video)) return;
    if (frame.data.length > PASSTHROUGH_LIMITS.frameBytes)
      throw new PassthroughError("too-large", `A frame of ${frame.data.length} bytes is over the limit.`);
    const mediaMs = (frame.dts * 1000) / track.timescale;
    const step = track.observe(frame, nowMs);
    if (step === "fast") {
      const sentence = "The sender runs faster than real time; let it read its input at its own rate (FFmpeg: -re).";
      throw new PassthroughError("too-fast", sentence);
    }
    if (step === "jump") this.#leastDelayMs = Number.POSITIVE_INFINITY;
    this.#leastDelayMs = Math.min(this.#leastDelayMs, nowMs - mediaMs);
    if (this.#pipe?.isLive === true) {
      this.#write(frame);
      return;
    }
    this.#hold(frame, mediaMs, nowMs);
    this.#tryOpen(nowMs);
    this.#pump();
  }

  /** Nothing can be decoded before the first keyframe. Beyond the limit, whole groups of pictures are dropped. */
  #hold(frame: IngestFrame, mediaMs: number, nowMs: number): void {
    const isFirst = !this.#waiting.some(({ frame: { media } }) => media === "video");
    if (this.#pipe === null && frame.media === "video" && isFirst && !frame.sync) return;
    this.#waitingSinceMs ??= nowMs;
    this.#waiting.push({ frame, mediaMs });
    this.#waitingBytes += frame.data.length;
    if (this.#waitingBytes <= INGEST_NODE_LIMITS.feedBytes && this.#waiting.length <= PASSTHROUGH_LIMITS.heldFrames)
      return;
    const newest = this.#waiting.findLastIndex(({ frame: { media, sync } }) => media === "video" && sync);
    this.#discard(newest > 0 ? newest : this.#waiting.length);
  }

  #discard(count: number): void {
    for (const { frame } of this.#waiting.splice(0, count)) this.#waitingBytes -= frame.data.length;
  }

  get #isVideoOnly(): boolean {
    return this.#options.isVideoOnly === true;
  }

  get #video(): SenderTrack | null {
    let largest: SenderTrack | null = null;
    for (const track of this.#tracks.values()) if (areaOf(track) > areaOf(largest)) largest = track;
    return largest;
  }

  /** Opens a pipe once the tracks are known, a keyframe waits, and media time is related to the clock. */
  #tryOpen(nowMs: number): void {
    if (this.#onConnection === null || this.#pipe !== null || this.#isEnded || this.#waiting.length === 0) return;
    const waitedMs = nowMs - (this.#waitingSinceMs ?? nowMs);
    if (waitedMs < PASSTHROUGH_LIMITS.settleMs && !this.#isVideoOnly) return;
    const [video, audio] = [this.#video, this.#tracks.get("audio0") ?? null];
    const isPatient = waitedMs < PASSTHROUGH_LIMITS.trackWaitMs && !this.#isVideoOnly;
    const mayCome = (field: "width" | "audioBitsPerSecond"): boolean =>
      this.#metadata === null || this.#metadata[field] !== null;
    if (isPatient && ((video === null && mayCome("width")) || (audio === null && mayCome("audioBitsPerSecond"))))
      return;
    if (video !== null && !this.#waiting.some(({ frame: { media } }) => media === "video")) return;
    const writer = new FeedWriter({ video, audio });
    const stream = new PassThrough();
    // Its reader may be gone, and tells.
    stream.on("error", () => {});
    stream.write(writer.header);
    const openedMs = this.#options.clock.monotonicMs();
    const pipe: FeedPipe = { writer, stream, openedMs, fromMs: this.#waiting[0]?.mediaMs ?? 0, isLive: false };
    this.#pipe = pipe;
    const frames = this.#waiting.flatMap(({ frame }) => (frame.media === "video" ? [frame] : []));
    this.#onConnection({
      info: sourceInfoOf({ video, audio, frames, metadata: this.#metadata }),
      stream,
      programOffsetMs: () => (Number.isFinite(this.#leastDelayMs) ? this.#leastDelayMs - FEED_OFFSET_S * 1000 : null),
      close: () => {
        stream.destroy();
        if (this.#pipe === pipe) this.#restart();
      },
    });
    this.#pump();
  }

  /** Writes what waits at a multiple of real time, so that decoded pictures do not pile up before the encoders. */
  #pump(): void {
    const pipe = this.#pipe;
    if (pipe === null || pipe.isLive) return;
    const { clock } = this.#options;
    const { feedRate, feedLeadMs, feedStepMs } = INGEST_NODE_LIMITS;
    const untilMs = pipe.fromMs + feedLeadMs + feedRate * (clock.monotonicMs() - pipe.openedMs);
    const end = this.#waiting.findIndex(({ mediaMs }) => mediaMs > untilMs);
    const due = this.#waiting.splice(0, end === -1 ? this.#waiting.length : end);
    for (const { frame } of due) {
      this.#waitingBytes -= frame.data.length;
      this.#write(frame);
    }
    this.#cancelPump();
    if (this.#pipe !== pipe) return;
    if (this.#waiting.length === 0) pipe.isLive = true;
    else this.#cancelPump = clock.startTimer(feedStepMs, () => this.#pump());
  }

  #write(frame: IngestFrame): void {
    const pipe = this.#pipe;
    const bytes = pipe?.writer.write(frame) ?? null;
    if (pipe === null || bytes === null) return;
    pipe.stream.write(bytes);
    if (pipe.stream.writableLength <= INGEST_NODE_LIMITS.feedBytes) return;
    this.#options.onOverflow();
    pipe.stream.destroy();
    this.#restart();
  }

  /** The pipe ends; another one begins at the next keyframe. */
  #restart(): void {
    this.#cancelPump();
    const waiting = this.#waiting.splice(0);
    if (this.#pipe?.stream.destroyed === false) for (const { frame } of waiting) this.#write(frame);
    this.#waitingBytes = 0;
    this.#waitingSinceMs = null;
    this.#leastDelayMs = Number.POSITIVE_INFINITY;
    const pipe = this.#pipe;
    this.#pipe = null;
    if (pipe !== null) endPipe(pipe);
  }
}

function endPipe({ stream, writer }: FeedPipe): void {
  if (stream.destroyed) return;
  const sound = writer.flush();
  if (sound !== null) stream.write(sound);
  stream.end();
}

function keyOf({ media, track }: { readonly media: string; readonly track: number }): string {
  return `${media}${track}`;
}

function areaOf(track: SenderTrack | null): number {
  const description = track?.description;
  return description?.media === "video" ? description.width * description.height : 0;
}
