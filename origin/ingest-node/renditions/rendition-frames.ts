/** An encoder's frames on the timeline of the picture that it was made from. Pure. */
import type { CodedFrame } from "../../../core/media/cmaf/frame.ts";

/** Times of the leading track that are remembered: 10 s at 60 pictures a second. */
const MAX_TIMES = 640;
/** Frames of an encoder that wait for the leading track's; beyond it the oldest are dropped. */
const MAX_WAITING = 640;
/** An encoder counts in the clock of the feed, which has whole milliseconds; pictures are at least 8 ms apart. */
const TOLERANCE_S = 0.004;

/** Presentation times of the leading track's frames, ticks. */
export class LeaderTimes {
  readonly #timescale: number;
  #times: number[] = [];
  #newest = Number.NEGATIVE_INFINITY;

  constructor(timescale: number) {
    this.#timescale = timescale;
  }

  /** The latest presentation time; minus infinity before the first. */
  get newest(): number {
    return this.#newest;
  }

  add(pts: number): void {
    this.#times.push(pts);
    if (this.#times.length > MAX_TIMES) this.#times = this.#times.slice(-MAX_TIMES / 2);
    this.#newest = Math.max(this.#newest, pts);
  }

  /** The time of the leading track's picture that was shown at `pts`; null if there is none. */
  match(pts: number): number | null {
    const tolerance = TOLERANCE_S * this.#timescale;
    return this.#times.findLast((time) => Math.abs(time - pts) <= tolerance) ?? null;
  }

  /** Whether the leading track has passed `pts`, so that `match` will not change. */
  hasPassed(pts: number): boolean {
    return this.#newest >= pts - TOLERANCE_S * this.#timescale;
  }
}

/** One rendition's frames: each waits for the leader's picture, and for the next one, which ends it. */
export class RenditionFrames {
  #waiting: CodedFrame[] = [];
  #held: { readonly pts: number; readonly frame: CodedFrame } | null = null;

  /** Forgets what belongs to an ended timeline. */
  reset(): void {
    this.#held = null;
  }

  /** An encoder's frame, whose times are those of the sender's media. */
  add(frame: CodedFrame): void {
    this.#waiting.push(frame);
    if (this.#waiting.length > MAX_WAITING) this.#waiting.shift();
  }

  /** The frames that are complete: decoded `delayTicks` before they are shown, as the leader's keyframes are. */
  take(times: LeaderTimes, delayTicks: number): CodedFrame[] {
    const out: CodedFrame[] = [];
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const wanted = next.dts + next.ctsOffset;
      if (!times.hasPassed(wanted)) break;
      this.#waiting.shift();
      const pts = times.match(wanted);
      if (pts === null) continue;
      const held = this.#held;
      if (held !== null && pts > held.pts) out.push(placed(held, pts, delayTicks));
      this.#held = { pts, frame: next };
    }
    return out;
  }
}

function placed(
  { pts, frame }: { readonly pts: number; readonly frame: CodedFrame },
  nextPts: number,
  delayTicks: number,
): CodedFrame {
  return { ...frame, dts: pts - delayTicks, ctsOffset: delayTicks, durationTicks: nextPts - pts };
}
