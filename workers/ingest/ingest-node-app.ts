/** What ingest nodes ask and tell the edge: `/ingest/{stream}/session`, `…/srt-passphrase` and `…/health`. None is the id of a broadcast. */
import { Hono } from "hono";
import { HealthReportBody } from "../../core/ingest/health/health-schemas.ts";
import { PassphraseBody, PassphraseSchema, PublisherSessionSchema } from "../../core/ingest/publish-schemas.ts";
import { ingestNodeOnly } from "../access/ingest-node-only.ts";
import type { AppEnv } from "../kit/app-env.ts";
import { closeRoutes, cors, jsonBody, streamName } from "../kit/middleware.ts";
import { describeRoute, type RouteSpec } from "../kit/route-spec.ts";
import { handlePassphrase, handlePutHealth, handleSession } from "./ingest-node-api.ts";
import { KEYED_ROUTE, publisherParameter } from "./publish-route-spec.ts";

const NODES = { tag: "Ingest nodes" } as const satisfies RouteSpec;
const PUBLISHER = publisherParameter(
  "The id of the publishing process, if it has one: its running session goes on.",
  false,
);

/** The addresses for ingest nodes, mounted at `/ingest` before the publish API. */
export const ingestNodeApi: Hono<AppEnv> = new Hono<AppEnv>();

ingestNodeApi.use("/:stream/session", cors);
ingestNodeApi.use("/:stream/srt-passphrase", cors);
ingestNodeApi.use("/:stream/health", cors);
ingestNodeApi.post(
  "/:stream/session",
  streamName,
  describeRoute({
    ...NODES,
    summary: "Whether a publisher may publish now; no use is counted",
    ...KEYED_ROUTE,
    parameters: [PUBLISHER],
    answers: { 200: { description: "It may, unless another one is live.", schema: PublisherSessionSchema } },
  }),
  (c) => handleSession(c.var.scope, c.var.stream),
);
ingestNodeApi.post(
  "/:stream/srt-passphrase",
  streamName,
  ingestNodeOnly,
  jsonBody(PassphraseBody),
  describeRoute({
    ...NODES,
    summary: "The SRT passphrase of a stream key",
    parameters: [PUBLISHER],
    answers: { 200: { description: "The passphrase.", schema: PassphraseSchema } },
    problems: ["malformed"],
  }),
  (c) => handlePassphrase(c.var.scope, c.var.stream, c.req.valid("json")),
);
ingestNodeApi.put(
  "/:stream/health",
  streamName,
  describeRoute({
    ...NODES,
    summary: "Reports the health of a sender, every 2 s and after a change",
    ...KEYED_ROUTE,
    parameters: [PUBLISHER],
    body: { schema: HealthReportBody, isRequired: true },
    answers: { 204: { description: "The report is held in memory, and told for 10 s." } },
    problems: [...KEYED_ROUTE.problems, "already-live", "too-large", "too-slow"],
  }),
  (c) => handlePutHealth(c.var.scope, c.var.stream),
);
closeRoutes(ingestNodeApi, { isCrossOrigin: true });
