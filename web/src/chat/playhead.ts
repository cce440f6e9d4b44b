/** The chat's playhead in program time; pure. */
import type { WatchPhase } from "../player/watch-state.ts";

/** The player's position. */
export interface PlaybackPosition {
  readonly phase: WatchPhase;
  /** Program time at the playhead, ms since 1970. */
  readonly programTimeMs: number | null;
  readonly serverNowMs: number;
  /** Seconds behind the playlist's moving edge. */
  readonly edgeDistanceS: number | null;
}

const NEAR_EDGE_S = 20;
/** A broadcaster's clock that is off by more than this is ignored. */
const MAX_CLOCK_DELAY_MS = 60_000;

/** The program time, ms, that messages wait for; null: they are shown at once. */
export function chatPlayheadMs({ phase, programTimeMs, serverNowMs, edgeDistanceS }: PlaybackPosition): number | null {
  if (programTimeMs === null) return null;
  if (phase === "replay") return programTimeMs;
  if (phase !== "live" && phase !== "reconnecting") return null;
  const behindMs = serverNowMs - programTimeMs;
  const nearEdge = edgeDistanceS !== null && edgeDistanceS < NEAR_EDGE_S;
  // Near the live edge the delay is some seconds; a longer or negative one means a wrong clock.
  return nearEdge && (behindMs < 0 || behindMs > MAX_CLOCK_DELAY_MS) ? null : programTimeMs;
}
