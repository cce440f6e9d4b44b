/** The room at the gateway: who comes, which shard is theirs; beacons. */
import { newerAccess, refusalOf, type TokenError } from "../protocol/access.ts";
import type { StreamName } from "../protocol/ids.ts";
import { objectName } from "../protocol/room/address.ts";
import { type Viewer, viewerKey } from "../protocol/room/events.ts";
import { ROOM_LIMITS } from "../protocol/room/limits.ts";
import type { Place } from "../protocol/room/place.ts";
import { shardOf } from "../protocol/room/shards.ts";
import { closeFor } from "../protocol/room/standing.ts";
import { CLOSES, type CloseName } from "../protocol/room/wire.ts";
import { standingStop } from "../protocol/stop.ts";
import { located } from "../tiers/located.ts";
import type { Lifetime } from "../tiers/stream-edge.ts";
import { sha256Hex } from "./auth.ts";
import { servedEdge } from "./edge/edges.ts";
import type { Env } from "./env.ts";
import { identityOf, refusalResponse, stoppedResponse, tokenOf } from "./gate.ts";
import { answer, deliveryProblem } from "./responses.ts";
import { placeOf } from "./room-place.ts";

/** Seconds within which those come back who come while the room doesn't answer. */
const COME_BACK_S = "5";

const DEVICE = /^[A-Za-z0-9_-]{16,64}$/;

/** `GET /rooms/{stream}/socket?token=…&device=…`: the socket, at the viewer's shard. */
export async function roomSocket(env: Env, request: Request, life: Lifetime, stream: StreamName): Promise<Response> {
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    return deliveryProblem(400, "Not a WebSocket", "Connect to this address with a WebSocket.");
  }
  const viewer = await viewerOf(env, request, stream);
  // Browsers don't show scripts the answer to a failed upgrade, but they do show a close.
  if (typeof viewer === "string") return closedSocket(CLOSES.token.code, viewer);
  const place = await placeOf(env, life, stream);
  if (place === null) return closedSocket(CLOSES.comeBack.code, COME_BACK_S);
  const access = newerAccess(place.access, servedEdge(stream)?.access);
  const refusal = refusalOf(access, viewer, Date.now());
  if (refusal !== null) {
    const { name, reason } = closeFor(refusal, access);
    return closedSocket(CLOSES[name].code, reason);
  }
  const headers = {
    upgrade: "websocket",
    "corral-viewer": encodeURIComponent(JSON.stringify(viewer)),
    "corral-shards": String(place.shards),
  };
  const answered = await shardFor(env, place, viewer).fetch("http://shard/socket", { headers });
  // The shard opens no socket for somebody who may not come in, or of whom there are too many already.
  const close = answered.headers.get("corral-close");
  if (close === null) return answered;
  const { name, reason } = JSON.parse(close) as { readonly name: CloseName; readonly reason: string };
  return closedSocket(CLOSES[name].code, reason);
}

/** `POST /rooms/{stream}/beacon?device=…`: a viewer without a socket watches. */
export async function roomBeacon(env: Env, request: Request, life: Lifetime, stream: StreamName): Promise<Response> {
  const viewer = await viewerOf(env, request, stream);
  if (typeof viewer === "string") return refusalResponse(viewer);
  const place = await placeOf(env, life, stream);
  if (place === null)
    return deliveryProblem(503, "Not now", "The room didn't answer; send the next one when it is due.");
  const access = newerAccess(place.access, servedEdge(stream)?.access);
  const stop = standingStop(access, Date.now());
  if (stop !== null) return stoppedResponse(stop);
  const refusal = refusalOf(access, viewer, Date.now());
  if (refusal !== null) return refusalResponse(refusal);
  if (viewer.subject === null && !DEVICE.test(new URL(request.url).searchParams.get("device") ?? "")) {
    return deliveryProblem(
      400,
      "No device key",
      "Send `?device=` with the same 16 to 64 of A–Z a–z 0–9 _ - each time.",
    );
  }
  await shardFor(env, place, viewer).beacon(viewerKey(viewer), place.shards);
  const headers = { "cache-control": "no-store", "content-type": "application/json" };
  return answer(JSON.stringify({ nextMs: ROOM_LIMITS.beaconMs }), headers);
}

/** Who comes: by token, else someone who may read, by the key of the device. */
async function viewerOf(env: Env, request: Request, stream: StreamName): Promise<Viewer | TokenError> {
  const brought = tokenOf(request);
  const told = new URL(request.url).searchParams.get("device") ?? "";
  const device = DEVICE.test(told) ? told : crypto.randomUUID();
  const ip = request.headers.get("cf-connecting-ip");
  // Salted with the room, so that a room's ban list tells nothing about another's.
  const address = ip === null ? "" : (await sha256Hex(`${stream} ${ip}`)).slice(0, 32);
  const nobody = { subject: null, name: "", roles: [], followerSinceMs: null, expiresMs: null };
  if (brought === null) return { ...nobody, device, address };
  const identity = await identityOf(env, stream, brought.token);
  return typeof identity === "string" ? identity : { ...identity, device, address };
}

function shardFor(env: Env, { room, shards }: Place, viewer: Viewer): ReturnType<Env["ROOM_SHARD"]["getByName"]> {
  return located(env.ROOM_SHARD, objectName(room, shardOf(viewerKey(viewer), shards)));
}

function closedSocket(code: number, reason: string): Response {
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  server.close(code, reason);
  return new Response(null, { status: 101, webSocket: client });
}
