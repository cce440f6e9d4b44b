/** The room's objects with a count of calls by second, and crashes on request. Only load tests use them. */
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { Room as RealRoom } from "../../durable-objects/room/sequencer/room.ts";
import { RoomShard as RealShard } from "../../durable-objects/room/shard/room-shard.ts";
import type { Env } from "../../workers/env.ts";

/** Calls of each room, by second since the epoch. In the isolate, so that it outlives the objects. */
const calls = new Map<string, Map<number, number>>();

function count(room: string, nowMs: number): void {
  const seconds = calls.get(room) ?? new Map<number, number>();
  calls.set(room, seconds);
  const second = Math.floor(nowMs / 1_000);
  seconds.set(second, (seconds.get(second) ?? 0) + 1);
}

/** The room object with a count of its calls. */
export class CountedRoom extends RealRoom {
  crash(): void {
    this.ctx.abort("a crash of the harness");
  }
}

/** A shard that crashes on request. */
export class CrashableShard extends RealShard {
  crash(): void {
    this.ctx.abort("a crash of the harness");
  }
}

type Method = (this: CountedRoom, ...args: unknown[]) => unknown;

for (const name of Object.getOwnPropertyNames(RealRoom.prototype)) {
  const method: unknown = Object.getOwnPropertyDescriptor(RealRoom.prototype, name)?.value;
  if (name === "constructor" || name === "alarm" || typeof method !== "function") continue;
  Object.defineProperty(CountedRoom.prototype, name, {
    value(this: CountedRoom, ...args: unknown[]): unknown {
      count((this as unknown as { ctx: DurableObjectState }).ctx.id.name ?? "", this.platform.clock.nowMs());
      return (method as Method).apply(this, args);
    },
  });
}

/** An object that crashes on request. */
interface CrashableObject {
  crash(): Promise<void>;
}

/**
 * `/harness/room/{stream}/{what}`: `calls` returns the room's calls per second; `now` those of the last whole
 * second with the counts; `lose?object=room` and `lose?object=N` crash the room or shard N, `drop` all of them, like a
 * deployment.
 */
export async function handleRoomHarness(request: Request, env: Env): Promise<Response> {
  const url = new URL(request.url);
  const [, , , stream = "", what = ""] = url.pathname.split("/");
  if (what === "calls") return Response.json(Object.fromEntries(calls.get(stream) ?? []));
  const room = env.ROOM.getByName(stream) as unknown as CrashableObject;
  if (what === "now") {
    const { shards, counts } = await env.ROOM.getByName(stream).summary();
    const second = Math.floor(systemPlatform.clock.nowMs() / 1_000) - 1;
    const { watching, likes } = counts;
    return Response.json({ calls: calls.get(stream)?.get(second) ?? 0, watching, likes, shards });
  }
  const shard = (index: string): CrashableObject =>
    env.ROOM_SHARD.getByName(`${stream}/${index}`) as unknown as CrashableObject;
  if (what === "lose") {
    const object = url.searchParams.get("object") ?? "room";
    await crashObject(object === "room" ? room : shard(object));
    return Response.json({});
  }
  if (what !== "drop") return new Response(null, { status: 404 });
  const { shards } = await env.ROOM.getByName(stream).summary();
  await Promise.all([...Array.from({ length: shards }, (_, index) => shard(String(index))), room].map(crashObject));
  return Response.json({ shards });
}

async function crashObject(object: CrashableObject): Promise<void> {
  // The object aborts before it answers.
  await object.crash().catch(() => {});
}
