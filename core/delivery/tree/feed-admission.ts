/** A node's memory of who asked it, from which it tells askers whether it feeds them. */

import { type AdmissionDecision, admitSubscriber, type FeedRequester, TREE_LIMITS } from "./feed-policy.ts";
import type { NodeAddress } from "./node-address.ts";

/** Who is fed now, the asker not counted. */
export interface SubscriberSummary {
  readonly isolates: number;
  readonly shields: number;
  /** Whether a node is among them. */
  has(node: string): boolean;
}

/** Askers remembered at most; beyond it the oldest is forgotten, which only makes a node think that fewer came. */
const MAX_RECENT_REQUESTERS = 1024;

/** The door of one node. */
export class FeedAdmission {
  readonly #address: NodeAddress;
  readonly #recentRequesters = new Map<string, number>();
  /** Who has been told to be fed here and isn't yet: a shield opens their feeds when its own has come. */
  readonly #reservations = new Map<string, { readonly kind: FeedRequester["kind"]; readonly atMs: number }>();
  /** Since when the node has had fewer than `opensAt` children. */
  #underusedSinceMs: number | null = null;

  constructor(address: NodeAddress) {
    this.#address = address;
  }

  /** What `node` is told that asks at `nowMs`. */
  admit(nodeId: string, requester: FeedRequester, subscribers: SubscriberSummary, nowMs: number): AdmissionDecision {
    this.#recentRequesters.delete(nodeId);
    this.#recentRequesters.set(nodeId, nowMs);
    for (const [known, atMs] of this.#recentRequesters) {
      if (nowMs - atMs <= TREE_LIMITS.demandWindowMs && this.#recentRequesters.size <= MAX_RECENT_REQUESTERS) break;
      this.#recentRequesters.delete(known);
    }
    const promised = this.#countReservations(nodeId, subscribers, nowMs);
    const children = subscribers.isolates + subscribers.shields + (requester.isRenewal ? 1 : 0);
    if (children >= TREE_LIMITS.minRequesters || children === 0) this.#underusedSinceMs = null;
    else this.#underusedSinceMs ??= nowMs;
    const thin = this.#underusedSinceMs !== null && nowMs - this.#underusedSinceMs > TREE_LIMITS.underusedMs;
    const isolates = subscribers.isolates + promised.isolates;
    const shields = subscribers.shields + promised.shields;
    const verdict = admitSubscriber(this.#address, requester, {
      isolates,
      shields,
      recentRequesters: this.#recentRequesters.size,
      isUnderused: thin,
    });
    if (verdict === "serve" && !requester.isRenewal)
      this.#reservations.set(nodeId, { kind: requester.kind, atMs: nowMs });
    return verdict;
  }

  #countReservations(
    nodeId: string,
    subscribers: SubscriberSummary,
    nowMs: number,
  ): { readonly isolates: number; readonly shields: number } {
    this.#reservations.delete(nodeId);
    let isolates = 0;
    for (const [name, { kind, atMs }] of this.#reservations) {
      if (nowMs - atMs > TREE_LIMITS.reservationMs || subscribers.has(name)) this.#reservations.delete(name);
      else if (kind === "isolate") isolates += 1;
    }
    return { isolates, shields: this.#reservations.size - isolates };
  }
}
