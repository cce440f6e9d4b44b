/** The load that all flow responses of one isolate make together, and the unit in which media is written to them. */
import type { JoinRefusal } from "../../broadcast/stream-status.ts";
import { FairPool } from "../../kit/fair-pool.ts";
import { FLOW_LIMITS } from "../node-limits.ts";

/**
 * Time between two writes to a viewer in an isolate of `viewers`, ms, where media comes every `mediaMs`: the model of what
 * `FlowWaiters` does.
 */
export function flowWriteIntervalMs(viewers: number, mediaMs: number): number {
  const unitMs = FLOW_LIMITS.units.findLast((unit) => viewers >= unit.viewers)?.ms ?? 0;
  return mediaMs * Math.max(1, Math.ceil(unitMs / mediaMs));
}

/** One isolate's. Its streams share it, since they share its core: its places too, so that no network takes them all. */
export class FlowLoad {
  readonly #networks = new FairPool(FLOW_LIMITS.viewers, FLOW_LIMITS.viewersPerNetwork);
  #viewers = 0;
  readonly #leastUnitMs: number;
  /** Index in `FLOW_LIMITS.units`. */
  #unit = 0;
  #behindMs = Number.NEGATIVE_INFINITY;

  /** `leastUnitMs`: the unit of the smallest audience. */
  constructor(leastUnitMs = 0) {
    this.#leastUnitMs = leastUnitMs;
  }

  /** Responses that are open. */
  get viewers(): number {
    return this.#viewers;
  }

  /**
   * Least time between two writes to waiting viewers, ms. A write costs the same whatever is in it, so a large audience gets
   * fewer and larger ones. It is shortened only once the audience is a fifth smaller than that for which it was lengthened.
   */
  get unitMs(): number {
    return Math.max(this.#leastUnitMs, FLOW_LIMITS.units[this.#unit]?.ms ?? 0);
  }

  /** Takes a place for a response (null), or says why it is refused. `network` is null if unknown; `nowMs` is monotonic. */
  enter(network: string | null, nowMs: number): JoinRefusal | null {
    if (this.#viewers >= FLOW_LIMITS.viewers) return "places";
    if (nowMs - this.#behindMs < FLOW_LIMITS.behindMs) return "behind";
    if (network !== null && !this.#networks.tryAcquire(network)) return "network";
    this.count(1);
    return null;
  }

  /** Gives back what `enter` took. */
  leave(network: string | null): void {
    this.count(-1);
    if (network !== null) this.#networks.release(network);
  }

  /** A response begins (1) or ends (-1). */
  count(change: 1 | -1): void {
    this.#viewers += change;
    const { units } = FLOW_LIMITS;
    while (this.#viewers >= (units[this.#unit + 1]?.viewers ?? Number.POSITIVE_INFINITY)) this.#unit += 1;
    while (this.#viewers < 0.8 * (units[this.#unit]?.viewers ?? 0)) this.#unit -= 1;
  }

  /** Many viewers were not served within the longest unit: the core is full. `nowMs` is monotonic. */
  recordBehind(nowMs: number): void {
    this.#behindMs = nowMs;
  }
}
