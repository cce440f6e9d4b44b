/** Samples for the charts from successive statuses; pure. */
import {
  type RequestCounters,
  type StreamStatus,
  subtractCounters,
  type TierName,
  zeroCounters,
} from "../../../core/broadcast/stream-status.ts";

/** The window over which growth is measured: an isolate's counters arrive with its feed's renewals, every 24 s. */
export const RATE_WINDOW_MS = 60_000;

/** Tiers that request misses from the tier above. */
type CachingTier = Extract<TierName, "isolate" | "colo" | "region">;

/** One sample of the charts; null: unknown. */
export interface StudioSample {
  /** The status's time, by the server's clock, milliseconds since the epoch. */
  readonly atMs: number;
  readonly viewers: number;
  readonly requestsPerSecond: number;
  /** The share of requests answered without an upstream request, 0–1, over the window. */
  readonly hitRatio: Readonly<Record<CachingTier, number | null>>;
  /** Upstream fetches per object of the tier, over the window: 1 is ideal. */
  readonly crossings: Readonly<Record<CachingTier, number | null>>;
  /** The age of the newest media of the slowest track, seconds. */
  readonly delayS: number | null;
  /** Responses by minute: 5xx and 4xx to viewers, and 5xx between tiers. */
  readonly errorsPerMinute: number | null;
  readonly refusalsPerMinute: number | null;
  readonly innerErrorsPerMinute: number | null;
}

/** The statuses of the window, and samples from each new one. */
export class RateWindow {
  #window: StreamStatus[] = [];

  /** The sample of a status; null if it is repeated. */
  addStatus(status: StreamStatus): StudioSample | null {
    const last = this.#window.at(-1);
    if (last !== undefined && status.at <= last.at) return null;
    // Counters restart with the object's memory: earlier ones are not comparable.
    if (last !== undefined && last.countedFrom !== status.countedFrom) this.#window = [];
    this.#window = [...this.#window.filter(({ at }) => at > status.at - RATE_WINDOW_MS), status];
    const first = this.#window[0] ?? status;
    const elapsedMs = status.at - first.at;
    const grown = (tier: TierName): RequestCounters => growthBetween(first, status, tier);
    const aMinute = (count: number): number | null => (elapsedMs > 0 ? (count * 60_000) / elapsedMs : null);
    const viewers = grown("isolate");
    const inner = (["colo", "region", "live", "r2"] as const).reduce((sum, tier) => sum + grown(tier).errors, 0);
    return {
      atMs: status.at,
      viewers: status.viewers.watching ?? status.viewers.current,
      requestsPerSecond: status.requestsPerSecond,
      hitRatio: eachTier((tier) => share(grown(tier).requests - grown(tier).pulled, grown(tier).requests)),
      crossings: eachTier((tier) => share(grown(tier).crossings, grown(tier).objects)),
      delayS: newestMediaDelayS(status),
      errorsPerMinute: aMinute(viewers.errors),
      refusalsPerMinute: aMinute(viewers.refusals),
      innerErrorsPerMinute: aMinute(inner),
    };
  }
}

/** Seconds from the program time of the newest media to the status; null without new media. */
export function newestMediaDelayS({ state, at, tracks }: StreamStatus): number | null {
  const ends = tracks.flatMap(({ programTimeMs }) => (programTimeMs === null ? [] : [programTimeMs]));
  if (state === "ended" || ends.length === 0) return null;
  return Math.max(0, at - Math.min(...ends)) / 1000;
}

/** Milliseconds on air until now, or until the newest media of a broadcast that has ended. */
export function onAirDurationMs({ state, startedAt, tracks }: StreamStatus, nowMs: number): number {
  const endMs = Math.max(...tracks.map(({ programTimeMs }) => programTimeMs ?? startedAt));
  return (state === "ended" ? endMs : nowMs) - startedAt;
}

/** A tier's counts between two statuses, at least zero, also after a node lost its memory. */
function growthBetween(before: StreamStatus, now: StreamStatus, tier: TierName): RequestCounters {
  const of = ({ tiers }: StreamStatus): RequestCounters => tiers.find((one) => one.tier === tier) ?? zeroCounters();
  const growth = subtractCounters(of(now), of(before));
  for (const key of Object.keys(zeroCounters()) as (keyof RequestCounters)[]) growth[key] = Math.max(0, growth[key]);
  return growth;
}

const share = (part: number, whole: number): number | null => (whole > 0 ? part / whole : null);

function eachTier<T>(of: (tier: CachingTier) => T): Record<CachingTier, T> {
  return { isolate: of("isolate"), colo: of("colo"), region: of("region") };
}
