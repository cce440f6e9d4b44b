/** The control API of streams: status and restarts. */
import { toStopNotice } from "../../core/access/stream-stop.ts";
import type { StreamStatus } from "../../core/broadcast/stream-status.ts";
import type { AudienceEstimate } from "../../core/delivery/node-counters.ts";
import { parseNodeAddress } from "../../core/delivery/tree/node-address.ts";
import { getUpstreamNode } from "../../core/delivery/upstream-node.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import type { RoomSummary } from "../../core/room/room-summary.ts";
import { openCurrentStream } from "../delivery/edge-streams.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { readQuery } from "../kit/request-address.ts";
import { problemResponse, unavailableStreamResponse } from "../kit/responses.ts";
import { fetchRoomSummary } from "../room/room-summary-cache.ts";

/** `GET /api/streams/{stream}`: the status of the feed, and the room's counts; no request reaches an object. */
export async function handleStreamStatus(scope: RequestScope, stream: StreamName): Promise<Response> {
  const edge = await openCurrentStream(scope, stream);
  if (typeof edge === "string") return unavailableStreamResponse(edge);
  if (edge.currentReplica === null || edge.status === null) return unavailableStreamResponse("unregistered");
  const room = await fetchRoomSummary(scope, stream);
  // The object learns of this isolate's viewers with the next feed; until then they are added here.
  const own = edge.counters.estimateAudience(scope.platform.clock.nowMs());
  const status = addRoomCounts(addIsolateViewers(edge.status, own), room);
  const { activeStop } = edge;
  return Response.json(activeStop === null ? status : { ...status, stop: toStopNotice(activeStop) }, {
    headers: { "cache-control": "public, max-age=1" },
  });
}

function addIsolateViewers(feedStatus: StreamStatus, own: AudienceEstimate): StreamStatus {
  const current = Math.max(feedStatus.viewers.current, own.viewers);
  return {
    ...feedStatus,
    viewers: { current, peak: Math.max(feedStatus.viewers.peak, current) },
    requestsPerSecond: Math.max(feedStatus.requestsPerSecond, own.requestsPerSecond),
  };
}

/** A status with the room's counts, if the room has counted anybody. */
export function addRoomCounts(status: StreamStatus, summary: RoomSummary | null): StreamStatus {
  if (summary === null || summary.counts.peak === 0) return status;
  const { watching, peak, distinct } = summary.counts;
  const { current } = status.viewers;
  const { watchedMs: watchTimeMs, uncounted } = summary;
  return { ...status, viewers: { current, peak, watching, distinct, watchTimeMs, uncounted } };
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
