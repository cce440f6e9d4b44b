/**
 * Maps a source's timestamps to positions on the broadcast's timeline. A source's clock may jump forward or back,
 * stand still, or run fast; positions continue. Video and audio share the clock, so they stay in sync
 * over each jump.
 */

/** Thresholds between valid timestamps and jumps of the clock, seconds. */
export const SOURCE_CLOCK_LIMITS = {
  /** Going back by less is disorder; by more the clock was set back, and the media continues at once. */
  backS: 0.5,
  /** A clock that may jump is trusted up to here: a longer hole is cut out. */
  holeS: 10,
  /** No hole in any format is longer: a broken timestamp would hold a picture for years. */
  longestHoleS: 21_600,
  /** A live source's timestamps may advance by this much more than the time of arrival. */
  stepS: 1,
  /** A live track that is late for this long is moved to the live edge. */
  lateS: 1,
  /** A frame this much behind the output is late. */
  lateByS: 0.1,
  /** Tracks that begin further apart have unrelated clocks: they begin together. */
  maxStartSkewS: 600,
  /** The least delay of a live source is measured in windows of this length. */
  windowS: 10,
} as const;

/** Properties of a source's clock. */
export interface SourceClockOptions {
  /** Frames arrive in real time, and the time of arrival identifies jumps. */
  readonly live: boolean;
  /** The format's clock may restart within the media, as in MPEG-TS and FLV. */
  readonly mayJump: boolean;
}

/** A track of the source. */
export type SourceTrack = "video" | "audio";

/** One frame at its arrival. */
export interface FrameArrival {
  readonly track: SourceTrack;
  /** Presentation time by the source's clock, and duration, seconds. */
  readonly ptsS: number;
  readonly durationS: number;
  /** Time of arrival, milliseconds. */
  readonly nowMs: number;
  /** Position up to which the track was output, seconds. */
  readonly emittedS: number;
}

interface TrackClock {
  shiftS: number;
  /** End position of the last frame. */
  endS: number;
  lastMs: number;
  lateSinceMs: number | null;
  /** Least arrival time minus position, milliseconds: in this window and the previous one; null before the first. */
  window: { fromMs: number; leastMs: number; beforeMs: number } | null;
}

/** One connection to a source, or one pass of a file. */
export class SourceClock {
  readonly #options: SourceClockOptions;
  /** Position minus timestamp, the newest last. */
  readonly #shifts: number[] = [];
  readonly #startS: number;
  readonly #tracks = new Map<SourceTrack, TrackClock>();
  #jumps = 0;

  /** Places timestamp `ptsS` at `positionS`. */
  constructor(options: SourceClockOptions, ptsS: number, positionS: number) {
    this.#options = options;
    this.#startS = positionS;
    this.#shifts.push(positionS - ptsS);
  }

  /** Jumps of the source's clock so far, in either track. */
  get jumps(): number {
    return this.#jumps;
  }

  /** Position of an arrived frame, seconds. */
  positionFrame(frame: FrameArrival): number {
    const { track, ptsS, durationS, nowMs } = frame;
    let state = this.#tracks.get(track);
    if (state === undefined) {
      let shiftS = this.#shifts.at(-1) ?? 0;
      if (Math.abs(ptsS + shiftS - this.#startS) > SOURCE_CLOCK_LIMITS.maxStartSkewS) shiftS = this.#startS - ptsS;
      state = { shiftS, endS: ptsS + shiftS, lastMs: nowMs, lateSinceMs: null, window: null };
      this.#tracks.set(track, state);
    } else if (!this.#isPlausibleStep(ptsS + state.shiftS - state.endS, nowMs - state.lastMs)) {
      const { endS } = state;
      this.#shiftTrack(
        state,
        ptsS,
        endS,
        (positionS) => positionS >= endS - SOURCE_CLOCK_LIMITS.backS && positionS <= endS + SOURCE_CLOCK_LIMITS.stepS,
      );
    }
    if (this.#options.live) this.#catchUp(state, frame);
    const positionS = ptsS + state.shiftS;
    state.endS = positionS + durationS;
    state.lastMs = nowMs;
    if (this.#options.live) observeDelay(state, nowMs, positionS);
    return positionS;
  }

  /** Position of a timestamp by the video track's current clock, seconds. */
  positionOf(ptsS: number): number {
    return ptsS + (this.#tracks.get("video")?.shiftS ?? this.#shifts.at(-1) ?? 0);
  }

  /**
   * The position that a frame of `track` with the least delay would have if it arrived now, seconds; from the other track
   * before this track's first frame, null before any frame of a live source. Sources may send audio and video far
   * apart, so each track's lateness is measured separately.
   */
  liveEdgeS(track: SourceTrack, nowMs: number): number | null {
    const own = this.#tracks.get(track)?.window ?? null;
    const window = own ?? [...this.#tracks.values()].find((state) => state.window !== null)?.window ?? null;
    return window === null ? null : (nowMs - Math.min(window.leastMs, window.beforeMs)) / 1000;
  }

  #isPlausibleStep(stepS: number, waitedMs: number): boolean {
    if (stepS < -SOURCE_CLOCK_LIMITS.backS) return false;
    if (this.#options.live) return stepS <= waitedMs / 1000 + SOURCE_CLOCK_LIMITS.stepS;
    return stepS <= (this.#options.mayJump ? SOURCE_CLOCK_LIMITS.holeS : SOURCE_CLOCK_LIMITS.longestHoleS);
  }

  /** Moves a track: to a shift of another track that `fits`, else so that `ptsS` is at `positionS`. */
  #shiftTrack(state: TrackClock, ptsS: number, positionS: number, fits: (positionS: number) => boolean): void {
    const known = this.#shifts.findLast((shiftS) => shiftS !== state.shiftS && fits(ptsS + shiftS));
    state.shiftS = known ?? positionS - ptsS;
    if (known !== undefined) return;
    this.#shifts.push(state.shiftS);
    if (this.#shifts.length > 8) this.#shifts.shift();
    this.#jumps += 1;
    for (const each of this.#tracks.values()) each.window = null;
  }

  /** A live track whose clock stood still while time passed would be late permanently. */
  #catchUp(state: TrackClock, { ptsS, nowMs, emittedS }: FrameArrival): void {
    if (ptsS + state.shiftS >= emittedS - SOURCE_CLOCK_LIMITS.lateByS) {
      state.lateSinceMs = null;
      return;
    }
    state.lateSinceMs ??= nowMs;
    if (nowMs - state.lateSinceMs < SOURCE_CLOCK_LIMITS.lateS * 1000) return;
    state.lateSinceMs = null;
    const fits = (positionS: number): boolean =>
      positionS >= emittedS - SOURCE_CLOCK_LIMITS.lateByS && positionS <= emittedS + SOURCE_CLOCK_LIMITS.stepS;
    this.#shiftTrack(state, ptsS, emittedS, fits);
  }
}

function observeDelay(state: TrackClock, nowMs: number, positionS: number): void {
  const delayMs = nowMs - positionS * 1000;
  const { window } = state;
  if (window === null) state.window = { fromMs: nowMs, leastMs: delayMs, beforeMs: Number.POSITIVE_INFINITY };
  else if (nowMs - window.fromMs > SOURCE_CLOCK_LIMITS.windowS * 1000)
    state.window = { fromMs: nowMs, leastMs: delayMs, beforeMs: window.leastMs };
  else window.leastMs = Math.min(window.leastMs, delayMs);
}
