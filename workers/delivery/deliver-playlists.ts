/** Playlists: rendered from the replica, or pulled if only the Live object can render them. */
import type { BroadcastConfig } from "../../core/broadcast/broadcast-log.ts";
import type { Replica } from "../../core/broadcast/replica.ts";
import type { BroadcastOutline } from "../../core/delivery/upstream-node.ts";
import type { BroadcastId, TrackName } from "../../core/kit/ids.ts";
import { type DeliveryDirectives, decideReload, parseDirectives } from "../../core/media/hls/directives.ts";
import type { MediaPath } from "../../core/media/hls/media-path.ts";
import { renderMultivariant } from "../../core/media/hls/multivariant-playlist.ts";
import type { PlaylistFile } from "../../core/media/hls/paths.ts";
import { cacheLifetimes } from "../kit/responses.ts";
import { type AwaitedDecision, answerWhenDecided, type WaitDecision } from "./await-decision.ts";
import { findOutline } from "./broadcast-outlines.ts";
import { addHeldTime, playlistCmsd } from "./cmsd.ts";
import { answerFromIsolate, notFoundAnswer, problemAnswer } from "./delivery-answers.ts";
import type { DeliveryAnswer, DeliveryContext } from "./delivery-context.ts";
import { playlistResponse } from "./media-responses.ts";
import { getPlaylistCache, RenderedPlaylist } from "./playlist-cache.ts";
import { Puller } from "./puller.ts";

/** A replica's decision on a reload. */
type ReloadAnswer = { readonly kind: "now" } | { readonly kind: "refuse"; readonly detail: string };

/** The multivariant playlist of the stream, or under the address of its broadcast. */
export function deliverMultivariantPlaylist(
  context: DeliveryContext,
  replica: Replica,
  of: "stream" | "broadcast",
): DeliveryAnswer {
  const { edge, request, tokenQuery } = context;
  return answerFromIsolate(
    playlistResponse(request, {
      rendered: getPlaylistCache(replica).render({ kind: "multivariant", of }),
      tokenQuery,
      cacheControl: cacheLifetimes.playlist(replica.config.targetDurationS),
      modified: edge,
      cmsd: playlistCmsd(replica.state.ended),
      cacheStatus: "corral-isolate; hit",
    }),
  );
}

const pastPlaylists = new WeakMap<BroadcastOutline, RenderedPlaylist>();

/** The multivariant playlist of a broadcast that is not the stream's latest. */
export async function deliverPastMultivariantPlaylist(
  context: DeliveryContext,
  broadcast: BroadcastId,
  notFoundLifetime: string,
): Promise<DeliveryAnswer> {
  const { edge, request, tokenQuery } = context;
  const outline = await findOutline(context, broadcast);
  if (outline?.config === undefined) return notFoundAnswer("There is no such broadcast.", notFoundLifetime);
  const rendered = pastPlaylists.get(outline) ?? renderPastMultivariant(outline.config);
  pastPlaylists.set(outline, rendered);
  return answerFromIsolate(
    playlistResponse(request, {
      rendered,
      tokenQuery,
      cacheControl: outline.whole ? cacheLifetimes.vod : cacheLifetimes.noStore,
      modified: {
        changedMs: outline.endedMs ?? outline.config.startedAtMs,
        nowMs: edge.platform.clock.nowMs(),
      },
      cmsd: playlistCmsd(true),
      cacheStatus: "corral-isolate; hit",
    }),
  );
}

const renderPastMultivariant = (config: BroadcastConfig): RenderedPlaylist =>
  new RenderedPlaylist([{ text: renderMultivariant(config, { ended: true, iframes: true, of: "broadcast" }) }]);

/** A request for a playlist of a replica's window. */
export interface WindowPlaylistRequest {
  readonly replica: Replica;
  readonly track: TrackName;
  readonly file: "media.m3u8" | "iframes.m3u8";
  readonly query: URLSearchParams;
}

/** A track's playlist of the replica's window; it blocks according to its delivery directives. */
export function deliverWindowPlaylist(
  context: DeliveryContext,
  { replica, track, file, query }: WindowPlaylistRequest,
): DeliveryAnswer | Promise<DeliveryAnswer> {
  const directives = parseDirectives(query);
  if ("error" in directives) return problemAnswer("bad-directive", directives.error);
  const isMedia = file === "media.m3u8";
  if (isMedia) countViewer(context, replica, track, directives);
  const decide = (candidate: Replica): ReloadAnswer | WaitDecision =>
    isMedia ? decideMediaReload(candidate, track, directives) : decideIframeReload(candidate, track, directives);
  return answerWhenDecided(context, {
    replica,
    track,
    decide,
    answer: (awaited) => answerReload(context, { first: replica, track, file, directives }, awaited),
  });
}

function countViewer(
  { ctx, edge }: DeliveryContext,
  replica: Replica,
  track: TrackName,
  directives: DeliveryDirectives,
): void {
  edge.requestTrack(ctx, track);
  if (directives.msn !== undefined && countsTowardAudience(replica, track))
    edge.counters.countBlockingRequest(replica.track(track)?.track.partTargetMs ?? 0);
}

/** A viewer follows one video track and perhaps an audio track: video is counted, or audio without video. */
function countsTowardAudience(replica: Replica, track: TrackName): boolean {
  const { tracks } = replica.config;
  return tracks.some(({ kind }) => kind === "video") ? replica.track(track)?.track.kind === "video" : true;
}

function decideMediaReload(
  replica: Replica,
  track: TrackName,
  directives: DeliveryDirectives,
): ReloadAnswer | WaitDecision {
  const decision = decideReload(replica.state, track, directives);
  if (decision.kind !== "wait") return decision;
  const { msn, part } = decision;
  return { kind: "wait", target: part === null ? { kind: "segment", msn } : { kind: "part", msn, part } };
}

/** I-frame playlists block on whole segments. */
function decideIframeReload(
  replica: Replica,
  track: TrackName,
  { msn }: DeliveryDirectives,
): ReloadAnswer | WaitDecision {
  const decision = decideReload(replica.state, track, { skip: "none", ...(msn === undefined ? {} : { msn }) });
  return decision.kind === "wait" ? { kind: "wait", target: { kind: "segment", msn: decision.msn } } : decision;
}

interface WindowPlaylist {
  /** The replica of the request. */
  readonly first: Replica;
  readonly track: TrackName;
  readonly file: "media.m3u8" | "iframes.m3u8";
  readonly directives: DeliveryDirectives;
}

function answerReload(
  context: DeliveryContext,
  { first, track, file, directives }: WindowPlaylist,
  awaited: AwaitedDecision<ReloadAnswer>,
): DeliveryAnswer | Promise<DeliveryAnswer> {
  const { broadcast, targetDurationS } = first.config;
  if (awaited.kind === "timeout") return problemAnswer("timeout");
  if (awaited.kind === "replaced") {
    const path = { broadcast, track, file, isBlocking: directives.msn !== undefined };
    return deliverStoredPlaylist(context, path, cacheLifetimes.blockingNotFound(targetDurationS));
  }
  const { decision, replica, waitingSinceMs } = awaited;
  if (decision.kind === "refuse") return problemAnswer("bad-directive", decision.detail);
  const { edge, request, tokenQuery } = context;
  const isBlocking = directives.msn !== undefined;
  const kind = file === "media.m3u8" ? "media" : "iframes";
  const plainCmsd = playlistCmsd(replica.state.ended);
  // The held time is for players' throughput estimates, which I-frame playlists are no part of.
  const heldMs = kind === "media" && waitingSinceMs !== null ? edge.platform.clock.nowMs() - waitingSinceMs : null;
  return answerFromIsolate(
    playlistResponse(request, {
      rendered: getPlaylistCache(replica).render({ kind, track, skip: directives.skip }),
      tokenQuery,
      cacheControl: isBlocking ? cacheLifetimes.blocking(targetDurationS) : cacheLifetimes.playlist(targetDurationS),
      modified: edge,
      cmsd: heldMs === null ? plainCmsd : addHeldTime(plainCmsd, heldMs),
      cacheStatus: heldMs === null ? "corral-isolate; hit" : "corral-isolate; hit; detail=blocked",
    }),
  );
}

/** A request for a playlist that is pulled. `isBlocking`: it waits for what is not published yet. */
export interface StoredPlaylistRequest extends Omit<MediaPath, "file"> {
  readonly file: PlaylistFile;
  readonly isBlocking: boolean;
}

/** A playlist that only the Live object can render: of another broadcast, or of a recording. */
export async function deliverStoredPlaylist(
  context: DeliveryContext,
  { broadcast, track, file, isBlocking }: StoredPlaylistRequest,
  notFoundLifetime: string,
): Promise<DeliveryAnswer> {
  const { edge, request, tokenQuery } = context;
  const { value, tiers, outcome } = await new Puller(context).pullPlaylist(broadcast, track, file);
  if (value === null) return { ...notFoundAnswer("There is no such playlist.", notFoundLifetime), outcome };
  // The broadcast is live, and this isolate's feed is behind it: nothing here can wait for its parts.
  if (isBlocking && !value.ended) return { ...problemAnswer("timeout"), outcome };
  const response = playlistResponse(request, {
    rendered: value.rendered,
    tokenQuery,
    cacheControl: value.ended ? cacheLifetimes.vod : cacheLifetimes.noStore,
    modified: { changedMs: value.changedMs, nowMs: edge.platform.clock.nowMs() },
    cmsd: playlistCmsd(value.ended),
    cacheStatus: tiers.join(", "),
  });
  return { response, outcome };
}
