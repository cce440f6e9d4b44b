/** Playlists of ended broadcasts in this isolate: rendered once by the Live object, compressed once here. */
import type { StoredPlaylist } from "../../core/delivery/upstream-node.ts";
import { RenderedPlaylist } from "./playlist-cache.ts";

/** Bounds, each with its reason. */
const RECORDING_CACHE_LIMITS = {
  /** Characters of all that are kept: some sixteen recordings of six hours, in an isolate of 128 MB. */
  chars: 16_777_216,
} as const;

/** A playlist that is ready to be answered with. */
export interface PreparedPlaylist extends Omit<StoredPlaylist, "text"> {
  readonly rendered: RenderedPlaylist;
}

/** A playlist made ready. */
export const preparePlaylist = ({ text, ended, changedMs }: StoredPlaylist): PreparedPlaylist => ({
  rendered: new RenderedPlaylist([{ text }]),
  ended,
  changedMs,
});

const cachedRecordings = new Map<string, { readonly playlist: PreparedPlaylist; readonly chars: number }>();
let cachedChars = 0;

/** The playlist under a key, or null. */
export function getCachedRecording(key: string): PreparedPlaylist | null {
  const found = cachedRecordings.get(key);
  if (found === undefined) return null;
  cachedRecordings.delete(key);
  cachedRecordings.set(key, found);
  return found.playlist;
}

/** Caches a playlist that will not change; the least recently used leave first. */
export function cacheRecording(key: string, playlist: PreparedPlaylist, chars: number): void {
  if (cachedRecordings.has(key) || chars > RECORDING_CACHE_LIMITS.chars) return;
  cachedRecordings.set(key, { playlist, chars });
  cachedChars += chars;
  for (const [oldest, held] of cachedRecordings) {
    if (cachedChars <= RECORDING_CACHE_LIMITS.chars) return;
    cachedRecordings.delete(oldest);
    cachedChars -= held.chars;
  }
}
