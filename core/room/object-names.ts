/**
 * Names of a room's objects. A name begins with its jurisdiction, if it is bound to one, so that the name of any object of
 * a room leads to all others: the room `eu:show`, its shard `eu:show/3`.
 */
import type { StreamName } from "../kit/ids.ts";

/** The jurisdiction of a room's storage and execution. */
export type Jurisdiction = "eu";

/** Every jurisdiction. */
export const JURISDICTIONS: readonly Jurisdiction[] = ["eu"];

/** The name of a stream's room object. */
export function roomObjectName(stream: StreamName, jurisdiction: Jurisdiction | null): string {
  return jurisdictionObjectName(stream, jurisdiction);
}

/** A name with its jurisdiction, distinct from any stream name: those have no colon. */
export function jurisdictionObjectName(name: string, jurisdiction: Jurisdiction | null): string {
  return jurisdiction === null ? name : `${jurisdiction}:${name}`;
}

/** The jurisdiction of the object of this name; null: anywhere. */
export function jurisdictionOfObject(name: string): Jurisdiction | null {
  return JURISDICTIONS.find((each) => name.startsWith(`${each}:`)) ?? null;
}

/** The stream of a room's object. */
export function streamOfRoom(room: string): string {
  return room.slice(room.indexOf(":") + 1);
}

/** The name of a room's shard or relay number `index`. */
export function roomChildName(room: string, index: number): string {
  return `${room}/${index}`;
}

/** The room's name and the number in the name of a shard or relay. */
export function parseRoomChildName(name: string | undefined): { readonly room: string; readonly index: number } {
  const [room = "", index = "0"] = (name ?? "").split("/");
  return { room, index: Number(index) };
}
