/** The control API of streams: status and restarts. */
import { parseNodeAddress } from "../../core/delivery/tree/node-address.ts";
import { getUpstreamNode } from "../../core/delivery/upstream-node.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { openCurrentStream } from "../delivery/edge-streams.ts";
import { composeStreamStatus } from "../delivery/stream-status.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { readQuery } from "../kit/request-address.ts";
import { problemResponse, unavailableStreamResponse } from "../kit/responses.ts";
import { fetchRoomSummary } from "../kit/room-summary-cache.ts";

/** `GET /api/streams/{stream}`: the status of the feed, and the room's counts; no request reaches an object. */
export async function handleStreamStatus(scope: RequestScope, stream: StreamName): Promise<Response> {
  const edge = await openCurrentStream(scope, stream);
  if (typeof edge === "string") return unavailableStreamResponse(edge);
  if (edge.currentReplica === null || edge.status === null) return unavailableStreamResponse("unregistered");
  const status = composeStreamStatus(edge, await fetchRoomSummary(scope, stream));
  return Response.json(status, { headers: { "cache-control": "public, max-age=1" } });
}

/** `POST /api/streams/{stream}/restart`: restarts a node of the stream from storage; viewers continue. */
export async function handleStreamRestart({ env, request }: RequestScope, stream: StreamName): Promise<Response> {
  const address = parseNodeAddress(readQuery(request.url).get("node") ?? "live");
  if (address === null) {
    return problemResponse("invalid-parameter", "`node` is like `live`, `weur` or `weur.FRA.0`.");
  }
  // The call fails with the object that it ends.
  await getUpstreamNode(env, stream, address)
    .restart()
    .catch(() => {});
  return new Response(null, { status: 204 });
}
