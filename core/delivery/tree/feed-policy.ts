/**
 * Who feeds whom: the rules by which the tree grows and shrinks. A node that is asked for a feed either serves it or
 * sends the asker one step up or down. They are values in, values out, so that the scale model runs the same rules.
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

/** The tree's bounds, each with its reason. */
export const TREE_LIMITS = {
  /**
   * Isolates fed by the Live object itself: a small broadcast needs no shield and pays for none. Each asks again for
   * every track that its viewers choose, all in the second when a herd comes to all the world's data centres at once.
   */
  liveIsolates: 48,
  /** Children of any kind at the Live object; shields come in tens. */
  liveChildren: 256,
  /** Isolates at a region's shield, which come when their colo's shield fails. */
  regionIsolates: 192,
  /** Isolates at one colo's shield: 64 × 5 Mb/s is a third of what one core sends. Further ones go to its shards. */
  coloIsolates: 64,
  /** Shards of a colo: 8 × 64 isolates are twice the most that a colo runs. */
  shardsPerColo: 8,
  /** A shield feeds from this many askers on; a lone one is sent up, so that few viewers never pay for a shield. */
  minRequesters: 2,
  /** Askers are counted over this time. */
  demandWindowMs: 30_000,
  /** Who was told to be fed counts as fed so long before the feed has opened: longer than anybody waits for one. */
  reservationMs: 5_000,
  /** A shield that has had fewer than `opensAt` children so long sends them up when they renew. */
  underusedMs: 60_000,
  /** A shield without children stops its own feed after this. */
  idleMs: 30_000,
  /** Steps from node to node before an asker gives up and tries again later. */
  maxHops: 6,
  /**
   * That the Live object feeds an isolate is told to its colo after so long: a herd would follow the word at once to an
   * object that has its fill, while its colo's shield is on the way to a feed.
   */
  liveParentCacheDelayMs: 2_000,
  /** What a colo remembers of the way stays true so long. */
  parentCacheMs: 60_000,
} as const;

/** Who asks a node for a feed. */
export interface FeedRequester {
  readonly kind: "isolate" | "colo" | "region";
  /** It has been sent here from above, which had its fill: don't send it back. */
  readonly mustBeServed: boolean;
  /** It is fed here already, and renews. */
  readonly isRenewal: boolean;
  /** Whether it knows its site: one without can be fed by the Live object only. */
  readonly hasSite: boolean;
}

/** How loaded a node is when it is asked. */
export interface NodeLoad {
  /** Isolates and shields fed now, the asker not counted. */
  readonly isolates: number;
  readonly shields: number;
  /** Distinct askers within `askersMs`, this one counted. */
  readonly recentRequesters: number;
  /** It has had fewer than `opensAt` children for `thinMs`. */
  readonly isUnderused: boolean;
}

/** What a node tells an asker; `full`: come back later. */
export type AdmissionDecision = "serve" | "up" | "down" | "full";

/** What the node at `address` tells an asker. */
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
 * Where an asker goes when the node at `from` sent it on; null where there is no such step. `spread` (0 ≤ spread < 1)
 * chooses a shard and should stay the same for one asker.
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

/** The node that feeds a shield: asked first when it needs a feed. */
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

/** Whom to ask instead when the node at `failed` doesn't answer: its parent, which then must not send the asker back. */
export function alternateParent(failed: NodeAddress): NodeAddress | null {
  return failed.tier === "live" ? null : parentAddress(failed);
}

/** Whom an isolate asks first: the way its colo remembers, else its colo's shield, which knows whether a herd has come. */
export function initialParent(site: Site | null, cached: NodeAddress | null): NodeAddress {
  return site === null ? LIVE_ADDRESS : (cached ?? coloShieldAddress(site));
}

/** A number from 0 up to 1 that is always the same for one text. */
export function shardSpread(text: string): number {
  return hash32(text) / 2 ** 32;
}

/** The name of a node's object. */
export const nodeObjectName = (stream: string, address: NodeAddress): string =>
  `${stream}/${formatNodeAddress(address)}`;
