/** Applies the latency controller to a media element, and knows whether the person follows the live edge. */
import { afterStall, control, initialLatency, LATENCY_LIMITS, type LatencyState, needsRescue } from "./latency.ts";

/** Part targets that must remain buffered after the step that `begin` takes beyond the start. */
const ALIGN_RESERVE_PARTS = 1.2;
/** What stops within this time of the first picture is still the start, and teaches nothing about the network. */
const START_S = 3;

/** Where the live edge is, as the player knows it; seconds of the element's timeline. */
export interface Edge {
  /** The end of what is listed. */
  readonly listedS: number;
  /** Where the edge should be by now: it moves on between two playlists. */
  readonly edgeS: number;
  readonly holdBackS: number;
  readonly partTargetS: number;
}

/** Keeps `video` at the hold-back while the person watches live; leaves it alone when they went back in time. */
export class Steering {
  #state: LatencyState = initialLatency();
  #following = true;
  /** A seek of ours, which says nothing about what the person wants. */
  #ownSeekTo: number | null = null;
  #lastTime = 0;
  #startedAtS = 0;
  #stillAtS = Number.NaN;
  #stillSinceMs = 0;
  #rescuedMs = Number.NEGATIVE_INFINITY;
  readonly #video: HTMLVideoElement;
  readonly #edge: () => Edge | null;

  constructor(video: HTMLVideoElement, edge: () => Edge | null) {
    this.#video = video;
    this.#edge = edge;
  }

  /** Seconds from the live edge that are aimed at, or null outside a live stream. */
  get targetS(): number | null {
    const edge = this.#edge();
    return edge === null ? null : edge.holdBackS + this.#state.marginS;
  }

  get following(): boolean {
    return this.#following;
  }

  /** Forgets everything but the distance that stalls have taught. */
  reset(): void {
    this.#state = initialLatency(this.#state.marginS);
    this.#following = true;
    this.#lastTime = 0;
    this.#setRate(1);
  }

  /** Reads the player and corrects it; to be called some ten times a second. */
  tick(nowMs: number): void {
    const edge = this.#edge();
    const video = this.#video;
    if (edge === null) {
      this.#setRate(1);
      return;
    }
    if (video.currentTime !== this.#stillAtS || video.paused || video.seeking || !this.#following) {
      this.#stillAtS = video.currentTime;
      this.#stillSinceMs = nowMs;
    } else if (
      needsRescue({
        stillMs: nowMs - this.#stillSinceMs,
        sinceRescueMs: nowMs - this.#rescuedMs,
        listedAheadS: edge.listedS - video.currentTime,
        holdBackS: edge.holdBackS,
        partTargetS: edge.partTargetS,
      })
    ) {
      this.#rescuedMs = nowMs;
      this.toLive();
      return;
    }
    if (video.paused || video.seeking || video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA) return;
    const { state, seek } = control(this.#state, {
      nowMs,
      latencyS: edge.edgeS - video.currentTime,
      holdBackS: edge.holdBackS,
      bufferS: bufferAhead(video),
      partTargetS: edge.partTargetS,
      following: this.#following,
    });
    this.#state = state;
    this.#lastTime = video.currentTime;
    if (seek) this.toLive();
    else this.#setRate(state.rate);
  }

  /** Goes to the hold-back, and follows from there. */
  toLive(): void {
    const edge = this.#edge();
    this.#following = true;
    if (edge === null) return;
    const position = edge.edgeS - edge.holdBackS - this.#state.marginS;
    // Nothing can be played, while a playlist is late, where the edge only should be.
    this.#seek(Math.min(position, edge.listedS - edge.partTargetS));
  }

  /**
   * Goes to the start as soon as it is buffered: hls.js looks only ten times a second, and no more often while it loads.
   * `startS` is where it began to load; what fetching took is stepped over where that is buffered already.
   */
  begin(startS: number): void {
    const edge = this.#edge();
    const video = this.#video;
    if (edge === null || video.currentTime > 0 || video.seeking) return;
    const endS = bufferedEnd(video, startS);
    if (endS <= startS) return;
    const position = edge.edgeS - edge.holdBackS - this.#state.marginS;
    const latest = endS - ALIGN_RESERVE_PARTS * edge.partTargetS;
    this.#startedAtS = Math.max(startS, Math.min(position, latest));
    this.#seek(this.#startedAtS);
  }

  /** Pictures stopped for want of media. */
  stalled(nowMs: number): void {
    const edge = this.#edge();
    if (edge === null || this.#video.currentTime - this.#startedAtS < START_S) return;
    this.#state = afterStall(this.#state, nowMs, edge.partTargetS);
    this.#setRate(1);
  }

  /** The element seeks: a step back is the person's wish, and only a landing near the edge is live again. */
  onSeeking(): void {
    const to = this.#video.currentTime;
    const own = this.#ownSeekTo !== null && Math.abs(to - this.#ownSeekTo) < 0.01;
    this.#ownSeekTo = null;
    const edge = this.#edge();
    if (own || edge === null) return;
    const near = edge.edgeS - edge.holdBackS - to < LATENCY_LIMITS.seekS;
    if (near) this.#following = true;
    else if (to < this.#lastTime - 0.5) this.#following = false;
    this.#state = initialLatency(this.#state.marginS);
  }

  /** Playing goes on after a pause: a short one is caught up with, after a long one the person stays back. */
  onResume(): void {
    const edge = this.#edge();
    if (edge === null) return;
    this.#following = edge.edgeS - edge.holdBackS - this.#video.currentTime < LATENCY_LIMITS.seekS;
    this.#state = initialLatency(this.#state.marginS);
  }

  #seek(position: number): void {
    this.#ownSeekTo = position;
    this.#lastTime = position;
    this.#video.currentTime = position;
    this.#state = initialLatency(this.#state.marginS);
  }

  #setRate(rate: number): void {
    // A rate of ours that isn't wanted any more is taken back; one that the person chose for a recording stays.
    if (this.#applied === rate) return;
    this.#applied = rate;
    this.#video.playbackRate = rate;
  }
  #applied = 1;
}

/** Seconds of media ahead of the playhead, over holes that are too small to see. */
export function bufferAhead(video: HTMLVideoElement): number {
  return Math.max(0, bufferedEnd(video, video.currentTime) - video.currentTime);
}

/** Where the buffered range around `atS` ends, or `atS` where nothing is buffered; both in seconds. */
function bufferedEnd({ buffered }: HTMLVideoElement, atS: number): number {
  for (let i = 0; i < buffered.length; i++) {
    if (buffered.start(i) <= atS + 0.1 && buffered.end(i) > atS) return buffered.end(i);
  }
  return atS;
}
