/** Dispatch: what ingest nodes tell and hear of transcode jobs, below `/api/dispatch`. */
import { Hono, type MiddlewareHandler } from "hono";
import { createMiddleware } from "hono/factory";
import type { DispatchAnswer, DispatchStatus } from "../../core/dispatch/dispatch-message.ts";
import {
  DispatchAnswerSchema,
  DispatchStatusSchema,
  NODE_NAME_PATTERN,
  NodeHeartbeatSchema,
  NodeInstanceSchema,
} from "../../core/dispatch/dispatch-schemas.ts";
import { ingestNodeOnly } from "../access/ingest-node-only.ts";
import type { AppEnv, RequestScope } from "../kit/app-env.ts";
import { closeRoutes, cors, jsonBody } from "../kit/middleware.ts";
import { jsonResponse, notFoundResponse, problemResponse } from "../kit/responses.ts";
import { describeRoute, documented, type RouteSpec } from "../kit/route-spec.ts";

const DISPATCH = { tag: "Dispatch" } as const satisfies RouteSpec;
/** The name of the only object. */
const CLUSTER = "cluster";

/** The dispatch API, mounted at `/api/dispatch`. */
export const dispatchApi: Hono<AppEnv> = new Hono<AppEnv>();

/** Parses `:node`. */
const nodeName: MiddlewareHandler<{
  Bindings: AppEnv["Bindings"];
  Variables: AppEnv["Variables"] & { node: string };
}> = documented(
  {
    parameters: [
      {
        name: "node",
        in: "path",
        description: "The node's name.",
        isRequired: true,
        pattern: NODE_NAME_PATTERN.source,
      },
    ],
    problems: ["not-found"],
  },
  createMiddleware(async (c, next) => {
    const node = c.req.param("node") ?? "";
    if (!NODE_NAME_PATTERN.test(node)) return notFoundResponse();
    c.set("node", node);
    await next();
    return undefined;
  }),
);

for (const path of ["/", "/nodes/:node"]) dispatchApi.use(path, cors);
dispatchApi.get(
  "/",
  ingestNodeOnly,
  describeRoute({
    ...DISPATCH,
    summary: "The ingest nodes with their free places",
    answers: { 200: { description: "The cluster.", schema: DispatchStatusSchema } },
  }),
  async (c) => {
    const status: DispatchStatus = await dispatchObject(c.var.scope).status();
    return jsonResponse(status);
  },
);
dispatchApi.put(
  "/nodes/:node",
  nodeName,
  ingestNodeOnly,
  jsonBody(NodeHeartbeatSchema),
  describeRoute({
    ...DISPATCH,
    summary: "A node's heartbeat, every 5 s and after a change: its capacity and jobs",
    answers: {
      200: {
        description: "The jobs that have places. Answered late while nothing changes.",
        schema: DispatchAnswerSchema,
      },
    },
    problems: ["too-many-nodes"],
  }),
  async (c) => {
    const answer: DispatchAnswer | null = await dispatchObject(c.var.scope).heartbeat(c.var.node, c.req.valid("json"));
    return answer === null ? problemResponse("too-many-nodes") : jsonResponse(answer);
  },
);
dispatchApi.delete(
  "/nodes/:node",
  nodeName,
  ingestNodeOnly,
  jsonBody(NodeInstanceSchema),
  describeRoute({
    ...DISPATCH,
    summary: "A node's process ends",
    answers: { 204: { description: "Its leases are free." } },
  }),
  async (c) => {
    await dispatchObject(c.var.scope).leave(c.var.node, c.req.valid("json").instance);
    return new Response(null, { status: 204 });
  },
);
closeRoutes(dispatchApi, { isCrossOrigin: true });

function dispatchObject({ env }: RequestScope): ReturnType<AppEnv["Bindings"]["DISPATCH"]["getByName"]> {
  return env.DISPATCH.getByName(CLUSTER);
}
