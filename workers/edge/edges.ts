/** The streams that this isolate serves: one edge each, of registered names only; the weakest makes room. */
import type { StreamName } from "../../protocol/ids.ts";
import type { Address, Site } from "../../protocol/tree/address.ts";
import { weakest } from "../../protocol/tree/eviction.ts";
import { EDGE_LIMITS } from "../../protocol/tree/limits.ts";
import { objectName } from "../../protocol/tree/policy.ts";
import type { FeedNode } from "../../tiers/node.ts";
import { type Lifetime, StreamEdge } from "../../tiers/stream-edge.ts";
import type { Env } from "../env.ts";
import { isRegistered } from "../registry.ts";
import { siteFor } from "./site.ts";
import { wayMemory } from "./way-memory.ts";

/** Streams held at once: each may hold `EDGE_LIMITS.tailBytes` while it is watched, nothing much when it is not. */
const MOST_STREAMS = 64;

const edges = new Map<StreamName, StreamEdge>();
/** The one asked for last. */
let newest: StreamEdge | null = null;

/** Why there is no edge for a stream: nobody registered its name, or this isolate serves as many as it can. */
export type NoEdge = "unregistered" | "full";

/** The edge of a stream in this isolate. At once where there is one. Throws `UpstreamError` where the registry can't be asked. */
export function edgeOf(
  env: Env,
  request: Request,
  life: Lifetime,
  stream: StreamName,
): StreamEdge | NoEdge | Promise<StreamEdge | NoEdge> {
  if (newest?.stream === stream) return newest;
  const known = edges.get(stream);
  if (known !== undefined) {
    newest = known;
    return known;
  }
  const registered = isRegistered(env, life, stream);
  if (registered instanceof Promise) return registered.then((is) => opened(env, request, stream, is));
  return opened(env, request, stream, registered);
}

function opened(env: Env, request: Request, stream: StreamName, registered: boolean): StreamEdge | NoEdge {
  if (!registered) return "unregistered";
  // Another request may have opened it meanwhile.
  const known = edges.get(stream);
  if (known !== undefined) return known;
  if (edges.size >= MOST_STREAMS && !makeRoom()) return "full";
  newest = newEdge(env, siteFor(env, request), stream);
  edges.set(stream, newest);
  return newest;
}

/** The edge of a stream that this isolate serves already, or null. */
export function servedEdge(stream: StreamName): StreamEdge | null {
  return edges.get(stream) ?? null;
}

/** The edges of this isolate. */
export function servedEdges(): StreamEdge[] {
  return [...edges.values()];
}

function newEdge(env: Env, site: Site | null, stream: StreamName): StreamEdge {
  return new StreamEdge({
    stream,
    tier: "isolate",
    walker: { kind: "isolate", site, node: crypto.randomUUID() },
    leadMs: EDGE_LIMITS.leadMs,
    tailBytes: EDGE_LIMITS.tailBytes,
    nodes: (address) => nodeAt(env, stream, address),
    // Without a site there is one node to ask.
    ...(site === null ? {} : { memory: wayMemory(site) }),
  });
}

/** The object of a node; a shield is placed in its region when it is first called. */
export function nodeAt(env: Env, stream: StreamName, address: Address): FeedNode {
  if (address.tier === "live") return env.LIVE.getByName(stream);
  return env.SHIELD.getByName(objectName(stream, address), { locationHint: address.region });
}

/** Lets go of the weakest edge; false: every one is watched. */
function makeRoom(): boolean {
  const nowMs = Date.now();
  const held = [...edges.values()].map((edge) => ({
    edge,
    parked: edge.parked + edge.awaiting,
    viewers: edge.tally.watching(nowMs).viewers,
    known: edge.known === null ? ("nothing" as const) : edge.known.state.ended ? ("ended" as const) : ("live" as const),
    askedMs: edge.nowMs,
  }));
  const leaving = weakest(held)?.edge;
  if (leaving === undefined) return false;
  edges.delete(leaving.stream);
  if (newest === leaving) newest = null;
  leaving.close();
  return true;
}
