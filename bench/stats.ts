/** Figures of a run: percentiles, and rows for the table and the JSON. */

/** One figure as printed. */
export interface BenchFigure {
  readonly figure: string;
  readonly goal: string;
  readonly measured: string;
  readonly met: boolean;
  /** The numbers behind it, in the units that their names say. */
  readonly values: Readonly<Record<string, number | string>>;
}

/** The `p`-th percentile (0–100) of `values` by nearest rank; NaN of none. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil((p / 100) * sorted.length) - 1))] ?? Number.NaN;
}

/** The middle value. */
export const median = (values: readonly number[]): number => percentile(values, 50);

/** Slope of the line of least squares through `points`; NaN of less than two. */
export function slopeOf(points: readonly { readonly x: number; readonly y: number }[]): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanX, meanY] = [mean(points.map(({ x }) => x)), mean(points.map(({ y }) => y))];
  const covariance = points.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0);
  return covariance / points.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0);
}

/** A number with few digits. */
export const formatFixed = (value: number, digits = 2): string =>
  Number.isFinite(value) ? value.toFixed(digits) : "none";
