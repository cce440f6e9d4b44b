/** A stream's broadcasts: one call to its object for all who ask in a place. */
import type { StreamName } from "../protocol/ids.ts";
import { SingleFlight } from "../tiers/single-flight.ts";
import type { Lifetime } from "../tiers/stream-edge.ts";
import { type Cached, throughCache } from "./colo-cache.ts";
import { edgeOf } from "./edge/edges.ts";
import type { Env } from "./env.ts";
import { answer, deliveryProblem, withoutEdge } from "./responses.ts";

/** A follower waits so long for the leader of its flight before it asks itself. */
const FLIGHT_MS = 4_000;
/** The list changes when a broadcast opens or ends. */
const MAX_AGE_S = 5;

const flights = new SingleFlight<Cached>(FLIGHT_MS);

/** `GET /api/streams/{stream}/broadcasts`: newest first, as many as are listed. */
export async function streamBroadcasts(
  env: Env,
  request: Request,
  life: Lifetime,
  stream: StreamName,
): Promise<Response> {
  const edge = await edgeOf(env, request, life, stream);
  if (typeof edge === "string") return withoutEdge(edge);
  // A stream that the feed doesn't know has no broadcasts, and its object isn't asked.
  const replica = await edge.replica(life);
  if (replica === null && !edge.stale) return withoutEdge("unregistered");
  const key = `${stream}/broadcasts`;
  const flown = await flights.get(life, key, () =>
    throughCache(life, key, async () => {
      const broadcasts = await env.LIVE.getByName(stream).broadcasts();
      return { text: JSON.stringify({ stream, broadcasts }), maxAgeS: MAX_AGE_S };
    }),
  );
  if (!flown.ok) return deliveryProblem(503, "Not now", "The stream's object didn't answer; ask again.");
  const headers = { "cache-control": `public, max-age=${MAX_AGE_S}`, "content-type": "application/json" };
  return answer(flown.value.text, headers);
}
