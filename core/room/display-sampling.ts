/** What a viewer can read: chat above a rate is left out and counted; what moderates, and who hosts, never is. */
import { type TokenBucket, takeTokens } from "../kit/token-bucket.ts";
import type { RoomEvent } from "./events.ts";
import { isStaff } from "./participants.ts";
import { ROOM_LIMITS } from "./room-limits.ts";

const DISPLAY_RATE = { perSecond: ROOM_LIMITS.displayPerSecond, burst: ROOM_LIMITS.displayBurst };

/** The events that are shown; the bucket is the room's, from one tick to the next. */
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
