/** The streams whose studio somebody has opened on this device as a host: names only, kept here, and no right to anything. */
import { withItem } from "./limited-list.ts";
import { parseStreamNames } from "./stream-names.ts";
import { loadPreference, storePreference } from "./viewer-session.ts";

const OWN_STORAGE_KEY = "corral.own-streams";
/** The oldest are forgotten beyond this many. */
const MAX_OWN_STREAMS = 20;

/** The names, the one opened last first. */
export const loadOwnStreams = (): readonly string[] => [...parseStreamNames(loadPreference(OWN_STORAGE_KEY))].reverse();

/** Keeps a name, or forgets it. */
export function storeOwnStream(stream: string, isOwn: boolean): void {
  const names = withItem(parseStreamNames(loadPreference(OWN_STORAGE_KEY)), stream, isOwn, MAX_OWN_STREAMS);
  storePreference(OWN_STORAGE_KEY, names.join(" "));
}
