/** The control API: stream state, stream keys. */

import { toStopNotice } from "../../core/access/stream-stop.ts";
import type { StreamStatus } from "../../core/broadcast/stream-status.ts";
import type { AudienceEstimate } from "../../core/delivery/node-counters.ts";
import { parseNodeAddress } from "../../core/delivery/tree/node-address.ts";
import { getUpstreamNode } from "../../core/delivery/workerd/upstream-node.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import type { WaitUntilContext } from "../../core/kit/workerd/wait-until.ts";
import type { RoomSummary } from "../../core/room/room-summary.ts";
import { createStreamKey, sha256Hex } from "../access/bearer-token.ts";
import { requireSecret } from "../access/secret-guard.ts";
import { registerStream } from "../access/stream-registry.ts";
import { openEdgeStream } from "../delivery/edge-streams.ts";
import type { Env } from "../env.ts";
import { deliveryProblemResponse, unavailableStreamResponse } from "../kit/responses.ts";
import { fetchRoomSummary } from "../room/room-summary-cache.ts";

/** `GET /api/streams/{stream}`: what came with the feed, and what the room counts, however many ask. */
export async function handleStreamStatus(
  env: Env,
  request: Request,
  ctx: WaitUntilContext,
  stream: StreamName,
): Promise<Response> {
  const edge = await openEdgeStream(env, request, ctx, stream);
  if (typeof edge === "string") return unavailableStreamResponse(edge);
  const replica = await edge.ensureReplica(ctx);
  if (replica === null || edge.status === null) return unavailableStreamResponse("unregistered");
  const room = await fetchRoomSummary(env, ctx, stream);
  // The object hears of this isolate's viewers with its next feed; until then they are counted here.
  const status = addRoomCounts(addIsolateViewers(edge.status, edge.counters.estimateAudience(Date.now())), room);
  const { activeStop } = edge;
  return Response.json(activeStop === null ? status : { ...status, stop: toStopNotice(activeStop) }, {
    headers: { "cache-control": "public, max-age=1", "access-control-allow-origin": "*" },
  });
}

function addIsolateViewers(feedStatus: StreamStatus, own: AudienceEstimate): StreamStatus {
  const current = Math.max(feedStatus.viewers.current, own.viewers);
  return {
    ...feedStatus,
    viewers: { current, peak: Math.max(feedStatus.viewers.peak, current) },
    requestsPerSecond: Math.max(feedStatus.requestsPerSecond, own.requestsPerSecond),
  };
}

/** A status with what the room has counted, if it has counted anybody. */
export function addRoomCounts(status: StreamStatus, summary: RoomSummary | null): StreamStatus {
  if (summary === null || summary.counts.peak === 0) return status;
  const { watching, peak, distinct } = summary.counts;
  const { current } = status.viewers;
  const { watchedMs: watchTimeMs, uncounted } = summary;
  return { ...status, viewers: { current, peak, watching, distinct, watchTimeMs, uncounted } };
}

/** `POST /api/streams/{stream}/keys`: a new key, shown this once. `DELETE`: every key is revoked. */
export async function handleStreamKeys(env: Env, request: Request, stream: StreamName): Promise<Response> {
  const refusal = await requireAdminToken(env, request);
  if (refusal !== null) return refusal;
  const live = env.LIVE.getByName(stream);
  if (request.method === "DELETE") {
    await live.removeKeys();
    return new Response(null, { status: 204 });
  }
  await registerStream(env, stream);
  const key = createStreamKey();
  await live.addKey(await sha256Hex(key));
  return Response.json({ stream, key }, { status: 201, headers: { "cache-control": "no-store" } });
}

/**
 * `POST /api/streams/{stream}/restart`: the stream's object begins anew from what is stored; viewers go on. `?node=` names
 * a shield instead, as `addressText` writes it.
 */
export async function handleStreamRestart(env: Env, request: Request, stream: StreamName): Promise<Response> {
  const refusal = await requireAdminToken(env, request);
  if (refusal !== null) return refusal;
  const address = parseNodeAddress(new URL(request.url).searchParams.get("node") ?? "live");
  if (address === null) {
    return deliveryProblemResponse(400, "No such node", "`node` is like `live`, `weur` or `weur.FRA.0`.");
  }
  // The call fails with the object that it ends.
  await getUpstreamNode(env, stream, address)
    .restart()
    .catch(() => {});
  return new Response(null, { status: 204 });
}

/** The refusal of a request without the admin token, or null. */
export const requireAdminToken = (env: Env, request: Request): Promise<Response | null> =>
  requireSecret(env, request, {
    secret: env.CORRAL_ADMIN_TOKEN,
    secretName: "CORRAL_ADMIN_TOKEN",
    token: "admin token",
    resource: "the control API",
  });
