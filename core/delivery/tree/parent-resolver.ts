/** The search of one node for its parent: the next node to ask, from the responses so far. */

import {
  alternateParent,
  type FeedRequester,
  initialParent,
  nextHop,
  parentAddress,
  shardSpread,
  TREE_LIMITS,
} from "./feed-policy.ts";
import { LIVE_ADDRESS, type NodeAddress, type Site } from "./node-address.ts";

/** The node to ask, and whether it must serve: a full node redirected here, or this node replaces a failed one. */
export interface ResolveStep {
  readonly address: NodeAddress;
  readonly mustBeServed: boolean;
}

/** The node that searches: an isolate at a site (or none), or the shield of an address. */
export type TreeNode =
  | { readonly kind: "isolate"; readonly site: Site | null; readonly nodeId: string }
  | { readonly kind: "shield"; readonly address: Exclude<NodeAddress, { tier: "live" }>; readonly nodeId: string };

/** One node's search for its parent in one stream's tree. */
export class ParentResolver {
  readonly #node: TreeNode;
  readonly #spread: number;
  #step: ResolveStep | null = null;
  /** Until when the asked node must serve, in monotonic time. */
  #mustBeServedUntilMs = 0;
  /** The asked node replaces a failed one. */
  #isAlternate = false;
  #hops = 0;

  constructor(node: TreeNode) {
    this.#node = node;
    this.#spread = shardSpread(node.nodeId);
  }

  /** The node's kind in requests. */
  get requesterKind(): FeedRequester["kind"] {
    return this.#node.kind === "isolate" ? "isolate" : this.#node.address.tier;
  }

  /** Whether the searching node knows its site. */
  get hasSite(): boolean {
    return this.#node.kind === "shield" || this.#node.site !== null;
  }

  /** The last asked node, or the first without a cached parent. */
  get currentParent(): NodeAddress {
    return this.#step?.address ?? this.#initialParent(null);
  }

  /** Whether no node was asked yet: a cached parent may help. */
  get isUnresolved(): boolean {
    return this.#step === null;
  }

  /** The next node to ask. `cached`: the parent cached by the colo. */
  resolve(cached: NodeAddress | null, monotonicMs: number): ResolveStep {
    if (this.#step?.mustBeServed === true && monotonicMs > this.#mustBeServedUntilMs) {
      this.#step = this.#isAlternate ? null : { ...this.#step, mustBeServed: false };
      this.#isAlternate = false;
    }
    this.#step ??= { address: this.#initialParent(cached), mustBeServed: false };
    return this.#step;
  }

  /** Follows a redirect. False if there is no further node: retry later. */
  followRedirect(direction: "up" | "down", monotonicMs: number): boolean {
    const site = this.#node.kind === "isolate" ? this.#node.site : siteOfAddress(this.#node.address);
    const from = this.currentParent;
    this.#hops += 1;
    const next = site === null ? null : nextHop(from, direction, this.requesterKind, site, this.#spread);
    if (next === null || this.#hops > TREE_LIMITS.maxHops) {
      this.#reset();
      return false;
    }
    this.#isAlternate = false;
    this.#setStep(next, direction === "down", monotonicMs);
    return true;
  }

  /** The node feeds. */
  confirmParent(): void {
    this.#hops = 0;
  }

  /** The node did not answer, or stopped: its parent is asked next, then the search restarts. */
  useAlternateParent(monotonicMs: number): void {
    const parent = alternateParent(this.currentParent);
    if (parent === null) this.#reset();
    else {
      this.#isAlternate = true;
      this.#setStep(parent, true, monotonicMs);
    }
  }

  #setStep(address: NodeAddress, mustBeServed: boolean, monotonicMs: number): void {
    this.#step = { address, mustBeServed };
    if (mustBeServed) this.#mustBeServedUntilMs = monotonicMs + TREE_LIMITS.parentCacheMs;
  }

  #reset(): void {
    this.#step = null;
    this.#isAlternate = false;
    this.#hops = 0;
  }

  #initialParent(cached: NodeAddress | null): NodeAddress {
    return this.#node.kind === "isolate" ? initialParent(this.#node.site, cached) : parentAddress(this.#node.address);
  }
}

function siteOfAddress(address: NodeAddress): Site | null {
  switch (address.tier) {
    case "live":
      return null;
    case "region":
      return { region: address.region, colo: "" };
    case "colo":
      return { region: address.region, colo: address.colo };
  }
}

/**
 * The parent that a colo caches for an isolate that has been fed at `address` for `fedMs`: shards are specific to an
 * isolate, a node that replaces a failed one is never cached, and the Live object only after a delay.
 */
export function cacheableParent(address: NodeAddress, servedMs: number): NodeAddress | null {
  if (address.tier === "region") return null;
  if (address.tier === "colo") return { ...address, shard: 0 };
  return servedMs < TREE_LIMITS.liveParentCacheDelayMs ? null : LIVE_ADDRESS;
}
