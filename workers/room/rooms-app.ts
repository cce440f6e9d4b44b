/** The rooms' HTTP API: `/rooms/…`. */
import { Hono } from "hono";
import { ACCESS_DENIALS, TOKEN_ERRORS } from "../../core/access/access-policy.ts";
import {
  BeaconReplySchema,
  ClientProofsBody,
  ReplayWindowSchema,
  RoomTicketBody,
  RoomTicketSchema,
} from "../../core/api/schemas.ts";
import { refuseForeignOrigin } from "../access/page-origins.ts";
import type { AppEnv } from "../kit/app-env.ts";
import { closePrefix, closeRoutes, cors, createGuard, streamName } from "../kit/middleware.ts";
import { describeRoute, type RouteSpec } from "../kit/route-spec.ts";
import { GUEST_REFUSALS } from "./guests.ts";
import { handleRoomReplay } from "./room-replay-api.ts";
import { handleRoomBeacon, handleRoomSocket, handleRoomTicket } from "./rooms-api.ts";

const VIEWER_PROBLEMS = [...TOKEN_ERRORS, ...ACCESS_DENIALS, "too-many-requests"] as const;
const ROOMS = { tag: "Rooms" } as const satisfies RouteSpec;

/** Refuses requests from pages of foreign origins. */
const knownOriginOnly = createGuard({ problems: ["foreign-origin"] }, refuseForeignOrigin);

/** The rooms' API, mounted at `/rooms`. */
export const roomsApi: Hono<AppEnv> = new Hono<AppEnv>();

roomsApi.use("*", cors);

roomsApi.get(
  "/:stream/socket",
  streamName,
  knownOriginOnly,
  describeRoute({
    ...ROOMS,
    summary: "The room's WebSocket",
    parameters: [
      {
        name: "Sec-WebSocket-Protocol",
        in: "header",
        description: "The room's protocol followed by a ticket; `docs/room-protocol.md` describes the frames.",
        isRequired: false,
      },
    ],
    security: ["viewerToken", "anonymous"],
    answers: { 101: { description: "The socket. A refusal is a close of the socket." } },
    problems: ["websocket-expected", "ticket-over"],
  }),
  (c) => handleRoomSocket(c.var.scope, c.var.stream),
);
roomsApi.post(
  "/:stream/ticket",
  streamName,
  knownOriginOnly,
  describeRoute({
    ...ROOMS,
    summary: "Issues a ticket for the room's WebSocket",
    security: ["viewerToken", "anonymous"],
    body: { schema: RoomTicketBody, isRequired: false },
    answers: { 200: { description: "The ticket.", schema: RoomTicketSchema } },
    problems: [...TOKEN_ERRORS, ...GUEST_REFUSALS, "too-many-requests"],
  }),
  (c) => handleRoomTicket(c.var.scope, c.var.stream),
);
roomsApi.post(
  "/:stream/beacon",
  streamName,
  knownOriginOnly,
  describeRoute({
    ...ROOMS,
    summary: "Counts a viewer without a socket",
    security: ["viewerToken", "anonymous"],
    body: { schema: ClientProofsBody, isRequired: false },
    answers: { 200: { description: "The time of the next beacon.", schema: BeaconReplySchema } },
    problems: VIEWER_PROBLEMS,
  }),
  (c) => handleRoomBeacon(c.var.scope, c.var.stream),
);
roomsApi.get(
  "/:stream/replay",
  streamName,
  describeRoute({
    ...ROOMS,
    summary: "A window of the room's history by program time",
    parameters: [
      {
        name: "from",
        in: "query",
        description: "Start of the window, ms since the epoch: a multiple of the window's length.",
        isRequired: true,
        pattern: "^\\d{1,15}$",
      },
    ],
    security: ["viewerToken", "anonymous"],
    answers: { 200: { description: "The window's events.", schema: ReplayWindowSchema } },
    problems: ["invalid-parameter", ...VIEWER_PROBLEMS],
  }),
  (c) => handleRoomReplay(c.var.scope, c.var.stream),
);

closeRoutes(roomsApi, { isCrossOrigin: true });
closePrefix(roomsApi);
