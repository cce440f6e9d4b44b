/** What a viewer can read: chat above a rate is left out and counted; what moderates, and who hosts, never is. */
import { type Bucket, take } from "./bucket.ts";
import { isStaff, type RoomEvent } from "./events.ts";
import { ROOM_LIMITS } from "./limits.ts";

const RATE = { perSecond: ROOM_LIMITS.readablePerSecond, burst: ROOM_LIMITS.readableBurst };

/** The events that are shown; the bucket is the room's, from one tick to the next. */
export function readable(
  events: readonly RoomEvent[],
  bucket: Bucket | undefined,
  nowMs: number,
): { shown: RoomEvent[]; bucket: Bucket | undefined } {
  let left = bucket;
  const fits = (): boolean => {
    const taken = take(left, RATE, nowMs);
    left = taken.bucket;
    return taken.ok;
  };
  const shown = events.filter((event) => event.kind !== "chat" || isStaff(event.by.roles) || fits());
  return { shown, bucket: left };
}
