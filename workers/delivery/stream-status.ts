/** A stream's status as an isolate knows it: of the feed, with the isolate's own viewers and the room's counts. */
import { toStopNotice } from "../../core/access/stream-stop.ts";
import type { StreamStatus } from "../../core/broadcast/stream-status.ts";
import type { EdgeStream } from "../../core/delivery/edge-stream.ts";
import type { AudienceEstimate } from "../../core/delivery/node-counters.ts";
import type { RoomSummary } from "../../core/room/room-summary.ts";

/** The status now; null before the feed has brought one. */
export function composeStreamStatus(edge: EdgeStream, room: RoomSummary | null): StreamStatus | null {
  const { status, activeStop } = edge;
  if (status === null) return null;
  // The object learns of this isolate's viewers with the next feed; until then they are added here.
  const own = edge.counters.estimateAudience(edge.platform.clock.monotonicMs());
  const counted = addRoomCounts(addIsolateViewers(status, own), room);
  return activeStop === null ? counted : { ...counted, stop: toStopNotice(activeStop) };
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
