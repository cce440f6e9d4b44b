/** Names of stored objects, in one place, because the Live object writes them and every isolate reads them. */

import type { BroadcastId, StreamName, TrackName } from "../kit/ids.ts";
import type { PlaylistFile } from "../media/hls/paths.ts";

/** Key of a segment (`12.m4s`) in R2. */
export function mediaObjectKey(stream: StreamName, broadcast: BroadcastId, track: TrackName, file: string): string {
  return `${stream}/${broadcast}/${track}/${file}`;
}

/** Key of an ended broadcast's playlist in R2, as `StoredPlaylist` in JSON. */
export function playlistObjectKey(
  stream: StreamName,
  broadcast: BroadcastId,
  track: TrackName,
  file: PlaylistFile,
): string {
  return mediaObjectKey(stream, broadcast, track, `${file}.json`);
}

/** Stream names of `prefixes`, from a listing of the bucket up to the first `/`. */
export function parseStreamPrefixes(prefixes: readonly string[]): string[] {
  return prefixes.map((prefix) => prefix.split("/", 1)[0] ?? "");
}
