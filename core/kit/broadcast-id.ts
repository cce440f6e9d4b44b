import type { Platform } from "./clock.ts";
import { type BroadcastId, parseBroadcastId } from "./ids.ts";

/** A unique broadcast id: time, then a random number. */
export function createBroadcastId({ clock, random }: Pick<Platform, "clock" | "random">): BroadcastId {
  const chance = Math.floor(random() * 2 ** 48)
    .toString(36)
    .padStart(10, "0");
  const id = parseBroadcastId(`${clock.nowMs().toString(36)}${chance}`);
  if (id === null) throw new Error("unreachable: base 36 makes a broadcast id");
  return id;
}
