/** A stream's broadcasts: one call to its object for all requests of a data centre. */
import type { StreamName } from "../../core/kit/ids.ts";
import { openCurrentStream } from "../delivery/edge-streams.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { coalesceText } from "../kit/colo-cache.ts";
import { deliveryResponse, problemResponse, unavailableStreamResponse } from "../kit/responses.ts";

/** The list changes when a broadcast opens or ends. */
const MAX_AGE_S = 5;

/** `GET /api/streams/{stream}/broadcasts`: the listed broadcasts, newest first. */
export async function handleStreamBroadcasts(scope: RequestScope, stream: StreamName): Promise<Response> {
  const { env, ctx } = scope;
  const edge = await openCurrentStream(scope, stream);
  if (typeof edge === "string") return unavailableStreamResponse(edge);
  // A stream without a feed has no broadcasts, and its object is not called.
  if (edge.currentReplica === null && !edge.isStale) return unavailableStreamResponse("unregistered");
  const flown = await coalesceText(ctx, `${stream}/broadcasts`, async () => {
    const broadcasts = await env.LIVE.getByName(stream).broadcasts();
    return { text: JSON.stringify({ stream, broadcasts }), maxAgeS: MAX_AGE_S };
  });
  if (!flown.ok) return problemResponse("unavailable");
  const headers = { "cache-control": `public, max-age=${MAX_AGE_S}`, "content-type": "application/json" };
  return deliveryResponse(flown.value.text, headers);
}
