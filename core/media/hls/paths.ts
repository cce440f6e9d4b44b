/** Addresses: the only place that builds the paths in playlists and players. */
import type { TrackName } from "../../kit/ids.ts";

/** Media playlist of a track, relative to its broadcast. */
export const mediaPlaylistPath = (track: TrackName, file: PlaylistFile): string => `${track}/${file}`;

/** `media`: live window; `vod`: the recording of an ended broadcast; `iframes`/`vod-iframes`: I-frames only. */
export type PlaylistFile = "media.m3u8" | "iframes.m3u8" | "vod.m3u8" | "vod-iframes.m3u8";

/** An init section, relative to its media playlist. */
export const initPath = (version: number): string => `init-${version}.mp4`;
/** A whole segment, relative to its media playlist. */
export const segmentPath = (msn: number): string => `${msn}.m4s`;
/** A part, relative to its media playlist. */
export const partPath = (msn: number, part: number): string => `${msn}.${part}.m4s`;
