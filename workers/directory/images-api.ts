/** Images of a stream: uploaded ones are in R2; of a stream without one the edge draws it. */
import { DETAILS_LIMITS } from "../../core/directory/details-limits.ts";
import { renderAvatar, renderPoster } from "../../core/directory/generated-image.ts";
import { detectImageType, IMAGE_MEDIA_TYPES, imageObjectKey } from "../../core/directory/image-type.ts";
import type { StreamImageName, StreamProfile } from "../../core/directory/stream-details.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { registerStream } from "../access/stream-registry.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { readBody } from "../kit/body-reader.ts";
import { deleteCachedBytes, readBytesThroughCache } from "../kit/colo-cache.ts";
import { jsonResponse, problemResponse, unknownRoomResponse } from "../kit/responses.ts";
import { describeProfile } from "./details-api.ts";
import { fetchProfile, forgetProfile, shownProfile } from "./stream-profiles.ts";

/** Minutes, although a version never changes: an image of a stopped stream has to leave caches. */
const IMAGE_LIFETIMES = { uploaded: "public, max-age=300", generated: "public, max-age=60" } as const;

/** Seconds in a data centre's cache: a crowd that opens a page reads the bucket once. */
const CACHE_S = 300;

/** Opened by itself, an image is a document of this origin: it loads and runs nothing. */
const IMAGE_CSP = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/** `GET …/images/{image}`: the uploaded image, else a generated one. */
export async function handleGetImage(
  scope: RequestScope,
  stream: StreamName,
  image: StreamImageName,
): Promise<Response> {
  const known = await fetchProfile(scope, stream);
  if (known === null) return unknownRoomResponse();
  const profile = shownProfile(known);
  return (await readUploaded(scope, stream, image, profile)) ?? generatedResponse(stream, image, profile);
}

async function readUploaded(
  { env, ctx }: RequestScope,
  stream: StreamName,
  image: StreamImageName,
  { images }: StreamProfile,
): Promise<Response | null> {
  const version = images[image];
  if (version === null) return null;
  const key = imageObjectKey(stream, image, version);
  // A version's bytes never change, but the same image can be uploaded again after a deletion.
  const bytes = await readBytesThroughCache(ctx, key, CACHE_S, async () => {
    const stored = await env.MEDIA.get(key);
    return stored === null ? null : new Uint8Array(await stored.arrayBuffer());
  });
  if (bytes === null) return null;
  // Told anew: nothing that stands in the bucket is sent as a document.
  const mediaType = detectImageType(bytes);
  return mediaType === null ? null : imageResponse(bytes, mediaType, IMAGE_LIFETIMES.uploaded);
}

function generatedResponse(stream: StreamName, image: StreamImageName, { details }: StreamProfile): Response {
  const svg = image === "poster" ? renderPoster(stream, details) : renderAvatar(stream, details);
  return imageResponse(svg, "image/svg+xml", IMAGE_LIFETIMES.generated);
}

function imageResponse(body: Uint8Array<ArrayBufferLike> | string, mediaType: string, lifetime: string): Response {
  return new Response(body, {
    headers: { "content-type": mediaType, "cache-control": lifetime, "content-security-policy": IMAGE_CSP },
  });
}

/** `PUT …/images/{image}`: stores an image, whatever type the request calls it. */
export async function handlePutImage(
  scope: RequestScope,
  stream: StreamName,
  image: StreamImageName,
): Promise<Response> {
  const { env, platform, request } = scope;
  const bytes = await readBody(platform.clock, request, DETAILS_LIMITS.imageBytes).catch(() => "aborted" as const);
  if (bytes === "too-large") {
    return problemResponse("too-large", `An image has at most ${DETAILS_LIMITS.imageBytes} bytes.`);
  }
  if (bytes === "too-slow") return problemResponse("too-slow");
  if (bytes === "aborted") return problemResponse("invalid-body", "The body ended early.");
  const mediaType = detectImageType(bytes);
  if (mediaType === null) {
    return problemResponse("unsupported-media-type", `An image is one of ${IMAGE_MEDIA_TYPES.join(", ")}.`, {
      headers: { accept: IMAGE_MEDIA_TYPES.join(", ") },
    });
  }
  await registerStream(env, stream);
  const version = await imageVersion(bytes);
  // First: a version that is known can be read.
  const httpMetadata = { contentType: mediaType };
  const key = imageObjectKey(stream, image, version);
  await env.MEDIA.put(key, bytes, { httpMetadata });
  await deleteCachedBytes(key);
  return setVersion(scope, stream, image, version);
}

/** `DELETE …/images/{image}`: a generated image is shown again. */
export async function handleDeleteImage(
  scope: RequestScope,
  stream: StreamName,
  image: StreamImageName,
): Promise<Response> {
  await registerStream(scope.env, stream);
  return setVersion(scope, stream, image, null);
}

async function setVersion(
  { env }: RequestScope,
  stream: StreamName,
  image: StreamImageName,
  version: string | null,
): Promise<Response> {
  const { profile, replaced } = await env.LIVE.getByName(stream).setImage(image, version);
  if (replaced !== null && replaced !== version) await env.MEDIA.delete(imageObjectKey(stream, image, replaced));
  await forgetProfile(stream);
  return jsonResponse(describeProfile(stream, profile));
}

async function imageVersion(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest.subarray(0, DETAILS_LIMITS.imageVersionBytes)]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}
