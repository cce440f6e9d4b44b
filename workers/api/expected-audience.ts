/** `PUT /api/streams/{stream}/crowd`: the expected audience. */
import type { StreamName } from "../../core/kit/ids.ts";
import { ROOM_LIMITS } from "../../core/room/room-limits.ts";
import { registerStream } from "../access/stream-registry.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { jsonResponse } from "../kit/responses.ts";

/** Gives the stream's room shards for an audience before it arrives; 0 withdraws it. */
export async function handleExpectedAudience(
  { env, platform }: RequestScope,
  stream: StreamName,
  viewers: number,
): Promise<Response> {
  await registerStream(env, stream);
  const shards = await env.ROOM.getByName(stream).setExpectedAudience(viewers);
  const until = new Date(platform.clock.nowMs() + ROOM_LIMITS.expectedAudienceMs).toISOString();
  return jsonResponse({ stream, viewers, shards, until });
}
