/** The streams that this isolate serves: one edge each, the least recently asked for leaving first. */
import type { StreamName } from "../../protocol/ids.ts";
import type { Address, Site } from "../../protocol/tree/address.ts";
import { EDGE_LIMITS } from "../../protocol/tree/limits.ts";
import { objectName } from "../../protocol/tree/policy.ts";
import type { FeedNode } from "../../tiers/node.ts";
import { StreamEdge } from "../../tiers/stream-edge.ts";
import type { Env } from "../env.ts";
import { siteFor } from "./site.ts";
import { wayMemory } from "./way-memory.ts";

/** Streams held at once: each may hold `EDGE_LIMITS.tailBytes` while it is watched, nothing much when it is not. */
const MOST_STREAMS = 64;

const edges = new Map<StreamName, StreamEdge>();
/** The one asked for last; it stands at the end of `edges`. */
let newest: StreamEdge | null = null;

/** The edge of a stream in this isolate. */
export function edgeOf(env: Env, request: Request, stream: StreamName): StreamEdge {
  if (newest?.stream === stream) return newest;
  const known = edges.get(stream);
  const edge = known ?? newEdge(env, siteFor(env, request), stream);
  edges.delete(stream);
  edges.set(stream, edge);
  newest = edge;
  if (known === undefined) makeRoom();
  return edge;
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

function makeRoom(): void {
  for (const [stream, edge] of edges) {
    if (edges.size <= MOST_STREAMS) return;
    if (edge.parked === 0) edges.delete(stream);
  }
}
