/** Who is not at the live edge, long after the last fault. */
import type { FlowViewer } from "./flow-viewer.ts";
import type { PublishedBroadcast } from "./ledger.ts";
import type { Viewer } from "./viewer.ts";

/** A viewer has played what was published so long ago. */
const MAX_LAG_MS = 8_000;
const SEGMENTS_LAG_MS = 8_000;

/** Why a viewer is not at the live edge, or null. */
export function describeLag(
  { process, profile, followers, joinStatus }: Viewer,
  current: PublishedBroadcast,
  nowMs: number,
  tracks: number,
): string | null {
  const { place } = process;
  // A viewer of whole segments is behind by the segment that is open, and the three before it.
  const lagMs = MAX_LAG_MS + (profile.playsSegments ? SEGMENTS_LAG_MS : 0);
  if (followers.length < tracks) return `${place} plays ${followers.length} tracks; its last join: ${joinStatus}`;
  for (const { track, broadcast, lastPlayed } of followers) {
    const due = current.parts(track).findLast(({ pushedMs, meta }) => pushedMs < nowMs - lagMs && !meta.gap);
    if (broadcast === current && (due === undefined || (lastPlayed?.index ?? -1) >= due.index)) continue;
    const { broadcast: id } = broadcast.config;
    return `${place} has ${track} up to part ${lastPlayed?.index} of ${id}, and ${due?.index} of ${current.config.broadcast} was due`;
  }
  return null;
}

/** Why a viewer by flow that reads in time is not at the live edge, or null. */
export function describeFlowLag(
  { process, profile, playing, joinStatus, lastEnd }: FlowViewer,
  current: PublishedBroadcast,
  nowMs: number,
  hasSmallLimits: boolean,
): string | null {
  if (profile.pace !== "prompt") return null;
  // There may be no place for all.
  if (joinStatus === 503 && hasSmallLimits) return null;
  if (playing === null) return `${process.place} has no flow response: ${joinStatus}, ${lastEnd}`;
  for (const [name, last] of playing.newest) {
    const due = current.parts(name).findLast(({ pushedMs, meta }) => pushedMs < nowMs - MAX_LAG_MS && !meta.gap);
    if (playing.broadcast === current && (due === undefined || (last?.index ?? -1) >= due.index)) continue;
    return `${process.place} has ${name} by flow up to part ${last?.index}, and ${due?.index} was due`;
  }
  return null;
}
