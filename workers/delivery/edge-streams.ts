/** The streams that this isolate serves: one edge each, of registered names only; the weakest makes room. */

import { EDGE_STREAM_LIMITS } from "../../core/delivery/node-limits.ts";
import { selectForEviction } from "../../core/delivery/stream-eviction.ts";
import { nodeObjectName } from "../../core/delivery/tree/feed-policy.ts";
import type { NodeAddress, Site } from "../../core/delivery/tree/node-address.ts";
import { EdgeStream, type WaitUntilContext } from "../../core/delivery/workerd/edge-stream.ts";
import type { UpstreamNode } from "../../core/delivery/workerd/upstream-node.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { isStreamRegistered } from "../access/stream-registry.ts";
import type { Env } from "../env.ts";
import { resolveSite } from "./isolate-site.ts";
import { createParentCache } from "./parent-cache.ts";

/** Streams held at once: each may hold `EDGE_STREAM_LIMITS.tailBytes` while it is watched, nothing much when it is not. */
const MAX_EDGE_STREAMS = 64;

const edgeStreams = new Map<StreamName, EdgeStream>();
/** The one asked for last. */
let lastRequested: EdgeStream | null = null;

/** Why there is no edge for a stream: nobody registered its name, or this isolate serves as many as it can. */
export type EdgeStreamUnavailable = "unregistered" | "full";

/** The edge of a stream in this isolate. At once where there is one. Throws `UpstreamError` where the registry can't be asked. */
export function openEdgeStream(
  env: Env,
  request: Request,
  ctx: WaitUntilContext,
  stream: StreamName,
): EdgeStream | EdgeStreamUnavailable | Promise<EdgeStream | EdgeStreamUnavailable> {
  if (lastRequested?.stream === stream) return lastRequested;
  const known = edgeStreams.get(stream);
  if (known !== undefined) {
    lastRequested = known;
    return known;
  }
  const registered = isStreamRegistered({ env, ctx, platform: systemPlatform }, stream);
  if (registered instanceof Promise) return registered.then((is) => openRegisteredStream(env, request, stream, is));
  return openRegisteredStream(env, request, stream, registered);
}

function openRegisteredStream(
  env: Env,
  request: Request,
  stream: StreamName,
  isRegistered: boolean,
): EdgeStream | EdgeStreamUnavailable {
  if (!isRegistered) return "unregistered";
  // Another request may have opened it meanwhile.
  const known = edgeStreams.get(stream);
  if (known !== undefined) return known;
  if (edgeStreams.size >= MAX_EDGE_STREAMS && !evictEdgeStream()) return "full";
  lastRequested = createEdgeStream(env, resolveSite(env, request), stream);
  edgeStreams.set(stream, lastRequested);
  return lastRequested;
}

/** The edge of a stream that this isolate serves already, or null. */
export function findEdgeStream(stream: StreamName): EdgeStream | null {
  return edgeStreams.get(stream) ?? null;
}

/** The edges of this isolate. */
export function listEdgeStreams(): EdgeStream[] {
  return [...edgeStreams.values()];
}

function createEdgeStream(env: Env, site: Site | null, stream: StreamName): EdgeStream {
  return new EdgeStream({
    stream,
    tier: "isolate",
    node: { kind: "isolate", site, nodeId: crypto.randomUUID() },
    leaseMs: EDGE_STREAM_LIMITS.leaseMs,
    tailBytes: EDGE_STREAM_LIMITS.tailBytes,
    nodeAt: (address) => getNode(env, stream, address),
    // Without a site there is one node to ask.
    ...(site === null ? {} : { parentCache: createParentCache(site) }),
  });
}

/** The object of a node; a shield is placed in its region when it is first called. */
export function getNode(env: Env, stream: StreamName, address: NodeAddress): UpstreamNode {
  if (address.tier === "live") return env.LIVE.getByName(stream);
  return env.SHIELD.getByName(nodeObjectName(stream, address), { locationHint: address.region });
}

/** Lets go of the weakest edge; false: every one is watched. */
function evictEdgeStream(): boolean {
  const nowMs = Date.now();
  const held = [...edgeStreams.values()].map((edge) => ({
    edge,
    parkedRequests: edge.parkedCount + edge.waiterCount,
    viewers: edge.counters.estimateAudience(nowMs).viewers,
    replicaState:
      edge.currentReplica === null
        ? ("nothing" as const)
        : edge.currentReplica.state.ended
          ? ("ended" as const)
          : ("live" as const),
    lastRequestMs: edge.nowMs,
  }));
  const leaving = selectForEviction(held)?.edge;
  if (leaving === undefined) return false;
  edgeStreams.delete(leaving.stream);
  if (lastRequested === leaving) lastRequested = null;
  leaving.close();
  return true;
}
