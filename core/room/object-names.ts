/**
 * Where a room's objects are. An object's name begins with its jurisdiction, if it is bound to one, so that whoever knows
 * the name of one object of a room finds all the others: the room `eu:show`, its shard `eu:show/3`.
 */
import type { StreamName } from "../kit/ids.ts";

/** Where a room's storage and its work stay. */
export type Jurisdiction = "eu";

/** Every jurisdiction. */
export const JURISDICTIONS: readonly Jurisdiction[] = ["eu"];

/** The name of a stream's room object. */
export function roomObjectName(stream: StreamName, jurisdiction: Jurisdiction | null): string {
  return jurisdictionObjectName(stream, jurisdiction);
}

/** A name with its jurisdiction, which no stream's name can be taken for: streams' names have no colon. */
export function jurisdictionObjectName(name: string, jurisdiction: Jurisdiction | null): string {
  return jurisdiction === null ? name : `${jurisdiction}:${name}`;
}

/** The jurisdiction in which the object of this name is; null: anywhere. */
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

/** The room's name and the number that the name of a shard or relay tells. */
export function parseRoomChildName(name: string | undefined): { readonly room: string; readonly index: number } {
  const [room = "", index = "0"] = (name ?? "").split("/");
  return { room, index: Number(index) };
}
