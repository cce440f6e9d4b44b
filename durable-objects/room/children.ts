/** The objects of a room by name. */
import type { ShardCalls } from "../../protocol/room/mesh.ts";
import { childOf } from "../../protocol/room/tree.ts";

/** A namespace of objects that take batches. */
interface Namespace {
  getByName(name: string): ShardCalls;
}

/** Where the objects below a room are found. */
export interface ChildEnv {
  readonly ROOM_SHARD: Namespace;
  readonly ROOM_RELAY: Namespace;
}

/** The object name of a room's shard or relay number `index`. */
export function objectName(stream: string, index: number): string {
  return `${stream}/${index}`;
}

/** The room's name and the number that an object's name tells. */
export function ofName(name: string | undefined): { readonly stream: string; readonly index: number } {
  const [stream = "", index = "0"] = (name ?? "").split("/");
  return { stream, index: Number(index) };
}

/** How an object reaches its room's children. */
export function childStubs(env: ChildEnv, stream: string): (child: number) => ShardCalls {
  return (child) => {
    const { kind, index } = childOf(child);
    const namespace = kind === "relay" ? env.ROOM_RELAY : env.ROOM_SHARD;
    return namespace.getByName(objectName(stream, index));
  };
}
