/** A stream's broadcasts: one call to its object for all who ask in a place. */

import type { StreamName } from "../../core/kit/ids.ts";
import { SingleFlight } from "../../core/kit/workerd/single-flight.ts";
import type { WaitUntilContext } from "../../core/kit/workerd/wait-until.ts";
import { openEdgeStream } from "../delivery/edge-streams.ts";
import type { Env } from "../env.ts";
import { type CachedText, readTextThroughCache } from "../kit/colo-cache.ts";
import { deliveryProblemResponse, deliveryResponse, unavailableStreamResponse } from "../kit/responses.ts";

/** A follower waits so long for the leader of its flight before it asks itself. */
const COALESCED_WAIT_MS = 4_000;
/** The list changes when a broadcast opens or ends. */
const MAX_AGE_S = 5;

const flights = new SingleFlight<CachedText>(COALESCED_WAIT_MS);

/** `GET /api/streams/{stream}/broadcasts`: newest first, as many as are listed. */
export async function handleStreamBroadcasts(
  env: Env,
  request: Request,
  ctx: WaitUntilContext,
  stream: StreamName,
): Promise<Response> {
  const edge = await openEdgeStream(env, request, ctx, stream);
  if (typeof edge === "string") return unavailableStreamResponse(edge);
  // A stream that the feed doesn't know has no broadcasts, and its object isn't asked.
  const replica = await edge.ensureReplica(ctx);
  if (replica === null && !edge.isStale) return unavailableStreamResponse("unregistered");
  const key = `${stream}/broadcasts`;
  const flown = await flights.load(ctx, key, () =>
    readTextThroughCache(ctx, key, async () => {
      const broadcasts = await env.LIVE.getByName(stream).broadcasts();
      return { text: JSON.stringify({ stream, broadcasts }), maxAgeS: MAX_AGE_S };
    }),
  );
  if (!flown.ok) return deliveryProblemResponse(503, "Not now", "The stream's object didn't answer; ask again.");
  const headers = { "cache-control": `public, max-age=${MAX_AGE_S}`, "content-type": "application/json" };
  return deliveryResponse(flown.value.text, headers);
}
