/** `PUT /api/streams/{stream}/jurisdiction`: where a stream's room stays. */
import { z } from "zod";
import type { StreamName } from "../../core/kit/ids.ts";
import { listJurisdictions } from "../../core/room/jurisdiction-namespace.ts";
import { JURISDICTIONS, roomObjectName } from "../../core/room/object-names.ts";
import { registerStream } from "../access/stream-registry.ts";
import type { Env } from "../env.ts";
import { deliveryProblemResponse, problemResponse } from "../kit/responses.ts";
import { requireAdminToken } from "./stream-api.ts";

const JurisdictionBody = z.strictObject({ jurisdiction: z.enum(JURISDICTIONS) });

/** Binds the stream's room, its shards and its people's keys to a jurisdiction, before anybody has come; for good. */
export async function handleJurisdiction(env: Env, request: Request, stream: StreamName): Promise<Response> {
  const refusal = await requireAdminToken(env, request);
  if (refusal !== null) return refusal;
  const wanted = JurisdictionBody.safeParse(await request.json().catch(() => null));
  if (!wanted.success) return deliveryProblemResponse(400, "Not a jurisdiction", z.prettifyError(wanted.error));
  const { jurisdiction } = wanted.data;
  if (!listJurisdictions(env.ROOM).includes(jurisdiction)) {
    return problemResponse({
      status: 501,
      type: "/problems/no-jurisdictions",
      title: "This runtime has no jurisdictions",
      detail: "workerd by itself has none: bind the stream where the Worker is deployed.",
    });
  }
  await registerStream(env, stream);
  if (!(await env.ROOM.getByName(stream).setReplacementRoom(roomObjectName(stream, jurisdiction)))) {
    return problemResponse({
      status: 409,
      type: "/problems/room-in-use",
      title: "The room is in use",
      detail: "A stream is bound once, before anybody comes into its room: take another stream name.",
    });
  }
  return Response.json({ stream, jurisdiction }, { headers: { "cache-control": "no-store" } });
}
