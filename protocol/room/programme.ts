/** Programme time of events: the moment of the picture that they belong to. */
import { ROOM_LIMITS } from "./limits.ts";

/**
 * The programme time of an act, ms since the epoch: what its client was watching if that can be live, never after the
 * server's clock; else the server's time. So a client with a wrong clock, or far back in the recording, harms nobody.
 */
export function programmeTime(told: number | null, nowMs: number): number {
  if (told === null || Math.abs(nowMs - told) > ROOM_LIMITS.programmeMs) return nowMs;
  return Math.min(told, nowMs);
}
