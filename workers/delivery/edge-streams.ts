/** The streams that this isolate serves: an edge for each registered name in demand; the least used makes room. */

import { getConfig } from "../../core/api/config.ts";
import { EdgeStream } from "../../core/delivery/edge-stream.ts";
import { FlowLoad } from "../../core/delivery/flow/flow-load.ts";
import { EDGE_STREAM_LIMITS } from "../../core/delivery/node-limits.ts";
import { selectForEviction } from "../../core/delivery/stream-eviction.ts";
import type { Site } from "../../core/delivery/tree/node-address.ts";
import { getUpstreamNode } from "../../core/delivery/upstream-node.ts";
import type { Platform } from "../../core/kit/clock.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import type { WaitUntilContext } from "../../core/kit/wait-until.ts";
import { isStreamRegistered } from "../access/stream-registry.ts";
import type { Env } from "../env.ts";
import { resolveSite } from "./isolate-site.ts";
import { createParentCache } from "./parent-cache.ts";

/** Streams held at once: each may hold `EDGE_STREAM_LIMITS.tailBytes` while it is watched, and little otherwise. */
const MAX_EDGE_STREAMS = 64;

const edgeStreams = new Map<StreamName, EdgeStream>();
/** All streams' of this isolate; made with the first, when the configuration is known. */
let flowLoad: FlowLoad | null = null;
/** The last requested one. */
let lastRequested: EdgeStream | null = null;

/** Why there is no edge for a stream: its name is not registered, or this isolate is at its limit. */
export type EdgeStreamUnavailable = "unregistered" | "full";

/** The request that opens an edge. */
export interface EdgeStreamRequest {
  readonly platform: Platform;
  readonly env: Env;
  readonly request: Request;
  readonly ctx: WaitUntilContext;
}

/** The edge of a stream in this isolate. At once if it exists. Throws `UpstreamError` if the registry does not answer. */
export function openEdgeStream(
  opening: EdgeStreamRequest,
  stream: StreamName,
): EdgeStream | EdgeStreamUnavailable | Promise<EdgeStream | EdgeStreamUnavailable> {
  if (lastRequested?.stream === stream) return lastRequested;
  const known = edgeStreams.get(stream);
  if (known !== undefined) {
    lastRequested = known;
    return known;
  }
  const registered = isStreamRegistered(opening, stream);
  if (registered instanceof Promise) return registered.then((is) => openRegisteredStream(opening, stream, is));
  return openRegisteredStream(opening, stream, registered);
}

/** The edge of a stream, as far as its feed has caught up. Throws `UpstreamError` where the registry doesn't answer. */
export async function openCurrentStream(
  opening: EdgeStreamRequest,
  stream: StreamName,
): Promise<EdgeStream | EdgeStreamUnavailable> {
  const edge = await openEdgeStream(opening, stream);
  if (typeof edge !== "string") await edge.ensureReplica(opening.ctx);
  return edge;
}

function openRegisteredStream(
  { platform, env, request }: EdgeStreamRequest,
  stream: StreamName,
  isRegistered: boolean,
): EdgeStream | EdgeStreamUnavailable {
  if (!isRegistered) return "unregistered";
  // Another request may have opened it meanwhile.
  const known = edgeStreams.get(stream);
  if (known !== undefined) return known;
  if (edgeStreams.size >= MAX_EDGE_STREAMS && !evictEdgeStream(platform.clock.monotonicMs())) return "full";
  lastRequested = createEdgeStream(platform, env, resolveSite(env, request), stream);
  edgeStreams.set(stream, lastRequested);
  return lastRequested;
}

/** The edge of a stream that this isolate already serves, or null. */
export function findEdgeStream(stream: StreamName): EdgeStream | null {
  return edgeStreams.get(stream) ?? null;
}

/** All edges of this isolate. */
export function listEdgeStreams(): EdgeStream[] {
  return [...edgeStreams.values()];
}

function createEdgeStream(platform: Platform, env: Env, site: Site | null, stream: StreamName): EdgeStream {
  flowLoad ??= new FlowLoad(getConfig(env).flowUnitMs);
  return new EdgeStream({
    platform,
    stream,
    tier: "isolate",
    node: { kind: "isolate", site, nodeId: platform.newId() },
    leaseMs: EDGE_STREAM_LIMITS.leaseMs,
    tailBytes: EDGE_STREAM_LIMITS.tailBytes,
    flowLoad,
    nodeAt: (address) => getUpstreamNode(env, stream, address),
    // Without a site there is only one node to ask.
    ...(site === null ? {} : { parentCache: createParentCache(site) }),
    feedFailed: (error) => console.warn("feed broken", error),
  });
}

/** Evicts the least used edge; false if all have viewers. */
function evictEdgeStream(monotonicMs: number): boolean {
  const held = [...edgeStreams.values()].map((edge) => ({
    edge,
    parkedRequests: edge.parkedCount + edge.waiterCount,
    viewers: edge.counters.estimateAudience(monotonicMs).viewers,
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
