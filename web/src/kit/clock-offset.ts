/**
 * The offset of the local clock, from the `Date` of responses. That header has whole seconds, so each response only
 * bounds the offset; the bounds of several responses are intersected, and a local clock within them is trusted.
 */

/** Bounds of the milliseconds to add to the local clock to get the server's. */
export interface ClockOffsetBounds {
  readonly minMs: number;
  readonly maxMs: number;
}

/** Unbounded. */
export const UNBOUNDED_OFFSET: ClockOffsetBounds = { minMs: Number.NEGATIVE_INFINITY, maxMs: Number.POSITIVE_INFINITY };

/** Resolution of `Date`. */
const DATE_MS = 1000;

/**
 * Narrows `bounds` by a response with `Date` = `dateMs`, sent and received at these times of the local clock; or by another
 * reading of the server's clock, in steps of `resolutionMs`.
 */
export function narrowClockOffset(
  bounds: ClockOffsetBounds,
  dateMs: number,
  sentMs: number,
  receivedMs: number,
  resolutionMs: number = DATE_MS,
): ClockOffsetBounds {
  if (!Number.isFinite(dateMs) || receivedMs < sentMs) return bounds;
  // The server's clock was in [dateMs, dateMs + resolutionMs) at some moment between the two.
  const fresh = { minMs: dateMs - receivedMs, maxMs: dateMs + resolutionMs - sentMs };
  const minMs = Math.max(bounds.minMs, fresh.minMs);
  const maxMs = Math.min(bounds.maxMs, fresh.maxMs);
  // No overlap: one of the clocks was set meanwhile, and only the newest response can be right.
  return minMs > maxMs ? fresh : { minMs, maxMs };
}

/** The smallest correction within the bounds: 0 for a clock that may be right. */
export function clockOffsetMs(bounds: ClockOffsetBounds): number {
  if (bounds.minMs > 0) return Number.isFinite(bounds.maxMs) ? (bounds.minMs + bounds.maxMs) / 2 : bounds.minMs;
  if (bounds.maxMs < 0) return Number.isFinite(bounds.minMs) ? (bounds.minMs + bounds.maxMs) / 2 : bounds.maxMs;
  return 0;
}
