/** Sampling for display: chat above a rate is omitted and counted; messages of staff are never omitted. */
import { type TokenBucket, takeTokens } from "../kit/token-bucket.ts";
import type { RoomEvent } from "./events.ts";
import { isStaff } from "./participants.ts";
import { ROOM_LIMITS } from "./room-limits.ts";

const DISPLAY_RATE = { perSecond: ROOM_LIMITS.displayPerSecond, burst: ROOM_LIMITS.displayBurst };

/** The displayed events; the bucket is the room's, from one tick to the next. */
export function sampleForDisplay(
  events: readonly RoomEvent[],
  bucket: TokenBucket | undefined,
  nowMs: number,
): { shown: RoomEvent[]; bucket: TokenBucket | undefined } {
  let left = bucket;
  const fits = (): boolean => {
    const taken = takeTokens(left, DISPLAY_RATE, nowMs);
    left = taken.bucket;
    return taken.ok;
  };
  const shown = events.filter((event) => event.kind !== "chat" || isStaff(event.by.roles) || fits());
  return { shown, bucket: left };
}
