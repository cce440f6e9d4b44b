/**
 * The rules by which the tree grows and shrinks. A node serves a feed request, or redirects the requester
 * one step up or down. The rules are pure, so that the scale model runs the same ones.
 */
import { hash32 } from "../../kit/hash.ts";
import {
  coloShieldAddress,
  formatNodeAddress,
  LIVE_ADDRESS,
  type NodeAddress,
  regionShieldAddress,
  type Site,
} from "./node-address.ts";

/** The tree's limits, each with its reason. */
export const TREE_LIMITS = {
  /**
   * Isolates fed by the Live object itself: a small broadcast needs no shield and pays for none. Each requests a feed again
   * for every track that its viewers select, all in the same second when a herd arrives in all data centres at once.
   */
  liveIsolates: 48,
  /** Children of any kind at the Live object; shields come in tens. */
  liveChildren: 256,
  /** Isolates at a region shield: those of a colo whose shield failed. */
  regionIsolates: 192,
  /** Isolates at one colo shield: 64 × 5 Mb/s is a third of what one core sends. Further ones use its shards. */
  coloIsolates: 64,
  /** Shards of a colo: 8 × 64 isolates are twice the most that a colo runs. */
  shardsPerColo: 8,
  /** A shield feeds from this many requesters on; a lone one is redirected up, so that few viewers never pay for a shield. */
  minRequesters: 2,
  /** Requesters are counted over this time. */
  demandWindowMs: 30_000,
  /** An admitted node counts as fed for this long before its feed has opened: longer than any request waits for one. */
  reservationMs: 5_000,
  /** A shield that has had fewer than `minRequesters` children for this long redirects them up when they renew. */
  underusedMs: 60_000,
  /** A shield without children stops its own feed after this. */
  idleMs: 30_000,
  /** Redirects before a requester gives up and retries later. */
  maxHops: 6,
  /**
   * The colo caches the Live object as a parent only after this time: a herd would otherwise follow to an object that is
   * full, while the colo shield is about to get a feed.
   */
  liveParentCacheDelayMs: 2_000,
  /** A colo caches a parent for this long. */
  parentCacheMs: 60_000,
} as const;

/** A node that requests a feed. */
export interface FeedRequester {
  readonly kind: "isolate" | "colo" | "region";
  /** A full node above redirected it here: do not redirect it back. */
  readonly mustBeServed: boolean;
  /** It is already fed here, and renews. */
  readonly isRenewal: boolean;
  /** Whether it knows its site: one without can be fed by the Live object only. */
  readonly hasSite: boolean;
}

/** The load of a node at a request. */
export interface NodeLoad {
  /** Isolates and shields fed now, apart from the requester. */
  readonly isolates: number;
  readonly shields: number;
  /** Distinct requesters within `demandWindowMs`, this one included. */
  readonly recentRequesters: number;
  /** It has had fewer than `minRequesters` children for `underusedMs`. */
  readonly isUnderused: boolean;
}

/** A node's response to a feed request; `full`: retry later. */
export type AdmissionDecision = "serve" | "up" | "down" | "full";

/** The response of the node at `address`. */
export function admitSubscriber(address: NodeAddress, requester: FeedRequester, load: NodeLoad): AdmissionDecision {
  switch (address.tier) {
    case "live":
      if (requester.isRenewal) return "serve";
      if (load.isolates + load.shields >= TREE_LIMITS.liveChildren)
        return requester.hasSite && requester.kind !== "region" ? "down" : "full";
      if (requester.kind === "isolate" && requester.hasSite && load.isolates >= TREE_LIMITS.liveIsolates) return "down";
      return "serve";
    case "region":
      return admitToShield(requester, load, load.isolates < TREE_LIMITS.regionIsolates ? "serve" : "full");
    case "colo":
      return admitToShield(
        requester,
        load,
        load.isolates < TREE_LIMITS.coloIsolates ? "serve" : address.shard === 0 ? "down" : "full",
      );
  }
}

function admitToShield(
  requester: FeedRequester,
  load: NodeLoad,
  capacityDecision: AdmissionDecision,
): AdmissionDecision {
  if (requester.isRenewal) return load.isUnderused && !requester.mustBeServed ? "up" : "serve";
  const alone = load.isolates + load.shields === 0 && load.recentRequesters < TREE_LIMITS.minRequesters;
  if (alone && !requester.mustBeServed) return "up";
  // Shields come in tens, and each stands for many viewers.
  return requester.kind === "isolate" ? capacityDecision : "serve";
}

/**
 * The next node after a redirect by the node at `from`; null if there is none. `spread` (0 ≤ spread < 1) selects a shard
 * and should be constant for one requester.
 */
export function nextHop(
  from: NodeAddress,
  direction: "up" | "down",
  requesterKind: FeedRequester["kind"],
  site: Site,
  spread: number,
): NodeAddress | null {
  if (direction === "up") return from.tier === "live" ? null : upstreamAddress(from, requesterKind);
  switch (from.tier) {
    case "live":
      return requesterKind === "isolate"
        ? coloShieldAddress(site)
        : requesterKind === "colo"
          ? regionShieldAddress(site)
          : null;
    case "region":
      return null;
    case "colo":
      if (from.shard > 0) return null;
      return { ...from, shard: 1 + (Math.floor(spread * TREE_LIMITS.shardsPerColo) % TREE_LIMITS.shardsPerColo) };
  }
}

/** The parent of a shield: the first node that it asks for a feed. */
export function parentAddress(address: NodeAddress): NodeAddress {
  return address.tier === "colo"
    ? address.shard > 0
      ? { ...address, shard: 0 }
      : regionShieldAddress(address)
    : LIVE_ADDRESS;
}

/** One step up. A lone isolate skips its region: with one to a colo, the Live object has room for them. */
function upstreamAddress(address: NodeAddress, requesterKind: FeedRequester["kind"]): NodeAddress {
  return requesterKind === "isolate" ? LIVE_ADDRESS : parentAddress(address);
}

/** The alternative for a failed node: its parent, which then must not redirect back. */
export function alternateParent(failed: NodeAddress): NodeAddress | null {
  return failed.tier === "live" ? null : parentAddress(failed);
}

/** The node that an isolate asks first: the parent that its colo caches, else its colo shield, which measures demand. */
export function initialParent(site: Site | null, cached: NodeAddress | null): NodeAddress {
  return site === null ? LIVE_ADDRESS : (cached ?? coloShieldAddress(site));
}

/** A number from 0 up to 1, constant for one text. */
export function shardSpread(text: string): number {
  return hash32(text) / 2 ** 32;
}

/** The name of a node's object. */
export const nodeObjectName = (stream: string, address: NodeAddress): string =>
  `${stream}/${formatNodeAddress(address)}`;
