/** Flow: one streaming response a viewer, from the replica. */
import type { AccessPolicy } from "../../core/access/access-policy.ts";
import { getConfig } from "../../core/api/config.ts";
import type { Track } from "../../core/broadcast/broadcast-log.ts";
import type { Replica } from "../../core/broadcast/replica.ts";
import type { StreamStatus } from "../../core/broadcast/stream-status.ts";
import { type FlowRequest, parseFlowRequest } from "../../core/delivery/flow/flow-request.ts";
import { FlowSession } from "../../core/delivery/flow/flow-session.ts";
import { EDGE_STREAM_LIMITS } from "../../core/delivery/node-limits.ts";
import { authorizePlayback } from "../access/playback-authorization.ts";
import { readRequestNetwork } from "../access/request-networks.ts";
import { readQuery } from "../kit/request-address.ts";
import { cacheLifetimes, createDeliveryHeaders, joinRetryResponse } from "../kit/responses.ts";
import { peekRoomSummary } from "../kit/room-summary-cache.ts";
import { flowCmsd } from "./cmsd.ts";
import { answerFromIsolate, notFoundAnswer, problemAnswer } from "./delivery-answers.ts";
import type { DeliveryAnswer, DeliveryContext } from "./delivery-context.ts";
import { composeStreamStatus } from "./stream-status.ts";

/** A proxy that buffers or compresses the response would hold media back. */
const FLOW_LIFETIME = "no-store, no-transform";

/** The flow of a replica's broadcast. */
export async function deliverFlow(context: DeliveryContext, replica: Replica): Promise<DeliveryAnswer> {
  const { ctx, edge, request } = context;
  const { clock } = edge.platform;
  if (replica.state.ended)
    return notFoundAnswer("The broadcast has ended; its recording is a playlist.", cacheLifetimes.noStore);
  const parsed = parseFlowRequest(readQuery(request.url), replica.config);
  if ("error" in parsed) {
    return parsed.isUnknownTrack
      ? notFoundAnswer(parsed.error, cacheLifetimes.noStore)
      : problemAnswer("bad-directive", parsed.error);
  }
  const headers = createDeliveryHeaders({
    "content-type": describeFlow(replica, parsed.request),
    "cache-control": FLOW_LIFETIME,
    "accept-ranges": "none",
    "cache-status": "corral-isolate; hit",
    "cmsd-static": flowCmsd(tracksOf(replica, parsed.request)),
  });
  if (request.method === "HEAD") return answerFromIsolate(new Response(null, { headers }));
  const session = FlowSession.open({
    ...{ edge, ctx, request: parsed.request, broadcast: replica.config.broadcast },
    mayWatch: (access) => mayWatch(context, access),
    status: () => edge.flow.status.read(clock.monotonicMs(), () => composeStatus(context)),
    network: readRequestNetwork(request),
  });
  if (session === null) return answerFromIsolate(joinRetryResponse(1 + Math.floor(2 * edge.platform.random())));
  const untilMs = clock.monotonicMs() + EDGE_STREAM_LIMITS.feedWaitMs;
  const { video, audio } = parsed.request;
  try {
    const wanted = [video, audio].filter((track) => track !== null);
    // Here, so that the feed that carries chunks is opened in this request, before its body is drawn.
    edge.requestChunks(ctx, clock.nowMs());
    await Promise.all(wanted.map((track) => edge.awaitTrackBytes(ctx, track, untilMs)));
  } catch (error) {
    session.close();
    throw error;
  }
  return answerFromIsolate(new Response(flowBody(session), { headers }));
}

const tracksOf = (replica: Replica, { video, audio }: FlowRequest): Track[] =>
  replica.config.tracks.filter(({ name }) => name === video || name === audio);

/** Its media type, with the codecs of its tracks. */
function describeFlow(replica: Replica, { video, audio }: FlowRequest): string {
  const codecs = [video, audio].flatMap((name) => (name === null ? [] : [replica.track(name)?.track.codecs ?? ""]));
  return `${video === null ? "audio" : "video"}/mp4; codecs="${codecs.join(",")}"`;
}

function mayWatch({ env, edge, request }: DeliveryContext, access: AccessPolicy): boolean | Promise<boolean> {
  if (access.playback === "public") return true;
  const nowMs = edge.platform.clock.nowMs();
  const decided = authorizePlayback(getConfig(env).viewerKeys, edge.stream, access, request, nowMs);
  return decided instanceof Promise ? decided.then((entry) => !("refusal" in entry)) : !("refusal" in decided);
}

function composeStatus({ env, ctx, edge }: DeliveryContext): StreamStatus | null {
  return composeStreamStatus(edge, peekRoomSummary({ env, ctx, platform: edge.platform }, edge.stream));
}

/**
 * A body that is drawn: what a slow client has not taken waits in the replica, not in a queue of its own. A stream whose
 * `pull` waits may be woken by other requests, which a writer may not.
 */
function flowBody(session: FlowSession): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const bytes = await session.next();
        if (bytes !== null) controller.enqueue(bytes);
        if (session.isOver) controller.close();
      },
      cancel: () => session.close(),
    },
    { highWaterMark: 0 },
  );
}
