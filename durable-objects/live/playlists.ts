/** Playlists that only the Live object can render, since it has the index of all that is stored. */
import type { SegmentState } from "../../protocol/broadcast/log.ts";
import type { Replica } from "../../protocol/broadcast/replica.ts";
import { renderIframes, renderMedia, renderVod } from "../../protocol/hls/media.ts";
import type { PlaylistFile } from "../../protocol/hls/paths.ts";
import type { TrackName } from "../../protocol/ids.ts";
import type { StoredPlaylist } from "../../tiers/node.ts";

/** Whether a playlist is of the whole broadcast. */
export function isWhole(file: PlaylistFile): boolean {
  return file === "vod.m3u8" || file === "vod-iframes.m3u8";
}

/** A track's playlist as it stands; null where there is no such track, or not yet the whole of it. */
export function storedPlaylist(
  replica: Replica,
  track: TrackName,
  file: PlaylistFile,
  segments: () => Iterable<SegmentState>,
): Pick<StoredPlaylist, "text" | "ended"> | null {
  if (replica.track(track) === undefined) return null;
  const { ended } = replica.state;
  if (file === "media.m3u8") return { text: renderMedia(replica.state, track, { skip: "none" }), ended };
  if (file === "iframes.m3u8") return { text: renderIframes(replica.state, track), ended };
  if (!ended) return null;
  return { text: renderVod(replica.config, track, segments(), { iframes: file === "vod-iframes.m3u8" }), ended };
}
