/** The routes of streams' details and images, a part of the control API. */
import { Hono, type MiddlewareHandler } from "hono";
import { createMiddleware } from "hono/factory";
import { DirectorySchema } from "../../core/api/directory-schemas.ts";
import { OembedSchema, StreamDetailsBody, StreamDetailsSchema } from "../../core/api/stream-details-schemas.ts";
import { DETAILS_LIMITS } from "../../core/directory/details-limits.ts";
import { IMAGE_MEDIA_TYPES } from "../../core/directory/image-type.ts";
import { parseImageName, STREAM_IMAGES, type StreamImageName } from "../../core/directory/stream-details.ts";
import { hostOrOperatorOnly } from "../access/host-or-operator.ts";
import type { AppEnv } from "../kit/app-env.ts";
import { jsonBody, streamName } from "../kit/middleware.ts";
import { notFoundResponse } from "../kit/responses.ts";
import { describeRoute, documented, type RouteSpec } from "../kit/route-spec.ts";
import { handleGetDetails, handlePutDetails } from "./details-api.ts";
import { handleDirectory } from "./directory-api.ts";
import { handleDeleteImage, handleGetImage, handlePutImage } from "./images-api.ts";
import { handleOembed } from "./oembed-api.ts";

const DETAILS = { tag: "Details" } as const satisfies RouteSpec;
const ANSWER = { description: "The details.", schema: StreamDetailsSchema };

/** Mounted in the control API, which completes its addresses. */
export const detailsApi: Hono<AppEnv> = new Hono<AppEnv>();

/** Parses `:image`. */
const imageName: MiddlewareHandler<{
  Bindings: AppEnv["Bindings"];
  Variables: AppEnv["Variables"] & { image: StreamImageName };
}> = documented(
  {
    parameters: [
      {
        name: "image",
        in: "path",
        description: "The image.",
        isRequired: true,
        pattern: `^(${STREAM_IMAGES.join("|")})$`,
      },
    ],
    problems: ["not-found"],
  },
  createMiddleware(async (c, next) => {
    const image = parseImageName(c.req.param("image") ?? "");
    if (image === null) return notFoundResponse();
    c.set("image", image);
    await next();
    return undefined;
  }),
);

detailsApi.get(
  "/streams/:stream/details",
  streamName,
  describeRoute({
    ...DETAILS,
    summary: "A stream's title, host, description, links, images and schedule",
    answers: { 200: ANSWER },
    problems: ["stopped"],
  }),
  (c) => handleGetDetails(c.var.scope, c.var.stream),
);
detailsApi.put(
  "/streams/:stream/details",
  streamName,
  hostOrOperatorOnly,
  jsonBody(StreamDetailsBody, true, DETAILS_LIMITS.bodyBytes),
  describeRoute({ ...DETAILS, summary: "Replaces a stream's details", answers: { 200: ANSWER } }),
  (c) => handlePutDetails(c.var.scope, c.var.stream, c.req.valid("json")),
);
detailsApi.get(
  "/streams/:stream/images/:image",
  streamName,
  imageName,
  describeRoute({
    ...DETAILS,
    summary: "An image of a stream: the uploaded one, else a generated SVG",
    answers: { 200: { description: "The image.", mediaTypes: [...IMAGE_MEDIA_TYPES, "image/svg+xml"] } },
  }),
  (c) => handleGetImage(c.var.scope, c.var.stream, c.var.image),
);
detailsApi.put(
  "/streams/:stream/images/:image",
  streamName,
  imageName,
  hostOrOperatorOnly,
  describeRoute({
    ...DETAILS,
    summary: "Uploads an image of a stream: PNG, JPEG, WebP or AVIF",
    body: { mediaType: "image/*", isRequired: true },
    answers: { 200: ANSWER },
    problems: ["invalid-body", "too-large", "too-slow", "unsupported-media-type"],
  }),
  (c) => handlePutImage(c.var.scope, c.var.stream, c.var.image),
);
detailsApi.delete(
  "/streams/:stream/images/:image",
  streamName,
  imageName,
  hostOrOperatorOnly,
  describeRoute({ ...DETAILS, summary: "Removes an uploaded image", answers: { 200: ANSWER } }),
  (c) => handleDeleteImage(c.var.scope, c.var.stream, c.var.image),
);
detailsApi.get(
  "/directory",
  describeRoute({
    ...DETAILS,
    summary: "What is live, by viewers, what is announced, and the latest recordings",
    parameters: [{ name: "after", in: "query", description: "`next` of the page before.", isRequired: false }],
    answers: { 200: { description: "The lists.", schema: DirectorySchema } },
    problems: ["invalid-parameter"],
  }),
  (c) => handleDirectory(c.var.scope),
);
detailsApi.get(
  "/oembed",
  describeRoute({
    ...DETAILS,
    summary: "oEmbed of a watch page",
    parameters: [
      { name: "url", in: "query", description: "The watch page's address.", isRequired: true },
      { name: "format", in: "query", description: "`json`.", isRequired: false },
      { name: "maxwidth", in: "query", description: "The widest frame, pixels.", isRequired: false },
      { name: "maxheight", in: "query", description: "The highest frame, pixels.", isRequired: false },
    ],
    answers: { 200: { description: "The answer of oembed.com §2.3.4.", schema: OembedSchema } },
    problems: ["invalid-parameter", "not-found"],
  }),
  (c) => handleOembed(c.var.scope),
);
