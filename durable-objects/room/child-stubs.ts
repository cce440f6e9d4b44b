/** How an object of a room reaches those below it. */

import { parseChildId } from "../../core/room/child-ids.ts";
import { getObjectInJurisdiction, type JurisdictionNamespace } from "../../core/room/jurisdiction-namespace.ts";
import { roomChildName } from "../../core/room/object-names.ts";
import type { ShardRpc } from "../../core/room/shard-rpc.ts";

/** Where the objects below a room are found. */
export interface RoomChildEnv {
  readonly ROOM_SHARD: JurisdictionNamespace<ShardRpc>;
  readonly ROOM_RELAY: JurisdictionNamespace<ShardRpc>;
}

/** The children of the room object of this name, or the shards of its relays. */
export function roomChildStubs(env: RoomChildEnv, room: string): (child: number) => ShardRpc {
  return (child) => {
    const { kind, index } = parseChildId(child);
    return getObjectInJurisdiction(kind === "relay" ? env.ROOM_RELAY : env.ROOM_SHARD, roomChildName(room, index));
  };
}
