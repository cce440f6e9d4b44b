/**
 * From a source's timestamps to positions on the timeline of a broadcast. A source's clock may jump forward or back,
 * stand still, or run a little fast; positions go on. Picture and sound share the clock, so what belongs together
 * stays together over each jump.
 */

/** Bounds between what is believed and what is taken for a jump of the clock, seconds. */
export const SOURCE_CLOCK_LIMITS = {
  /** Going back by less is disorder; by more the clock was set back, and what follows goes on at once. */
  backS: 0.5,
  /** A clock that may jump is believed up to here: a longer hole is cut out. */
  holeS: 10,
  /** Longer than this is no hole in any format: a broken timestamp would hold a picture for years. */
  longestHoleS: 21_600,
  /** By so much a live source's timestamps may step ahead of the time in which they came. */
  stepS: 1,
  /** A live track that is late for so long is moved to where it is heard and seen. */
  lateS: 1,
  /** A frame this much behind what was given out is late. */
  lateByS: 0.1,
  /** Tracks that begin further apart have clocks that have nothing to do with each other: they begin together. */
  maxStartSkewS: 600,
  /** A live source's least delay is looked for in windows of this length. */
  windowS: 10,
} as const;

/** What is asked of a clock. */
export interface SourceClockOptions {
  /** Frames come when they come, and the time at which they do says what a jump is. */
  readonly live: boolean;
  /** The format has a clock that may begin anew within the media, as MPEG-TS and FLV do. */
  readonly mayJump: boolean;
}

/** A track of the source. */
export type SourceTrack = "video" | "audio";

/** One frame as it comes. */
export interface FrameArrival {
  readonly track: SourceTrack;
  /** Presentation time by the source's clock, and duration, seconds. */
  readonly ptsS: number;
  readonly durationS: number;
  /** When it came, milliseconds. */
  readonly nowMs: number;
  /** Position up to which the track was given out, seconds. */
  readonly emittedS: number;
}

interface TrackClock {
  shiftS: number;
  /** Position where the last frame ended. */
  endS: number;
  lastMs: number;
  lateSinceMs: number | null;
  /** Least of arrival minus position, milliseconds: in this window, and in the one before; null before there was any. */
  window: { fromMs: number; leastMs: number; beforeMs: number } | null;
}

/** One connection to a source, or one reading of a file. */
export class SourceClock {
  readonly #options: SourceClockOptions;
  /** Position minus timestamp, the newest last. */
  readonly #shifts: number[] = [];
  readonly #startS: number;
  readonly #tracks = new Map<SourceTrack, TrackClock>();
  #jumps = 0;

  /** Timestamp `ptsS` is at `positionS`. */
  constructor(options: SourceClockOptions, ptsS: number, positionS: number) {
    this.#options = options;
    this.#startS = positionS;
    this.#shifts.push(positionS - ptsS);
  }

  /** Jumps of the source's clock so far, in either track. */
  get jumps(): number {
    return this.#jumps;
  }

  /** Position of the frame that came, seconds. */
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

  /** Position of a timestamp by the clock as the video track has it now, seconds. */
  positionOf(ptsS: number): number {
    return ptsS + (this.#tracks.get("video")?.shiftS ?? this.#shifts.at(-1) ?? 0);
  }

  /**
   * The position that a frame of `track` with the least delay would have if it came now, seconds; by the other track
   * before the first frame of this one, null before any of a live source. Sources send sound and picture apart by as
   * much as they like, so each is late by its own measure.
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

  /** Moves a track: to a shift that another track found and that `fits`, else so that `ptsS` is at `positionS`. */
  #shiftTrack(state: TrackClock, ptsS: number, positionS: number, fits: (positionS: number) => boolean): void {
    const known = this.#shifts.findLast((shiftS) => shiftS !== state.shiftS && fits(ptsS + shiftS));
    state.shiftS = known ?? positionS - ptsS;
    if (known !== undefined) return;
    this.#shifts.push(state.shiftS);
    if (this.#shifts.length > 8) this.#shifts.shift();
    this.#jumps += 1;
    for (const each of this.#tracks.values()) each.window = null;
  }

  /** A live track whose clock stood still, while time did not, would be late for good. */
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
