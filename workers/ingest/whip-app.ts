/** WHIP (RFC 9725) for browsers and encoders: `/whip/…`; `core/ingest/whip/whip-api.ts` describes it. */
import { Hono } from "hono";
import { SDP_FRAGMENT_MEDIA_TYPE, SDP_MEDIA_TYPE } from "../../core/ingest/whip/whip-api.ts";
import type { AppEnv } from "../kit/app-env.ts";
import { closePrefix, closeRoutes, cors, streamName } from "../kit/middleware.ts";
import { describeRoute, type ParameterSpec, type RouteSpec } from "../kit/route-spec.ts";
import { KEYED_ROUTE } from "./publish-route-spec.ts";
import { handleWhip } from "./whip-api.ts";

const SESSION: ParameterSpec = {
  name: "session",
  in: "path",
  description: "The session's id, from `Location`.",
  isRequired: true,
  pattern: "^[0-9a-f]{32}$",
};
const IF_MATCH: ParameterSpec = {
  name: "If-Match",
  in: "header",
  description: "The session's `ETag`, or `*` to restart ICE.",
  isRequired: false,
};

/** Shared by all. */
const WHIP = {
  ...KEYED_ROUTE,
  tag: "WHIP",
  problems: [...KEYED_ROUTE.problems, "no-ingest-node", "unavailable"],
} as const satisfies RouteSpec;

/** WHIP, mounted at `/whip`. */
export const whipApi: Hono<AppEnv> = new Hono<AppEnv>();

whipApi.use("*", cors);
// RFC 9725 §4.2: clients learn from `OPTIONS` what may be posted.
whipApi.use("/:stream", async (c, next) => {
  await next();
  if (c.req.method === "OPTIONS") c.res.headers.set("accept-post", SDP_MEDIA_TYPE);
});
whipApi.post(
  "/:stream",
  streamName,
  describeRoute({
    ...WHIP,
    summary: "Begins a session with an offer",
    body: { mediaType: SDP_MEDIA_TYPE, isRequired: true },
    answers: { 201: { description: "The answer; `Location` is the session's address.", mediaTypes: [SDP_MEDIA_TYPE] } },
    problems: [...WHIP.problems, "invalid-offer", "already-live", "too-large", "too-slow", "unsupported-media-type"],
  }),
  (c) => handleWhip(c.var.scope, c.var.stream, null),
);
whipApi.patch(
  "/:stream/:session",
  streamName,
  describeRoute({
    ...WHIP,
    summary: "Tells candidates, which are not needed, or restarts ICE",
    parameters: [SESSION, IF_MATCH],
    body: { mediaType: SDP_FRAGMENT_MEDIA_TYPE, isRequired: true },
    answers: {
      200: { description: "ICE is restarted; this side's part.", mediaTypes: [SDP_FRAGMENT_MEDIA_TYPE] },
      204: { description: "Nothing had to change." },
    },
    problems: [
      ...WHIP.problems,
      "invalid-offer",
      "not-found",
      "precondition-failed",
      "too-large",
      "too-slow",
      "unsupported-media-type",
    ],
  }),
  (c) => handleWhip(c.var.scope, c.var.stream, c.req.param("session")),
);
whipApi.delete(
  "/:stream/:session",
  streamName,
  describeRoute({
    ...WHIP,
    summary: "Ends a session",
    parameters: [SESSION],
    answers: { 204: { description: "The session has ended." } },
    problems: [...WHIP.problems, "not-found"],
  }),
  (c) => handleWhip(c.var.scope, c.var.stream, c.req.param("session")),
);
closeRoutes(whipApi, { isCrossOrigin: true });
closePrefix(whipApi);
