/** The control API: `/api/…`. */
import { Hono, type MiddlewareHandler } from "hono";
import { createMiddleware } from "hono/factory";
import {
  AccessSchema,
  BroadcastListSchema,
  ErasureSchema,
  ExpectedAudienceBody,
  ExpectedAudienceSchema,
  IngestAddressesSchema,
  JurisdictionBody,
  JurisdictionSchema,
  PlaybackPolicyBody,
  RevocationBody,
  StopBody,
  StopStateSchema,
  StopUndoBody,
  StreamStatusSchema,
  SubjectExportSchema,
} from "../../core/api/schemas.ts";
import { readText } from "../../core/kit/json-fields.ts";
import { ROOM_LIMITS } from "../../core/room/room-limits.ts";
import { adminOnly } from "../access/admin-only.ts";
import { hostOrOperatorOnly } from "../access/host-or-operator.ts";
import { detailsApi } from "../directory/details-app.ts";
import type { AppEnv } from "../kit/app-env.ts";
import { closePrefix, closeRoutes, cors, jsonBody, streamName } from "../kit/middleware.ts";
import { notFoundResponse, problemResponse } from "../kit/responses.ts";
import { describeRoute, documented, type RouteSpec } from "../kit/route-spec.ts";
import { handleGetAccess, handlePostRevocation, handlePutAccess } from "./access-api.ts";
import { handleStreamBroadcasts } from "./broadcasts-api.ts";
import { handleExpectedAudience } from "./expected-audience.ts";
import { handleIngestAddresses } from "./ingest-addresses-api.ts";
import { handleJurisdiction } from "./jurisdiction-api.ts";
import { qualityApi } from "./quality-app.ts";
import { handleDeleteStop, handleGetStop, handlePostStop } from "./stop-api.ts";
import { handleStreamRestart, handleStreamStatus } from "./stream-api.ts";
import { streamHealthApi } from "./stream-health-app.ts";
import { streamKeysApi } from "./stream-keys-app.ts";
import { handleSubjectErasure, handleSubjectExport } from "./subjects-api.ts";

const STREAMS = { tag: "Streams" } as const satisfies RouteSpec;
const ACCESS = { tag: "Access control" } as const satisfies RouteSpec;
const SUBJECTS = { tag: "Subject data" } as const satisfies RouteSpec;

/** The control API, mounted at `/api`. */
export const controlApi: Hono<AppEnv> = new Hono<AppEnv>();

controlApi.use("*", cors);

controlApi.get(
  "/streams/:stream",
  streamName,
  describeRoute({
    ...STREAMS,
    summary: "A stream's state and counters",
    answers: { 200: { description: "The status.", schema: StreamStatusSchema } },
    problems: ["crowded"],
  }),
  (c) => handleStreamStatus(c.var.scope, c.var.stream),
);
controlApi.get(
  "/streams/:stream/broadcasts",
  streamName,
  describeRoute({
    ...STREAMS,
    summary: "A stream's broadcasts",
    answers: { 200: { description: "The broadcasts, newest first.", schema: BroadcastListSchema } },
    problems: ["crowded"],
  }),
  (c) => handleStreamBroadcasts(c.var.scope, c.var.stream),
);
controlApi.route("/", streamHealthApi);
controlApi.route("/", qualityApi);
controlApi.route("/", streamKeysApi);
controlApi.route("/", detailsApi);
controlApi.get(
  "/streams/:stream/ingest",
  streamName,
  hostOrOperatorOnly,
  describeRoute({
    ...STREAMS,
    summary: "The addresses that encoders send to",
    answers: { 200: { description: "The listeners by protocol.", schema: IngestAddressesSchema } },
  }),
  (c) => handleIngestAddresses(c.var.scope, c.var.stream),
);
controlApi.post(
  "/streams/:stream/restart",
  streamName,
  adminOnly,
  describeRoute({
    ...STREAMS,
    summary: "Restarts a node of a stream",
    parameters: [
      {
        name: "node",
        in: "query",
        description: "The node, like `live` (by default), `weur` or `weur.FRA.0`.",
        isRequired: false,
      },
    ],
    answers: { 204: { description: "The node restarts from what is stored; viewers continue." } },
    problems: ["invalid-parameter"],
  }),
  (c) => handleStreamRestart(c.var.scope, c.var.stream),
);
controlApi.get(
  "/streams/:stream/access",
  streamName,
  adminOnly,
  describeRoute({
    ...ACCESS,
    summary: "A stream's playback policy and revocations",
    answers: { 200: { description: "The access.", schema: AccessSchema } },
  }),
  (c) => handleGetAccess(c.var.scope, c.var.stream),
);
controlApi.put(
  "/streams/:stream/access",
  streamName,
  adminOnly,
  jsonBody(PlaybackPolicyBody),
  describeRoute({
    ...ACCESS,
    summary: "Sets a stream's playback policy",
    answers: { 200: { description: "The access.", schema: AccessSchema } },
    problems: ["change-incomplete"],
  }),
  (c) => handlePutAccess(c.var.scope, c.var.stream, c.req.valid("json").playback),
);
controlApi.post(
  "/streams/:stream/revocations",
  streamName,
  adminOnly,
  jsonBody(RevocationBody),
  describeRoute({
    ...ACCESS,
    summary: "Revokes a subject's tokens below a version",
    answers: { 200: { description: "The access.", schema: AccessSchema } },
    problems: ["change-incomplete", "too-many-revocations"],
  }),
  (c) => handlePostRevocation(c.var.scope, c.var.stream, c.req.valid("json")),
);
controlApi.get(
  "/streams/:stream/stop",
  streamName,
  hostOrOperatorOnly,
  describeRoute({
    ...ACCESS,
    summary: "A stream's stop and the record of stops",
    answers: { 200: { description: "The stop and the record.", schema: StopStateSchema } },
  }),
  (c) => handleGetStop(c.var.scope, c.var.stream),
);
controlApi.post(
  "/streams/:stream/stop",
  streamName,
  hostOrOperatorOnly,
  jsonBody(StopBody),
  describeRoute({
    ...ACCESS,
    summary: "Stops a stream",
    answers: { 200: { description: "The stop and the record.", schema: StopStateSchema } },
    problems: ["stopped-by-operator", "change-incomplete"],
  }),
  (c) => handlePostStop(c.var.scope, c.var.stream, c.var.actor, c.req.valid("json")),
);
controlApi.delete(
  "/streams/:stream/stop",
  streamName,
  hostOrOperatorOnly,
  jsonBody(StopUndoBody, false),
  describeRoute({
    ...ACCESS,
    summary: "Undoes a stop",
    answers: { 200: { description: "The stop and the record.", schema: StopStateSchema } },
    problems: ["stopped-by-operator", "change-incomplete"],
  }),
  (c) => handleDeleteStop(c.var.scope, c.var.stream, c.var.actor, c.req.valid("json").by),
);
controlApi.put(
  "/streams/:stream/crowd",
  streamName,
  adminOnly,
  jsonBody(ExpectedAudienceBody),
  describeRoute({
    ...STREAMS,
    summary: "Announces an expected audience",
    answers: { 200: { description: "The room's shards.", schema: ExpectedAudienceSchema } },
  }),
  (c) => handleExpectedAudience(c.var.scope, c.var.stream, c.req.valid("json").viewers),
);
controlApi.put(
  "/streams/:stream/jurisdiction",
  streamName,
  adminOnly,
  jsonBody(JurisdictionBody),
  describeRoute({
    ...SUBJECTS,
    summary: "Binds a stream's room to a jurisdiction",
    answers: { 200: { description: "The binding.", schema: JurisdictionSchema } },
    problems: ["no-jurisdictions", "room-in-use"],
  }),
  (c) => handleJurisdiction(c.var.scope, c.var.stream, c.req.valid("json").jurisdiction),
);

/** Parses `:id`; a subject may have any characters. */
const subjectId: MiddlewareHandler<{
  Bindings: AppEnv["Bindings"];
  Variables: AppEnv["Variables"] & { subject: string };
}> = documented(
  {
    parameters: [{ name: "id", in: "path", description: "The subject, percent-encoded.", isRequired: true }],
    problems: ["not-found", "invalid-parameter"],
  },
  createMiddleware(async (c, next) => {
    const text = decodeSubjectPath(c.req.url);
    if (text === null) return notFoundResponse();
    const subject = readText(text, ROOM_LIMITS.nameChars);
    if (subject === null) {
      return problemResponse("invalid-parameter", `A subject has 1 to ${ROOM_LIMITS.nameChars} characters.`);
    }
    c.set("subject", subject);
    await next();
    return undefined;
  }),
);

/** The subject in a path, or null if its escapes are invalid UTF-8, which the router leaves unchanged. */
function decodeSubjectPath(url: string): string | null {
  try {
    return decodeURIComponent(new URL(url).pathname.split("/")[3] ?? "");
  } catch {
    return null;
  }
}

controlApi.delete(
  "/subjects/:id",
  adminOnly,
  subjectId,
  describeRoute({
    ...SUBJECTS,
    summary: "Erases a subject's data",
    answers: {
      200: { description: "The subject's keys are destroyed in every room.", schema: ErasureSchema },
      202: { description: "Rooms have not confirmed the erasure yet; repeat the request.", schema: ErasureSchema },
    },
  }),
  (c) => handleSubjectErasure(c.var.scope, c.var.subject),
);
controlApi.get(
  "/subjects/:id/export",
  adminOnly,
  subjectId,
  describeRoute({
    ...SUBJECTS,
    summary: "Exports a subject's data",
    answers: { 200: { description: "All data of the subject.", schema: SubjectExportSchema } },
  }),
  (c) => handleSubjectExport(c.var.scope, c.var.subject),
);

closeRoutes(controlApi, { isCrossOrigin: true });
closePrefix(controlApi);
