/** The room at the gateway: who comes, which shard is theirs; beacons; the replay. */
import { type Access, OPEN_ACCESS, refusalOf, type TokenError } from "../protocol/access.ts";
import type { StreamName } from "../protocol/ids.ts";
import { type RoomEvent, type Viewer, viewerKey } from "../protocol/room/events.ts";
import { ROOM_LIMITS } from "../protocol/room/limits.ts";
import { shardOf } from "../protocol/room/shards.ts";
import { CLOSES } from "../protocol/room/wire.ts";
import { SingleFlight } from "../tiers/single-flight.ts";
import type { Lifetime } from "../tiers/stream-edge.ts";
import { sha256Hex } from "./auth.ts";
import type { Env } from "./env.ts";
import { enter, identityOf, refusalResponse, tokenOf } from "./gate.ts";
import { answer, deliveryProblem } from "./responses.ts";

/** A room's number of shards, and who may read there, are remembered in an isolate for so long. */
const PLACE_MS = 3_000;
/** Rooms that are remembered at once. */
const MOST_PLACES = 256;
/** A follower waits so long for the leader of its flight before it asks itself. */
const FLIGHT_MS = 4_000;
/** A window of the replay is closed when it is so old: nobody writes into it any more. */
const CLOSED_MS = ROOM_LIMITS.programmeMs;

const DEVICE = /^[A-Za-z0-9_-]{16,64}$/;

interface Place {
  readonly shards: number;
  readonly access: Access;
}

const placeFlights = new SingleFlight<Place>(FLIGHT_MS);
const replayFlights = new SingleFlight<readonly RoomEvent[]>(FLIGHT_MS);
const places = new Map<StreamName, Place & { readonly atMs: number }>();

/** `GET /rooms/{stream}/socket?token=…&device=…`: the socket, at the viewer's shard. */
export async function roomSocket(env: Env, request: Request, life: Lifetime, stream: StreamName): Promise<Response> {
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    return deliveryProblem(400, "Not a WebSocket", "Connect to this address with a WebSocket.");
  }
  const viewer = await viewerOf(env, request, stream);
  // Browsers don't show scripts the answer to a failed upgrade, but they do show a close.
  if (typeof viewer === "string") return closedSocket(CLOSES.token.code, viewer);
  const shard = await shardFor(env, life, stream, viewer);
  const headers = { upgrade: "websocket", "corral-viewer": encodeURIComponent(JSON.stringify(viewer)) };
  return shard.fetch("http://shard/socket", { headers });
}

/** `POST /rooms/{stream}/beacon?device=…`: a viewer without a socket watches. */
export async function roomBeacon(env: Env, request: Request, life: Lifetime, stream: StreamName): Promise<Response> {
  const viewer = await viewerOf(env, request, stream);
  if (typeof viewer === "string") return refusalResponse(viewer);
  const refusal = refusalOf((await placeOf(env, life, stream)).access, viewer, Date.now());
  if (refusal !== null) return refusalResponse(refusal);
  if (viewer.subject === null && !DEVICE.test(new URL(request.url).searchParams.get("device") ?? "")) {
    return deliveryProblem(
      400,
      "No device key",
      "Send `?device=` with the same 16 to 64 of A–Z a–z 0–9 _ - each time.",
    );
  }
  const shard = await shardFor(env, life, stream, viewer);
  await shard.beacon(viewerKey(viewer));
  const headers = { "cache-control": "no-store", "content-type": "application/json" };
  return answer(JSON.stringify({ nextMs: ROOM_LIMITS.beaconMs }), headers);
}

/** `GET /rooms/{stream}/replay?from=…`: events of the window of programme time that begins there. */
export async function roomReplay(env: Env, request: Request, life: Lifetime, stream: StreamName): Promise<Response> {
  const { replayWindowMs } = ROOM_LIMITS;
  const from = new URL(request.url).searchParams.get("from") ?? "";
  const fromMs = /^\d{1,15}$/.test(from) ? Number(from) : Number.NaN;
  if (!(fromMs % replayWindowMs === 0)) {
    const detail = `\`from\` is a programme time in ms since 1970 that ${replayWindowMs} divides.`;
    return deliveryProblem(400, "Not a window of the replay", detail);
  }
  const { access } = await placeOf(env, life, stream);
  const gated = access.playback !== "public";
  const entry = gated ? await enter(env, stream, access, request) : null;
  if (entry !== null && "refusal" in entry) return refusalResponse(entry.refusal);
  const toMs = fromMs + replayWindowMs;
  const flown = await replayFlights.get(life, `${stream} ${fromMs}`, () =>
    env.ROOM.getByName(stream).replay(fromMs, toMs),
  );
  if (!flown.ok) return deliveryProblem(503, "Not now", "The room didn't answer; ask again.");
  // Even a closed window changes when a message in it is deleted.
  const maxAgeS = Date.now() - toMs > CLOSED_MS ? 60 : 2;
  return answer(JSON.stringify({ from: fromMs, next: toMs, events: flown.value }), {
    "cache-control": `${gated ? "private" : "public"}, max-age=${maxAgeS}`,
    "content-type": "application/json",
  });
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
): Promise<ReturnType<Env["ROOM_SHARD"]["getByName"]>> {
  const shard = shardOf(viewerKey(viewer), (await placeOf(env, life, stream)).shards);
  return env.ROOM_SHARD.getByName(`${stream}/${shard}`);
}

/** How many shards the room has and who may read there, asked once in a while for all who come. */
async function placeOf(env: Env, life: Lifetime, stream: StreamName): Promise<Place> {
  const known = places.get(stream);
  if (known !== undefined && Date.now() - known.atMs < PLACE_MS) return known;
  const flown = await placeFlights.get(life, stream, async () => {
    const { shards, access } = await env.ROOM.getByName(stream).place();
    return { shards, access };
  });
  // A room that doesn't answer keeps what it had; its shards look at who comes in any case.
  if (!flown.ok) return known ?? { shards: 1, access: OPEN_ACCESS };
  if (places.size >= MOST_PLACES) places.clear();
  places.set(stream, { ...flown.value, atMs: Date.now() });
  return flown.value;
}

function closedSocket(code: number, reason: string): Response {
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  server.close(code, reason);
  return new Response(null, { status: 101, webSocket: client });
}
