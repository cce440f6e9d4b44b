/** What an encoder says of itself (Broadcast Performance Metrics), once a group of pictures. Memory is fixed. */
import type { BroadcastMetrics } from "../obs/broadcast-metrics.ts";

/** Limits, each with its reason. */
const ENCODER_METER_LIMITS = {
  /** Messages that are kept: one a keyframe, two minutes of a keyframe every 2 s. */
  messages: 64,
  /** Window of shares: at least two groups of 4 s. */
  windowMs: 10_000,
  /** Older messages tell nothing of the encoder now. */
  freshMs: 15_000,
} as const;

/** The encoder's own figures; null: it has not told. */
export interface EncoderFigures {
  /** From the composition of a picture to its arrival, by two clocks; null where they disagree. */
  readonly compositionMs: number | null;
  /** From the composition of a picture until it is encoded and queued for the network. */
  readonly encodeMs: number | null;
  /** How much longer than the promptest one of two minutes the newest picture took from the queue to its arrival. */
  readonly sendQueueMs: number | null;
  /** Shares of frames: composed late, skipped by the encoder, dropped before the network. */
  readonly laggedShare: number | null;
  readonly skippedShare: number | null;
  readonly droppedShare: number | null;
}

interface TimedMetrics {
  readonly atMs: number;
  readonly metrics: BroadcastMetrics;
}

/** A composition that is further away is a wrong clock. */
const MAX_COMPOSITION_MS = 30_000;

/** The meter of one connection. Times of arrival never go back. */
export class EncoderMeter {
  readonly #messages: TimedMetrics[] = [];

  push(metrics: BroadcastMetrics, nowMs: number): void {
    this.#messages.push({ atMs: nowMs, metrics });
    if (this.#messages.length > ENCODER_METER_LIMITS.messages) this.#messages.shift();
  }

  /** The figures now; null if nothing was told lately. */
  figures(nowMs: number): EncoderFigures | null {
    const last = this.#messages.at(-1);
    if (last === undefined || nowMs - last.atMs > ENCODER_METER_LIMITS.freshMs) return null;
    const recent = this.#messages.filter(({ atMs }) => atMs > nowMs - ENCODER_METER_LIMITS.windowMs);
    const window = (recent.length === 0 ? [last] : recent).map(({ metrics }) => metrics);
    const { composedMs = null, queuedMs = null } = last.metrics.times ?? {};
    const compositionMs = composedMs === null ? null : last.atMs - composedMs;
    const isPlausible = compositionMs !== null && compositionMs >= 0 && compositionMs < MAX_COMPOSITION_MS;
    const sessions = window.flatMap(({ session }) => session ?? []);
    const renditions = window.flatMap(({ rendition }) => rendition ?? []);
    return {
      compositionMs: isPlausible ? compositionMs : null,
      encodeMs: composedMs === null || queuedMs === null ? null : Math.max(0, queuedMs - composedMs),
      sendQueueMs: this.#sendQueueMs(last),
      laggedShare: shareOf(
        sessions,
        ({ lagged }) => lagged,
        ({ rendered }) => rendered,
      ),
      skippedShare: shareOf(
        renditions,
        ({ skipped }) => skipped,
        ({ input }) => input,
      ),
      droppedShare: shareOf(
        sessions,
        ({ dropped }) => dropped,
        ({ dropped, output }) => dropped + output,
      ),
    };
  }

  /** Both clocks may differ, so that only the difference to the least one counts. */
  #sendQueueMs(last: TimedMetrics): number | null {
    const lags = this.#messages.flatMap(({ atMs, metrics: { times } }) => {
      const queuedMs = times?.queuedMs ?? null;
      return queuedMs === null ? [] : [atMs - queuedMs];
    });
    const lag = (last.metrics.times?.queuedMs ?? null) === null ? undefined : lags.at(-1);
    return lag === undefined ? null : lag - Math.min(...lags);
  }
}

function shareOf<T>(all: readonly T[], part: (each: T) => number, whole: (each: T) => number): number | null {
  const sum = (of: (each: T) => number): number => all.reduce((total, each) => total + of(each), 0);
  return sum(whole) === 0 ? null : Math.min(1, sum(part) / sum(whole));
}
