/** Applies the latency controller to a media element, and tracks whether the viewer follows the live edge. */
import {
  initialLatency,
  LATENCY_LIMITS,
  type LatencyState,
  needsLiveSeek,
  nextLatencyStep,
  withStallMargin,
} from "./latency.ts";

/** Part targets that must remain buffered after the skip of `begin` beyond the start. */
const ALIGN_RESERVE_PARTS = 1.2;
/** A stall within this time of the first picture belongs to the start, and says nothing about the network. */
const START_GRACE_S = 3;

/** The live edge as the player knows it; seconds of the element's timeline. */
export interface LiveEdge {
  /** The end of the listed media. */
  readonly listedS: number;
  /** The estimated edge: it advances between two playlists. */
  readonly edgeS: number;
  readonly holdBackS: number;
  readonly partTargetS: number;
}

/** Keeps `video` at the hold-back while the viewer follows live; leaves it alone after a seek back. */
export class LiveEdgeController {
  #state: LatencyState = initialLatency();
  #isFollowing = true;
  /** A seek by the controller, which is no seek of the viewer. */
  #ownSeekTo: number | null = null;
  #lastTime = 0;
  #startedAtS = 0;
  #stillAtS = Number.NaN;
  #stillSinceMs = 0;
  #liveSeekAtMs = Number.NEGATIVE_INFINITY;
  readonly #video: HTMLVideoElement;
  readonly #edge: () => LiveEdge | null;

  constructor(video: HTMLVideoElement, edge: () => LiveEdge | null) {
    this.#video = video;
    this.#edge = edge;
  }

  /** The target distance from the live edge in seconds, or null outside a live stream. */
  get targetS(): number | null {
    const edge = this.#edge();
    return edge === null ? null : edge.holdBackS + this.#state.marginS;
  }

  get isFollowing(): boolean {
    return this.#isFollowing;
  }

  /** Resets everything except the margin from stalls. */
  reset(): void {
    this.#state = initialLatency(this.#state.marginS);
    this.#isFollowing = true;
    this.#lastTime = 0;
    this.#setRate(1);
  }

  /** Reads and corrects the player; called some ten times per second. */
  tick(nowMs: number): void {
    const edge = this.#edge();
    const video = this.#video;
    if (edge === null) {
      this.#setRate(1);
      return;
    }
    if (video.currentTime !== this.#stillAtS || video.paused || video.seeking || !this.#isFollowing) {
      this.#stillAtS = video.currentTime;
      this.#stillSinceMs = nowMs;
    } else if (
      needsLiveSeek({
        stillMs: nowMs - this.#stillSinceMs,
        sinceRescueMs: nowMs - this.#liveSeekAtMs,
        listedAheadS: edge.listedS - video.currentTime,
        holdBackS: edge.holdBackS,
        partTargetS: edge.partTargetS,
      })
    ) {
      this.#liveSeekAtMs = nowMs;
      this.seekToLive();
      return;
    }
    if (video.paused || video.seeking || video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA) return;
    const { state, seek } = nextLatencyStep(this.#state, {
      nowMs,
      latencyS: edge.edgeS - video.currentTime,
      holdBackS: edge.holdBackS,
      bufferS: bufferedAheadS(video),
      partTargetS: edge.partTargetS,
      isFollowing: this.#isFollowing,
    });
    this.#state = state;
    this.#lastTime = video.currentTime;
    if (seek) this.seekToLive();
    else this.#setRate(state.rate);
  }

  /** Seeks to the hold-back, and follows from there. */
  seekToLive(): void {
    const edge = this.#edge();
    this.#isFollowing = true;
    if (edge === null) return;
    const position = edge.edgeS - edge.holdBackS - this.#state.marginS;
    // The estimated edge cannot be played while a playlist is late.
    this.#seek(Math.min(position, edge.listedS - edge.partTargetS));
  }

  /**
   * Seeks to the start as soon as it is buffered: hls.js checks only ten times per second, and no more often while it loads.
   * `startS` is where loading began; the time spent on loading is skipped if that is buffered already.
   */
  seekToStart(startS: number): void {
    const edge = this.#edge();
    const video = this.#video;
    if (edge === null || video.currentTime > 0 || video.seeking) return;
    const endS = bufferedEndS(video, startS);
    if (endS <= startS) return;
    const position = edge.edgeS - edge.holdBackS - this.#state.marginS;
    const latest = endS - ALIGN_RESERVE_PARTS * edge.partTargetS;
    this.#startedAtS = Math.max(startS, Math.min(position, latest));
    this.#seek(this.#startedAtS);
  }

  /** Playback stalled. */
  onStall(nowMs: number): void {
    const edge = this.#edge();
    if (edge === null || this.#video.currentTime - this.#startedAtS < START_GRACE_S) return;
    this.#state = withStallMargin(this.#state, nowMs, edge.partTargetS);
    this.#setRate(1);
  }

  /** The element seeks: a seek back is the viewer's, and only a position near the edge is live again. */
  onSeeking(): void {
    const to = this.#video.currentTime;
    const own = this.#ownSeekTo !== null && Math.abs(to - this.#ownSeekTo) < 0.01;
    this.#ownSeekTo = null;
    const edge = this.#edge();
    if (own || edge === null) return;
    const near = edge.edgeS - edge.holdBackS - to < LATENCY_LIMITS.seekS;
    if (near) this.#isFollowing = true;
    else if (to < this.#lastTime - 0.5) this.#isFollowing = false;
    this.#state = initialLatency(this.#state.marginS);
  }

  /** Playback resumes after a pause: a short one is caught up, after a long one the viewer stays behind. */
  onResume(): void {
    const edge = this.#edge();
    if (edge === null) return;
    this.#isFollowing = edge.edgeS - edge.holdBackS - this.#video.currentTime < LATENCY_LIMITS.seekS;
    this.#state = initialLatency(this.#state.marginS);
  }

  #seek(position: number): void {
    this.#ownSeekTo = position;
    this.#lastTime = position;
    this.#video.currentTime = position;
    this.#state = initialLatency(this.#state.marginS);
  }

  #setRate(rate: number): void {
    // An obsolete rate of the controller is reset; one that the viewer chose for a recording stays.
    if (this.#appliedRate === rate) return;
    this.#appliedRate = rate;
    this.#video.playbackRate = rate;
  }
  #appliedRate = 1;
}

/** Seconds of media ahead of the playhead, across holes that are too small to see. */
export function bufferedAheadS(video: HTMLVideoElement): number {
  return Math.max(0, bufferedEndS(video, video.currentTime) - video.currentTime);
}

/** The end of the buffered range around `atS`, or `atS` if nothing is buffered; both in seconds. */
function bufferedEndS({ buffered }: HTMLVideoElement, atS: number): number {
  for (let i = 0; i < buffered.length; i++) {
    if (buffered.start(i) <= atS + 0.1 && buffered.end(i) > atS) return buffered.end(i);
  }
  return atS;
}
