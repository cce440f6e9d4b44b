/** Playlists of broadcasts that are over, as this isolate has them: rendered by the Live object once, compressed here once. */
import type { StoredPlaylist } from "../../tiers/node.ts";
import { Rendered } from "./playlists.ts";

/** Bounds, each with its reason. */
const RECORDING_LIMITS = {
  /** Characters of all that are kept: some sixteen recordings of six hours, in an isolate of 128 MB. */
  chars: 16_777_216,
} as const;

/** A playlist that is ready to be answered with. */
export interface ReadyPlaylist extends Omit<StoredPlaylist, "text"> {
  readonly rendered: Rendered;
}

/** A playlist made ready. */
export const readyPlaylist = ({ text, ended, changedMs }: StoredPlaylist): ReadyPlaylist => ({
  rendered: new Rendered([{ text }]),
  ended,
  changedMs,
});

const kept = new Map<string, { readonly playlist: ReadyPlaylist; readonly chars: number }>();
let keptChars = 0;

/** The playlist under a key, or null. */
export function keptRecording(key: string): ReadyPlaylist | null {
  const found = kept.get(key);
  if (found === undefined) return null;
  kept.delete(key);
  kept.set(key, found);
  return found.playlist;
}

/** Keeps a playlist that will not change, the least recently asked for leaving first. */
export function keepRecording(key: string, playlist: ReadyPlaylist, chars: number): void {
  if (kept.has(key) || chars > RECORDING_LIMITS.chars) return;
  kept.set(key, { playlist, chars });
  keptChars += chars;
  for (const [oldest, held] of kept) {
    if (keptChars <= RECORDING_LIMITS.chars) return;
    kept.delete(oldest);
    keptChars -= held.chars;
  }
}
