/** The deployed Worker: one script with the gateway and every Durable Object class. */
import { serveRequest } from "./app.ts";
import type { Env } from "./env.ts";

export { Keyring } from "../durable-objects/keyring/keyring.ts";
export { Live } from "../durable-objects/live/live.ts";
export { Registry } from "../durable-objects/registry/registry.ts";
export { Room } from "../durable-objects/room/room.ts";
export { RoomRelay } from "../durable-objects/room/room-relay.ts";
export { RoomShard } from "../durable-objects/room/room-shard.ts";
export { Shield } from "../durable-objects/shield/shield.ts";

const worker: ExportedHandler<Env> = { fetch: serveRequest };
export default worker;
