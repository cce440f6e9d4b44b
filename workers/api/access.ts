/** The control API of a stream's access: who may watch, whose tokens are revoked. */
import { z } from "zod";
import { ACCESS_LIMITS, type AccessPolicy, PLAYBACK_POLICIES } from "../../core/access/access-policy.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { ROOM_LIMITS } from "../../core/room/room-limits.ts";
import { registerStream } from "../access/stream-registry.ts";
import type { Env } from "../env.ts";
import { deliveryProblemResponse, problemResponse } from "../kit/responses.ts";
import { requireAdminToken } from "./stream-api.ts";

const PlaybackPolicyBody = z.strictObject({ playback: z.enum(PLAYBACK_POLICIES) });
const RevocationBody = z.strictObject({
  subject: z.string().min(1).max(ROOM_LIMITS.nameChars),
  /** Tokens with a lower `ver` open nothing; 0 takes a revocation back. */
  version: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
});

/** `GET /api/streams/{stream}/access`: as it stands. `PUT` with `{ playback }`: who may watch from now on. */
export async function handleStreamAccess(env: Env, request: Request, stream: StreamName): Promise<Response> {
  const refusal = await requireAdminToken(env, request);
  if (refusal !== null) return refusal;
  const live = env.LIVE.getByName(stream);
  if (request.method === "PUT") {
    const wanted = PlaybackPolicyBody.safeParse(await request.json().catch(() => null));
    if (!wanted.success) return deliveryProblemResponse(400, "Not a way to play", z.prettifyError(wanted.error));
    await registerStream(env, stream);
    if (!(await hasCompleted(live.setPlayback(wanted.data.playback)))) return incompleteChangeResponse();
  }
  return accessResponse(await live.access());
}

/** `POST /api/streams/{stream}/revocations` with `{ subject, version }`: the subject's tokens below the version end. */
export async function handleStreamRevocations(env: Env, request: Request, stream: StreamName): Promise<Response> {
  const refusal = await requireAdminToken(env, request);
  if (refusal !== null) return refusal;
  const wanted = RevocationBody.safeParse(await request.json().catch(() => null));
  if (!wanted.success) return deliveryProblemResponse(400, "Not a revocation", z.prettifyError(wanted.error));
  await registerStream(env, stream);
  const live = env.LIVE.getByName(stream);
  let taken = true;
  const revoke = async (): Promise<void> => {
    taken = await live.revoke({ ...wanted.data, by: "issuer" });
  };
  if (!(await hasCompleted(revoke()))) return incompleteChangeResponse();
  return taken ? accessResponse(await live.access()) : tooManyRevocationsResponse();
}

function accessResponse(access: AccessPolicy): Response {
  // What was taken back is of interest to nodes only.
  const revocations = access.revocations.filter(({ version }) => version > 0);
  return Response.json({ ...access, revocations }, { headers: { "cache-control": "no-store" } });
}

async function hasCompleted(work: Promise<void>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    console.warn("a change of access didn't reach all of the stream's objects", error);
    return false;
  }
}

function incompleteChangeResponse(): Response {
  return deliveryProblemResponse(503, "Not now", "The change may not have reached the whole stream; send it again.");
}

function tooManyRevocationsResponse(): Response {
  return problemResponse({
    status: 409,
    type: "/problems/too-many-revocations",
    title: "Too many revocations",
    detail: `A stream has at most ${ACCESS_LIMITS.issuerRevocations}, each for a day; use another signing key instead.`,
  });
}
