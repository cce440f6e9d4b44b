/** The room at the gateway: who comes, which shard is theirs; beacons. */
import { OPEN_ACCESS, refusalOf, type TokenError } from "../protocol/access.ts";
import type { StreamName } from "../protocol/ids.ts";
import { type Viewer, viewerKey } from "../protocol/room/events.ts";
import { ROOM_LIMITS } from "../protocol/room/limits.ts";
import { shardOf } from "../protocol/room/shards.ts";
import { CLOSES } from "../protocol/room/wire.ts";
import type { Lifetime } from "../tiers/stream-edge.ts";
import { sha256Hex } from "./auth.ts";
import type { Env } from "./env.ts";
import { identityOf, refusalResponse, tokenOf } from "./gate.ts";
import { answer, deliveryProblem } from "./responses.ts";
import { placeOf } from "./room-place.ts";

const DEVICE = /^[A-Za-z0-9_-]{16,64}$/;

/** `GET /rooms/{stream}/socket?token=…&device=…`: the socket, at the viewer's shard. */
export async function roomSocket(env: Env, request: Request, life: Lifetime, stream: StreamName): Promise<Response> {
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    return deliveryProblem(400, "Not a WebSocket", "Connect to this address with a WebSocket.");
  }
  const viewer = await viewerOf(env, request, stream);
  // Browsers don't show scripts the answer to a failed upgrade, but they do show a close.
  if (typeof viewer === "string") return closedSocket(CLOSES.token.code, viewer);
  const { shard, shards } = await shardFor(env, life, stream, viewer);
  const headers = {
    upgrade: "websocket",
    "corral-viewer": encodeURIComponent(JSON.stringify(viewer)),
    "corral-shards": String(shards),
  };
  return shard.fetch("http://shard/socket", { headers });
}

/** `POST /rooms/{stream}/beacon?device=…`: a viewer without a socket watches. */
export async function roomBeacon(env: Env, request: Request, life: Lifetime, stream: StreamName): Promise<Response> {
  const viewer = await viewerOf(env, request, stream);
  if (typeof viewer === "string") return refusalResponse(viewer);
  const refusal = refusalOf((await placeOf(env, life, stream))?.access ?? OPEN_ACCESS, viewer, Date.now());
  if (refusal !== null) return refusalResponse(refusal);
  if (viewer.subject === null && !DEVICE.test(new URL(request.url).searchParams.get("device") ?? "")) {
    return deliveryProblem(
      400,
      "No device key",
      "Send `?device=` with the same 16 to 64 of A–Z a–z 0–9 _ - each time.",
    );
  }
  const { shard, shards } = await shardFor(env, life, stream, viewer);
  await shard.beacon(viewerKey(viewer), shards);
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

async function shardFor(
  env: Env,
  life: Lifetime,
  stream: StreamName,
  viewer: Viewer,
): Promise<{ shard: ReturnType<Env["ROOM_SHARD"]["getByName"]>; shards: number }> {
  // A room that doesn't answer has one shard at least.
  const shards = (await placeOf(env, life, stream))?.shards ?? 1;
  const index = shardOf(viewerKey(viewer), shards);
  return { shard: env.ROOM_SHARD.getByName(`${stream}/${index}`), shards };
}

function closedSocket(code: number, reason: string): Response {
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  server.close(code, reason);
  return new Response(null, { status: 101, webSocket: client });
}
