/** The streams that the viewer follows, kept on this device only: nothing is sent to the edge. */
import { withItem } from "./limited-list.ts";
import { parseStreamNames } from "./stream-names.ts";
import { loadPreference, storePreference } from "./viewer-session.ts";

const FOLLOWS_STORAGE_KEY = "corral.follows";
/** The oldest are forgotten beyond this many. */
export const MAX_FOLLOWS = 500;

/** `follows` with or without a stream. */
export function withFollow(follows: readonly string[], stream: string, isFollowed: boolean): readonly string[] {
  return withItem(follows, stream, isFollowed, MAX_FOLLOWS);
}

/** The streams followed on this device. */
export const loadFollows = (): readonly string[] => parseStreamNames(loadPreference(FOLLOWS_STORAGE_KEY));

/** Follows a stream, or no longer. */
export function storeFollow(stream: string, isFollowed: boolean): void {
  storePreference(FOLLOWS_STORAGE_KEY, withFollow(loadFollows(), stream, isFollowed).join(" "));
}
