/** The control API: stream state, stream keys. */
import type { StreamName } from "../protocol/ids.ts";
import type { Place } from "../protocol/room/place.ts";
import type { StreamStatus } from "../protocol/status.ts";
import { noticeOf } from "../protocol/stop.ts";
import { parseAddress } from "../protocol/tree/address.ts";
import type { Watching } from "../protocol/tree/tally.ts";
import type { Lifetime } from "../tiers/stream-edge.ts";
import { newStreamKey, sha256Hex } from "./auth.ts";
import { edgeOf, nodeAt } from "./edge/edges.ts";
import type { Env } from "./env.ts";
import { refuseStranger } from "./guard.ts";
import { register } from "./registry.ts";
import { deliveryProblem, withoutEdge } from "./responses.ts";
import { placeOf } from "./room-place.ts";

/** `GET /api/streams/{stream}`: what came with the feed, and what the room counts, however many ask. */
export async function streamStatus(env: Env, request: Request, life: Lifetime, stream: StreamName): Promise<Response> {
  const edge = await edgeOf(env, request, life, stream);
  if (typeof edge === "string") return withoutEdge(edge);
  const replica = await edge.replica(life);
  if (replica === null || edge.status === null) return withoutEdge("unregistered");
  const room = await placeOf(env, life, stream);
  // The object hears of this isolate's viewers with its next feed; until then they are counted here.
  const status = withRoom(withOwnViewers(edge.status, edge.tally.watching(Date.now())), room);
  const { stop } = edge;
  return Response.json(stop === null ? status : { ...status, stop: noticeOf(stop) }, {
    headers: { "cache-control": "public, max-age=1", "access-control-allow-origin": "*" },
  });
}

function withOwnViewers(told: StreamStatus, own: Watching): StreamStatus {
  const current = Math.max(told.viewers.current, own.viewers);
  return {
    ...told,
    viewers: { current, peak: Math.max(told.viewers.peak, current) },
    requestsPerSecond: Math.max(told.requestsPerSecond, own.requestsPerSecond),
  };
}

/** A status with what the room has counted, if it has counted anybody. */
export function withRoom(status: StreamStatus, room: Place | null): StreamStatus {
  if (room === null || room.counts.peak === 0) return status;
  const { watching, peak, distinct } = room.counts;
  const { current } = status.viewers;
  const { watchedMs: watchTimeMs, uncounted } = room;
  return { ...status, viewers: { current, peak, watching, distinct, watchTimeMs, uncounted } };
}

/** `POST /api/streams/{stream}/keys`: a new key, shown this once. `DELETE`: every key is revoked. */
export async function streamKeys(env: Env, request: Request, stream: StreamName): Promise<Response> {
  const refusal = await refuseAdminStranger(env, request);
  if (refusal !== null) return refusal;
  const live = env.LIVE.getByName(stream);
  if (request.method === "DELETE") {
    await live.removeKeys();
    return new Response(null, { status: 204 });
  }
  await register(env, stream);
  const key = newStreamKey();
  await live.addKey(await sha256Hex(key));
  return Response.json({ stream, key }, { status: 201, headers: { "cache-control": "no-store" } });
}

/**
 * `POST /api/streams/{stream}/restart`: the stream's object begins anew from what is stored; viewers go on. `?node=` names
 * a shield instead, as `addressText` writes it.
 */
export async function restartStream(env: Env, request: Request, stream: StreamName): Promise<Response> {
  const refusal = await refuseAdminStranger(env, request);
  if (refusal !== null) return refusal;
  const address = parseAddress(new URL(request.url).searchParams.get("node") ?? "live");
  if (address === null) {
    return deliveryProblem(400, "No such node", "`node` is like `live`, `weur` or `weur.FRA.0`.");
  }
  // The call fails with the object that it ends.
  await nodeAt(env, stream, address)
    .restart()
    .catch(() => {});
  return new Response(null, { status: 204 });
}

/** The refusal of a request without the admin token, or null. */
export const refuseAdminStranger = (env: Env, request: Request): Promise<Response | null> =>
  refuseStranger(env, request, {
    secret: env.CORRAL_ADMIN_TOKEN,
    secretName: "CORRAL_ADMIN_TOKEN",
    token: "admin token",
    behind: "the control API",
  });
