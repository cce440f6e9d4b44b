/** The deployed Worker, whose Live object accepts segments that nobody has published: a day in a second. */

import { buildFeedRequest, type FeedQuery } from "../core/delivery/feed-client.ts";
import type { BroadcastId, StreamName, TrackName } from "../core/kit/ids.ts";
import { BroadcastStore } from "../durable-objects/live/broadcast-store.ts";
import { Live as DeployedLive } from "../durable-objects/live/live.ts";
import { openLiveStorage } from "../durable-objects/live/live-schema.ts";
import { storedSegment } from "../tests/support/long-window.ts";
import { serveRequest } from "../workers/app.ts";
import type { Env } from "../workers/env.ts";

export * from "../workers/index.ts";

/** The request of an isolate without state and viewers. */
const NEW_FEED: FeedQuery = {
  nodeId: "bench",
  requester: { kind: "isolate", mustBeServed: false, hasSite: false },
  resumeFrom: null,
  wantedTracks: new Set(),
  wantsChunks: false,
  heldTracks: new Set(),
  isHandover: false,
  report: { node: "bench", tiers: {}, viewers: 0, requestsPerSecond: 0 },
};

/** The Live object. */
export class Live extends DeployedLive {
  /** Lists segments; the object loads them at its restart. */
  list(broadcast: BroadcastId, tracks: readonly TrackName[], segments: number): void {
    const store = new BroadcastStore(openLiveStorage(this.ctx.storage));
    for (const track of tracks) {
      for (let msn = 0; msn < segments; msn += 1) store.addSegment(broadcast, track, storedSegment(msn));
    }
  }
}

const worker: ExportedHandler<Env> = {
  async fetch(request, env, context) {
    const { pathname } = new URL(request.url);
    const [, root, verb, stream = "", broadcast = "", tracks = "", segments = ""] = pathname.split("/");
    if (root !== "bench") return serveRequest(request, env, context);
    const live = env.LIVE.getByName(stream as StreamName) as unknown as DurableObjectStub<Live>;
    if (verb === "feed") {
      const { url, headers } = buildFeedRequest(NEW_FEED);
      return live.fetch(url, { headers });
    }
    await live.list(broadcast as BroadcastId, tracks.split(",") as TrackName[], Number(segments));
    return new Response();
  },
};
export default worker;
