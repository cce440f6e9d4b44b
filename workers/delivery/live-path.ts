/** Delivery addresses, parsed once per request. */
import { BoundedMap } from "../../core/kit/bounded-map.ts";
import { type BroadcastId, parseBroadcastId, parseStreamName, type StreamName } from "../../core/kit/ids.ts";
import { type MediaPath, parseMediaPath } from "../../core/media/hls/media-path.ts";
import { findPathStart } from "../kit/request-address.ts";

/** The requested file of a stream: a multivariant playlist, a broadcast's flow, or a file of a track. */
export interface LivePath {
  readonly stream: StreamName;
  readonly file: MultivariantPath | FlowPath | MediaPath;
}

/** The multivariant playlist of a broadcast, live or ended; null: of the stream, whose latest broadcast it shows. */
export interface MultivariantPath {
  readonly multivariantOf: BroadcastId | null;
}

/** The flow of a broadcast. */
export interface FlowPath {
  readonly flowOf: BroadcastId;
}

const FLOW_FILE = "flow.mp4";
const MULTIVARIANT_FILE = "multivariant.m3u8";

const PREFIX = "/live/";

/** Whether an address belongs to delivery: `/live/…`. `url` is absolute, as `Request.url` is. */
export function isLivePath(url: string): boolean {
  return url.startsWith(PREFIX, findPathStart(url));
}

/** Viewers request the same few files at the same time, so parsed addresses are cached, up to this many. */
const MAX_PARSED_PATHS = 1_024;
const parsedPaths = new BoundedMap<string, LivePath>(MAX_PARSED_PATHS);

/**
 * The path of an address below `/live/`, or null. The address is canonical (`canonical-url.ts`), so names have one spelling
 * and nothing is decoded. The query, which may hold a viewer's token, is not part of the path.
 */
export function parseLivePath(url: string): LivePath | null {
  const query = url.indexOf("?");
  const bare = query < 0 ? url : url.slice(0, query);
  const known = parsedPaths.get(bare);
  if (known !== undefined) return known;
  const parsed = parseBarePath(bare);
  if (parsed === null) return null;
  parsedPaths.set(bare, parsed);
  return parsed;
}

function parseBarePath(bare: string): LivePath | null {
  const path = bare.slice(findPathStart(bare) + PREFIX.length);
  const [name = "", second = "", track, file, ...rest] = path.split("/");
  const stream = parseStreamName(name);
  if (stream === null || rest.length > 0) return null;
  if (track === undefined) return second === MULTIVARIANT_FILE ? { stream, file: { multivariantOf: null } } : null;
  if (file === undefined) {
    const broadcast = parseBroadcastId(second);
    if (broadcast === null) return null;
    if (track === FLOW_FILE) return { stream, file: { flowOf: broadcast } };
    return track === MULTIVARIANT_FILE ? { stream, file: { multivariantOf: broadcast } } : null;
  }
  const parsed = parseMediaPath(second, track, file);
  return parsed === null ? null : { stream, file: parsed };
}
