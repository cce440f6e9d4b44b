/** `PUT /api/streams/{stream}/jurisdiction`: the jurisdiction of a stream's room. */
import type { StreamName } from "../../core/kit/ids.ts";
import { listJurisdictions } from "../../core/room/jurisdiction-namespace.ts";
import { type Jurisdiction, roomObjectName } from "../../core/room/object-names.ts";
import { registerStream } from "../access/stream-registry.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { jsonResponse, problemResponse } from "../kit/responses.ts";

/** Binds the stream's room, its shards and its subjects' keys to a jurisdiction, before the first viewer; permanently. */
export async function handleJurisdiction(
  { env }: RequestScope,
  stream: StreamName,
  jurisdiction: Jurisdiction,
): Promise<Response> {
  if (!listJurisdictions(env.ROOM).includes(jurisdiction)) return problemResponse("no-jurisdictions");
  await registerStream(env, stream);
  const isBound = await env.ROOM.getByName(stream).setReplacementRoom(roomObjectName(stream, jurisdiction));
  return isBound ? jsonResponse({ stream, jurisdiction }) : problemResponse("room-in-use");
}
