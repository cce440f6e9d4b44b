/** The deployed Worker: one script with the gateway and every Durable Object class. */
import { serveRequest } from "./app.ts";
import type { Env } from "./env.ts";

export { MailLinks } from "../durable-objects/access/mail-links.ts";
export { Registry } from "../durable-objects/access/registry.ts";
export { Directory } from "../durable-objects/directory/directory.ts";
export { Dispatch } from "../durable-objects/dispatch/dispatch.ts";
export { Live } from "../durable-objects/live/live.ts";
export { Keyring } from "../durable-objects/room/keyring/keyring.ts";
export { RoomRelay } from "../durable-objects/room/relay/room-relay.ts";
export { Room } from "../durable-objects/room/sequencer/room.ts";
export { RoomShard } from "../durable-objects/room/shard/room-shard.ts";
export { Shield } from "../durable-objects/shield/shield.ts";

const worker: ExportedHandler<Env> = { fetch: serveRequest };
export default worker;
