/** The publish API: `/ingest/…`; `core/ingest/publish-api.ts` describes it. */
import { Hono } from "hono";
import { CHUNKS_HEADER, PART_HEADER } from "../../core/ingest/publish-api.ts";
import { BroadcastOpeningSchema, PublishProgressSchema } from "../../core/ingest/publish-schemas.ts";
import type { AppEnv } from "../kit/app-env.ts";
import { closePrefix, closeRoutes, cors, streamName } from "../kit/middleware.ts";
import { describeRoute, type ParameterSpec, type RouteSpec } from "../kit/route-spec.ts";
import { handleIngest } from "./ingest-api.ts";
import { KEYED_ROUTE, publisherParameter } from "./publish-route-spec.ts";

const BROADCAST: ParameterSpec = {
  name: "broadcast",
  in: "path",
  description: "The broadcast's id: 8–32 of a–z 0–9, never reused.",
  isRequired: true,
};
const TRACK: ParameterSpec = { name: "track", in: "path", description: "The track's name.", isRequired: true };
const FILE: ParameterSpec = {
  name: "file",
  in: "path",
  description:
    "`init-{version}.mp4`, `{msn}.{part}.m4s`, or `{msn}.{part}.rest.m4s` of a part whose first frames were chunks.",
  isRequired: true,
};
const FORCE: ParameterSpec = {
  name: "handover",
  in: "query",
  description: "Present, with any value: a key of any role takes over.",
  isRequired: false,
};
const PUBLISHER = publisherParameter("Random id of the publishing process.", true);
const PART: ParameterSpec = {
  name: PART_HEADER,
  in: "header",
  description: "The metadata of a part: JSON of the schema `PartMeta`.",
  isRequired: false,
};
const CHUNKS: ParameterSpec = {
  name: CHUNKS_HEADER,
  in: "header",
  description: "Of a part's rest: JSON of the number of its `frames` that were sent, and of its `byteLength`.",
  isRequired: false,
};

/** Shared by all PUTs. */
const PUBLISH = {
  ...KEYED_ROUTE,
  tag: "Publishing",
  answers: { 200: { description: "The edge's progress.", schema: PublishProgressSchema } },
  problems: [...KEYED_ROUTE.problems, "already-live", "replaced", "ended"],
} as const satisfies RouteSpec;

/** The publish API, mounted at `/ingest`. */
export const publishApi: Hono<AppEnv> = new Hono<AppEnv>();

publishApi.use("*", cors);

publishApi.put(
  "/:stream/:broadcast",
  streamName,
  describeRoute({
    ...PUBLISH,
    summary: "Opens a broadcast",
    parameters: [BROADCAST, PUBLISHER],
    body: { schema: BroadcastOpeningSchema, isRequired: true },
    problems: [...PUBLISH.problems, "too-large", "too-slow"],
  }),
  (c) => handleIngest(c.var.scope, c.var.stream, c.req.param("broadcast"), { kind: "opening" }),
);
publishApi.put(
  "/:stream/:broadcast/handover",
  streamName,
  describeRoute({
    ...PUBLISH,
    summary: "Takes a broadcast over from its publisher",
    parameters: [BROADCAST, PUBLISHER, FORCE],
    problems: [...PUBLISH.problems, "not-open"],
  }),
  (c) => handleIngest(c.var.scope, c.var.stream, c.req.param("broadcast"), { kind: "handover" }),
);
publishApi.put(
  "/:stream/:broadcast/end",
  streamName,
  describeRoute({
    ...PUBLISH,
    summary: "Ends a broadcast",
    parameters: [BROADCAST, PUBLISHER],
    problems: [...PUBLISH.problems, "not-open"],
  }),
  (c) => handleIngest(c.var.scope, c.var.stream, c.req.param("broadcast"), { kind: "end" }),
);
publishApi.put(
  "/:stream/:broadcast/chunks",
  streamName,
  describeRoute({
    ...PUBLISH,
    summary: "Publishes chunks: frames of parts that are not complete",
    parameters: [BROADCAST, PUBLISHER],
    body: { mediaType: "application/octet-stream", isRequired: true },
    problems: [...PUBLISH.problems, "not-open", "chunks-missing", "too-large", "too-slow"],
  }),
  (c) => handleIngest(c.var.scope, c.var.stream, c.req.param("broadcast"), { kind: "chunks" }),
);
publishApi.put(
  "/:stream/:broadcast/:track/:file",
  streamName,
  describeRoute({
    ...PUBLISH,
    summary: "Publishes an init section or a part",
    parameters: [BROADCAST, TRACK, FILE, PUBLISHER, PART, CHUNKS],
    body: { mediaType: "application/octet-stream", isRequired: true },
    problems: [
      ...PUBLISH.problems,
      "not-open",
      "init-missing",
      "chunks-missing",
      "out-of-order",
      "too-large",
      "too-slow",
    ],
  }),
  (c) =>
    handleIngest(c.var.scope, c.var.stream, c.req.param("broadcast"), {
      kind: "file",
      track: c.req.param("track"),
      file: c.req.param("file"),
    }),
);

closeRoutes(publishApi, { isCrossOrigin: true });
closePrefix(publishApi);
