/** From one status after another to what the charts show; pure. */
import {
  type RequestCounters,
  type StreamStatus,
  subtractCounters,
  type TierName,
  zeroCounters,
} from "../../../core/broadcast/stream-status.ts";

/** Growth is taken over this time: an isolate's counters arrive with its feed's renewals, every 24 s. */
export const RATE_WINDOW_MS = 60_000;

/** Tiers that ask a tier above for what they don't hold. */
type CachingTier = Extract<TierName, "isolate" | "colo" | "region">;

/** One moment of the charts; null where the number isn't known. */
export interface StudioSample {
  /** When the status was told, by the server's clock, milliseconds since the epoch. */
  readonly atMs: number;
  readonly viewers: number;
  readonly requestsPerSecond: number;
  /** Share of requests answered without asking upstream, 0–1, over the window. */
  readonly hitRatio: Readonly<Record<CachingTier, number | null>>;
  /** How often each object crossed the link up from the tier, over the window: 1 is ideal. */
  readonly crossings: Readonly<Record<CachingTier, number | null>>;
  /** Age of the newest media of the track that is furthest behind, seconds. */
  readonly delayS: number | null;
  /** Answers of 5xx and of 4xx to viewers, and of 5xx between tiers, a minute. */
  readonly errorsPerMinute: number | null;
  readonly refusalsPerMinute: number | null;
  readonly innerErrorsPerMinute: number | null;
}

/** The statuses of the window, and samples from each new one. */
export class RateWindow {
  #window: StreamStatus[] = [];

  /** The sample of a status; null where it was told before. */
  addStatus(status: StreamStatus): StudioSample | null {
    const last = this.#window.at(-1);
    if (last !== undefined && status.at <= last.at) return null;
    // Counters began anew with the object's memory: nothing before is comparable.
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

/** Seconds from the programme time of the newest media to when that was told; null where nothing comes any more. */
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

/** What a tier counted from one status to another, never below zero: a node's lost memory takes nothing back. */
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
