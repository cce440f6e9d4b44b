/** What one track's frames tell: rates, cadence, times of arrival. Memory is fixed. */
import type { IngestFrame } from "../media-event.ts";
import { HEALTH_LIMITS } from "./health-limits.ts";

/** Sums of the frames that arrived in one second. */
interface SecondSums {
  second: number;
  bytes: number;
  frames: number;
  /** Frames that the cadence promises and that did not come. */
  missing: number;
  mediaMs: number;
  /** Least arrival minus decode time, milliseconds. */
  leastLagMs: number;
}

/** Sums of a window of whole seconds. */
export type WindowSums = Omit<SecondSums, "second">;

/** A gap of more than this many frame durations has missing frames. */
const GAP_FRAMES = 1.7;
/** Frame distances that tell the cadence. */
const CADENCE_FRAMES = 32;

/** The meter of one track. Times of arrival never go back. */
export class TrackMeter {
  readonly #timescale: number;
  readonly #seconds: SecondSums[] = Array.from({ length: HEALTH_LIMITS.seconds }, () => createSums(-1));
  readonly #steps = new Float64Array(CADENCE_FRAMES);
  #stepCount = 0;
  /** Arrival minus decode time of the latest frames, and when they arrived; null unless they are kept. */
  readonly #arrivals: { readonly lags: Float64Array; readonly times: Float64Array } | null;
  #periodMs: number | null = null;
  #frames = 0;
  #lastDtsMs = 0;
  firstMs: number | null = null;
  lastMs: number | null = null;

  constructor(timescale: number, keepsArrivals: boolean) {
    this.#timescale = timescale;
    const size = HEALTH_LIMITS.arrivals;
    this.#arrivals = keepsArrivals ? { lags: new Float64Array(size), times: new Float64Array(size) } : null;
  }

  /** The usual distance of frames, milliseconds; null while it is unknown, or if there is none (variable rate). */
  get periodMs(): number | null {
    return this.#periodMs;
  }

  /** Counts a frame. Returns by how many milliseconds the decode time has jumped, or 0. */
  push(frame: IngestFrame, nowMs: number): number {
    const dtsMs = (1000 * frame.dts) / this.#timescale;
    const sums = this.#sumsAt(nowMs);
    sums.bytes += frame.data.length;
    sums.frames += 1;
    let jumpMs = 0;
    if (this.lastMs !== null) {
      const stepMs = dtsMs - this.#lastDtsMs;
      const isJump = stepMs < -HEALTH_LIMITS.backMs || stepMs - (nowMs - this.lastMs) > HEALTH_LIMITS.jumpMs;
      if (isJump) {
        jumpMs = stepMs;
        for (const each of this.#seconds) each.leastLagMs = Number.POSITIVE_INFINITY;
        this.#arrivals?.times.fill(Number.NEGATIVE_INFINITY);
      } else this.#addStep(stepMs, sums);
    }
    const lagMs = nowMs - dtsMs;
    sums.leastLagMs = Math.min(sums.leastLagMs, lagMs);
    if (this.#arrivals !== null) {
      const at = this.#frames % HEALTH_LIMITS.arrivals;
      this.#arrivals.lags[at] = lagMs;
      this.#arrivals.times[at] = nowMs;
    }
    this.#frames += 1;
    this.#lastDtsMs = dtsMs;
    this.firstMs ??= nowMs;
    this.lastMs = nowMs;
    return jumpMs;
  }

  /** Sums of the `count` whole seconds before `nowMs`. */
  sums(count: number, nowMs: number): WindowSums {
    const end = Math.floor(nowMs / 1000);
    const total = createSums(end);
    for (const each of this.#seconds) {
      if (each.second < end - count || each.second >= end) continue;
      total.bytes += each.bytes;
      total.frames += each.frames;
      total.missing += each.missing;
      total.mediaMs += each.mediaMs;
      total.leastLagMs = Math.min(total.leastLagMs, each.leastLagMs);
    }
    return total;
  }

  /** Bytes of each of the `count` whole seconds before `nowMs`, zeros included. */
  bytesBySecond(count: number, nowMs: number): number[] {
    const end = Math.floor(nowMs / 1000);
    return Array.from({ length: count }, (_, i) => {
      const second = end - count + i;
      const sums = this.#seconds[second % HEALTH_LIMITS.seconds];
      return sums?.second === second ? sums.bytes : 0;
    });
  }

  /** The 95th percentile of how much later than the promptest one the frames of the last `windowMs` arrived, milliseconds. */
  jitterMs(windowMs: number, nowMs: number): number {
    if (this.#arrivals === null) return 0;
    const { lags, times } = this.#arrivals;
    const count = Math.min(this.#frames, HEALTH_LIMITS.arrivals);
    const recent = lags
      .subarray(0, count)
      .filter((_, i) => (times[i] ?? 0) > nowMs - windowMs)
      .sort();
    return (recent[Math.floor(recent.length * 0.95)] ?? 0) - (recent[0] ?? 0);
  }

  #addStep(stepMs: number, sums: SecondSums): void {
    sums.mediaMs += Math.max(0, stepMs);
    const periodMs = this.#periodMs;
    if (periodMs !== null && stepMs > GAP_FRAMES * periodMs) sums.missing += Math.round(stepMs / periodMs) - 1;
    this.#steps[this.#stepCount % CADENCE_FRAMES] = stepMs;
    this.#stepCount += 1;
    if (this.#stepCount % CADENCE_FRAMES === 0) this.#periodMs = cadenceOf(this.#steps);
  }

  #sumsAt(nowMs: number): SecondSums {
    const second = Math.floor(nowMs / 1000);
    const at = second % HEALTH_LIMITS.seconds;
    const known = this.#seconds[at];
    if (known?.second === second) return known;
    const fresh = createSums(second);
    this.#seconds[at] = fresh;
    return fresh;
  }
}

function createSums(second: number): SecondSums {
  return { second, bytes: 0, frames: 0, missing: 0, mediaMs: 0, leastLagMs: Number.POSITIVE_INFINITY };
}

/** The distance that most steps have, their mean; null if none. */
function cadenceOf(steps: Float64Array): number | null {
  const sorted = steps.toSorted();
  const medianMs = sorted[sorted.length >> 1] ?? 0;
  // Whole milliseconds: 16 and 17 are one cadence.
  const even = sorted.filter((step) => Math.abs(step - medianMs) <= Math.max(1.1, 0.1 * medianMs));
  if (medianMs <= 0 || even.length < 0.6 * steps.length) return null;
  return even.reduce((sum, step) => sum + step, 0) / even.length;
}
