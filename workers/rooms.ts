/** The room at the gateway: who comes, which shard is theirs; tickets and beacons. */
import { newerAccess, refusalOf, type TokenError } from "../protocol/access.ts";
import type { StreamName } from "../protocol/ids.ts";
import { objectName } from "../protocol/room/address.ts";
import { type Viewer, viewerKey } from "../protocol/room/events.ts";
import { parseMembers } from "../protocol/room/fields.ts";
import { ROOM_LIMITS } from "../protocol/room/limits.ts";
import type { Place } from "../protocol/room/place.ts";
import { shardOf } from "../protocol/room/shards.ts";
import { closeFor } from "../protocol/room/standing.ts";
import { CLOSES, type CloseName, SOCKET_PROTOCOL } from "../protocol/room/wire.ts";
import { standingStop } from "../protocol/stop.ts";
import { located } from "../tiers/located.ts";
import type { Lifetime } from "../tiers/stream-edge.ts";
import { servedEdge } from "./edge/edges.ts";
import type { Env } from "./env.ts";
import { refusalResponse, stoppedResponse, tokenOf } from "./gate.ts";
import { addressesOf } from "./networks.ts";
import { refuseForeignPage } from "./origins.ts";
import { type Limited, refuseFast } from "./rate-limits.ts";
import { hasRoom } from "./registry.ts";
import { answer, deliveryProblem, noRoom, problemResponse } from "./responses.ts";
import { placeOf } from "./room-place.ts";
import { sealTicket, TICKET_LIMITS, ticketOf } from "./tickets.ts";
import { type Shown, socketViewerOf, type Visitor, visitorOf } from "./visitors.ts";

/** Seconds within which those come back who come while the room doesn't answer. */
const COME_BACK_S = "5";
/** Bytes of what a page says of itself. */
const SHOWN_BYTES = 512;

/** Those who wait for a stream that nobody has registered yet look again within so many. */
const NO_ROOM_COME_BACK_S = "10";

/** `GET /rooms/{stream}/socket` with a ticket in `Sec-WebSocket-Protocol`: the socket, at the viewer's shard. */
export async function roomSocket(env: Env, request: Request, life: Lifetime, stream: StreamName): Promise<Response> {
  const foreign = refuseForeignPage(env, request);
  if (foreign !== null) return foreign;
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    return deliveryProblem(400, "Not a WebSocket", "Connect to this address with a WebSocket.");
  }
  const viewer = await unlessFast(env, "sockets", request, {
    look: () => socketViewerOf(env, request, stream),
    subjectOf: (found) => (typeof found === "string" ? null : found.subject),
  });
  if (viewer instanceof Response) {
    return closedSocket(CLOSES.comeBack.code, viewer.headers.get("retry-after") ?? COME_BACK_S);
  }
  if (viewer === "ticket-over") return ticketOver();
  // Browsers don't show scripts the answer to a failed upgrade, but they do show a close.
  if (typeof viewer === "string") return closedSocket(CLOSES.token.code, viewer);
  const opened = await openedFor(env, life, stream, viewer);
  return ticketOf(request) === null ? opened : inProtocol(opened);
}

async function openedFor(env: Env, life: Lifetime, stream: StreamName, viewer: Viewer): Promise<Response> {
  if (!(await hasRoom(env, life, stream, viewer.subject !== null))) {
    return closedSocket(CLOSES.comeBack.code, NO_ROOM_COME_BACK_S);
  }
  const place = await placeOf(env, life, stream);
  if (place === null) return closedSocket(CLOSES.comeBack.code, COME_BACK_S);
  const access = newerAccess(place.access, servedEdge(stream)?.access);
  const refusal = refusalOf(access, viewer, Date.now());
  if (refusal !== null) {
    const { name, reason } = closeFor(refusal, access, viewer);
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

/** `POST /rooms/{stream}/ticket` with `{ device, playback }`: what opens the socket, and a key where the device needs one. */
export async function roomTicket(env: Env, request: Request, stream: StreamName): Promise<Response> {
  const foreign = refuseForeignPage(env, request);
  if (foreign !== null) return foreign;
  const visitor = await visitorUnlessFast(env, "sockets", request, stream);
  if (visitor instanceof Response) return visitor;
  if (typeof visitor === "string") return refusalResponse(visitor);
  const ticket = await sealTicket(env, stream, visitor.viewer, Date.now());
  if (ticket === null) return deliveryProblem(503, "Not now", "The deployment has no secret to sign with.");
  return json({
    ticket,
    lastsMs: TICKET_LIMITS.lifeMs,
    counted: isCounted(visitor.viewer),
    ...deviceIn(visitor.issued),
  });
}

/** `POST /rooms/{stream}/beacon` with `{ device, playback }`: a viewer without a socket watches. */
export async function roomBeacon(env: Env, request: Request, life: Lifetime, stream: StreamName): Promise<Response> {
  const foreign = refuseForeignPage(env, request);
  if (foreign !== null) return foreign;
  const visitor = await visitorUnlessFast(env, "beacons", request, stream);
  if (visitor instanceof Response) return visitor;
  if (typeof visitor === "string") return refusalResponse(visitor);
  if (!(await hasRoom(env, life, stream, visitor.viewer.subject !== null))) return noRoom();
  const place = await placeOf(env, life, stream);
  if (place === null)
    return deliveryProblem(503, "Not now", "The room didn't answer; send the next one when it is due.");
  const { viewer, issued } = visitor;
  const access = newerAccess(place.access, servedEdge(stream)?.access);
  const stop = standingStop(access, Date.now());
  if (stop !== null) return stoppedResponse(stop);
  const refusal = refusalOf(access, viewer, Date.now());
  if (refusal !== null) return refusalResponse(refusal);
  const { countedAs } = viewer;
  if (countedAs !== undefined) {
    const { address } = await addressesOf(env, request, stream);
    const network = viewer.subject === null ? address : null;
    await shardFor(env, place, viewer).beacon({ key: viewerKey(viewer), countedAs, network }, place.shards);
  }
  return json({ nextMs: ROOM_LIMITS.beaconMs, counted: isCounted(viewer), ...deviceIn(issued) });
}

/**
 * Who comes, as `look` finds it, or the refusal of who comes too fast. Who has a token is counted by who that says it is, all
 * others by their network: those who bring neither token nor ticket before anything is looked up.
 */
async function unlessFast<Found>(
  env: Env,
  kind: Limited,
  request: Request,
  { look, subjectOf }: { look(): Promise<Found>; subjectOf(found: Found): string | null },
): Promise<Found | Response> {
  const brought = tokenOf(request) !== null || ticketOf(request) !== null;
  const early = brought ? null : await refuseFast(env, kind, request);
  if (early !== null) return early;
  const found = await look();
  const late = brought ? await refuseFast(env, kind, request, subjectOf(found)) : null;
  return late ?? found;
}

const visitorUnlessFast = (
  env: Env,
  kind: Limited,
  request: Request,
  stream: StreamName,
): Promise<Visitor | TokenError | Response> =>
  unlessFast(env, kind, request, {
    look: async () => visitorOf(env, request, stream, await shownIn(request)),
    subjectOf: (found) => (typeof found === "string" ? null : found.viewer.subject),
  });

const isCounted = ({ countedAs }: Pick<Viewer, "countedAs">): boolean => countedAs !== undefined;

const deviceIn = (issued: string | null): { device?: string } => (issued === null ? {} : { device: issued });

/** What a page says of itself; whatever isn't that says nothing. */
async function shownIn(request: Request): Promise<Shown> {
  const length = Number(request.headers.get("content-length") ?? 0);
  const said = length > 0 && length <= SHOWN_BYTES ? parseMembers(await request.text().catch(() => "")) : null;
  const { device, playback } = said ?? {};
  return {
    device: typeof device === "string" ? device : null,
    playback: typeof playback === "string" ? playback : null,
  };
}

function json(body: object): Response {
  return answer(JSON.stringify(body), { "cache-control": "no-store", "content-type": "application/json" });
}

function ticketOver(): Response {
  return problemResponse({
    status: 401,
    type: "/problems/ticket-over",
    title: "The ticket opens nothing",
    detail: "Tickets last for seconds, and for one room; get another one where this one came from.",
  });
}

function shardFor(
  env: Env,
  { room, shards }: Place,
  viewer: Pick<Viewer, "subject" | "device">,
): ReturnType<Env["ROOM_SHARD"]["getByName"]> {
  return located(env.ROOM_SHARD, objectName(room, shardOf(viewerKey(viewer), shards)));
}

/** A browser closes a socket that doesn't say which of the protocols that it named is spoken. */
function inProtocol({ status, webSocket, body }: Response): Response {
  if (webSocket === null) return new Response(body, { status });
  return new Response(null, { status, webSocket, headers: { "sec-websocket-protocol": SOCKET_PROTOCOL } });
}

function closedSocket(code: number, reason: string): Response {
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  server.close(code, reason);
  return new Response(null, { status: 101, webSocket: client });
}
