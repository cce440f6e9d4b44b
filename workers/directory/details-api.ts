/** A stream's details: read by everybody, written by its hosts and the operator. */
import type { StreamDetailsAnswer } from "../../core/api/stream-details-schemas.ts";
import {
  imagePath,
  type StreamDetails,
  type StreamImageName,
  type StreamProfile,
} from "../../core/directory/stream-details.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { stoppedStreamResponse } from "../access/playback-authorization.ts";
import { registerStream } from "../access/stream-registry.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { jsonResponse, unknownRoomResponse } from "../kit/responses.ts";
import { fetchProfile, forgetProfile } from "./stream-profiles.ts";

/** Of details that everybody may read: as long as an isolate may hold a stream's status. */
const DETAILS_LIFETIME = "public, max-age=1";

/** `GET …/details`. */
export async function handleGetDetails(scope: RequestScope, stream: StreamName): Promise<Response> {
  const known = await fetchProfile(scope, stream);
  if (known === null) return unknownRoomResponse();
  if (known.stop !== null) return stoppedStreamResponse(known.stop);
  return Response.json(describeProfile(stream, known.profile), { headers: { "cache-control": DETAILS_LIFETIME } });
}

/** `PUT …/details`: replaces all of them. */
export async function handlePutDetails(
  { env }: RequestScope,
  stream: StreamName,
  details: StreamDetails,
): Promise<Response> {
  await registerStream(env, stream);
  const profile = await env.LIVE.getByName(stream).setDetails(details);
  await forgetProfile(stream);
  return jsonResponse(describeProfile(stream, profile));
}

/** The details as the API has them. */
export function describeProfile(stream: StreamName, profile: StreamProfile): StreamDetailsAnswer {
  const image = (name: StreamImageName): StreamDetailsAnswer["poster"] => ({
    path: imagePath(stream, name, profile),
    isGenerated: profile.images[name] === null,
  });
  return { stream, ...profile.details, poster: image("poster"), avatar: image("avatar") };
}
