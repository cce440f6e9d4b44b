/** Spaces requests that come faster than a rate, so that a burst costs its sender time and its neighbours nothing. */
import { BoundedMap } from "./bounded-map.ts";
import type { BucketRate } from "./token-bucket.ts";

/** How requests are spaced. */
export interface PacerLimits {
  /** Each key's rate; `burst` requests come at once. */
  readonly rate: BucketRate;
  /** A request whose turn is later than this is refused. */
  readonly maxDelayMs: number;
  /** Keys that are remembered; a forgotten key has its whole burst again. */
  readonly keys: number;
}

/** The turns of requests by key: a virtual queue (GCRA), of which only the time of the next free turn is kept. */
export class RequestPacer {
  readonly #intervalMs: number;
  readonly #burstMs: number;
  readonly #maxDelayMs: number;
  readonly #nextTurnMs: BoundedMap<string, number>;

  constructor({ rate, maxDelayMs, keys }: PacerLimits) {
    this.#intervalMs = 1_000 / rate.perSecond;
    this.#burstMs = (rate.burst - 1) * this.#intervalMs;
    this.#maxDelayMs = maxDelayMs;
    this.#nextTurnMs = new BoundedMap(keys);
  }

  /** Takes a turn at `nowMs` of a monotonic clock: the milliseconds until it, or null where that is too long; then none is taken. */
  takeTurn(key: string, nowMs: number): number | null {
    const turnMs = Math.max(nowMs, this.#nextTurnMs.get(key) ?? nowMs);
    const delayMs = Math.max(0, turnMs - this.#burstMs - nowMs);
    if (delayMs > this.#maxDelayMs) return null;
    this.#nextTurnMs.set(key, turnMs + this.#intervalMs);
    return delayMs;
  }
}
