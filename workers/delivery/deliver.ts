/** Delivery: playlists and media, answered by the nearest tier that can. */

import { getConfig } from "../../core/api/config.ts";
import type { Replica } from "../../core/broadcast/replica.ts";
import { findSegment } from "../../core/broadcast/segment-window.ts";
import { EDGE_STREAM_LIMITS } from "../../core/delivery/node-limits.ts";
import type { EdgeStream } from "../../core/delivery/workerd/edge-stream.ts";
import type { TrackName } from "../../core/kit/ids.ts";
import { UpstreamError } from "../../core/kit/workerd/upstream-client.ts";
import { decidePartRequest, decideReload, parseDirectives } from "../../core/media/hls/directives.ts";
import type { MediaPath } from "../../core/media/hls/media-path.ts";
import { authorizePlayback, denialResponse } from "../access/playback-authorization.ts";
import { readRequestNetwork } from "../access/request-networks.ts";
import { cacheLifetimes, deliveryProblemResponse, problemResponse, UNKNOWN_STREAM_LIFETIME } from "../kit/responses.ts";
import { mayFileExist } from "./broadcast-outlines.ts";
import { addHeldTime, playlistCmsd } from "./cmsd.ts";
import { refuseJoin } from "./join-control.ts";
import type { LivePath } from "./live-path.ts";
import {
  computeMediaAgeS,
  describeInitSection,
  describeMedia,
  mediaResponse,
  playlistResponse,
} from "./media-responses.ts";
import { getPlaylistCache, type PlaylistSelector } from "./playlist-cache.ts";
import { type PullContext, Puller, type PullResult } from "./puller.ts";

/** hls.js gives up a playlist whose first byte takes 10 s. */
const MAX_BLOCKING_MS = 9_000;

/** One request for something of a stream. */
export interface DeliveryContext extends PullContext {
  readonly request: Request;
  /** Set where a newcomer was told to come back later. */
  deferred: boolean;
  /** The stream isn't for everybody: the answer is for this asker only. */
  isRestricted: boolean;
  /** What the addresses of playlists carry for this asker. */
  tokenQuery: string;
}

/** `GET /live/{stream}/…`. Throws `StreamStoppedError`, and `UpstreamError` where nobody says whether it is. */
export async function deliver(delivery: DeliveryContext, { stream, file }: LivePath): Promise<Response> {
  const { env, ctx, edge, request } = delivery;
  const known = edge.ensureReplica(ctx);
  const replica = known instanceof Promise ? await known : known;
  if (replica === null) return unknownStreamResponse(edge);
  edge.throwIfStopped();
  if (edge.authoritySilenceMs() > EDGE_STREAM_LIMITS.maxAuthoritySilenceMs)
    throw new UpstreamError("the stream's object can't be heard of");
  const { accessPolicy } = edge;
  if (accessPolicy.playback !== "public") {
    delivery.isRestricted = true;
    const entered = authorizePlayback(getConfig(env).viewerKeys, stream, accessPolicy, request, Date.now());
    const entry = entered instanceof Promise ? await entered : entered;
    if ("refusal" in entry) return denialResponse(entry.refusal);
    delivery.tokenQuery = entry.query;
  }
  return file === "multivariant" ? deliverMultivariant(delivery, replica) : deliverFile(delivery, replica, file);
}

async function deliverMultivariant(delivery: DeliveryContext, replica: Replica): Promise<Response> {
  const { env, edge, request } = delivery;
  const { targetDurationS } = replica.config;
  // Who asks for this playlist is about to join; those who watch don't ask for it again.
  const refusal = replica.state.ended ? null : await refuseJoin(env, edge, request);
  if (refusal !== null) {
    delivery.deferred = true;
    return refusal;
  }
  const rendered = getPlaylistCache(replica).render({ kind: "multivariant" });
  const cmsd = playlistCmsd(replica.state.ended);
  return playlistResponse(
    delivery,
    rendered,
    cacheLifetimes.playlist(targetDurationS),
    edge,
    cmsd,
    "corral-isolate; hit",
  );
}

function deliverFile(delivery: DeliveryContext, replica: Replica, path: MediaPath): Response | Promise<Response> {
  const { targetDurationS, broadcast } = replica.config;
  const blocking = path.file.kind === "playlist" && new URL(delivery.request.url).searchParams.has("_HLS_msn");
  const missing = blocking
    ? cacheLifetimes.blockingNotFound(targetDurationS)
    : cacheLifetimes.notFound(targetDurationS);
  if (broadcast === path.broadcast && replica.track(path.track) === undefined) {
    return notFoundResponse(`This broadcast has no track ${path.track}.`, missing);
  }
  if (broadcast === path.broadcast) return deliverExistingFile(delivery, replica, path, missing);
  return mayFileExist(delivery, path).then((may) =>
    may
      ? deliverExistingFile(delivery, null, path, missing)
      : notFoundResponse("There is no such file of a broadcast.", missing),
  );
}

/** A file of the broadcast that `mine` is of, or of another one of which it exists. */
function deliverExistingFile(
  delivery: DeliveryContext,
  replica: Replica | null,
  path: MediaPath,
  notFoundLifetime: string,
): Response | Promise<Response> {
  switch (path.file.kind) {
    case "playlist":
      if (replica !== null && path.file.file === "media.m3u8")
        return deliverMediaPlaylist(delivery, replica, path.track);
      if (replica !== null && path.file.file === "iframes.m3u8")
        return deliverIframePlaylist(delivery, replica, path.track);
      if (replica?.state.ended === false)
        return notFoundResponse("The recording is there once the broadcast has ended.", notFoundLifetime);
      return deliverStoredPlaylist(delivery, path, path.file.file, notFoundLifetime);
    case "init":
      return deliverInitSection(delivery, replica, path, path.file.version, notFoundLifetime);
    case "part":
      return deliverPart(delivery, replica, path, path.file.msn, path.file.part, notFoundLifetime);
    case "segment":
      return deliverSegment(delivery, replica, path, path.file.msn, notFoundLifetime);
  }
}

async function deliverMediaPlaylist(delivery: DeliveryContext, first: Replica, track: TrackName): Promise<Response> {
  const { ctx, edge, request } = delivery;
  const directives = parseDirectives(new URL(request.url).searchParams);
  if ("error" in directives) return problemResponse("bad-directive", directives.error);
  const { targetDurationS } = first.config;
  const askedMs = Date.now();
  const untilMs = askedMs + Math.min(3_000 * targetDurationS, MAX_BLOCKING_MS);
  const blocking = directives.msn !== undefined;
  edge.requestTrack(ctx, track);
  if (blocking && countsTowardAudience(first, track))
    edge.counters.countBlockingRequest(first.track(track)?.track.partTargetMs ?? 0);
  let waited = false;
  for (let replica: Replica | null = first; replica?.config.broadcast === first.config.broadcast; ) {
    const decision = decideReload(replica.state, track, directives);
    if (decision.kind === "refuse") return problemResponse("bad-directive", decision.detail);
    if (decision.kind === "now") {
      const lifetime = blocking ? cacheLifetimes.blocking(targetDurationS) : cacheLifetimes.playlist(targetDurationS);
      const kind: PlaylistSelector = { kind: "media", track, skip: directives.skip };
      const status = `corral-isolate; hit${waited ? "; detail=blocked" : ""}`;
      const plain = playlistCmsd(replica.state.ended);
      const cmsd = waited ? addHeldTime(plain, askedMs) : plain;
      return playlistResponse(delivery, getPlaylistCache(replica).render(kind), lifetime, edge, cmsd, status);
    }
    const { msn, part } = decision;
    const place = part === null ? ({ kind: "segment", msn } as const) : ({ kind: "part", msn, part } as const);
    waited = true;
    // A server SHOULD answer 503 when it would have to wait for more than three target durations.
    if (!(await edge.awaitTarget(ctx, replica, track, place, untilMs, readRequestNetwork(request)))) {
      return problemResponse("timeout");
    }
    replica = edge.currentReplica;
  }
  return deliverStoredPlaylist(
    delivery,
    { broadcast: first.config.broadcast, track, file: { kind: "playlist", file: "media.m3u8" } },
    "media.m3u8",
    cacheLifetimes.blockingNotFound(targetDurationS),
  );
}

/** A viewer follows one video track and perhaps an audio track: the video is counted, the audio where there is none. */
function countsTowardAudience(replica: Replica, track: TrackName): boolean {
  const { tracks } = replica.config;
  return tracks.some(({ kind }) => kind === "video") ? replica.track(track)?.track.kind === "video" : true;
}

/** I-frame playlists block on whole segments. */
async function deliverIframePlaylist(delivery: DeliveryContext, first: Replica, track: TrackName): Promise<Response> {
  const { ctx, edge, request } = delivery;
  const directives = parseDirectives(new URL(request.url).searchParams);
  if ("error" in directives) return problemResponse("bad-directive", directives.error);
  const { targetDurationS } = first.config;
  const untilMs = Date.now() + Math.min(3_000 * targetDurationS, MAX_BLOCKING_MS);
  const { msn, skip } = directives;
  let replica: Replica = first;
  while (msn !== undefined) {
    const decision = decideReload(replica.state, track, { msn, skip: "none" });
    if (decision.kind === "refuse") return problemResponse("bad-directive", decision.detail);
    if (decision.kind === "now") break;
    if (
      !(await edge.awaitTarget(
        ctx,
        replica,
        track,
        { kind: "segment", msn: decision.msn },
        untilMs,
        readRequestNetwork(request),
      ))
    ) {
      return problemResponse("timeout");
    }
    replica = edge.currentReplica ?? replica;
    if (replica.config.broadcast !== first.config.broadcast) break;
  }
  const rendered = getPlaylistCache(replica).render({ kind: "iframes", track, skip });
  const lifetime =
    msn === undefined ? cacheLifetimes.playlist(targetDurationS) : cacheLifetimes.blocking(targetDurationS);
  const cmsd = playlistCmsd(replica.state.ended);
  return playlistResponse(delivery, rendered, lifetime, edge, cmsd, "corral-isolate; hit");
}

/** A playlist that only the Live object can render: of another broadcast, or of all that is stored. */
async function deliverStoredPlaylist(
  delivery: DeliveryContext,
  { broadcast, track }: MediaPath,
  file: Parameters<Puller["pullPlaylist"]>[2],
  notFoundLifetime: string,
): Promise<Response> {
  const { value, tiers } = await new Puller(delivery).pullPlaylist(broadcast, track, file);
  if (value === null) return notFoundResponse("There is no such playlist.", notFoundLifetime);
  const lifetime = value.ended ? cacheLifetimes.vod : cacheLifetimes.noStore;
  const dated = { changedMs: value.changedMs, nowMs: Date.now() };
  return playlistResponse(delivery, value.rendered, lifetime, dated, playlistCmsd(value.ended), ...tiers);
}

async function deliverInitSection(
  delivery: DeliveryContext,
  replica: Replica | null,
  { broadcast, track }: MediaPath,
  version: number,
  notFoundLifetime: string,
): Promise<Response> {
  const { request } = delivery;
  const held = replica?.initSection(track, version) ?? null;
  if (held !== null) {
    return mediaResponse(
      request,
      describeInitSection(replica, track),
      held,
      computeMediaAgeS(replica, track, null),
      "corral-isolate; hit",
    );
  }
  if (replica !== null) return notFoundResponse(`No init section ${version} of ${track}.`, notFoundLifetime);
  const { value, tiers } = await new Puller(delivery).pullInit(broadcast, track, version);
  if (value === null) return notFoundResponse(`No init section ${version} of ${track}.`, notFoundLifetime);
  return mediaResponse(request, describeInitSection(replica, track), value, 0, ...tiers);
}

async function deliverPart(
  delivery: DeliveryContext,
  initialReplica: Replica | null,
  { broadcast, track }: MediaPath,
  msn: number,
  part: number,
  notFoundLifetime: string,
): Promise<Response> {
  const { ctx, edge, request } = delivery;
  if (initialReplica === null)
    return notFoundResponse("Parts are kept only while a broadcast is live; take the segment.", notFoundLifetime);
  edge.requestTrack(ctx, track);
  let askedMs: number | null = null;
  for (
    let replica: Replica | null = initialReplica;
    replica?.config.broadcast === broadcast;
    replica = edge.currentReplica
  ) {
    const decision = decidePartRequest(replica.state, track, msn, part);
    if (decision.kind === "not-found")
      return notFoundResponse(`Part ${msn}.${part} of ${track} doesn't exist.`, notFoundLifetime);
    if (decision.kind === "ready") {
      return deliverReadyPart(delivery, replica, track, msn, part, askedMs, notFoundLifetime);
    }
    askedMs ??= Date.now();
    const untilMs = askedMs + Math.min(3_000 * initialReplica.config.targetDurationS, MAX_BLOCKING_MS);
    if (
      !(await edge.awaitTarget(
        ctx,
        replica,
        track,
        { kind: "settled", msn, part },
        untilMs,
        readRequestNetwork(request),
      ))
    ) {
      return problemResponse(
        "timeout",
        "The part did not arrive in time. Reload the playlist and continue from there.",
      );
    }
  }
  return notFoundResponse(`Part ${msn}.${part} of ${track} doesn't exist.`, notFoundLifetime);
}

async function deliverReadyPart(
  delivery: DeliveryContext,
  replica: Replica,
  track: TrackName,
  msn: number,
  part: number,
  requestedAtMs: number | null,
  notFoundLifetime: string,
): Promise<Response> {
  const { ctx, edge, request } = delivery;
  const segment = replica.track(track)?.segments.find((candidate) => candidate.msn === msn);
  if (segment === undefined || segment.parts[part]?.gap === true)
    return notFoundResponse("This part never came.", notFoundLifetime);
  const age = computeMediaAgeS(replica, track, segment, part);
  const about = describeMedia(replica, track, segment.parts[part]?.durationTicks ?? 0);
  const hit = (bytes: Uint8Array): Response => {
    if (requestedAtMs === null) return mediaResponse(request, about, bytes, age, "corral-isolate; hit");
    const held = { ...about, cmsd: addHeldTime(about.cmsd, requestedAtMs) };
    return mediaResponse(request, held, bytes, age, "corral-isolate; hit; detail=blocked");
  };
  const held = replica.tail.partBytes(track, msn, part);
  if (held !== null) return hit(held);
  await edge.awaitTrackBytes(ctx, track, Date.now() + EDGE_STREAM_LIMITS.feedWaitMs);
  const carried = replica.tail.partBytes(track, msn, part);
  if (carried !== null) return hit(carried);
  const { value, tiers } = await new Puller(delivery).pullPart(replica.config.broadcast, track, segment, part);
  if (value === null) return problemResponse("not-available-yet");
  return mediaResponse(request, about, value, age, ...tiers);
}

async function deliverSegment(
  delivery: DeliveryContext,
  replica: Replica | null,
  { broadcast, track }: MediaPath,
  msn: number,
  notFoundLifetime: string,
): Promise<Response> {
  const { request } = delivery;
  const puller = new Puller(delivery);
  const state = replica?.track(track);
  const segment = state === undefined ? null : (findSegment(state, msn) ?? null);
  if (replica !== null && state !== undefined) {
    if (segment === null && msn >= state.mediaSequence)
      return notFoundResponse(`Segment ${msn} doesn't exist yet.`, notFoundLifetime);
    if (segment !== null && (segment.gap || !segment.closed))
      return notFoundResponse(`No whole segment ${msn} here.`, notFoundLifetime);
    const held = segment === null ? null : replica.tail.assembleSegment(track, segment);
    if (held !== null) {
      const about = describeMedia(replica, track, segment?.durationTicks ?? null);
      return mediaResponse(request, about, held, computeMediaAgeS(replica, track, segment), "corral-isolate; hit");
    }
  }
  const { value, tiers }: PullResult<Uint8Array> =
    segment === null
      ? await puller.pullPastSegment(broadcast, track, msn)
      : await puller.pullClosedSegment(broadcast, track, segment);
  if (value === null) {
    if (segment === null) return notFoundResponse(`No segment ${msn} of ${track}.`, notFoundLifetime);
    return problemResponse("not-available-yet");
  }
  const about = describeMedia(replica, track, segment?.durationTicks ?? null);
  return mediaResponse(request, about, value, computeMediaAgeS(replica, track, segment), ...tiers);
}

/** Nothing is known of the stream: because there is nothing, or because nobody above could be asked. */
function unknownStreamResponse(edge: EdgeStream): Response {
  if (edge.isStale) return problemResponse("unavailable");
  return notFoundResponse("No broadcast has been here yet.", UNKNOWN_STREAM_LIFETIME);
}

function notFoundResponse(detail: string, cacheControl: string): Response {
  return deliveryProblemResponse("not-found", detail, cacheControl);
}
