/** Misbehaving sockets for attacks on a room: they receive everything, and answer no close. */
import { runInDurableObject } from "cloudflare:test";
import type { Participant } from "../../../core/room/participants.ts";
import { HEARTBEAT_REPLY } from "../../../core/room/room-protocol.ts";
import { openParticipantSocket, shardStub, waitForCondition } from "../../../durable-objects/room/testing.ts";

type Frame = Readonly<Record<string, unknown>>;

/** A socket that stays open whatever the server sends. */
export class Stubborn {
  readonly socket: WebSocket;
  readonly heard: Frame[] = [];
  /** Received bytes. */
  bytes = 0;
  /** Code and reason of the server's close. */
  closed: readonly [number, string] | null = null;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.addEventListener("message", ({ data }) => {
      this.bytes += new TextEncoder().encode(String(data)).length;
      // The platform answers heartbeats while the socket is open.
      if (data !== HEARTBEAT_REPLY) this.heard.push(JSON.parse(String(data)) as Frame);
    });
    socket.addEventListener("close", ({ code, reason }) => {
      this.closed = [code, reason];
    });
    socket.accept({ allowHalfOpen: true });
  }

  /** Opens one at a room's shard. */
  static async at(room: string, viewer: Participant, shard = 0): Promise<Stubborn> {
    return new Stubborn(await openParticipantSocket(room, shard, viewer));
  }

  send(frame: object): void {
    this.socket.send(JSON.stringify(frame));
  }

  /** Sends hello and waits for the welcome, or the close. */
  async come(): Promise<this> {
    this.send({ type: "hello" });
    await waitForCondition(() => this.closed !== null || this.heard.some(({ type }) => type === "welcome"));
    return this;
  }

  /** Makes the server close it, without answering. */
  async haunt(): Promise<this> {
    this.socket.send(new Uint8Array(1));
    await waitForCondition(() => this.closed !== null);
    return this;
  }
}

/** A participant for tests; without a subject, without an account. */
export function viewerFor(subject: string | null, over: Partial<Participant> = {}): Participant {
  return {
    subject,
    name: subject ?? "",
    roles: [],
    followerSinceMs: null,
    device: `device-of-${subject}`,
    address: "",
    expiresMs: null,
    countedAs: `count-of-${subject}`,
    ...over,
  };
}

/** Sockets that a shard still holds, including closed ones. */
export const socketsOf = (room: string, shard = 0): Promise<number> =>
  runInDurableObject(shardStub(room, shard), (_shard, ctx) => ctx.getWebSockets().length);
