/** `PUT /api/streams/{stream}/crowd`: how many are about to come. */
import { z } from "zod";
import type { StreamName } from "../../core/kit/ids.ts";
import { ROOM_LIMITS } from "../../core/room/room-limits.ts";
import { registerStream } from "../access/stream-registry.ts";
import type { Env } from "../env.ts";
import { deliveryProblemResponse } from "../kit/responses.ts";
import { requireAdminToken } from "./stream-api.ts";

const ExpectedAudienceBody = z.strictObject({ viewers: z.int().min(0).max(ROOM_LIMITS.maxExpectedViewers) });

/** Gives the stream's room shards for a crowd before it comes; 0: nobody in particular is expected any more. */
export async function handleExpectedAudience(env: Env, request: Request, stream: StreamName): Promise<Response> {
  const refusal = await requireAdminToken(env, request);
  if (refusal !== null) return refusal;
  const wanted = ExpectedAudienceBody.safeParse(await request.json().catch(() => null));
  if (!wanted.success) return deliveryProblemResponse(400, "Not a crowd", z.prettifyError(wanted.error));
  const { viewers } = wanted.data;
  await registerStream(env, stream);
  const shards = await env.ROOM.getByName(stream).setExpectedAudience(viewers);
  const until = new Date(Date.now() + ROOM_LIMITS.expectedAudienceMs).toISOString();
  return Response.json({ stream, viewers, shards, until }, { headers: { "cache-control": "no-store" } });
}
