/** The control API of a stream's access policy: playback policy and revocations. */
import { ACCESS_LIMITS, type AccessPolicy, type PlaybackPolicy } from "../../core/access/access-policy.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { registerStream } from "../access/stream-registry.ts";
import { forgetProfile } from "../directory/stream-profiles.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { jsonResponse, problemResponse } from "../kit/responses.ts";

/** `GET …/access`: the current policy. */
export async function handleGetAccess({ env }: RequestScope, stream: StreamName): Promise<Response> {
  return accessResponse(await env.LIVE.getByName(stream).access());
}

/** `PUT …/access`: sets the playback policy. */
export async function handlePutAccess(
  { env }: RequestScope,
  stream: StreamName,
  playback: PlaybackPolicy,
): Promise<Response> {
  await registerStream(env, stream);
  const live = env.LIVE.getByName(stream);
  const isComplete = await hasCompleted(live.setPlayback(playback));
  // Who may embed the player follows from the policy. An incomplete change may have taken effect.
  await forgetProfile(stream);
  if (!isComplete) return problemResponse("change-incomplete");
  return accessResponse(await live.access());
}

/** `POST …/revocations`: revokes the subject's tokens below the version. */
export async function handlePostRevocation(
  { env }: RequestScope,
  stream: StreamName,
  revocation: { readonly subject: string; readonly version: number },
): Promise<Response> {
  await registerStream(env, stream);
  const live = env.LIVE.getByName(stream);
  let isAccepted = true;
  const revoke = async (): Promise<void> => {
    isAccepted = await live.revoke({ ...revocation, by: "issuer" });
  };
  if (!(await hasCompleted(revoke()))) return problemResponse("change-incomplete");
  if (isAccepted) return accessResponse(await live.access());
  return problemResponse(
    "too-many-revocations",
    `A stream has at most ${ACCESS_LIMITS.issuerRevocations}, each for a day; use another signing key instead.`,
  );
}

function accessResponse(access: AccessPolicy): Response {
  // Undone revocations concern nodes only.
  const revocations = access.revocations.filter(({ version }) => version > 0);
  return jsonResponse({ ...access, revocations });
}

async function hasCompleted(work: Promise<void>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    console.warn("a change of access did not reach every object of the stream", error);
    return false;
  }
}
