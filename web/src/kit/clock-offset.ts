/**
 * How far the person's clock is off, from the `Date` of answers. That header has whole seconds, so each answer only
 * bounds the offset; the bounds of several answers are intersected, and the local clock is believed while it fits.
 */

/** Milliseconds that may have to be added to the local clock to get the server's. */
export interface ClockOffsetBounds {
  readonly minMs: number;
  readonly maxMs: number;
}

/** Nothing known. */
export const UNBOUNDED_OFFSET: ClockOffsetBounds = { minMs: Number.NEGATIVE_INFINITY, maxMs: Number.POSITIVE_INFINITY };

/** Narrows `bounds` by an answer with `Date` = `dateMs`, asked for and received at these times of the local clock. */
export function narrowClockOffset(
  bounds: ClockOffsetBounds,
  dateMs: number,
  sentMs: number,
  receivedMs: number,
): ClockOffsetBounds {
  if (!Number.isFinite(dateMs) || receivedMs < sentMs) return bounds;
  // The server's clock stood within [dateMs, dateMs + 1000) at some moment between the two.
  const fresh = { minMs: dateMs - receivedMs, maxMs: dateMs + 1000 - sentMs };
  const minMs = Math.max(bounds.minMs, fresh.minMs);
  const maxMs = Math.min(bounds.maxMs, fresh.maxMs);
  // No overlap: one of the clocks was set meanwhile, and only the newest answer can be right.
  return minMs > maxMs ? fresh : { minMs, maxMs };
}

/** The smallest correction that fits: 0 for a clock that may be right. */
export function clockOffsetMs(bounds: ClockOffsetBounds): number {
  if (bounds.minMs > 0) return Number.isFinite(bounds.maxMs) ? (bounds.minMs + bounds.maxMs) / 2 : bounds.minMs;
  if (bounds.maxMs < 0) return Number.isFinite(bounds.minMs) ? (bounds.minMs + bounds.maxMs) / 2 : bounds.maxMs;
  return 0;
}
