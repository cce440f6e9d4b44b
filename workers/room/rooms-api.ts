/** The room at the gateway: sockets, tickets and beacons, each at the participant's shard. */
import { findAccessDenial, selectNewerAccess, type TokenError } from "../../core/access/access-policy.ts";
import { activeStop } from "../../core/access/stream-stop.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { parseJsonObject } from "../../core/kit/json-fields.ts";
import { getObjectInJurisdiction } from "../../core/room/jurisdiction-namespace.ts";
import { roomChildName } from "../../core/room/object-names.ts";
import { hasAccount, type Participant, participantKey } from "../../core/room/participants.ts";
import { accessDenialClose } from "../../core/room/restrictions.ts";
import { ROOM_LIMITS } from "../../core/room/room-limits.ts";
import { ROOM_SUBPROTOCOL } from "../../core/room/room-protocol.ts";
import type { RoomSummary } from "../../core/room/room-summary.ts";
import { shardIndexFor } from "../../core/room/sharding.ts";
import { SOCKET_CLOSES, type SocketCloseName } from "../../core/room/socket-closes.ts";
import { denialResponse, readCredential, stoppedStreamResponse } from "../access/playback-authorization.ts";
import { type RateLimitedRequest, refuseOverRate } from "../access/rate-limits.ts";
import { deriveNetworkNames } from "../access/request-networks.ts";
import { isRoomRegistered, isStreamRegistered } from "../access/stream-registry.ts";
import { findEdgeStream } from "../delivery/edge-streams.ts";
import type { Env } from "../env.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { deliveryResponse, problemResponse, unknownRoomResponse } from "../kit/responses.ts";
import { fetchRoomSummary } from "../kit/room-summary-cache.ts";
import { admitGuest } from "./guests.ts";
import {
  type ClientProofs,
  type ResolvedParticipant,
  resolveParticipant,
  resolveSocketParticipant,
} from "./room-participants.ts";
import { readTicket, sealTicket, TICKET_LIMITS } from "./room-tickets.ts";

/** Reconnect spread, in seconds, of sockets that arrive while the room does not answer. */
const ROOM_RETRY_S = "5";
/** Bytes of a page's proofs. */
const MAX_CLIENT_PROOFS_BYTES = 1_024;

/** Reconnect spread of sockets of an unregistered stream, seconds. */
const UNKNOWN_ROOM_RETRY_S = "10";

/** `GET /rooms/{stream}/socket` with a ticket in `Sec-WebSocket-Protocol`: the socket, at the participant's shard. */
export async function handleRoomSocket(scope: RequestScope, stream: StreamName): Promise<Response> {
  const { request } = scope;
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") return problemResponse("websocket-expected");
  if (!hasAnyCredential(request) && !(await isStreamRegistered(scope, stream))) {
    return closedSocketResponse(SOCKET_CLOSES.comeBack.code, UNKNOWN_ROOM_RETRY_S);
  }
  const participant = await unlessOverRate(scope, "sockets", {
    resolve: () => resolveSocketParticipant(scope, stream),
    subjectOf: (found) => (typeof found !== "string" && hasAccount(found) ? found.subject : null),
  });
  if (participant instanceof Response) {
    return closedSocketResponse(SOCKET_CLOSES.comeBack.code, participant.headers.get("retry-after") ?? ROOM_RETRY_S);
  }
  if (participant === "ticket-over") return problemResponse("ticket-over");
  // Browsers hide the response of a failed upgrade from scripts, but report a close.
  if (typeof participant === "string") return closedSocketResponse(SOCKET_CLOSES.token.code, participant);
  const opened = await openShardSocket(scope, stream, participant);
  return readTicket(request) === null ? opened : addSocketProtocol(opened);
}

async function openShardSocket(scope: RequestScope, stream: StreamName, participant: Participant): Promise<Response> {
  const { env, platform } = scope;
  if (!(await isRoomRegistered(scope, stream, hasAccount(participant)))) {
    return closedSocketResponse(SOCKET_CLOSES.comeBack.code, UNKNOWN_ROOM_RETRY_S);
  }
  const summary = await fetchRoomSummary(scope, stream);
  if (summary === null) return closedSocketResponse(SOCKET_CLOSES.comeBack.code, ROOM_RETRY_S);
  const access = selectNewerAccess(summary.access, findEdgeStream(stream)?.accessPolicy);
  const denial = findAccessDenial(access, participant, platform.clock.nowMs());
  if (denial !== null) {
    const { name, reason } = accessDenialClose(denial, access, participant);
    return closedSocketResponse(SOCKET_CLOSES[name].code, reason);
  }
  const headers = {
    upgrade: "websocket",
    "corral-viewer": encodeURIComponent(JSON.stringify(participant)),
    "corral-shards": String(summary.shards),
  };
  const answer = await getShard(env, summary, participant).fetch("http://shard/socket", { headers });
  // The shard opens no socket for a participant that it does not admit, or that has too many.
  const close = answer.headers.get("corral-close");
  if (close === null) return answer;
  const { name, reason } = JSON.parse(close) as { readonly name: SocketCloseName; readonly reason: string };
  return closedSocketResponse(SOCKET_CLOSES[name].code, reason);
}

/** `POST /rooms/{stream}/ticket`: the ticket of a socket, as a guest if the page has a name, and a device key if one is needed. */
export async function handleRoomTicket(scope: RequestScope, stream: StreamName): Promise<Response> {
  const proofs = await readClientProofs(scope.request);
  const resolved = await resolveUnlessOverRate(scope, "sockets", stream, proofs);
  if (resolved instanceof Response) return resolved;
  if (typeof resolved === "string") return denialResponse(resolved);
  const { issuedKey } = resolved;
  const { guestName } = proofs;
  const participant =
    guestName === undefined ? resolved.participant : await admitGuest(scope, stream, resolved, guestName);
  if (typeof participant === "string") return problemResponse(participant);
  const ticket = await sealTicket(scope.config, stream, participant, scope.platform.clock.nowMs());
  if (ticket === null) return problemResponse("misconfigured", "The deployment has no secret to sign tickets with.");
  return roomResponse({
    ticket,
    lastsMs: TICKET_LIMITS.lifetimeMs,
    counted: isCounted(participant),
    ...deviceMember(issuedKey),
  });
}

/** `POST /rooms/{stream}/beacon`: a viewer without a socket is playing. */
export async function handleRoomBeacon(scope: RequestScope, stream: StreamName): Promise<Response> {
  const { env, config, request, platform } = scope;
  if (!hasAnyCredential(request) && !(await isStreamRegistered(scope, stream))) return unknownRoomResponse();
  const resolved = await resolveUnlessOverRate(scope, "beacons", stream, await readClientProofs(request));
  if (resolved instanceof Response) return resolved;
  if (typeof resolved === "string") return denialResponse(resolved);
  const { participant, issuedKey } = resolved;
  if (!(await isRoomRegistered(scope, stream, participant.subject !== null))) return unknownRoomResponse();
  const summary = await fetchRoomSummary(scope, stream);
  if (summary === null)
    return problemResponse("unavailable", "The room did not answer. Send the next beacon at its usual time.");
  const access = selectNewerAccess(summary.access, findEdgeStream(stream)?.accessPolicy);
  const nowMs = platform.clock.nowMs();
  const stop = activeStop(access, nowMs);
  if (stop !== null) return stoppedStreamResponse(stop);
  const denial = findAccessDenial(access, participant, nowMs);
  if (denial !== null) return denialResponse(denial);
  const { countedAs } = participant;
  if (countedAs !== undefined) {
    const { address } = await deriveNetworkNames(config, request, stream, nowMs);
    const network = participant.subject === null ? address : null;
    await getShard(env, summary, participant).beacon(
      { key: participantKey(participant), countedAs, network },
      summary.shards,
    );
  }
  return roomResponse({
    nextMs: ROOM_LIMITS.beaconEveryMs,
    counted: isCounted(participant),
    ...deviceMember(issuedKey),
  });
}

/** A request without token and ticket cannot register a name: nothing more is looked up for an unregistered one. */
const hasAnyCredential = (request: Request): boolean =>
  readCredential(request) !== null || readTicket(request) !== null;

/**
 * The result of `resolve`, or the refusal of a request over its rate. The rate is that of the token's subject, if any, else of
 * the network; a request with neither token nor ticket is counted before any look-up.
 */
async function unlessOverRate<Found>(
  scope: RequestScope,
  kind: RateLimitedRequest,
  { resolve, subjectOf }: { resolve(): Promise<Found>; subjectOf(found: Found): string | null },
): Promise<Found | Response> {
  const { request } = scope;
  const hasCredential = hasAnyCredential(request);
  const early = hasCredential ? null : await refuseOverRate(scope, kind);
  if (early !== null) return early;
  const found = await resolve();
  const late = hasCredential ? await refuseOverRate(scope, kind, subjectOf(found)) : null;
  return late ?? found;
}

const resolveUnlessOverRate = (
  scope: RequestScope,
  kind: RateLimitedRequest,
  stream: StreamName,
  proofs: ClientProofs,
): Promise<ResolvedParticipant | TokenError | Response> =>
  unlessOverRate(scope, kind, {
    resolve: () => resolveParticipant(scope, stream, proofs),
    subjectOf: (found) => (typeof found === "string" ? null : found.participant.subject),
  });

const isCounted = ({ countedAs }: Pick<Participant, "countedAs">): boolean => countedAs !== undefined;

const deviceMember = (issued: string | null): { device?: string } => (issued === null ? {} : { device: issued });

/** A page's proofs. A body without proofs, or a malformed one, is not refused: the viewer is not counted. */
async function readClientProofs(request: Request): Promise<ClientProofs> {
  const length = Number(request.headers.get("content-length") ?? 0);
  const members =
    length > 0 && length <= MAX_CLIENT_PROOFS_BYTES ? parseJsonObject(await request.text().catch(() => "")) : null;
  const { device, playback, guest } = members ?? {};
  return {
    deviceKey: typeof device === "string" ? device : null,
    playbackProof: typeof playback === "string" ? playback : null,
    guestName: guest ?? undefined,
  };
}

function roomResponse(body: object): Response {
  return deliveryResponse(JSON.stringify(body), { "cache-control": "no-store", "content-type": "application/json" });
}

function getShard(
  env: Env,
  { room, shards }: RoomSummary,
  participant: Pick<Participant, "subject" | "device">,
): ReturnType<Env["ROOM_SHARD"]["getByName"]> {
  const index = shardIndexFor(participantKey(participant), shards);
  return getObjectInJurisdiction(env.ROOM_SHARD, roomChildName(room, index));
}

/** A browser closes a socket whose response does not name one of the offered protocols. */
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
