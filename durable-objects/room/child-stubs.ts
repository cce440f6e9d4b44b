/** Stubs of the shards and relays of a room. */
import { decodeRoomChild, type RoomChildId } from "../../core/room/child-ids.ts";
import { getObjectInJurisdiction, type JurisdictionNamespace } from "../../core/room/jurisdiction-namespace.ts";
import { roomChildName } from "../../core/room/object-names.ts";
import type { ShardRpc } from "../../core/room/shard-rpc.ts";

/** The namespaces of shards and relays. */
export interface RoomChildEnv {
  readonly ROOM_SHARD: JurisdictionNamespace<ShardRpc>;
  readonly ROOM_RELAY: JurisdictionNamespace<ShardRpc>;
}

/** Gives the stubs of the children of the room object of this name. */
export function roomChildStubs(env: RoomChildEnv, room: string): (child: RoomChildId) => ShardRpc {
  return (child) => {
    const { kind, index } = decodeRoomChild(child);
    return getObjectInJurisdiction(kind === "relay" ? env.ROOM_RELAY : env.ROOM_SHARD, roomChildName(room, index));
  };
}
