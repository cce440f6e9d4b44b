/** Viewers for tests in workerd: the product's client over this runtime's sockets, and raw sockets for invalid frames. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, expect } from "vitest";
import type { Role } from "../../core/access/roles.ts";
import { type Clock, type Platform, sleep } from "../../core/kit/clock.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import type { RoomChildId } from "../../core/room/child-ids.ts";
import { RoomClient, type RoomSocket } from "../../core/room/client/client.ts";
import type { EventDelivery } from "../../core/room/client/event-inbox.ts";
import type { RoomCounts, RoomEvent } from "../../core/room/events.ts";
import { SERVER_FRAME_SCHEMAS } from "../../core/room/frames/server-frames.ts";
import type { Participant } from "../../core/room/participants.ts";
import { HEARTBEAT_REPLY, type OwnProfile, ROOM_SUBPROTOCOL } from "../../core/room/room-protocol.ts";
import type { AudienceReport } from "../../core/room/shard-rpc.ts";
import { SOCKET_CLOSES, type SocketCloseName } from "../../core/room/socket-closes.ts";
import type { StaffNote } from "../../core/room/staff-messages.ts";
import { testBindings, testEdge } from "../../workers/testing.ts";
import type { RoomRelay } from "./relay/room-relay.ts";
import type { Room } from "./sequencer/room.ts";
import type { RoomShard } from "./shard/room-shard.ts";

/** The clock of the test and its clients: `putToSleep` counts the timers of the system's clock, which are those of objects. */
const TEST_CLOCK: Clock = { ...systemPlatform.clock };

/** Claims of a token for tests. */
export interface TestTokenClaims {
  readonly sub: string;
  readonly roles?: readonly string[];
  readonly name?: string;
  readonly follower_since?: number;
  readonly ver?: number;
  readonly seconds?: number;
}

/** Issues a token for a room. */
export async function issueTestToken(room: string, claims: TestTokenClaims): Promise<string> {
  const answer = await testEdge.ask("/dev/token", { method: "POST", body: JSON.stringify({ room, ...claims }) });
  return ((await answer.json()) as { token: string }).token;
}

/** Registers a stream's name by issuing a key: viewers without a token may enter only rooms of registered streams. */
export async function registerTestStream<Name extends string>(stream: Name): Promise<Name> {
  const headers = { authorization: `Bearer ${testEdge.adminToken}` };
  const answer = await testEdge.ask(`/api/streams/${stream}/keys`, { method: "POST", headers });
  if (answer.status !== 201) throw new Error(`no key for ${stream}: ${answer.status}`);
  return stream;
}

/** Opens a socket at the gateway. */
export async function openGatewaySocket(path: string, headers: Record<string, string> = {}): Promise<WebSocket> {
  const { webSocket } = await testEdge.ask(path, { headers: { upgrade: "websocket", ...headers } });
  if (webSocket === null) throw new Error("no socket");
  return webSocket;
}

/** A ticket request: token, network, device key, playback proof, and the name of a guest. */
export interface TicketRequest {
  readonly guest?: string;
  readonly token?: string;
  readonly device?: string | null;
  readonly playback?: string | null;
  readonly ip?: string;
}

/** The gateway's response to a ticket request. */
export interface TicketGrant {
  readonly ticket: string;
  readonly device?: string;
  readonly counted: boolean;
}

/** Headers of a request from a network, with a token. */
export function gatewayHeaders({ token: bearer, ip }: TicketRequest): Record<string, string> {
  return {
    ...(ip === undefined ? {} : { "cf-connecting-ip": ip }),
    ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
  };
}

/** Requests a ticket to a room. */
export async function requestTicket(room: string, entering: TicketRequest = {}): Promise<TicketGrant> {
  const { device = null, playback = null, guest } = entering;
  const init = { method: "POST", headers: gatewayHeaders(entering), body: JSON.stringify({ device, playback, guest }) };
  return (await testEdge.ask(`/rooms/${room}/ticket`, init)).json();
}

/** Opens a socket with a ticket. */
export async function openTicketSocket(room: string, ticket: string, ip?: string): Promise<WebSocket> {
  const from = gatewayHeaders(ip === undefined ? {} : { ip });
  return openGatewaySocket(`/rooms/${room}/socket`, {
    "sec-websocket-protocol": `${ROOM_SUBPROTOCOL}, ${ticket}`,
    ...from,
  });
}

/** The playback proof that a network gets with the playlist of a stream. */
export async function fetchPlaybackProof(room: string, ip?: string): Promise<string | null> {
  const headers = gatewayHeaders(ip === undefined ? {} : { ip });
  return (await testEdge.ask(`/live/${room}/multivariant.m3u8`, { headers })).headers.get("corral-playback");
}

/** Opens a socket at a given shard. */
export async function openShardSocket(
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
  return openParticipantSocket(room, shard, viewer);
}

/** Opens a participant's socket at a given shard; if the shard refuses, a socket closed as the gateway closes it. */
export async function openParticipantSocket(room: string, shard: number, viewer: Participant): Promise<WebSocket> {
  const { webSocket, headers } = await testBindings.ROOM_SHARD.getByName(`${room}/${shard}`).fetch(
    "http://shard/socket",
    {
      headers: { upgrade: "websocket", "corral-viewer": encodeURIComponent(JSON.stringify(viewer)) },
    },
  );
  if (webSocket !== null) return webSocket;
  const close = JSON.parse(headers.get("corral-close") ?? "null") as { name: SocketCloseName; reason: string } | null;
  if (close === null) throw new Error("no socket");
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  server.close(SOCKET_CLOSES[close.name].code, close.reason);
  return client;
}

const invalidFrames: string[] = [];

/** Records a frame that does not satisfy its schema; the test during which it arrives fails. */
function checkFrame(text: string): void {
  if (text === HEARTBEAT_REPLY) return;
  const frame = JSON.parse(text) as { type: string };
  const parsed = SERVER_FRAME_SCHEMAS.get(frame.type)?.safeParse(frame);
  if (parsed?.success !== true) invalidFrames.push(`${text}: ${JSON.stringify(parsed?.error?.issues)}`);
}

afterEach(() => {
  expect(invalidFrames.splice(0)).toEqual([]);
});

/** A socket that is being opened, as the client's `RoomSocket`. */
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
      open.addEventListener("message", ({ data }) => {
        checkFrame(String(data));
        socket.onmessage?.({ data });
      });
      open.addEventListener("close", ({ code, reason }) => socket.onclose?.({ code, reason }));
      open.accept();
      socket.onopen?.();
    },
    () => socket.onclose?.({ code: 1006, reason: "not opened" }),
  );
  return socket;
}

/** A viewer that records its client's callbacks. */
export class TestParticipant {
  readonly client: RoomClient;
  readonly events: RoomEvent[] = [];
  omitted = 0;
  resets = 0;
  you: OwnProfile = null;
  counts: RoomCounts | null = null;
  readonly notes: StaffNote[] = [];
  readonly closes: number[] = [];
  ready = false;

  constructor(open: () => Promise<WebSocket>) {
    this.client = new RoomClient({
      openSocket: () => asClientSocket(open()),
      clock: TEST_CLOCK,
      // A fiftieth of the reconnect delay, so that a test can see many reconnects.
      random: () => 0.02 * systemPlatform.random(),
      listener: {
        onDelivery: (delivery) => this.#applyDelivery(delivery),
        onWelcome: ({ you }) => {
          this.ready = true;
          this.you = you;
        },
        onCounts: (counts) => {
          this.counts = counts;
        },
        onStaffNotes: (notes) => {
          this.notes.push(...notes);
        },
        onDisconnect: ({ code }) => {
          this.ready = false;
          this.closes.push(code);
        },
      },
    });
    this.client.start();
  }

  /** Joins through the gateway with a token; `entering`: network and device key. */
  static async join(room: string, claims: TestTokenClaims, entering: TicketRequest = {}): Promise<TestParticipant> {
    const bearer = await issueTestToken(room, claims);
    const viewer = new TestParticipant(async () => {
      const { ticket } = await requestTicket(room, { ...entering, token: bearer });
      return openTicketSocket(room, ticket, entering.ip);
    });
    await waitForCondition(() => viewer.ready || viewer.closes.length > 0);
    return viewer;
  }

  /** Joins through the gateway as a guest, each time with the same device key. */
  static async joinAsGuest(room: string, guest: string, entering: TicketRequest = {}): Promise<TestParticipant> {
    let { device } = entering;
    const viewer = new TestParticipant(async () => {
      const granted = await requestTicket(room, { ...entering, guest, ...(device === undefined ? {} : { device }) });
      device = granted.device ?? device;
      return openTicketSocket(room, granted.ticket, entering.ip);
    });
    await waitForCondition(() => viewer.ready || viewer.closes.length > 0);
    return viewer;
  }

  /** Joins at a given shard. */
  static async joinShard(
    room: string,
    shard: number,
    subject: string,
    roles: readonly Role[] = [],
  ): Promise<TestParticipant> {
    const viewer = new TestParticipant(() => openShardSocket(room, shard, subject, roles));
    await waitForCondition(() => viewer.ready);
    return viewer;
  }

  /** Texts of the delivered messages, in order. */
  get texts(): string[] {
    return this.events.flatMap((event) => (event.kind === "chat" ? [event.text] : []));
  }

  say(text: string): ReturnType<RoomClient["sendCommand"]> {
    return this.client.sendCommand({ kind: "chat", text });
  }

  #applyDelivery({ events, omitted, recovered }: EventDelivery): void {
    if (!recovered) {
      this.resets += 1;
      this.events.length = 0;
    }
    this.events.push(...events);
    this.omitted += omitted;
  }
}

/** A room's objects. */
export const roomStub = (room: string): DurableObjectStub<Room> =>
  testBindings.ROOM.getByName(room) as unknown as DurableObjectStub<Room>;
export const shardStub = (room: string, shard = 0): DurableObjectStub<RoomShard> =>
  testBindings.ROOM_SHARD.getByName(`${room}/${shard}`) as unknown as DurableObjectStub<RoomShard>;
export const relayStub = (room: string, relay: number): DurableObjectStub<RoomRelay> =>
  testBindings.ROOM_RELAY.getByName(`${room}/${relay}`) as unknown as DurableObjectStub<RoomRelay>;

/** Sets an object's wall clock ahead. Its timers keep their pace. */
export async function advanceObjectClock(
  stub: DurableObjectStub<Room | RoomShard | RoomRelay>,
  ms: number,
): Promise<void> {
  await runInDurableObject(stub as DurableObjectStub<RoomShard>, (object: { platform: Platform }) => {
    const { clock } = object.platform;
    object.platform = { ...object.platform, clock: { ...clock, nowMs: () => clock.nowMs() + ms } };
  });
}

/** Whether an object has no memory; afterwards it has none. Waits for its first idle moment, and throws if there is none. */
export async function isAsleep(stub: DurableObjectStub): Promise<boolean> {
  try {
    await evictDurableObject(stub);
    return false;
  } catch (error) {
    if (String(error).includes("not currently running")) return true;
    throw error;
  }
}

/**
 * Evicts all of these objects once nothing is left to do in any: no timer runs, and none starts while they are evicted. An
 * earlier eviction would start the work of others again: an evicted object makes those below it report. Timers of all objects
 * count, so no other room may be in use, and none may last.
 */
export async function putToSleep(stubs: readonly DurableObjectStub[]): Promise<void> {
  const clock = systemPlatform.clock as { startTimer: Clock["startTimer"] };
  const { startTimer } = clock;
  const running = new Set<object>();
  let started = 0;
  clock.startTimer = (delayMs, callback) => {
    const timer = {};
    running.add(timer);
    started += 1;
    const cancel = startTimer(delayMs, () => {
      callback();
      running.delete(timer);
    });
    return () => {
      cancel();
      running.delete(timer);
    };
  };
  try {
    // Each object's first eviction waits for timers that began before.
    for (const stub of stubs) await isAsleep(stub);
    for (let before = -1; before !== started; ) {
      await waitForCondition(() => running.size === 0);
      before = started;
      for (const stub of stubs) await isAsleep(stub);
    }
  } finally {
    clock.startTimer = startTimer;
  }
}

/** Calls `onReport` after each report that a room took, until the function that this returns is called. */
export async function observeReports(
  room: string,
  onReport: (child: RoomChildId, report: AudienceReport, object: Room) => void,
): Promise<() => void> {
  const prototype = await runInDurableObject(roomStub(room), (object) => Object.getPrototypeOf(object) as Room);
  const { report } = prototype;
  prototype.report = async function (this: Room, child, counts) {
    const reply = await report.call(this, child, counts);
    if (this.summary().room === room) onReport(child, counts, this);
    return reply;
  };
  return () => {
    prototype.report = report;
  };
}

/** Loses an object's memory and its sockets at once, during any work, as a crash does. */
export async function crashRoomObject(stub: DurableObjectStub<Room | RoomShard | RoomRelay>): Promise<void> {
  const abort = (_object: unknown, state: DurableObjectState): void => state.abort("a crash");
  await runInDurableObject(stub as DurableObjectStub<Room>, abort).catch(() => {});
}

/**
 * Creates a room of four shards, two below each relay, with a moderator at each shard and another one, who wrote "hello",
 * at the first. `at`: how they join.
 */
export async function createLargeRoom(room: string, at: typeof TestParticipant.joinShard): Promise<TestParticipant[]> {
  const first = await at(room, 0, "first", ["moderator"]);
  await first.say("hello");
  await runInDurableObject(roomStub(room), (_room, { storage }) => {
    storage.sql.exec("INSERT OR REPLACE INTO meta VALUES ('shards', '4')");
  });
  await evictDurableObject(roomStub(room));
  const all = await Promise.all([0, 1, 2, 3].map((shard) => at(room, shard, `person-${shard}`, ["moderator"])));
  await waitForCondition(async () => (await storedChildIds(room)).join() === "1000000,1000001");
  return all;
}

/** The ids of a room's stored children. */
export const storedChildIds = (room: string): Promise<unknown[]> =>
  runInDurableObject(roomStub(room), (_room, { storage }) =>
    storage.sql
      .exec("SELECT id FROM shards ORDER BY id")
      .toArray()
      .map(({ id }) => id),
  );

/** Waits until a condition holds; the test's timeout ends it. */
export async function waitForCondition(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(TEST_CLOCK, 10);
}

/** Waits for a socket's close and returns its code. */
export function closeCodeOf(socket: WebSocket): Promise<number> {
  return new Promise((resolve) => socket.addEventListener("close", ({ code }) => resolve(code)));
}
