/** Applies the pace of flow to a media element: rates, seeks, and jumps over holes. */
import type { Clock } from "../../../../core/kit/clock.ts";
import { initialLatency, type LatencyState, withStallMargin } from "../latency.ts";
import { bufferedAheadS } from "../live-edge-controller.ts";
import { isBlink, isWebKit } from "./browser-engine.ts";
import { FLOW_PACE_LIMITS, nextFlowPace } from "./flow-pace.ts";

/** A stall within this time of a join says nothing about the network. */
const STALL_GRACE_MS = 1_500;
/** With sound, Chromium stops short of a hole by up to 0.10 s: less than this before one is nothing that it plays. */
const HOLE_AHEAD_S = 0.15;
/** As much sound as Blink wants before it plays, and some. */
const RESTART_AHEAD_S = 0.22;
/** A seek to buffered media is done sooner than this, or never: Chromium begins with more sound than may be left before a hole. */
const SEEK_STUCK_MS = 1_000;
/** What it may want. */
const SEEK_AHEAD_S = 0.5;

/** See the file's first line. */
export class FlowPacer {
  readonly #video: HTMLVideoElement;
  readonly #clock: Clock;
  #state: LatencyState = initialLatency();
  /** Monotonic times. */
  #joinedMs = Number.NEGATIVE_INFINITY;
  #soughtMs = Number.NEGATIVE_INFINITY;
  /** When a seek that is not done was first seen; null without one. */
  #seekingMs: number | null = null;
  #ownSeekTo: number | null = null;
  #appliedRate = 1;
  /** Playback stalled, and has not gone on. */
  #isStalled = false;

  constructor(video: HTMLVideoElement, clock: Clock) {
    this.#video = video;
    this.#clock = clock;
    video.playbackRate = 1;
  }

  /** Seconds added to the target after stalls. */
  get marginS(): number {
    return this.#state.marginS;
  }

  /** The media begins at this position. */
  onBegin(positionS: number): void {
    this.#ownSeekTo = positionS;
  }

  /** A response has brought all that there was. */
  onJoin(nowMs: number): void {
    this.#joinedMs = nowMs;
  }

  /** Milliseconds since then; negative infinity before. */
  sinceJoinMs(nowMs: number): number {
    return Number.isFinite(this.#joinedMs) ? nowMs - this.#joinedMs : Number.NEGATIVE_INFINITY;
  }

  /** Playback stalled. False if that belongs to a join. */
  onStall(nowMs: number): boolean {
    if (nowMs - this.#joinedMs < STALL_GRACE_MS) return false;
    this.#isStalled = true;
    this.#state = withStallMargin(this.#state, nowMs, FLOW_PACE_LIMITS.stallUnitS);
    return true;
  }

  /** Keeps the element at `targetS`: time minus media time that should be playing, seconds; null: unknown. */
  tick(nowMs: number, targetS: number | null): void {
    const video = this.#video;
    this.#seekingMs = video.seeking && !video.paused ? (this.#seekingMs ?? nowMs) : null;
    if (video.paused || targetS === null) return;
    if (this.#seekingMs !== null) {
      if (nowMs - this.#seekingMs >= SEEK_STUCK_MS) this.#jumpHole(nowMs, SEEK_AHEAD_S);
      return;
    }
    if (video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA) {
      if (this.#isStalled && isBlink(navigator.userAgent) && bufferedAheadS(video) >= RESTART_AHEAD_S) this.#restart();
      else this.#jumpHole(nowMs, HOLE_AHEAD_S);
      return;
    }
    this.#isStalled = false;
    const step = nextFlowPace(this.#state, {
      ...{ nowMs, targetS, delayS: nowMs / 1000 - video.currentTime },
      ...{ bufferS: bufferedAheadS(video), newestS: bufferedEndS(video) - video.currentTime },
      ...{
        sinceJoinMs: nowMs - this.#joinedMs,
        sinceSeekMs: nowMs - this.#soughtMs,
        canChangeRate: !isWebKit(navigator.userAgent),
      },
    });
    this.#state = step.state;
    this.setRate(step.rate);
    if (step.seekByS === null) return;
    const toS = video.currentTime + step.seekByS;
    if (isBuffered(video, toS)) this.#seek(toS);
  }

  /** Seeks to the target, at most to what is left of the newest media, which ends at `endS`. */
  seekToLive(targetS: number | null, endS: number | null): void {
    if (targetS === null || endS === null) return;
    const wantedS = this.#clock.monotonicMs() / 1000 - targetS - this.#state.marginS;
    this.#seek(Math.min(wantedS, endS - FLOW_PACE_LIMITS.leaveS));
  }

  /** Whether the element's seek is one of ours; asked once a seek. */
  takeOwnSeek(): boolean {
    const isOwn = this.#ownSeekTo !== null && Math.abs(this.#video.currentTime - this.#ownSeekTo) < 0.05;
    this.#ownSeekTo = null;
    return isOwn;
  }

  setRate(rate: number): void {
    if (this.#appliedRate === rate) return;
    this.#appliedRate = rate;
    this.#video.playbackRate = rate;
  }

  /** Plays on after a stall, from the same position: Blink waits for more sound after each one, until there is a seek. */
  #restart(): void {
    this.#isStalled = false;
    this.#seek(this.#video.currentTime);
  }

  /** Media was left out: playback goes on where it does. */
  #jumpHole(nowMs: number, aheadS: number): void {
    const { buffered, currentTime } = this.#video;
    if (nowMs - this.#soughtMs < FLOW_PACE_LIMITS.seekEveryMs || bufferedAheadS(this.#video) > aheadS) return;
    for (let i = 0; i < buffered.length; i += 1) {
      if (buffered.start(i) <= currentTime) continue;
      this.#seek(buffered.start(i) + 0.01);
      return;
    }
  }

  #seek(toS: number): void {
    this.#soughtMs = this.#clock.monotonicMs();
    this.#seekingMs = null;
    this.#ownSeekTo = toS;
    this.#video.currentTime = toS;
    this.#state = initialLatency(this.#state.marginS);
  }
}

/** The end of everything that is buffered; 0 without any. */
const bufferedEndS = ({ buffered }: HTMLVideoElement): number =>
  buffered.length === 0 ? 0 : buffered.end(buffered.length - 1);

function isBuffered({ buffered }: HTMLVideoElement, atS: number): boolean {
  for (let i = 0; i < buffered.length; i += 1) if (buffered.start(i) <= atS && buffered.end(i) > atS) return true;
  return false;
}
