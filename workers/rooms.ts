/** The room at the gateway: who comes, which shard is theirs; beacons; the replay. */
import type { StreamName } from "../protocol/ids.ts";
import { type RoomEvent, type Viewer, viewerKey } from "../protocol/room/events.ts";
import { ROOM_LIMITS } from "../protocol/room/limits.ts";
import { shardOf } from "../protocol/room/shards.ts";
import { CLOSES } from "../protocol/room/wire.ts";
import { located } from "../tiers/located.ts";
import { SingleFlight } from "../tiers/single-flight.ts";
import type { Lifetime } from "../tiers/stream-edge.ts";
import { bearerToken, sha256Hex } from "./auth.ts";
import type { Env } from "./env.ts";
import { answer, deliveryProblem } from "./responses.ts";
import { type TokenError, verifyViewer } from "./viewer-token.ts";

/** Where a room is is remembered in an isolate for so long. */
const PLACE_MS = 3_000;
/** Rooms that are remembered at once. */
const MOST_PLACES = 256;
/** A follower waits so long for the leader of its flight before it asks itself. */
const FLIGHT_MS = 4_000;
/** A window of the replay is closed when it is so old: nobody writes into it any more. */
const CLOSED_MS = ROOM_LIMITS.programmeMs;

const DEVICE = /^[A-Za-z0-9_-]{16,64}$/;

/** A room's object name, and its number of shards. */
interface Place {
  readonly room: string;
  readonly shards: number;
  readonly atMs: number;
}

const placeFlights = new SingleFlight<Omit<Place, "atMs">>(FLIGHT_MS);
const replayFlights = new SingleFlight<readonly RoomEvent[]>(FLIGHT_MS);
const places = new Map<StreamName, Place>();

/** `GET /rooms/{stream}/socket?token=…&device=…`: the socket, at the viewer's shard. */
export async function roomSocket(env: Env, request: Request, life: Lifetime, stream: StreamName): Promise<Response> {
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    return deliveryProblem(400, "Not a WebSocket", "Connect to this address with a WebSocket.");
  }
  const viewer = await viewerOf(env, request, stream);
  // Browsers don't show scripts the answer to a failed upgrade, but they do show a close.
  if (typeof viewer === "string") return closedSocket(CLOSES.tokenMissing.code, viewer);
  const shard = await shardFor(env, life, stream, viewer);
  const headers = { upgrade: "websocket", "corral-viewer": encodeURIComponent(JSON.stringify(viewer)) };
  return shard.fetch("http://shard/socket", { headers });
}

/** `POST /rooms/{stream}/beacon?device=…`: a viewer without a socket watches. */
export async function roomBeacon(env: Env, request: Request, life: Lifetime, stream: StreamName): Promise<Response> {
  const viewer = await viewerOf(env, request, stream);
  if (typeof viewer === "string") return deliveryProblem(400, "This token doesn't open this room", viewer);
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
  const toMs = fromMs + replayWindowMs;
  const flown = await replayFlights.get(life, `${stream} ${fromMs}`, async () => {
    const { room } = await placeOf(env, life, stream);
    return located(env.ROOM, room).replay(fromMs, toMs);
  });
  if (!flown.ok) return deliveryProblem(503, "Not now", "The room didn't answer; ask again.");
  // Even a closed window changes when a message in it is deleted.
  const maxAgeS = Date.now() - toMs > CLOSED_MS ? 60 : 2;
  return answer(JSON.stringify({ from: fromMs, next: toMs, events: flown.value }), {
    "cache-control": `public, max-age=${maxAgeS}`,
    "content-type": "application/json",
  });
}

/** Who comes: by token, else someone who may read, by the key of the device. */
async function viewerOf(env: Env, request: Request, stream: StreamName): Promise<Viewer | TokenError> {
  const { searchParams } = new URL(request.url);
  const token = bearerToken(request) ?? searchParams.get("token");
  const told = searchParams.get("device") ?? "";
  const device = DEVICE.test(told) ? told : crypto.randomUUID();
  const ip = request.headers.get("cf-connecting-ip");
  // Salted with the room, so that a room's ban list tells nothing about another's.
  const address = ip === null ? "" : (await sha256Hex(`${stream} ${ip}`)).slice(0, 32);
  const nobody = { subject: null, name: "", roles: [], followerSinceMs: null, expiresMs: null };
  if (token === null) return { ...nobody, device, address };
  const identity = await verifyViewer(env, stream, token);
  return typeof identity === "string" ? identity : { ...identity, device, address };
}

async function shardFor(
  env: Env,
  life: Lifetime,
  stream: StreamName,
  viewer: Viewer,
): Promise<ReturnType<Env["ROOM_SHARD"]["getByName"]>> {
  const { room, shards } = await placeOf(env, life, stream);
  return located(env.ROOM_SHARD, `${room}/${shardOf(viewerKey(viewer), shards)}`);
}

/** Where a stream's room is, and how many shards it has, asked once in a while for all who come. */
async function placeOf(env: Env, life: Lifetime, stream: StreamName): Promise<Place> {
  const known = places.get(stream);
  if (known !== undefined && Date.now() - known.atMs < PLACE_MS) return known;
  const flown = await placeFlights.get(life, stream, () => askPlace(env, known?.room ?? stream));
  // A room that doesn't answer is where it was.
  if (!flown.ok) {
    if (known === undefined) throw new Error("the room doesn't say where it is", { cause: flown.error });
    return known;
  }
  if (places.size >= MOST_PLACES) places.clear();
  const place = { ...flown.value, atMs: Date.now() };
  places.set(stream, place);
  return place;
}

/** A stream's room is named like the stream, unless that one says which it is instead. */
async function askPlace(env: Env, room: string): Promise<Omit<Place, "atMs">> {
  const { moved, shards } = await located(env.ROOM, room).place();
  return moved === null ? { room, shards } : askPlace(env, moved);
}

function closedSocket(code: number, reason: string): Response {
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  server.close(code, reason);
  return new Response(null, { status: 101, webSocket: client });
}
