/** A stream's status in the HTML of its watch page, so that the page's first script knows what to ask for. */
import type { StreamStatus } from "../../core/broadcast/stream-status.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { findEdgeStream } from "../delivery/edge-streams.ts";
import { composeStreamStatus } from "../delivery/stream-status.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { peekRoomSummary } from "../kit/room-summary-cache.ts";

/** The fields that a player reads, and when they were written; milliseconds since the epoch. */
export interface PageStatus {
  readonly atMs: number;
  readonly status: Pick<StreamStatus, "state" | "broadcast" | "startedAt"> & {
    readonly viewers: Pick<StreamStatus["viewers"], "current" | "peak" | "watching">;
    readonly tracks: readonly Pick<
      StreamStatus["tracks"][number],
      "name" | "kind" | "codecs" | "bandwidth" | "partTargetMs"
    >[];
  };
}

/** The status of a live broadcast, as this isolate's feed has it; null where no feed is current. Nothing is asked upstream. */
export function peekPageStatus({ env, ctx, platform }: RequestScope, stream: StreamName): PageStatus | null {
  const edge = findEdgeStream(stream);
  if (edge === null || edge.isStale || edge.activeStop !== null || edge.currentReplica?.state.ended !== false)
    return null;
  const known = composeStreamStatus(edge, peekRoomSummary({ env, ctx, platform }, stream));
  if (known === null) return null;
  const { state, broadcast, startedAt, viewers, tracks } = known;
  const { current, peak, watching } = viewers;
  return {
    atMs: platform.clock.nowMs(),
    status: {
      ...{ state, broadcast, startedAt },
      viewers: { current, peak, ...(watching === undefined ? {} : { watching }) },
      tracks: tracks.map(({ name, kind, codecs, bandwidth, partTargetMs }) => ({
        ...{ name, kind, codecs, bandwidth, partTargetMs },
      })),
    },
  };
}
