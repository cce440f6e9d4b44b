/** The slope of a slowly changing value over minutes, with its uncertainty. Memory is fixed. */
import { HEALTH_LIMITS } from "./health-limits.ts";

/** The points of one value. */
export class DriftMeter {
  readonly #points: { readonly atMs: number; readonly value: number }[] = [];

  /** Adds a point. */
  add(atMs: number, value: number): void {
    if (!Number.isFinite(value)) return;
    this.#points.push({ atMs, value });
    if (this.#points.length > HEALTH_LIMITS.driftPoints) this.#points.shift();
  }

  clear(): void {
    this.#points.length = 0;
  }

  /** The value about `ageMs` before `nowMs`, or the oldest one since then; null without. */
  valueAt(nowMs: number, ageMs: number): number | null {
    return this.#points.find(({ atMs }) => atMs >= nowMs - ageMs)?.value ?? null;
  }

  /**
   * The least slope in units per millisecond that the points support, towards zero by two standard errors; null until they
   * cover the window.
   */
  certainSlope(): number | null {
    const count = this.#points.length;
    if (count < HEALTH_LIMITS.driftPoints) return null;
    const mean = (read: (point: { atMs: number; value: number }) => number): number =>
      this.#points.reduce((sum, point) => sum + read(point), 0) / count;
    const meanAt = mean(({ atMs }) => atMs);
    const meanValue = mean(({ value }) => value);
    const spread = mean(({ atMs }) => (atMs - meanAt) ** 2);
    const slope = mean(({ atMs, value }) => (atMs - meanAt) * (value - meanValue)) / spread;
    const residual = mean(({ atMs, value }) => (value - meanValue - slope * (atMs - meanAt)) ** 2);
    const error = Math.sqrt(residual / (count - 2) / spread);
    return Math.sign(slope) * Math.max(0, Math.abs(slope) - 2 * error);
  }
}
