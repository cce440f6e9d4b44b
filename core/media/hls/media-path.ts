/** The path of an address after `/live/{stream}/`, parsed into a union. */

import { type BroadcastId, parseBroadcastId, parseTrackName, type TrackName } from "../../kit/ids.ts";
import type { PlaylistFile } from "./paths.ts";

/** A resource of a track. */
export type TrackFile =
  | { readonly kind: "playlist"; readonly file: PlaylistFile }
  | { readonly kind: "init"; readonly version: number }
  | { readonly kind: "segment"; readonly msn: number }
  | { readonly kind: "part"; readonly msn: number; readonly part: number };

/** A track's file of one broadcast. */
export interface MediaPath {
  readonly broadcast: BroadcastId;
  readonly track: TrackName;
  readonly file: TrackFile;
}

const PLAYLISTS: ReadonlySet<string> = new Set<PlaylistFile>([
  "media.m3u8",
  "iframes.m3u8",
  "vod.m3u8",
  "vod-iframes.m3u8",
]);
// Numbers have one spelling, so that one object has one address.
const NUMBER = "(0|[1-9][0-9]{0,8})";
const INIT = new RegExp(`^init-${NUMBER}\\.mp4$`);
const SEGMENT = new RegExp(`^${NUMBER}\\.m4s$`);
const PART = new RegExp(`^${NUMBER}\\.${NUMBER}\\.m4s$`);

/** The meaning of a track's file name, or null. */
export function parseTrackFile(name: string): TrackFile | null {
  if (PLAYLISTS.has(name)) return { kind: "playlist", file: name as PlaylistFile };
  const init = INIT.exec(name);
  if (init !== null) return { kind: "init", version: Number(init[1]) };
  const segment = SEGMENT.exec(name);
  if (segment !== null) return { kind: "segment", msn: Number(segment[1]) };
  const part = PART.exec(name);
  if (part !== null) return { kind: "part", msn: Number(part[1]), part: Number(part[2]) };
  return null;
}

/** The meaning of `{broadcast}/{track}/{file}`, or null. */
export function parseMediaPath(broadcast: string, track: string, file: string): MediaPath | null {
  const parsed = { broadcast: parseBroadcastId(broadcast), track: parseTrackName(track), file: parseTrackFile(file) };
  if (parsed.broadcast === null || parsed.track === null || parsed.file === null) return null;
  return { broadcast: parsed.broadcast, track: parsed.track, file: parsed.file };
}
