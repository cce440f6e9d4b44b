/** The room at the gateway: who comes, which shard is theirs; tickets and beacons. */
import { findAccessDenial, selectNewerAccess, type TokenError } from "../../core/access/access-policy.ts";
import { activeStop } from "../../core/access/stream-stop.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { parseJsonObject } from "../../core/kit/json-fields.ts";
import type { WaitUntilContext } from "../../core/kit/wait-until.ts";
import { getObjectInJurisdiction } from "../../core/room/jurisdiction-namespace.ts";
import { roomChildName } from "../../core/room/object-names.ts";
import { type Participant, participantKey } from "../../core/room/participants.ts";
import { accessDenialClose } from "../../core/room/restrictions.ts";
import { ROOM_LIMITS } from "../../core/room/room-limits.ts";
import { ROOM_SUBPROTOCOL } from "../../core/room/room-protocol.ts";
import type { RoomSummary } from "../../core/room/room-summary.ts";
import { shardIndexFor } from "../../core/room/sharding.ts";
import { SOCKET_CLOSES, type SocketCloseName } from "../../core/room/socket-closes.ts";
import { refuseForeignOrigin } from "../access/page-origins.ts";
import { denialResponse, readCredential, stoppedStreamResponse } from "../access/playback-authorization.ts";
import { type RateLimitedRequest, refuseOverRate } from "../access/rate-limits.ts";
import { deriveNetworkNames } from "../access/request-networks.ts";
import { isRoomRegistered, isStreamRegistered } from "../access/stream-registry.ts";
import { findEdgeStream } from "../delivery/edge-streams.ts";
import type { Env } from "../env.ts";
import { deliveryProblemResponse, deliveryResponse, problemResponse, unknownRoomResponse } from "../kit/responses.ts";
import {
  type ClientProofs,
  type ResolvedParticipant,
  resolveParticipant,
  resolveSocketParticipant,
} from "./room-participants.ts";
import { fetchRoomSummary } from "./room-summary-cache.ts";
import { readTicket, sealTicket, TICKET_LIMITS } from "./room-tickets.ts";

/** Seconds within which those come back who come while the room doesn't answer. */
const ROOM_RETRY_S = "5";
/** Bytes of what a page says of itself. */
const MAX_CLIENT_PROOFS_BYTES = 512;

/** Those who wait for a stream that nobody has registered yet look again within so many. */
const UNKNOWN_ROOM_RETRY_S = "10";

/** `GET /rooms/{stream}/socket` with a ticket in `Sec-WebSocket-Protocol`: the socket, at the viewer's shard. */
export async function handleRoomSocket(
  env: Env,
  request: Request,
  ctx: WaitUntilContext,
  stream: StreamName,
): Promise<Response> {
  const foreign = refuseForeignOrigin(env, request);
  if (foreign !== null) return foreign;
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    return deliveryProblemResponse(400, "Not a WebSocket", "Connect to this address with a WebSocket.");
  }
  if (!bringsAnything(request) && !(await isStreamRegistered(env, ctx, stream))) {
    return closedSocketResponse(SOCKET_CLOSES.comeBack.code, UNKNOWN_ROOM_RETRY_S);
  }
  const viewer = await unlessFast(env, "sockets", request, {
    look: () => resolveSocketParticipant(env, request, stream),
    subjectOf: (found) => (typeof found === "string" ? null : found.subject),
  });
  if (viewer instanceof Response) {
    return closedSocketResponse(SOCKET_CLOSES.comeBack.code, viewer.headers.get("retry-after") ?? ROOM_RETRY_S);
  }
  if (viewer === "ticket-over") return expiredTicketResponse();
  // Browsers don't show scripts the answer to a failed upgrade, but they do show a close.
  if (typeof viewer === "string") return closedSocketResponse(SOCKET_CLOSES.token.code, viewer);
  const opened = await openShardSocket(env, ctx, stream, viewer);
  return readTicket(request) === null ? opened : addSocketProtocol(opened);
}

async function openShardSocket(
  env: Env,
  ctx: WaitUntilContext,
  stream: StreamName,
  viewer: Participant,
): Promise<Response> {
  if (!(await isRoomRegistered(env, ctx, stream, viewer.subject !== null))) {
    return closedSocketResponse(SOCKET_CLOSES.comeBack.code, UNKNOWN_ROOM_RETRY_S);
  }
  const place = await fetchRoomSummary(env, ctx, stream);
  if (place === null) return closedSocketResponse(SOCKET_CLOSES.comeBack.code, ROOM_RETRY_S);
  const access = selectNewerAccess(place.access, findEdgeStream(stream)?.accessPolicy);
  const refusal = findAccessDenial(access, viewer, Date.now());
  if (refusal !== null) {
    const { name, reason } = accessDenialClose(refusal, access, viewer);
    return closedSocketResponse(SOCKET_CLOSES[name].code, reason);
  }
  const headers = {
    upgrade: "websocket",
    "corral-viewer": encodeURIComponent(JSON.stringify(viewer)),
    "corral-shards": String(place.shards),
  };
  const answered = await getShard(env, place, viewer).fetch("http://shard/socket", { headers });
  // The shard opens no socket for somebody who may not come in, or of whom there are too many already.
  const close = answered.headers.get("corral-close");
  if (close === null) return answered;
  const { name, reason } = JSON.parse(close) as { readonly name: SocketCloseName; readonly reason: string };
  return closedSocketResponse(SOCKET_CLOSES[name].code, reason);
}

/** `POST /rooms/{stream}/ticket` with `{ device, playback }`: what opens the socket, and a key where the device needs one. */
export async function handleRoomTicket(env: Env, request: Request, stream: StreamName): Promise<Response> {
  const foreign = refuseForeignOrigin(env, request);
  if (foreign !== null) return foreign;
  const visitor = await visitorUnlessFast(env, "sockets", request, stream);
  if (visitor instanceof Response) return visitor;
  if (typeof visitor === "string") return denialResponse(visitor);
  const ticket = await sealTicket(env, stream, visitor.participant, Date.now());
  if (ticket === null) return deliveryProblemResponse(503, "Not now", "The deployment has no secret to sign with.");
  return jsonResponse({
    ticket,
    lastsMs: TICKET_LIMITS.lifetimeMs,
    counted: isCounted(visitor.participant),
    ...deviceMember(visitor.issuedKey),
  });
}

/** `POST /rooms/{stream}/beacon` with `{ device, playback }`: a viewer without a socket watches. */
export async function handleRoomBeacon(
  env: Env,
  request: Request,
  ctx: WaitUntilContext,
  stream: StreamName,
): Promise<Response> {
  const foreign = refuseForeignOrigin(env, request);
  if (foreign !== null) return foreign;
  if (!bringsAnything(request) && !(await isStreamRegistered(env, ctx, stream))) return unknownRoomResponse();
  const visitor = await visitorUnlessFast(env, "beacons", request, stream);
  if (visitor instanceof Response) return visitor;
  if (typeof visitor === "string") return denialResponse(visitor);
  if (!(await isRoomRegistered(env, ctx, stream, visitor.participant.subject !== null))) return unknownRoomResponse();
  const place = await fetchRoomSummary(env, ctx, stream);
  if (place === null)
    return deliveryProblemResponse(503, "Not now", "The room didn't answer; send the next one when it is due.");
  const { participant, issuedKey } = visitor;
  const access = selectNewerAccess(place.access, findEdgeStream(stream)?.accessPolicy);
  const stop = activeStop(access, Date.now());
  if (stop !== null) return stoppedStreamResponse(stop);
  const refusal = findAccessDenial(access, participant, Date.now());
  if (refusal !== null) return denialResponse(refusal);
  const { countedAs } = participant;
  if (countedAs !== undefined) {
    const { address } = await deriveNetworkNames(env, request, stream);
    const network = participant.subject === null ? address : null;
    await getShard(env, place, participant).beacon(
      { key: participantKey(participant), countedAs, network },
      place.shards,
    );
  }
  return jsonResponse({
    nextMs: ROOM_LIMITS.beaconEveryMs,
    counted: isCounted(participant),
    ...deviceMember(issuedKey),
  });
}

/** Who brings nothing vouches for no name: where it isn't registered, nothing more need be known of them. */
const bringsAnything = (request: Request): boolean => readCredential(request) !== null || readTicket(request) !== null;

/**
 * Who comes, as `look` finds it, or the refusal of who comes too fast. Who has a token is counted by who that says it is, all
 * others by their network: those who bring neither token nor ticket before anything is looked up.
 */
async function unlessFast<Found>(
  env: Env,
  kind: RateLimitedRequest,
  request: Request,
  { look, subjectOf }: { look(): Promise<Found>; subjectOf(found: Found): string | null },
): Promise<Found | Response> {
  const brought = bringsAnything(request);
  const early = brought ? null : await refuseOverRate(env, kind, request);
  if (early !== null) return early;
  const found = await look();
  const late = brought ? await refuseOverRate(env, kind, request, subjectOf(found)) : null;
  return late ?? found;
}

const visitorUnlessFast = (
  env: Env,
  kind: RateLimitedRequest,
  request: Request,
  stream: StreamName,
): Promise<ResolvedParticipant | TokenError | Response> =>
  unlessFast(env, kind, request, {
    look: async () => resolveParticipant(env, request, stream, await readClientProofs(request)),
    subjectOf: (found) => (typeof found === "string" ? null : found.participant.subject),
  });

const isCounted = ({ countedAs }: Pick<Participant, "countedAs">): boolean => countedAs !== undefined;

const deviceMember = (issued: string | null): { device?: string } => (issued === null ? {} : { device: issued });

/** What a page says of itself; whatever isn't that says nothing. */
async function readClientProofs(request: Request): Promise<ClientProofs> {
  const length = Number(request.headers.get("content-length") ?? 0);
  const said =
    length > 0 && length <= MAX_CLIENT_PROOFS_BYTES ? parseJsonObject(await request.text().catch(() => "")) : null;
  const { device, playback } = said ?? {};
  return {
    deviceKey: typeof device === "string" ? device : null,
    playbackProof: typeof playback === "string" ? playback : null,
  };
}

function jsonResponse(body: object): Response {
  return deliveryResponse(JSON.stringify(body), { "cache-control": "no-store", "content-type": "application/json" });
}

function expiredTicketResponse(): Response {
  return problemResponse({
    status: 401,
    type: "/problems/ticket-over",
    title: "The ticket opens nothing",
    detail: "Tickets last for seconds, and for one room; get another one where this one came from.",
  });
}

function getShard(
  env: Env,
  { room, shards }: RoomSummary,
  viewer: Pick<Participant, "subject" | "device">,
): ReturnType<Env["ROOM_SHARD"]["getByName"]> {
  return getObjectInJurisdiction(env.ROOM_SHARD, roomChildName(room, shardIndexFor(participantKey(viewer), shards)));
}

/** A browser closes a socket that doesn't say which of the protocols that it named is spoken. */
function addSocketProtocol({ status, webSocket, body }: Response): Response {
  if (webSocket === null) return new Response(body, { status });
  return new Response(null, { status, webSocket, headers: { "sec-websocket-protocol": ROOM_SUBPROTOCOL } });
}

function closedSocketResponse(code: number, reason: string): Response {
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  server.close(code, reason);
  return new Response(null, { status: 101, webSocket: client });
}
