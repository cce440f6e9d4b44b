/** Renditions that FFmpeg encodes beside a picture that is passed through, in one broadcast. */
import { FEED_OFFSET_S } from "../../../core/ingest/passthrough/feed-writer.ts";
import { type BackoffOptions, backoffMs } from "../../../core/kit/backoff.ts";
import type { Platform } from "../../../core/kit/clock.ts";
import type { StreamName, TrackName } from "../../../core/kit/ids.ts";
import { FragmentReader } from "../../../core/media/cmaf/fragment-reader.ts";
import type { CodedFrame } from "../../../core/media/cmaf/frame.ts";
import type { EncoderConnection } from "../../ingest/encoder-connection.ts";
import { describeFailure, FfmpegProcess, type ProcessExit } from "../../kit/ffmpeg-process.ts";
import type { SparePlace } from "../../packager/encode-places.ts";
import type { InitSection } from "../../packager/encoder.ts";
import type { VideoRendition } from "../../packager/ladder.ts";
import type { Preset } from "../../packager/presets.ts";
import type { SenderFeed } from "../sender-feed.ts";
import { renditionArgs } from "./rendition-args.ts";
import { LeaderTimes, RenditionFrames } from "./rendition-frames.ts";

/** Limits of the encoder, each with its reason. */
const RENDITION_LIMITS = {
  /** A rendition this far behind the leading track has gap parts; viewers would wait for it. */
  patienceS: 2.5,
  /** How far the gap parts stay behind: an encoder that catches up goes on within that time. */
  marginS: 2,
  /** The same of an encoder that does not run. */
  waiting: { patienceS: 0.5, marginS: 0.25 },
  /** A rendition within this is on time. */
  onTimeS: 1,
  /** An encoder that is late may be starting. */
  startMs: 6_000,
  /** Restarts take the processor as well, so they become rarer; an encoder that was on time this long starts anew at once. */
  retry: { firstMs: 500, maxMs: 30_000 } satisfies BackoffOptions,
  steadyMs: 30_000,
  /** Media is counted over this time for the encoder's speed. */
  speedMs: 5_000,
} as const;

/** Where frames go; it must have an open timeline. */
export interface RenditionSink {
  provideInit(track: TrackName, init: InitSection): void;
  push(track: TrackName, frame: CodedFrame): void;
  markSilent(track: TrackName, untilTicks: number): void;
}

/** What renditions need. */
export interface LowerRenditionsOptions {
  readonly stream: StreamName;
  readonly renditions: readonly VideoRendition[];
  readonly preset: Preset;
  /** The id of an encoder for H.264. */
  readonly encoder: string;
  /** The encoder's, which is given back at the end. */
  readonly place: SparePlace;
  readonly log: { info(text: string): void; warn(text: string): void };
  readonly platform: Platform;
}

/** One rendition; times are ticks of the sender's media. */
interface RenditionState {
  readonly rendition: VideoRendition;
  readonly frames: RenditionFrames;
  init: InitSection | null;
  /** End of what was packaged, and of what was encoded. */
  endPts: number;
  encodedPts: number;
  isMissing: boolean;
}

/** See the file's first line. What becomes of the encoder never affects the leading track. */
export class LowerRenditions {
  readonly #options: LowerRenditionsOptions;
  readonly #states: readonly RenditionState[];
  readonly #timescale: number;
  /** The open timeline; null without. */
  #timeline: { readonly sink: RenditionSink; readonly times: LeaderTimes; delayTicks: number | null } | null = null;
  #feed: SenderFeed | null = null;
  #encoder: {
    readonly process: FfmpegProcess;
    readonly connection: EncoderConnection;
    readonly sinceMs: number;
  } | null = null;
  #failures = 0;
  #onTimeSinceMs: number | null = null;
  #cancelRestart: () => void = () => {};
  /** Encoded media by time, for the speed. */
  #marks: { readonly atMs: number; readonly pts: number }[] = [];
  #isWaiting = false;
  #isClosed = false;

  constructor(options: LowerRenditionsOptions) {
    this.#options = options;
    this.#timescale = options.renditions[0]?.timescale ?? 1;
    this.#states = options.renditions.map((rendition) => {
      const times = { endPts: 0, encodedPts: 0, isMissing: false };
      return { rendition, frames: new RenditionFrames(), init: null, ...times };
    });
  }

  /** Whether the encoder's place was given up. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  get renditions(): readonly VideoRendition[] {
    return this.#options.renditions;
  }

  /** Names of the renditions for which gap parts stand. */
  get missing(): readonly string[] {
    return this.#states.flatMap(({ isMissing, rendition }) => (isMissing ? [rendition.name] : []));
  }

  /** Media seconds per second of an encoder that is behind; null of one that is on time, or without one. */
  get speed(): number | null {
    const [first, last] = [this.#marks[0], this.#marks.at(-1)];
    const lateS = this.#lateS;
    if (this.#encoder === null || first === undefined || last === undefined || lateS <= RENDITION_LIMITS.onTimeS)
      return null;
    const spanMs = last.atMs - first.atMs;
    return spanMs < RENDITION_LIMITS.speedMs / 2 ? null : ((last.pts - first.pts) * 1000) / this.#timescale / spanMs;
  }

  /** A timeline of the leading track has begun in `sink`. A feed that is new is encoded from its first waiting keyframe on. */
  beginTimeline(sink: RenditionSink, feed: SenderFeed, nowMs: number): void {
    this.#timeline = { sink, times: new LeaderTimes(this.#timescale), delayTicks: null };
    for (const state of this.#states) {
      state.frames.reset();
      state.isMissing = false;
      if (state.init !== null) sink.provideInit(state.rendition.name, state.init);
    }
    if (this.#feed === feed) return;
    this.#feed = feed;
    if (this.#isWaiting) feed.release();
    else feed.open((connection) => this.#start(connection), nowMs);
  }

  /** The encoder's place is given up: gap parts stand for the renditions until `resume`. */
  suspend(): void {
    if (this.#isClosed || this.#isWaiting) return;
    this.#isWaiting = true;
    this.#stopEncoder();
    this.#options.log.warn(
      `${this.#options.stream}: ${this.#names} give their encoder to another broadcast, and wait.`,
    );
  }

  /** The place is held again: they go on at the sender's next keyframe. */
  resume(): void {
    if (this.#isClosed || !this.#isWaiting) return;
    this.#isWaiting = false;
    this.#failures = 0;
    for (const state of this.#states) state.isMissing = false;
    this.#options.log.info(`${this.#options.stream}: ${this.#names} are encoded again.`);
    this.#feed?.open((connection) => this.#start(connection), Number.NEGATIVE_INFINITY);
  }

  /** The leading track has this frame. */
  observe(frame: CodedFrame): void {
    const timeline = this.#timeline;
    if (timeline === null) return;
    const pts = frame.dts + frame.ctsOffset;
    if (timeline.delayTicks === null) {
      if (!frame.sync) return;
      timeline.delayTicks = frame.ctsOffset;
      for (const state of this.#states) {
        state.endPts = pts;
        state.encodedPts = pts;
      }
      this.#marks = [];
    }
    timeline.times.add(pts);
    for (const state of this.#states) this.#advance(state);
    this.#watch();
  }

  /** The leading track's timeline is about to end. */
  endTimeline(): void {
    this.#timeline = null;
  }

  /** The sender has gone: the encoder gets its end. */
  leave(): void {
    this.#cancelRestart();
    this.#feed?.end();
    this.#feed = null;
  }

  /** Ends the encoder, and gives its place back. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.endTimeline();
    this.leave();
    this.#encoder?.process.kill();
    this.#encoder = null;
    this.#options.place.release();
  }

  #start(connection: EncoderConnection): void {
    if (this.#isClosed || this.#isWaiting) {
      connection.close();
      return;
    }
    const { renditions, preset, encoder, stream, platform } = this.#options;
    this.#encoder?.process.kill();
    const readers = renditions.map(({ name }) => new FragmentReader(`${stream} (${name})`));
    const onData = (pipe: number, chunk: Uint8Array): void => {
      const [state, reader] = [this.#states[pipe], readers[pipe]];
      if (state === undefined || reader === undefined) return;
      for (const event of reader.push(chunk)) {
        if (event.kind === "init") this.#onInit(state, event);
        else this.#onFrame(state, event.frame);
      }
    };
    const process = new FfmpegProcess(renditionArgs(renditions, preset, encoder), renditions.length, true, { onData });
    if (process.stdin !== null) connection.stream.pipe(process.stdin);
    this.#encoder = { process, connection, sinceMs: platform.clock.monotonicMs() };
    void process.done.then((exit) => this.#onExit(process, exit));
  }

  #onInit(state: RenditionState, init: InitSection): void {
    state.init = init;
    this.#timeline?.sink.provideInit(state.rendition.name, init);
  }

  #onFrame(state: RenditionState, frame: CodedFrame): void {
    state.frames.add({ ...frame, dts: frame.dts - FEED_OFFSET_S * this.#timescale });
    this.#advance(state);
  }

  #advance(state: RenditionState): void {
    const timeline = this.#timeline;
    if (timeline === null || timeline.delayTicks === null || state.init === null) return;
    for (const frame of state.frames.take(timeline.times, timeline.delayTicks)) {
      timeline.sink.push(state.rendition.name, frame);
      state.encodedPts = frame.dts + frame.ctsOffset + frame.durationTicks;
      state.endPts = Math.max(state.endPts, state.encodedPts);
    }
  }

  /** Seconds by which the slowest rendition is behind the leading track. */
  get #lateS(): number {
    const newest = this.#timeline?.times.newest ?? Number.NEGATIVE_INFINITY;
    return Math.max(0, ...this.#states.map(({ encodedPts }) => (newest - encodedPts) / this.#timescale));
  }

  /** Marks what does not come, and restarts an encoder that is too late. */
  #watch(): void {
    const timeline = this.#timeline;
    if (timeline === null) return;
    const nowMs = this.#options.platform.clock.monotonicMs();
    const { newest } = timeline.times;
    const { patienceS, marginS } = this.#isWaiting ? RENDITION_LIMITS.waiting : RENDITION_LIMITS;
    for (const state of this.#states) {
      const lateS = (newest - state.endPts) / this.#timescale;
      if (lateS > patienceS) {
        state.endPts = newest - marginS * this.#timescale;
        state.isMissing = true;
        timeline.sink.markSilent(state.rendition.name, Math.round(state.endPts - (timeline.delayTicks ?? 0)));
      } else if ((newest - state.encodedPts) / this.#timescale < RENDITION_LIMITS.onTimeS) state.isMissing = false;
    }
    this.#measure(nowMs);
    const encoder = this.#encoder;
    if (this.#lateS < RENDITION_LIMITS.onTimeS) {
      this.#onTimeSinceMs ??= nowMs;
      if (nowMs - this.#onTimeSinceMs > RENDITION_LIMITS.steadyMs) this.#failures = 0;
    } else this.#onTimeSinceMs = null;
    if (encoder === null || nowMs - encoder.sinceMs < RENDITION_LIMITS.startMs || this.missing.length === 0) return;
    this.#restart("it does not keep up with the sender");
  }

  #measure(nowMs: number): void {
    const pts = Math.min(...this.#states.map(({ encodedPts }) => encodedPts));
    if (nowMs - (this.#marks.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY) < 500) return;
    this.#marks = [...this.#marks.filter(({ atMs }) => nowMs - atMs <= RENDITION_LIMITS.speedMs), { atMs: nowMs, pts }];
  }

  #onExit(process: FfmpegProcess, exit: ProcessExit): void {
    if (this.#encoder?.process !== process) return;
    const hasFeed = this.#feed !== null && !this.#encoder.connection.stream.readableEnded;
    if (hasFeed) this.#restart(describeFailure(exit) ?? "FFmpeg has ended.");
    else this.#encoder = null;
  }

  get #names(): string {
    return this.renditions.map(({ name }) => name).join(", ");
  }

  /** Nothing is encoded, and nothing waits for it. */
  #stopEncoder(): void {
    const encoder = this.#encoder;
    this.#encoder = null;
    this.#cancelRestart();
    encoder?.process.kill();
    this.#feed?.release();
    encoder?.connection.close();
  }

  /** Another FFmpeg begins at a keyframe, after a while. */
  #restart(reason: string): void {
    const { log, stream, platform } = this.#options;
    const feed = this.#feed;
    this.#stopEncoder();
    const waitMs = backoffMs(++this.#failures, RENDITION_LIMITS.retry, platform.random);
    const text = `${stream}: the encoder of ${this.#names} is restarted in ${(waitMs / 1000).toFixed(1)} s: ${reason}`;
    log.warn(`${text.replace(/\.+$/, "")}.`);
    this.#cancelRestart = platform.clock.startTimer(waitMs, () => {
      feed?.open((connection) => this.#start(connection), Number.NEGATIVE_INFINITY);
    });
  }
}
