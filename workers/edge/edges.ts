/** The streams that this isolate serves: one edge each, the least recently asked for leaving first. */
import type { StreamName } from "../../protocol/ids.ts";
import type { Env } from "../env.ts";
import { StreamEdge } from "./stream-edge.ts";

/** Streams held at once: each may hold `EDGE_LIMITS.tailBytes` while it is watched, nothing much when it is not. */
const MOST_STREAMS = 64;

const edges = new Map<StreamName, StreamEdge>();

/** The edge of a stream in this isolate. */
export function edgeOf(env: Env, stream: StreamName): StreamEdge {
  const known = edges.get(stream);
  const edge = known ?? new StreamEdge(stream, () => env.LIVE.getByName(stream));
  edges.delete(stream);
  edges.set(stream, edge);
  if (known === undefined) makeRoom();
  return edge;
}

function makeRoom(): void {
  for (const [stream, edge] of edges) {
    if (edges.size <= MOST_STREAMS) return;
    if (edge.parked === 0) edges.delete(stream);
  }
}
