/** Playlists of ended broadcasts in this isolate: rendered once by the Live object, compressed once here. */
import type { StoredPlaylist } from "../../core/delivery/upstream-node.ts";
import { SizedCache } from "../../core/kit/sized-cache.ts";
import { RenderedPlaylist } from "./playlist-cache.ts";

/** Limits, each with its reason. */
const RECORDING_CACHE_LIMITS = {
  /** Total characters: some sixteen recordings of six hours, in an isolate of 128 MB. */
  chars: 16_777_216,
} as const;

/** A playlist that is ready to send. */
export interface PreparedPlaylist extends Omit<StoredPlaylist, "text"> {
  readonly rendered: RenderedPlaylist;
}

/** Prepares a playlist for sending. */
export const preparePlaylist = ({ text, ended, changedMs }: StoredPlaylist): PreparedPlaylist => ({
  rendered: new RenderedPlaylist([{ text }]),
  ended,
  changedMs,
});

const cachedRecordings = new SizedCache<PreparedPlaylist>(RECORDING_CACHE_LIMITS.chars);

/** The playlist under a key, or null. */
export const getCachedRecording = (key: string): PreparedPlaylist | null => cachedRecordings.get(key);

/** Caches a playlist of this many characters that will not change. */
export const cacheRecording = (key: string, playlist: PreparedPlaylist, chars: number): void =>
  cachedRecordings.add(key, playlist, chars);
