/** How an object of a room reaches those below it. */
import { objectName } from "../../protocol/room/address.ts";
import type { ShardCalls } from "../../protocol/room/mesh.ts";
import { childOf } from "../../protocol/room/tree.ts";
import { type Located, located } from "../../tiers/located.ts";

/** Where the objects below a room are found. */
export interface ChildEnv {
  readonly ROOM_SHARD: Located<ShardCalls>;
  readonly ROOM_RELAY: Located<ShardCalls>;
}

/** The children of the room object of this name, or the shards of its relays. */
export function childStubs(env: ChildEnv, room: string): (child: number) => ShardCalls {
  return (child) => {
    const { kind, index } = childOf(child);
    return located(kind === "relay" ? env.ROOM_RELAY : env.ROOM_SHARD, objectName(room, index));
  };
}
