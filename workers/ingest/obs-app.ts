/** What OBS asks for its multitrack video: `/api/obs/…`. */
import { Hono } from "hono";
import { ObsConfigurationSchema, ObsRequestBody } from "../../core/ingest/obs/obs-schemas.ts";
import type { AppEnv } from "../kit/app-env.ts";
import { closeRoutes, cors, jsonBody, streamName } from "../kit/middleware.ts";
import { describeRoute, type RouteSpec } from "../kit/route-spec.ts";
import { handleClientConfiguration } from "./obs-api.ts";

const OBS = {
  tag: "OBS",
  answers: {
    200: {
      description: "The renditions to encode, or a refusal in `status`, which OBS shows.",
      schema: ObsConfigurationSchema,
    },
  },
} as const satisfies RouteSpec;

/** The addresses for OBS, mounted at `/api/obs` before the control API. */
export const obsApi: Hono<AppEnv> = new Hono<AppEnv>();

obsApi.use("/GetClientConfiguration", cors);
obsApi.use("/:stream/GetClientConfiguration", cors);
obsApi.post(
  "/GetClientConfiguration",
  jsonBody(ObsRequestBody),
  describeRoute({ ...OBS, summary: "OBS's multitrack configuration; `authentication` is `{stream}?key={key}`" }),
  (c) => handleClientConfiguration(c.var.scope, null, c.req.valid("json")),
);
obsApi.post(
  "/:stream/GetClientConfiguration",
  streamName,
  jsonBody(ObsRequestBody),
  describeRoute({ ...OBS, summary: "OBS's multitrack configuration; `authentication` is a key of the stream" }),
  (c) => handleClientConfiguration(c.var.scope, c.var.stream, c.req.valid("json")),
);
closeRoutes(obsApi, { isCrossOrigin: true });
