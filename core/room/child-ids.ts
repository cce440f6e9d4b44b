/** Children of a room: its shards, and in a large room the relays between room and shards. */

declare const brand: unique symbol;

/** A shard or relay of a room, by its index among its kind. */
export interface RoomChild {
  readonly kind: "shard" | "relay";
  readonly index: number;
}

/**
 * A child as RPC and stored rows identify it. Objects of different releases call each other during a deployment, so the
 * encoding is fixed; only this file reads it.
 */
export type RoomChildId = number & { readonly [brand]: "RoomChildId" };

/** Ids below this are indices of shards. */
const FIRST_RELAY_ID = 1_000_000;

/** The id of a child. */
export function encodeRoomChild({ kind, index }: RoomChild): RoomChildId {
  return (kind === "relay" ? FIRST_RELAY_ID + index : index) as RoomChildId;
}

/** The child with this id. */
export function decodeRoomChild(id: RoomChildId): RoomChild {
  return id >= FIRST_RELAY_ID ? { kind: "relay", index: id - FIRST_RELAY_ID } : { kind: "shard", index: id };
}

/** The first shard, which every room has. */
export const FIRST_SHARD_ID: RoomChildId = encodeRoomChild({ kind: "shard", index: 0 });
