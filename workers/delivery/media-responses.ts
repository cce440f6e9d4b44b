/** Answers that carry a playlist or media, with what is the same for all who ask made once. */
import type { SegmentState } from "../../core/broadcast/broadcast-log.ts";
import type { Replica } from "../../core/broadcast/replica.ts";
import type { TrackName } from "../../core/kit/ids.ts";
import { prefersGzip } from "../kit/accept-encoding.ts";
import { parseByteRange } from "../kit/byte-range.ts";
import { computeLastModifiedMs, isNotModified } from "../kit/conditional-request.ts";
import { cacheLifetimes, createDeliveryHeaders, deliveryResponse, problemResponse } from "../kit/responses.ts";
import { initCmsd, mediaCmsd, UNKNOWN_CMSD } from "./cmsd.ts";
import { gzipBytes, type RenderedPlaylist } from "./playlist-cache.ts";

const PLAYLIST_MEDIA_TYPE = "application/vnd.apple.mpegurl";

/** Who asks for a playlist, and the query with which its addresses go to them; it is empty for most. */
export interface PlaylistRequest {
  readonly request: Request;
  readonly tokenQuery: string;
}

/** A viewer's own playlist is compressed for one: fast. Its tokens, all the same, become small in any case. */
const PER_VIEWER_GZIP_LEVEL = 1;

/** When an object changed last, and the time of the request; milliseconds since the epoch. */
export interface ModificationTime {
  readonly changedMs: number;
  readonly nowMs: number;
}

/** A playlist, compressed for those who take it; 304 for those who have it. `tiers`: as in `Cache-Status`. */
export function playlistResponse(
  { request, tokenQuery }: PlaylistRequest,
  rendered: RenderedPlaylist,
  cacheControl: string,
  { changedMs, nowMs }: ModificationTime,
  cmsd: string,
  ...tiers: string[]
): Response {
  const zipped = prefersGzip(request.headers.get("accept-encoding"));
  const status = tiers.length === 1 ? (tiers[0] ?? "") : tiers.join(", ");
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

/** The answer to one who has it: what headers say of the body is left out with the body. */
function notModifiedResponse(headers: Headers): Response {
  const kept = new Headers(headers);
  for (const name of ["content-type", "content-encoding"]) kept.delete(name);
  return new Response(null, { status: 304, headers: kept });
}

/** The headers that an object was last answered with: a herd gets them as they are. */
const lastHeaders = new WeakMap<Uint8Array, { ageS: number; status: string; cmsd: string; headers: Headers }>();

/** A file of media, or the range of it that is asked for; `ageS`: seconds since it was whole. */
export function mediaResponse(
  request: Request,
  description: MediaDescription,
  bytes: Uint8Array,
  ageS: number,
  ...tiers: string[]
): Response {
  const ranges = readRangeHeader(request);
  const { cmsd } = description;
  const status = tiers.length === 1 ? (tiers[0] ?? "") : tiers.join(", ");
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

/** The `Range` that is to be heeded, or null. */
function readRangeHeader({ method, headers }: Request): string | null {
  // RFC 9110 §14.2: "A server MUST ignore a Range header field received with a request method that is unrecognized or for
  // which range handling is not defined. For this specification, GET is the only method for which range handling is defined."
  // §13.1.5: a range is for those whose `If-Range` names the state that would be sent. Media have no validators: they don't
  // change.
  return method === "GET" && !headers.has("if-range") ? headers.get("range") : null;
}

/** The refusal of a range that lies beyond the end; it is no media, and not kept as such. */
function unsatisfiableRangeResponse(byteLength: number): Response {
  return problemResponse("range-not-satisfiable", `The object has ${byteLength} bytes.`, {
    headers: { "accept-ranges": "bytes", "content-range": `bytes */${byteLength}` },
  });
}

/** Whole media answers of the last seconds differ in few headers: made once for each age, way and kind of object. */
const cachedHeaders = new Map<string, Headers>();
const MAX_CACHED_HEADERS = 1024;

function getMediaHeaders(headers: Record<string, string>): Headers {
  const key = `${headers["content-type"]} ${headers["age"]} ${headers["cache-status"]} ${headers["cmsd-static"]}`;
  const known = cachedHeaders.get(key);
  if (known !== undefined) return known;
  if (cachedHeaders.size >= MAX_CACHED_HEADERS) cachedHeaders.clear();
  const made = createDeliveryHeaders(headers);
  cachedHeaders.set(key, made);
  return made;
}

/** What headers tell of a file of media. */
export interface MediaDescription {
  readonly type: "audio/mp4" | "video/mp4";
  readonly cmsd: string;
}

/** Of a track's part or segment; of a broadcast that isn't here any more, the type that fits both kinds. */
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

/** Of a track's init section. */
export function describeInitSection(replica: Replica | null, name: TrackName): MediaDescription {
  const { type } = describeMedia(replica, name, null);
  return { type, cmsd: initCmsd(replica?.state.ended ?? true) };
}

/** Seconds since the media was whole: its programme time tells when. */
export function computeMediaAgeS(
  replica: Replica | null,
  track: TrackName,
  segment: SegmentState | null,
  part = -1,
): number {
  const timescale = replica?.track(track)?.track.timescale;
  if (replica === null || timescale === undefined) return 0;
  if (segment === null) return Math.max(0, Math.floor((Date.now() - replica.config.startedAtMs) / 1000));
  const parts = segment.parts.slice(0, part + 1);
  const ticks = part < 0 ? segment.durationTicks : parts.reduce((sum, { durationTicks }) => sum + durationTicks, 0);
  return Math.max(0, Math.floor((Date.now() - segment.start.programTimeMs - (ticks * 1000) / timescale) / 1000));
}
