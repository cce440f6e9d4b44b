/** Responses with a playlist or media; headers shared by many requests are created once. */
import type { Replica } from "../../core/broadcast/replica.ts";
import type { SegmentState } from "../../core/broadcast/segment.ts";
import { BoundedMap } from "../../core/kit/bounded-map.ts";
import type { TrackName } from "../../core/kit/ids.ts";
import { prefersGzip } from "../kit/accept-encoding.ts";
import { parseByteRange } from "../kit/byte-range.ts";
import { computeLastModifiedMs, isNotModified } from "../kit/conditional-request.ts";
import { cacheLifetimes, createDeliveryHeaders, deliveryResponse, problemResponse } from "../kit/responses.ts";
import { initCmsd, mediaCmsd, UNKNOWN_CMSD } from "./cmsd.ts";
import { gzipBytes, type RenderedPlaylist } from "./playlist-cache.ts";

const PLAYLIST_MEDIA_TYPE = "application/vnd.apple.mpegurl";

/** Level for a single viewer's playlist: fast. Its repeated token compresses well at any level. */
const PER_VIEWER_GZIP_LEVEL = 1;

/** The time of an object's last change, and of the request; milliseconds since the epoch. */
export interface ModificationTime {
  readonly changedMs: number;
  readonly nowMs: number;
}

/** A playlist to send. */
export interface PlaylistAnswer {
  readonly rendered: RenderedPlaylist;
  /** The query of the playlist's URIs for this viewer; usually empty. */
  readonly tokenQuery: string;
  readonly cacheControl: string;
  readonly modified: ModificationTime;
  readonly cmsd: string;
  /** As in `Cache-Status`. */
  readonly cacheStatus: string;
}

/** A playlist, compressed if the client accepts that; 304 if the client has it. */
export function playlistResponse(
  request: Request,
  { rendered, tokenQuery, cacheControl, modified: { changedMs, nowMs }, cmsd, cacheStatus: status }: PlaylistAnswer,
): Response {
  const zipped = prefersGzip(request.headers.get("accept-encoding"));
  const modifiedMs = computeLastModifiedMs(changedMs, nowMs);
  const etag = rendered.etag(zipped, tokenQuery);
  const headers = rendered.cachedHeaders(`${etag} ${modifiedMs} ${cacheControl} ${status} ${cmsd}`, () =>
    createDeliveryHeaders({
      "content-type": PLAYLIST_MEDIA_TYPE,
      "cache-control": cacheControl,
      etag,
      "last-modified": new Date(modifiedMs).toUTCString(),
      age: "0",
      "cache-status": status,
      "cmsd-static": cmsd,
      vary: "accept-encoding",
      ...(zipped ? { "content-encoding": "gzip" } : {}),
    }),
  );
  if (isNotModified(request.headers, { etag, changedMs })) return notModifiedResponse(headers);
  const own = tokenQuery === "" ? null : rendered.withQuery(tokenQuery);
  if (!zipped) return new Response(own ?? rendered.bytes, { headers });
  return new Response(own === null ? rendered.gzip() : gzipBytes(own, PER_VIEWER_GZIP_LEVEL), {
    headers,
    encodeBody: "manual",
  });
}

/** 304: without the headers that describe the body. */
function notModifiedResponse(headers: Headers): Response {
  const kept = new Headers(headers);
  for (const name of ["content-type", "content-encoding"]) kept.delete(name);
  return new Response(null, { status: 304, headers: kept });
}

/** The headers of the latest response with an object: a herd reuses them. */
const lastHeaders = new WeakMap<Uint8Array, { ageS: number; status: string; cmsd: string; headers: Headers }>();

/** A media file to send. */
export interface MediaAnswer {
  readonly description: MediaDescription;
  readonly bytes: Uint8Array;
  /** Seconds since its completion. */
  readonly ageS: number;
  /** As in `Cache-Status`. */
  readonly cacheStatus: string;
}

/** A media file, or the requested range of it. */
export function mediaResponse(
  request: Request,
  { description, bytes, ageS, cacheStatus: status }: MediaAnswer,
): Response {
  const ranges = readRangeHeader(request);
  const { cmsd } = description;
  const last = lastHeaders.get(bytes);
  if (ranges === null && last?.ageS === ageS && last.status === status && last.cmsd === cmsd) {
    return new Response(bytes, { headers: last.headers });
  }
  const plain: Record<string, string> = {
    "content-type": description.type,
    "cmsd-static": cmsd,
    "cache-control": cacheLifetimes.media,
    "accept-ranges": "bytes",
    age: String(ageS),
    "cache-status": status,
  };
  const range = parseByteRange(ranges, bytes.byteLength);
  if (range === null) {
    const headers = getMediaHeaders(plain);
    lastHeaders.set(bytes, { ageS, status, cmsd, headers });
    return new Response(bytes, { headers });
  }
  if (range === "unsatisfiable") return unsatisfiableRangeResponse(bytes.byteLength);
  plain["content-range"] = `bytes ${range.first}-${range.last}/${bytes.byteLength}`;
  return deliveryResponse(bytes.subarray(range.first, range.last + 1), plain, { status: 206 });
}

/** The applicable `Range`, or null. */
function readRangeHeader({ method, headers }: Request): string | null {
  // RFC 9110 §14.2: "A server MUST ignore a Range header field received with a request method that is unrecognized or for
  // which range handling is not defined. For this specification, GET is the only method for which range handling is defined."
  // §13.1.5: a range applies if `If-Range` names the current state. Media have no validators: they do not change.
  return method === "GET" && !headers.has("if-range") ? headers.get("range") : null;
}

/** The refusal of a range beyond the end; it is no media, and not cached as such. */
function unsatisfiableRangeResponse(byteLength: number): Response {
  return problemResponse("range-not-satisfiable", `The object has ${byteLength} bytes.`, {
    headers: { "accept-ranges": "bytes", "content-range": `bytes */${byteLength}` },
  });
}

/** Whole-file responses of the last seconds share most headers: created once per age, cache status and kind of object. */
const MAX_CACHED_HEADERS = 1_024;
const cachedHeaders = new BoundedMap<string, Headers>(MAX_CACHED_HEADERS);

function getMediaHeaders(headers: Record<string, string>): Headers {
  const key = `${headers["content-type"]} ${headers["age"]} ${headers["cache-status"]} ${headers["cmsd-static"]}`;
  const known = cachedHeaders.get(key);
  if (known !== undefined) return known;
  const made = createDeliveryHeaders(headers);
  cachedHeaders.set(key, made);
  return made;
}

/** The headers of a media file. */
export interface MediaDescription {
  readonly type: "audio/mp4" | "video/mp4";
  readonly cmsd: string;
}

/** The type of a track's part or segment; without a replica, the type that fits both kinds. */
export function describeMedia(
  replica: Replica | null,
  name: TrackName,
  durationTicks: number | null,
): MediaDescription {
  const track = replica?.track(name)?.track;
  const type = track?.kind === "audio" ? "audio/mp4" : "video/mp4";
  if (replica === null || track === undefined || durationTicks === null) return { type, cmsd: UNKNOWN_CMSD };
  return { type, cmsd: mediaCmsd(track, durationTicks, replica.state.ended) };
}

/** The type of a track's init section. */
export function describeInitSection(replica: Replica | null, name: TrackName): MediaDescription {
  const { type } = describeMedia(replica, name, null);
  return { type, cmsd: initCmsd(replica?.state.ended ?? true) };
}

/** Media for the computation of `Age`. */
export interface AgedMedia {
  readonly replica: Replica | null;
  readonly track: TrackName;
  /** Null for an init section, and for a segment outside the window. */
  readonly segment: SegmentState | null;
  /** The part of the segment; absent for the whole segment. */
  readonly part?: number;
}

/** Seconds since the completion of the media, by its program time. */
export function computeMediaAgeS({ replica, track, segment, part }: AgedMedia, nowMs: number): number {
  const timescale = replica?.track(track)?.track.timescale;
  if (replica === null || timescale === undefined) return 0;
  if (segment === null) return Math.max(0, Math.floor((nowMs - replica.config.startedAtMs) / 1000));
  let ticks = segment.durationTicks;
  if (part !== undefined) {
    ticks = 0;
    for (const { durationTicks } of segment.parts.slice(0, part + 1)) ticks += durationTicks;
  }
  return Math.max(0, Math.floor((nowMs - segment.start.programTimeMs - (ticks * 1000) / timescale) / 1000));
}
