/** Delivery: playlists and media, answered by the nearest tier that can. */
import { getConfig } from "../../core/api/config.ts";
import type { Replica } from "../../core/broadcast/replica.ts";
import type { CacheOutcome } from "../../core/broadcast/stream-status.ts";
import type { EdgeStream } from "../../core/delivery/edge-stream.ts";
import { EDGE_STREAM_LIMITS } from "../../core/delivery/node-limits.ts";
import { UpstreamError } from "../../core/kit/upstream-client.ts";
import type { MediaPath } from "../../core/media/hls/media-path.ts";
import { authorizePlayback, denialResponse, type PlaybackAuthorization } from "../access/playback-authorization.ts";
import { readQuery } from "../kit/request-address.ts";
import { cacheLifetimes, deliveryProblemResponse, problemResponse, UNKNOWN_STREAM_LIFETIME } from "../kit/responses.ts";
import { mayFileExist } from "./broadcast-outlines.ts";
import { deliverFlow } from "./deliver-flow.ts";
import { deliverInitSection, deliverPart, deliverSegment } from "./deliver-media.ts";
import {
  deliverMultivariantPlaylist,
  deliverPastMultivariantPlaylist,
  deliverStoredPlaylist,
  deliverWindowPlaylist,
} from "./deliver-playlists.ts";
import { answerFromIsolate, notFoundAnswer } from "./delivery-answers.ts";
import type { DeliveryAnswer, DeliveryContext, StreamRequest } from "./delivery-context.ts";
import { errorResponse } from "./error-responses.ts";
import { refuseJoin } from "./join-control.ts";
import type { LivePath } from "./live-path.ts";
import { PullError } from "./puller.ts";

/** The response to a request, and its outcome for the counters. */
export interface DeliveryResult extends DeliveryAnswer {
  /** The counted HTTP status: a deferred join counts as refused, whatever the response's status. */
  readonly countedStatus: number;
  /** The stream is not public: only this viewer may cache the response. */
  readonly isRestricted: boolean;
}

/** Counted HTTP status of a deferred join. */
const DEFERRED_STATUS = 429;
const PUBLIC_PLAYBACK = { query: "" } as const;

/** Answers `GET /live/{stream}/…`; errors become responses too. */
export async function deliver(streamRequest: StreamRequest, path: LivePath): Promise<DeliveryResult> {
  const { env, ctx, edge, request } = streamRequest;
  let outcome: CacheOutcome = "hits";
  let isRestricted = false;
  try {
    const ensured = edge.ensureReplica(ctx);
    const replica = ensured instanceof Promise ? await ensured : ensured;
    let answer: DeliveryAnswer & { readonly countedStatus?: number };
    if (replica === null) answer = answerFromIsolate(unknownStreamResponse(edge));
    else {
      throwIfUnserviceable(edge);
      const { accessPolicy } = edge;
      isRestricted = accessPolicy.playback !== "public";
      const entry = isRestricted ? await authorize(streamRequest, path) : PUBLIC_PLAYBACK;
      if ("refusal" in entry) answer = answerFromIsolate(denialResponse(entry.refusal));
      else {
        const delivered = deliverPath({ env, ctx, edge, request, tokenQuery: entry.query }, replica, path.file);
        answer = delivered instanceof Promise ? await delivered : delivered;
        // Who may watch may have changed while the request waited.
        if (edge.accessPolicy !== accessPolicy && edge.accessPolicy.playback !== "public") {
          isRestricted = true;
          const later = await authorize(streamRequest, path);
          if ("refusal" in later) {
            dropBody(answer);
            answer = answerFromIsolate(denialResponse(later.refusal));
          }
        }
      }
    }
    outcome = answer.outcome;
    // The stream may have been stopped meanwhile.
    if (edge.activeStop !== null) dropBody(answer);
    edge.throwIfStopped();
    const { response, countedStatus = response.status } = answer;
    return { response, outcome, countedStatus, isRestricted };
  } catch (error) {
    if (error instanceof PullError) outcome = error.outcome;
    const cause = error instanceof PullError ? error.cause : error;
    const response = errorResponse(cause);
    return { response, outcome, countedStatus: response.status, isRestricted };
  }
}

/** The answer is not sent: a flow response gives its place back. */
function dropBody({ response }: DeliveryAnswer): void {
  void response.body?.cancel().catch(() => {});
}

function authorize(
  { env, edge, request }: StreamRequest,
  { stream }: LivePath,
): PlaybackAuthorization | Promise<PlaybackAuthorization> {
  const { viewerKeys } = getConfig(env);
  return authorizePlayback(viewerKeys, stream, edge.accessPolicy, request, edge.platform.clock.nowMs());
}

/** Throws `StreamStoppedError`, and `UpstreamError` if the Live object may have stopped the stream unnoticed. */
function throwIfUnserviceable(edge: EdgeStream): void {
  edge.throwIfStopped();
  if (edge.authoritySilenceMs() > EDGE_STREAM_LIMITS.maxAuthoritySilenceMs)
    throw new UpstreamError("the stream's Live object is unreachable");
}

function deliverPath(
  context: DeliveryContext,
  replica: Replica,
  file: LivePath["file"],
): DeliveryAnswer | Promise<DeliveryAnswer & { readonly countedStatus?: number }> {
  const { broadcast, targetDurationS } = replica.config;
  if ("track" in file) return deliverFile(context, replica, file);
  let answer: () => DeliveryAnswer | Promise<DeliveryAnswer>;
  if ("flowOf" in file) {
    if (file.flowOf !== broadcast)
      return notFoundAnswer("The stream has another broadcast now.", cacheLifetimes.noStore);
    answer = () => deliverFlow(context, replica);
  } else {
    const { multivariantOf } = file;
    if (multivariantOf !== null && multivariantOf !== broadcast)
      return deliverPastMultivariantPlaylist(context, multivariantOf, cacheLifetimes.notFound(targetDurationS));
    answer = () => deliverMultivariantPlaylist(context, replica, multivariantOf === null ? "stream" : "broadcast");
  }
  if (replica.state.ended) return answer();
  // A request for these is a join; viewers do not repeat it.
  return refuseJoin(context.env, context.edge, context.request).then((refusal) =>
    refusal === null ? answer() : { ...answerFromIsolate(refusal), countedStatus: DEFERRED_STATUS },
  );
}

/** A requested file of a broadcast. */
interface FileRequest {
  readonly path: MediaPath;
  /** Parsed once, and for playlists alone: media have no parameters but the token. */
  readonly query: URLSearchParams;
  /** `Cache-Control` of a 404. */
  readonly notFoundLifetime: string;
}

const NO_QUERY = new URLSearchParams();

function deliverFile(
  context: DeliveryContext,
  replica: Replica,
  path: MediaPath,
): DeliveryAnswer | Promise<DeliveryAnswer> {
  const { targetDurationS, broadcast } = replica.config;
  const query = path.file.kind === "playlist" ? readQuery(context.request.url) : NO_QUERY;
  const notFoundLifetime = query.has("_HLS_msn")
    ? cacheLifetimes.blockingNotFound(targetDurationS)
    : cacheLifetimes.notFound(targetDurationS);
  const asked = { path, query, notFoundLifetime };
  if (broadcast === path.broadcast) {
    if (replica.track(path.track) === undefined)
      return notFoundAnswer(`This broadcast has no track ${path.track}.`, notFoundLifetime);
    return deliverExistingFile(context, replica, asked);
  }
  return mayFileExist(context, path).then((mayExist) =>
    mayExist
      ? deliverExistingFile(context, null, asked)
      : notFoundAnswer("There is no such file of a broadcast.", notFoundLifetime),
  );
}

/** A file of the broadcast of `replica`, or, if that is null, of another broadcast. */
function deliverExistingFile(
  context: DeliveryContext,
  replica: Replica | null,
  { path: { broadcast, track, file }, query, notFoundLifetime }: FileRequest,
): DeliveryAnswer | Promise<DeliveryAnswer> {
  const media = { replica, broadcast, track, notFoundLifetime };
  switch (file.kind) {
    case "playlist":
      if (replica !== null && (file.file === "media.m3u8" || file.file === "iframes.m3u8"))
        return deliverWindowPlaylist(context, { replica, track, file: file.file, query });
      if (replica?.state.ended === false)
        return notFoundAnswer("The recording exists once the broadcast has ended.", notFoundLifetime);
      return deliverStoredPlaylist(
        context,
        { broadcast, track, file: file.file, isBlocking: query.has("_HLS_msn") },
        notFoundLifetime,
      );
    case "init":
      return deliverInitSection(context, media, file.version);
    case "part":
      return deliverPart(context, media, file);
    case "segment":
      return deliverSegment(context, media, file.msn);
  }
}

/** Nothing is known of the stream: it does not exist, or no node above answered. */
function unknownStreamResponse(edge: EdgeStream): Response {
  if (edge.isStale) return problemResponse("unavailable");
  return deliveryProblemResponse("not-found", "The stream has had no broadcast yet.", UNKNOWN_STREAM_LIFETIME);
}
