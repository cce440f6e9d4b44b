/** Viewers for tests in workerd: the real client over sockets of this runtime, and bare sockets for bad manners. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { RoomClient, type RoomSocket } from "../../protocol/room/client.ts";
import type { Counts, Role, RoomEvent, Viewer } from "../../protocol/room/events.ts";
import type { Delivery } from "../../protocol/room/inbox.ts";
import { CLOSES, type CloseName, SOCKET_PROTOCOL, type StaffNote, type You } from "../../protocol/room/wire.ts";
import { bindings, door } from "../../workers/testing.ts";
import type { Room } from "./room.ts";
import type { RoomRelay } from "./room-relay.ts";
import type { RoomShard } from "./room-shard.ts";

/** Claims of a token for tests. */
export interface Claims {
  readonly sub: string;
  readonly roles?: readonly string[];
  readonly name?: string;
  readonly follower_since?: number;
  readonly ver?: number;
  readonly seconds?: number;
}

/** A token of a room. */
export async function token(room: string, claims: Claims): Promise<string> {
  const answer = await door.ask("/dev/token", { method: "POST", body: JSON.stringify({ room, ...claims }) });
  return ((await answer.json()) as { token: string }).token;
}

/** Registers a stream's name, as issuing a key for it does: whoever has no token is let into no other stream's room. */
export async function registered<Name extends string>(stream: Name): Promise<Name> {
  const headers = { authorization: `Bearer ${door.adminToken}` };
  const answer = await door.ask(`/api/streams/${stream}/keys`, { method: "POST", headers });
  if (answer.status !== 201) throw new Error(`no key for ${stream}: ${answer.status}`);
  return stream;
}

/** A socket opened at the gateway. */
export async function openSocket(path: string, headers: Record<string, string> = {}): Promise<WebSocket> {
  const { webSocket } = await door.ask(path, { headers: { upgrade: "websocket", ...headers } });
  if (webSocket === null) throw new Error("no socket");
  return webSocket;
}

/** Who asks for a ticket: with a token or without, from a network, with what a page shows. */
export interface Entering {
  readonly token?: string;
  readonly device?: string | null;
  readonly playback?: string | null;
  readonly ip?: string;
}

/** What the gateway says to one who asks for a ticket. */
export interface Entered {
  readonly ticket: string;
  readonly device?: string;
  readonly counted: boolean;
}

/** Headers of a request from a network, with a token. */
export function headersFrom({ token: bearer, ip }: Entering): Record<string, string> {
  return {
    ...(ip === undefined ? {} : { "cf-connecting-ip": ip }),
    ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
  };
}

/** A ticket to a room. */
export async function ticketTo(room: string, entering: Entering = {}): Promise<Entered> {
  const { device = null, playback = null } = entering;
  const init = { method: "POST", headers: headersFrom(entering), body: JSON.stringify({ device, playback }) };
  return (await door.ask(`/rooms/${room}/ticket`, init)).json();
}

/** A socket opened with a ticket. */
export async function openWithTicket(room: string, ticket: string, ip?: string): Promise<WebSocket> {
  const from = headersFrom(ip === undefined ? {} : { ip });
  return openSocket(`/rooms/${room}/socket`, { "sec-websocket-protocol": `${SOCKET_PROTOCOL}, ${ticket}`, ...from });
}

/** What a network gets with the playlist of a stream. */
export async function proofOf(room: string, ip?: string): Promise<string | null> {
  const headers = headersFrom(ip === undefined ? {} : { ip });
  return (await door.ask(`/live/${room}/multivariant.m3u8`, { headers })).headers.get("corral-playback");
}

/** A socket opened at a given shard. */
export async function openAtShard(
  room: string,
  shard: number,
  subject: string | null,
  roles: readonly Role[] = [],
  expiresMs: number | null = null,
  device: string = `device-of-${subject}`,
): Promise<WebSocket> {
  const viewer = {
    subject,
    name: subject ?? "",
    roles,
    followerSinceMs: null,
    device,
    address: "",
    expiresMs,
    countedAs: `count-of-${subject ?? device}`,
  };
  return openFor(room, shard, viewer);
}

/** A socket opened at a given shard for a viewer; one that is closed as the gateway closes it, where the shard opens none. */
export async function openFor(room: string, shard: number, viewer: Viewer): Promise<WebSocket> {
  const { webSocket, headers } = await bindings.ROOM_SHARD.getByName(`${room}/${shard}`).fetch("http://shard/socket", {
    headers: { upgrade: "websocket", "corral-viewer": encodeURIComponent(JSON.stringify(viewer)) },
  });
  if (webSocket !== null) return webSocket;
  const close = JSON.parse(headers.get("corral-close") ?? "null") as { name: CloseName; reason: string } | null;
  if (close === null) throw new Error("no socket");
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  server.close(CLOSES[close.name].code, close.reason);
  return client;
}

/** The client's view of a socket that is on its way. */
function asClientSocket(opening: Promise<WebSocket>): RoomSocket {
  const socket: RoomSocket = {
    onopen: null,
    onmessage: null,
    onclose: null,
    send: (text) => void opening.then((open) => open.send(text)).catch(() => {}),
    close: (code) => void opening.then((open) => open.close(code)).catch(() => {}),
  };
  opening.then(
    (open) => {
      open.addEventListener("message", ({ data }) => socket.onmessage?.({ data }));
      open.addEventListener("close", ({ code, reason }) => socket.onclose?.({ code, reason }));
      open.accept();
      socket.onopen?.();
    },
    () => socket.onclose?.({ code: 1006, reason: "not opened" }),
  );
  return socket;
}

/** A viewer that remembers what it was told. */
export class TestViewer {
  readonly client: RoomClient;
  readonly events: RoomEvent[] = [];
  unseen = 0;
  resets = 0;
  you: You = null;
  counts: Counts | null = null;
  readonly notes: StaffNote[] = [];
  readonly closes: number[] = [];
  ready = false;

  constructor(open: () => Promise<WebSocket>) {
    this.client = new RoomClient({
      open: () => asClientSocket(open()),
      after: (ms, work) => {
        const timer = setTimeout(work, ms);
        return () => clearTimeout(timer);
      },
      nowMs: () => Date.now(),
      // Back within a fiftieth of the time, so that a test can see many returns.
      random: () => 0.02 * Math.random(),
      listener: {
        delivered: (delivery) => this.#take(delivery),
        welcomed: ({ you }) => {
          this.ready = true;
          this.you = you;
        },
        counted: (counts) => {
          this.counts = counts;
        },
        staff: (notes) => {
          this.notes.push(...notes);
        },
        disconnected: ({ code }) => {
          this.ready = false;
          this.closes.push(code);
        },
      },
    });
    this.client.start();
  }

  /** Someone with a token, by way of the gateway; `entering`: from where, and with which device's key. */
  static async come(room: string, claims: Claims, entering: Entering = {}): Promise<TestViewer> {
    const bearer = await token(room, claims);
    const viewer = new TestViewer(async () => {
      const { ticket } = await ticketTo(room, { ...entering, token: bearer });
      return openWithTicket(room, ticket, entering.ip);
    });
    await until(() => viewer.ready || viewer.closes.length > 0);
    return viewer;
  }

  /** Someone at a given shard. */
  static async at(room: string, shard: number, subject: string, roles: readonly Role[] = []): Promise<TestViewer> {
    const viewer = new TestViewer(() => openAtShard(room, shard, subject, roles));
    await until(() => viewer.ready);
    return viewer;
  }

  /** Texts of the messages that were shown, in order. */
  get texts(): string[] {
    return this.events.flatMap((event) => (event.kind === "chat" ? [event.text] : []));
  }

  say(text: string): ReturnType<RoomClient["act"]> {
    return this.client.act({ kind: "chat", text });
  }

  #take({ events, unseen, recovered }: Delivery): void {
    if (!recovered) {
      this.resets += 1;
      this.events.length = 0;
    }
    this.events.push(...events);
    this.unseen += unseen;
  }
}

/** A room's objects. */
export const roomOf = (room: string): DurableObjectStub<Room> =>
  bindings.ROOM.getByName(room) as unknown as DurableObjectStub<Room>;
export const shardOf = (room: string, shard = 0): DurableObjectStub<RoomShard> =>
  bindings.ROOM_SHARD.getByName(`${room}/${shard}`) as unknown as DurableObjectStub<RoomShard>;
export const relayOf = (room: string, relay: number): DurableObjectStub<RoomRelay> =>
  bindings.ROOM_RELAY.getByName(`${room}/${relay}`) as unknown as DurableObjectStub<RoomRelay>;

/** Loses an object's memory and its sockets at once, whatever it is doing, as a crash does. */
export async function crash(stub: DurableObjectStub<Room | RoomShard | RoomRelay>): Promise<void> {
  const abort = (_object: unknown, state: DurableObjectState): void => state.abort("a crash");
  await runInDurableObject(stub as DurableObjectStub<Room>, abort).catch(() => {});
}

/**
 * A room of four shards, with two of them below each relay, and a moderator at each shard; one more, who said hello, at
 * the first. `at`: how they come.
 */
export async function largeRoom(room: string, at: typeof TestViewer.at): Promise<TestViewer[]> {
  const first = await at(room, 0, "first", ["moderator"]);
  await first.say("hello");
  await runInDurableObject(roomOf(room), (_room, { storage }) => {
    storage.sql.exec("INSERT OR REPLACE INTO meta VALUES ('shards', '4')");
  });
  await evictDurableObject(roomOf(room));
  const all = await Promise.all([0, 1, 2, 3].map((shard) => at(room, shard, `person-${shard}`, ["moderator"])));
  await until(async () => (await childrenOf(room)).join() === "1000000,1000001");
  return all;
}

/** The children that a room keeps, by their numbers. */
export const childrenOf = (room: string): Promise<unknown[]> =>
  runInDurableObject(roomOf(room), (_room, { storage }) =>
    storage.sql
      .exec("SELECT id FROM shards ORDER BY id")
      .toArray()
      .map(({ id }) => id),
  );

/** Waits until something holds; the test's own time limit ends it. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await scheduler.wait(10);
}

/** Waits for a socket's close and gives its code. */
export function closeOf(socket: WebSocket): Promise<number> {
  return new Promise((resolve) => socket.addEventListener("close", ({ code }) => resolve(code)));
}
