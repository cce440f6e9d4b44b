/** Programme time of events: the moment of the picture that they belong to. */
import { ROOM_LIMITS } from "../room-limits.ts";

/**
 * The programme time of an act, ms since the epoch: what its client was watching if that can be live, never after the
 * server's clock; else the server's time. So a client with a wrong clock, or far back in the recording, harms nobody.
 */
export function clampProgramTime(clientProgramTimeMs: number | null, nowMs: number): number {
  if (clientProgramTimeMs === null || Math.abs(nowMs - clientProgramTimeMs) > ROOM_LIMITS.programTimeToleranceMs)
    return nowMs;
  return Math.min(clientProgramTimeMs, nowMs);
}
