/** The program time of events: the moment of the broadcast that they belong to. */
import { ROOM_LIMITS } from "../room-limits.ts";

/**
 * The program time of a command, ms since the epoch: the client's, but never after the server's clock. A client's time that
 * is too far from the server's clock (a wrong clock, an old recording) is replaced by the server's time.
 */
export function clampProgramTime(clientProgramTimeMs: number | null, nowMs: number): number {
  if (clientProgramTimeMs === null || Math.abs(nowMs - clientProgramTimeMs) > ROOM_LIMITS.programTimeToleranceMs)
    return nowMs;
  return Math.min(clientProgramTimeMs, nowMs);
}
