/** Delivery: playlists and media, answered by the nearest tier that can. */

import type { Replica } from "../protocol/broadcast/replica.ts";
import { segmentAt } from "../protocol/broadcast/window.ts";
import { decide, decidePart, parseDirectives } from "../protocol/hls/directives.ts";
import type { TrackName } from "../protocol/ids.ts";
import { EDGE_LIMITS } from "../protocol/tree/limits.ts";
import { UpstreamError } from "../tiers/calls.ts";
import type { StreamEdge } from "../tiers/stream-edge.ts";
import { ageOf, initOf, media, mediaOf, playlist } from "./answers.ts";
import { heldCmsd, playlistCmsd } from "./cmsd.ts";
import { refuseToJoin } from "./edge/joins.ts";
import { mayExist } from "./edge/outlines.ts";
import { type PlaylistKind, playlistsOf } from "./edge/playlists.ts";
import { type Asking, type Pulled, Puller } from "./edge/pulls.ts";
import { enter, refusalResponse } from "./gate.ts";
import type { LivePath } from "./live-path.ts";
import type { MediaPath } from "./media-path.ts";
import { networkOfRequest } from "./networks.ts";
import { deliveryProblem, lifetimes, UNKNOWN_LIFETIME } from "./responses.ts";

/** hls.js gives up a playlist whose first byte takes 10 s. */
const LONGEST_WAIT_MS = 9_000;

/** One request for something of a stream. */
export interface Delivery extends Asking {
  readonly request: Request;
  /** Set where a newcomer was told to come back later. */
  putOff: boolean;
  /** The stream isn't for everybody: the answer is for this asker only. */
  gated: boolean;
  /** What the addresses of playlists carry for this asker. */
  query: string;
}

/** `GET /live/{stream}/…`. Throws `StreamStopped`, and `UpstreamError` where nobody says whether it is. */
export async function deliver(delivery: Delivery, { stream, file }: LivePath): Promise<Response> {
  const { env, life, edge, request } = delivery;
  const known = edge.replica(life);
  const replica = known instanceof Promise ? await known : known;
  if (replica === null) return unknown(edge);
  edge.refuseStopped();
  if (edge.unheardMs() > EDGE_LIMITS.unheardMs) throw new UpstreamError("the stream's object can't be heard of");
  const { access } = edge;
  if (access.playback !== "public") {
    delivery.gated = true;
    const entered = enter(env, stream, access, request);
    const entry = entered instanceof Promise ? await entered : entered;
    if ("refusal" in entry) return refusalResponse(entry.refusal);
    delivery.query = entry.query;
  }
  return file === "multivariant" ? deliverMultivariant(delivery, replica) : deliverFile(delivery, replica, file);
}

async function deliverMultivariant(delivery: Delivery, replica: Replica): Promise<Response> {
  const { env, edge, request } = delivery;
  const { targetDurationS } = replica.config;
  // Who asks for this playlist is about to join; those who watch don't ask for it again.
  const refusal = replica.state.ended ? null : await refuseToJoin(env, edge, request);
  if (refusal !== null) {
    delivery.putOff = true;
    return refusal;
  }
  const rendered = playlistsOf(replica).get({ kind: "multivariant" });
  const cmsd = playlistCmsd(replica.state.ended);
  return playlist(delivery, rendered, lifetimes.playlist(targetDurationS), edge, cmsd, "corral-isolate; hit");
}

function deliverFile(delivery: Delivery, replica: Replica, path: MediaPath): Response | Promise<Response> {
  const { targetDurationS, broadcast } = replica.config;
  const blocking = path.file.kind === "playlist" && new URL(delivery.request.url).searchParams.has("_HLS_msn");
  const missing = blocking ? lifetimes.blockingNotFound(targetDurationS) : lifetimes.notFound(targetDurationS);
  if (broadcast === path.broadcast && replica.track(path.track) === undefined) {
    return notFound(`This broadcast has no track ${path.track}.`, missing);
  }
  if (broadcast === path.broadcast) return deliverMine(delivery, replica, path, missing);
  return mayExist(delivery, path).then((may) =>
    may ? deliverMine(delivery, null, path, missing) : notFound("There is no such file of a broadcast.", missing),
  );
}

/** A file of the broadcast that `mine` is of, or of another one of which it exists. */
function deliverMine(
  delivery: Delivery,
  mine: Replica | null,
  path: MediaPath,
  missing: string,
): Response | Promise<Response> {
  switch (path.file.kind) {
    case "playlist":
      if (mine !== null && path.file.file === "media.m3u8") return deliverMedia(delivery, mine, path.track);
      if (mine !== null && path.file.file === "iframes.m3u8") return deliverIframes(delivery, mine, path.track);
      if (mine?.state.ended === false) return notFound("The recording is there once the broadcast has ended.", missing);
      return deliverStored(delivery, path, path.file.file, missing);
    case "init":
      return deliverInit(delivery, mine, path, path.file.version, missing);
    case "part":
      return deliverPart(delivery, mine, path, path.file.msn, path.file.part, missing);
    case "segment":
      return deliverSegment(delivery, mine, path, path.file.msn, missing);
  }
}

async function deliverMedia(delivery: Delivery, first: Replica, track: TrackName): Promise<Response> {
  const { life, edge, request } = delivery;
  const directives = parseDirectives(new URL(request.url).searchParams);
  if ("error" in directives) return deliveryProblem(400, "Bad delivery directive", directives.error);
  const { targetDurationS } = first.config;
  const askedMs = Date.now();
  const untilMs = askedMs + Math.min(3_000 * targetDurationS, LONGEST_WAIT_MS);
  const blocking = directives.msn !== undefined;
  edge.want(life, track);
  if (blocking && countsViewers(first, track)) edge.tally.blocking(first.track(track)?.track.partTargetMs ?? 0);
  let waited = false;
  for (let replica: Replica | null = first; replica?.config.broadcast === first.config.broadcast; ) {
    const decision = decide(replica.state, track, directives);
    if (decision.kind === "refuse") return deliveryProblem(400, "Impossible delivery directive", decision.detail);
    if (decision.kind === "now") {
      const lifetime = blocking ? lifetimes.blocking(targetDurationS) : lifetimes.playlist(targetDurationS);
      const kind: PlaylistKind = { kind: "media", track, skip: directives.skip };
      const status = `corral-isolate; hit${waited ? "; detail=blocked" : ""}`;
      const plain = playlistCmsd(replica.state.ended);
      const cmsd = waited ? heldCmsd(plain, askedMs) : plain;
      return playlist(delivery, playlistsOf(replica).get(kind), lifetime, edge, cmsd, status);
    }
    const { msn, part } = decision;
    const place = part === null ? ({ kind: "segment", msn } as const) : ({ kind: "part", msn, part } as const);
    waited = true;
    // A server SHOULD answer 503 when it would have to wait for more than three target durations.
    if (!(await edge.wait(life, replica, track, place, untilMs, networkOfRequest(request)))) {
      return deliveryProblem(503, "Nothing new came in time", "Ask again; the broadcast may be reconnecting.");
    }
    replica = edge.known;
  }
  return deliverStored(
    delivery,
    { broadcast: first.config.broadcast, track, file: { kind: "playlist", file: "media.m3u8" } },
    "media.m3u8",
    lifetimes.blockingNotFound(targetDurationS),
  );
}

/** A viewer follows one video track and perhaps an audio track: the video is counted, the audio where there is none. */
function countsViewers(replica: Replica, track: TrackName): boolean {
  const { tracks } = replica.config;
  return tracks.some(({ kind }) => kind === "video") ? replica.track(track)?.track.kind === "video" : true;
}

/** I-frame playlists block on whole segments. */
async function deliverIframes(delivery: Delivery, first: Replica, track: TrackName): Promise<Response> {
  const { life, edge, request } = delivery;
  const directives = parseDirectives(new URL(request.url).searchParams);
  if ("error" in directives) return deliveryProblem(400, "Bad delivery directive", directives.error);
  const { targetDurationS } = first.config;
  const untilMs = Date.now() + Math.min(3_000 * targetDurationS, LONGEST_WAIT_MS);
  const { msn, skip } = directives;
  let replica: Replica = first;
  while (msn !== undefined) {
    const decision = decide(replica.state, track, { msn, skip: "none" });
    if (decision.kind === "refuse") return deliveryProblem(400, "Impossible delivery directive", decision.detail);
    if (decision.kind === "now") break;
    if (
      !(await edge.wait(
        life,
        replica,
        track,
        { kind: "segment", msn: decision.msn },
        untilMs,
        networkOfRequest(request),
      ))
    ) {
      return deliveryProblem(503, "Nothing new came in time", "Ask again; the broadcast may be reconnecting.");
    }
    replica = edge.known ?? replica;
    if (replica.config.broadcast !== first.config.broadcast) break;
  }
  const rendered = playlistsOf(replica).get({ kind: "iframes", track, skip });
  const lifetime = msn === undefined ? lifetimes.playlist(targetDurationS) : lifetimes.blocking(targetDurationS);
  const cmsd = playlistCmsd(replica.state.ended);
  return playlist(delivery, rendered, lifetime, edge, cmsd, "corral-isolate; hit");
}

/** A playlist that only the Live object can render: of another broadcast, or of all that is stored. */
async function deliverStored(
  delivery: Delivery,
  { broadcast, track }: MediaPath,
  file: Parameters<Puller["playlist"]>[2],
  missing: string,
): Promise<Response> {
  const { value, tiers } = await new Puller(delivery).playlist(broadcast, track, file);
  if (value === null) return notFound("There is no such playlist.", missing);
  const lifetime = value.ended ? lifetimes.vod : lifetimes.never;
  const dated = { changedMs: value.changedMs, nowMs: Date.now() };
  return playlist(delivery, value.rendered, lifetime, dated, playlistCmsd(value.ended), ...tiers);
}

async function deliverInit(
  delivery: Delivery,
  mine: Replica | null,
  { broadcast, track }: MediaPath,
  version: number,
  missing: string,
): Promise<Response> {
  const { request } = delivery;
  const held = mine?.init(track, version) ?? null;
  if (held !== null) {
    return media(request, initOf(mine, track), held, ageOf(mine, track, null), "corral-isolate; hit");
  }
  if (mine !== null) return notFound(`No init section ${version} of ${track}.`, missing);
  const { value, tiers } = await new Puller(delivery).init(broadcast, track, version);
  if (value === null) return notFound(`No init section ${version} of ${track}.`, missing);
  return media(request, initOf(mine, track), value, 0, ...tiers);
}

async function deliverPart(
  delivery: Delivery,
  mine: Replica | null,
  { broadcast, track }: MediaPath,
  msn: number,
  part: number,
  missing: string,
): Promise<Response> {
  const { life, edge, request } = delivery;
  if (mine === null) return notFound("Parts are kept only while a broadcast is live; take the segment.", missing);
  edge.want(life, track);
  let askedMs: number | null = null;
  for (let replica: Replica | null = mine; replica?.config.broadcast === broadcast; replica = edge.known) {
    const decision = decidePart(replica.state, track, msn, part);
    if (decision.kind === "not-found") return notFound(`Part ${msn}.${part} of ${track} doesn't exist.`, missing);
    if (decision.kind === "ready") {
      return readyPart(delivery, replica, track, msn, part, askedMs, missing);
    }
    askedMs ??= Date.now();
    const untilMs = askedMs + Math.min(3_000 * mine.config.targetDurationS, LONGEST_WAIT_MS);
    if (!(await edge.wait(life, replica, track, { kind: "settled", msn, part }, untilMs, networkOfRequest(request)))) {
      return deliveryProblem(503, "The part didn't come in time", "Reload the playlist and go on from there.");
    }
  }
  return notFound(`Part ${msn}.${part} of ${track} doesn't exist.`, missing);
}

async function readyPart(
  delivery: Delivery,
  replica: Replica,
  track: TrackName,
  msn: number,
  part: number,
  askedMs: number | null,
  missing: string,
): Promise<Response> {
  const { life, edge, request } = delivery;
  const segment = replica.track(track)?.segments.find((candidate) => candidate.msn === msn);
  if (segment === undefined || segment.parts[part]?.gap === true) return notFound("This part never came.", missing);
  const age = ageOf(replica, track, segment, part);
  const about = mediaOf(replica, track, segment.parts[part]?.durationTicks ?? 0);
  const hit = (bytes: Uint8Array): Response => {
    if (askedMs === null) return media(request, about, bytes, age, "corral-isolate; hit");
    const held = { ...about, cmsd: heldCmsd(about.cmsd, askedMs) };
    return media(request, held, bytes, age, "corral-isolate; hit; detail=blocked");
  };
  const held = replica.tail.part(track, msn, part);
  if (held !== null) return hit(held);
  await edge.carried(life, track, Date.now() + EDGE_LIMITS.carriedMs);
  const carried = replica.tail.part(track, msn, part);
  if (carried !== null) return hit(carried);
  const { value, tiers } = await new Puller(delivery).part(replica.config.broadcast, track, segment, part);
  if (value === null) return deliveryProblem(503, "The part isn't here yet", "Ask again; the edge is catching up.");
  return media(request, about, value, age, ...tiers);
}

async function deliverSegment(
  delivery: Delivery,
  mine: Replica | null,
  { broadcast, track }: MediaPath,
  msn: number,
  missing: string,
): Promise<Response> {
  const { request } = delivery;
  const puller = new Puller(delivery);
  const state = mine?.track(track);
  const segment = state === undefined ? null : (segmentAt(state, msn) ?? null);
  if (mine !== null && state !== undefined) {
    if (segment === null && msn >= state.mediaSequence) return notFound(`Segment ${msn} doesn't exist yet.`, missing);
    if (segment !== null && (segment.gap || !segment.closed)) return notFound(`No whole segment ${msn} here.`, missing);
    const held = segment === null ? null : mine.tail.segment(track, segment);
    if (held !== null) {
      const about = mediaOf(mine, track, segment?.durationTicks ?? null);
      return media(request, about, held, ageOf(mine, track, segment), "corral-isolate; hit");
    }
  }
  const { value, tiers }: Pulled<Uint8Array> =
    segment === null
      ? await puller.pastSegment(broadcast, track, msn)
      : await puller.closedSegment(broadcast, track, segment);
  if (value === null) {
    if (segment === null) return notFound(`No segment ${msn} of ${track}.`, missing);
    return deliveryProblem(503, "The segment isn't here yet", "Ask again; the edge is catching up.");
  }
  const about = mediaOf(mine, track, segment?.durationTicks ?? null);
  return media(request, about, value, ageOf(mine, track, segment), ...tiers);
}

/** Nothing is known of the stream: because there is nothing, or because nobody above could be asked. */
function unknown(edge: StreamEdge): Response {
  if (edge.stale) return deliveryProblem(503, "Not now", "The edge can't reach the broadcast's object; ask again.");
  return notFound("No broadcast has been here yet.", UNKNOWN_LIFETIME);
}

function notFound(detail: string, cacheControl: string): Response {
  return deliveryProblem(404, "Not found", detail, cacheControl);
}
