/** A stream's broadcasts: one call to its object for all requests of a data centre. */
import type { StreamName } from "../../core/kit/ids.ts";
import { SingleFlight } from "../../core/kit/single-flight.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { openEdgeStream } from "../delivery/edge-streams.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { type CachedText, readTextThroughCache } from "../kit/colo-cache.ts";
import { deliveryResponse, problemResponse, unavailableStreamResponse } from "../kit/responses.ts";

/** A follower waits so long for the leader of its flight before it calls the object itself. */
const COALESCED_WAIT_MS = 4_000;
/** The list changes when a broadcast opens or ends. */
const MAX_AGE_S = 5;

const flights = new SingleFlight<CachedText>(systemPlatform.clock, COALESCED_WAIT_MS);

/** `GET /api/streams/{stream}/broadcasts`: the listed broadcasts, newest first. */
export async function handleStreamBroadcasts(scope: RequestScope, stream: StreamName): Promise<Response> {
  const { env, ctx } = scope;
  const edge = await openEdgeStream(scope, stream);
  if (typeof edge === "string") return unavailableStreamResponse(edge);
  // A stream that the feed does not know has no broadcasts, and its object is not called.
  const replica = await edge.ensureReplica(ctx);
  if (replica === null && !edge.isStale) return unavailableStreamResponse("unregistered");
  const key = `${stream}/broadcasts`;
  const flown = await flights.load(ctx, key, () =>
    readTextThroughCache(ctx, key, async () => {
      const broadcasts = await env.LIVE.getByName(stream).broadcasts();
      return { text: JSON.stringify({ stream, broadcasts }), maxAgeS: MAX_AGE_S };
    }),
  );
  if (!flown.ok) return problemResponse("unavailable");
  const headers = { "cache-control": `public, max-age=${MAX_AGE_S}`, "content-type": "application/json" };
  return deliveryResponse(flown.value.text, headers);
}
