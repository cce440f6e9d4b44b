/** One node's admission of subscribers, based on recent requesters. */

import { type AdmissionDecision, admitSubscriber, type FeedRequester, TREE_LIMITS } from "./feed-policy.ts";
import type { NodeAddress } from "./node-address.ts";

/** The currently fed nodes, except the requester. */
export interface SubscriberSummary {
  readonly isolates: number;
  readonly shields: number;
  /** Whether a node is among them. */
  has(node: string): boolean;
}

/** Remembered requesters; beyond it the oldest is dropped, so the node underestimates demand. */
const MAX_RECENT_REQUESTERS = 1024;

/** The admission of one node. Times are monotonic: a wall clock that is set back would keep reservations that were given up. */
export class FeedAdmission {
  readonly #address: NodeAddress;
  readonly #recentRequesters = new Map<string, number>();
  /** Admitted nodes whose feeds are not open yet: a shield opens them when its own feed has caught up. */
  readonly #reservations = new Map<string, { readonly kind: FeedRequester["kind"]; readonly atMs: number }>();
  /** Since when the node has had fewer than `minRequesters` children. */
  #underusedSinceMs: number | null = null;

  constructor(address: NodeAddress) {
    this.#address = address;
  }

  /** The decision on a request of `nodeId` at `monotonicMs`. */
  admit(
    nodeId: string,
    requester: FeedRequester,
    subscribers: SubscriberSummary,
    monotonicMs: number,
  ): AdmissionDecision {
    this.#recentRequesters.delete(nodeId);
    this.#recentRequesters.set(nodeId, monotonicMs);
    for (const [known, atMs] of this.#recentRequesters) {
      if (monotonicMs - atMs <= TREE_LIMITS.demandWindowMs && this.#recentRequesters.size <= MAX_RECENT_REQUESTERS)
        break;
      this.#recentRequesters.delete(known);
    }
    const reserved = this.#countReservations(nodeId, subscribers, monotonicMs);
    const children = subscribers.isolates + subscribers.shields + (requester.isRenewal ? 1 : 0);
    if (children >= TREE_LIMITS.minRequesters || children === 0) this.#underusedSinceMs = null;
    else this.#underusedSinceMs ??= monotonicMs;
    const isUnderused =
      this.#underusedSinceMs !== null && monotonicMs - this.#underusedSinceMs > TREE_LIMITS.underusedMs;
    const isolates = subscribers.isolates + reserved.isolates;
    const shields = subscribers.shields + reserved.shields;
    const decision = admitSubscriber(this.#address, requester, {
      isolates,
      shields,
      recentRequesters: this.#recentRequesters.size,
      isUnderused,
    });
    if (decision === "serve" && !requester.isRenewal)
      this.#reservations.set(nodeId, { kind: requester.kind, atMs: monotonicMs });
    return decision;
  }

  #countReservations(
    nodeId: string,
    subscribers: SubscriberSummary,
    monotonicMs: number,
  ): { readonly isolates: number; readonly shields: number } {
    this.#reservations.delete(nodeId);
    let isolates = 0;
    for (const [name, { kind, atMs }] of this.#reservations) {
      if (monotonicMs - atMs > TREE_LIMITS.reservationMs || subscribers.has(name)) this.#reservations.delete(name);
      else if (kind === "isolate") isolates += 1;
    }
    return { isolates, shields: this.#reservations.size - isolates };
  }
}
