/** Stubs of the shards and relays of a room. */
import type { Clock } from "../../core/kit/clock.ts";
import { decodeRoomChild, type RoomChildId } from "../../core/room/child-ids.ts";
import { getObjectInJurisdiction, type JurisdictionNamespace } from "../../core/room/jurisdiction-namespace.ts";
import { roomChildName } from "../../core/room/object-names.ts";
import { ROOM_LIMITS } from "../../core/room/room-limits.ts";
import type { ShardRpc } from "../../core/room/shard-rpc.ts";
import { withCallTimeout } from "../kit/call-timeout.ts";

/** The namespaces of shards and relays. */
export interface RoomChildEnv {
  readonly ROOM_SHARD: JurisdictionNamespace<ShardRpc>;
  readonly ROOM_RELAY: JurisdictionNamespace<ShardRpc>;
}

/** Gives the stubs of the children of the room object of this name; their calls end in time. */
export function roomChildStubs(env: RoomChildEnv, room: string, clock: Clock): (child: RoomChildId) => ShardRpc {
  return (child) => {
    const { kind, index } = decodeRoomChild(child);
    const namespace = kind === "relay" ? env.ROOM_RELAY : env.ROOM_SHARD;
    const stub = getObjectInJurisdiction(namespace, roomChildName(room, index));
    return withCallTimeout(stub, clock, ROOM_LIMITS.callTimeoutMs);
  };
}
