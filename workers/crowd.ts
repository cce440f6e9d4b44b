/** `PUT /api/streams/{stream}/crowd`: how many are about to come. */
import { z } from "zod";
import type { StreamName } from "../protocol/ids.ts";
import { ROOM_LIMITS } from "../protocol/room/limits.ts";
import { refuseAdminStranger } from "./api.ts";
import type { Env } from "./env.ts";
import { register } from "./registry.ts";
import { deliveryProblem } from "./responses.ts";

const Wanted = z.strictObject({ viewers: z.int().min(0).max(ROOM_LIMITS.expectedViewers) });

/** Gives the stream's room shards for a crowd before it comes; 0: nobody in particular is expected any more. */
export async function expectCrowd(env: Env, request: Request, stream: StreamName): Promise<Response> {
  const refusal = await refuseAdminStranger(env, request);
  if (refusal !== null) return refusal;
  const wanted = Wanted.safeParse(await request.json().catch(() => null));
  if (!wanted.success) return deliveryProblem(400, "Not a crowd", z.prettifyError(wanted.error));
  const { viewers } = wanted.data;
  await register(env, stream);
  const shards = await env.ROOM.getByName(stream).expect(viewers);
  const until = new Date(Date.now() + ROOM_LIMITS.expectedMs).toISOString();
  return Response.json({ stream, viewers, shards, until }, { headers: { "cache-control": "no-store" } });
}
