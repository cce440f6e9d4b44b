import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterEach, expect, test, vi } from "vitest";
import { userControlMessage } from "../../core/ingest/rtmp/chunk-writer.ts";
import {
  CLIENT_HANDSHAKE,
  clientCommand,
  mediaMessage,
  publishCommands,
  type SentMessage,
  sentMessages,
  TEST_AVCC,
  TestChunkEncoder,
  testBytes,
} from "../../core/ingest/rtmp/testing.ts";
import { concatBytes } from "../../core/kit/bytes.ts";
import { VirtualClock } from "../../core/kit/virtual-clock.ts";
import { makeCertificate } from "../testing/self-signed-certificate.ts";
import { RTMP_CONNECTION_LIMITS } from "./rtmp-connection.ts";
import { RTMP_LISTENER_LIMITS, startRtmpListener } from "./rtmp-listener.ts";
import type { SenderConnection, SenderEnd, SenderListener } from "./sender-connection.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** The first truthy value of `condition`; a loaded machine takes longer than Vitest's second. */
function waitFor<T>(condition: () => T): Promise<NonNullable<T>> {
  return vi.waitUntil(condition, { timeout: 20_000, interval: 10 }) as Promise<NonNullable<T>>;
}

interface OpenListener {
  readonly listener: SenderListener;
  readonly clock: VirtualClock;
  readonly senders: SenderConnection[];
}

async function openListener(tls: { cert: string; key: string } | null = null): Promise<OpenListener> {
  const clock = new VirtualClock();
  const senders: SenderConnection[] = [];
  const platform = { clock, random: () => 0.5 };
  const options = { host: "127.0.0.1", port: 0, tls, platform };
  const listener = await startRtmpListener({ ...options, onSender: (sender) => senders.push(sender) });
  closers.push(() => listener.close());
  return { listener, clock, senders };
}

/** A socket with everything that it received. */
interface Client {
  readonly socket: Socket;
  readonly received: Uint8Array[];
  readonly closed: Promise<unknown>;
}

function watch(socket: Socket): Client {
  const received: Uint8Array[] = [];
  socket.on("data", (chunk: Uint8Array) => received.push(chunk)).on("error", () => {});
  closers.push(() => socket.destroy());
  return { socket, received, closed: new Promise((resolve) => socket.once("close", resolve)) };
}

async function openClient({ listener }: OpenListener, ...bytes: Uint8Array[]): Promise<Client> {
  const client = watch(connect(listener.port, "127.0.0.1"));
  await once(client.socket, "connect");
  for (const piece of bytes) client.socket.write(piece);
  return client;
}

const PUBLISH = publishCommands("live/demo", "corral_a_b");

async function openSender(open: OpenListener): Promise<{ client: Client; sender: SenderConnection }> {
  const before = open.senders.length;
  const client = await openClient(open, CLIENT_HANDSHAKE, PUBLISH);
  const sender = await waitFor(() => open.senders[before]);
  return { client, sender };
}

function sentBy({ received }: Client): SentMessage[] {
  return sentMessages([{ send: received, events: [] }], false);
}

/** Statuses that the client got. */
function statuses(client: Client): SentMessage["status"][] {
  return sentBy(client).flatMap(({ values, status }) => (values[0] === "onStatus" ? [status] : []));
}

test("a sender is accepted; its media arrives, its goodbye ends it, and its round trip is measured", async () => {
  const open = await openListener();
  const { client, sender } = await openSender(open);
  expect(sender).toMatchObject({ protocol: "rtmp", remoteAddress: "127.0.0.1", stream: "demo", key: "corral_a_b" });
  const happened: unknown[] = [];
  sender.accept({ onEvent: ({ kind }) => happened.push(kind), onEnd: (end) => happened.push(end) });
  const encoder = new TestChunkEncoder();
  await open.clock.advance(RTMP_CONNECTION_LIMITS.pingMs);
  const ping = await waitFor(() => sentBy(client).find(({ payload }) => payload[1] === 6));
  expect(sender.statistics().roundTripMs).toBeNull();
  await open.clock.advance(40);
  const answer = { ...ping, payload: testBytes(0, 7, ping.payload.subarray(2)) };
  client.socket.write(
    concatBytes([userControlMessage("pingResponse", 1), answer].map((pong) => encoder.write(2, pong))),
  );
  expect(await waitFor(() => sender.statistics().roundTripMs)).toBe(40);
  const sent = [
    mediaMessage("video", 0, testBytes(0x17, 0, 0, 0, 0, TEST_AVCC)),
    mediaMessage("video", 0, testBytes(0x17, 1, 0, 0, 0, "frame")),
    clientCommand(0, "deleteStream", 6, null, 1),
  ].map((message) => encoder.write(4, message));
  client.socket.write(concatBytes(sent));
  await client.closed;
  expect(happened).toEqual(["config", "frame", { kind: "goodbye" }]);
  expect(statuses(client).map(({ code }) => code)).toEqual(["NetStream.Publish.Start", "NetStream.Unpublish.Success"]);
  expect(sender.statistics().receivedBytes).toBe(client.socket.bytesWritten);
});

test("a late answer to one ping is no long round trip; late answers to all are", async () => {
  const open = await openListener();
  const { client, sender } = await openSender(open);
  sender.accept({ onEvent: () => {}, onEnd: () => {} });
  const encoder = new TestChunkEncoder();
  const pings = (): SentMessage[] => sentBy(client).filter(({ payload }) => payload[1] === 6);
  const told: (number | null)[] = [];
  let sincePingMs = 0;
  for (const [i, lateMs] of [40, 300, 45, 350, 320, 310].entries()) {
    await open.clock.advance(RTMP_CONNECTION_LIMITS.pingMs - sincePingMs);
    const ping = await waitFor(() => pings()[i]);
    await open.clock.advance(lateMs);
    sincePingMs = lateMs;
    const before = sender.statistics().receivedBytes;
    const answer = encoder.write(2, { ...ping, payload: testBytes(0, 7, ping.payload.subarray(2)) });
    client.socket.write(answer);
    await waitFor(() => (sender.statistics().receivedBytes === before + answer.length ? true : undefined));
    told.push(sender.statistics().roundTripMs);
  }
  expect(told).toEqual([40, 40, 40, 45, 45, 310]);
});

test("a refused sender reads the sentence before its connection closes, however much it sends", async () => {
  const open = await openListener();
  const { client, sender } = await openSender(open);
  client.socket.write(new Uint8Array(500_000));
  sender.refuse("The stream key is not known.");
  sender.refuse("Again.");
  await client.closed;
  expect(statuses(client)).toEqual([
    { level: "error", code: "NetStream.Publish.BadName", description: "The stream key is not known." },
  ]);
  const end = await new Promise<SenderEnd>((onEnd) => sender.accept({ onEvent: () => {}, onEnd }));
  expect(end).toEqual({ kind: "closed" });
});

test("no byte is taken after close, and a sender that does not hang up is cut after its time to read", async () => {
  const open = await openListener();
  const { client, sender } = await openSender(open);
  const happened: unknown[] = [];
  sender.accept({
    onEvent: (event) => {
      happened.push(event.kind);
      sender.close("The key was revoked.");
    },
    onEnd: (end) => happened.push(end),
  });
  client.socket.pause();
  client.socket.allowHalfOpen = true;
  const encoder = new TestChunkEncoder();
  const config = mediaMessage("video", 0, testBytes(0x17, 0, 0, 0, 0, TEST_AVCC));
  const frame = mediaMessage("video", 0, testBytes(0x17, 1, 0, 0, 0, "frame"));
  client.socket.write(concatBytes([config, frame, frame].map((message) => encoder.write(4, message))));
  await waitFor(() => happened.length > 1);
  expect(happened).toEqual(["config", { kind: "closed" }]);
  const { receivedBytes } = sender.statistics();
  client.socket.write(encoder.write(4, frame));
  await open.clock.advance(RTMP_CONNECTION_LIMITS.lingerMs + RTMP_LISTENER_LIMITS.sweepMs);
  client.socket.resume();
  await waitFor(() => statuses(client).length > 1);
  // Nobody is there any more.
  client.socket.write(encoder.write(4, frame));
  await client.closed;
  expect(sender.statistics().receivedBytes).toBe(receivedBytes);
  expect(statuses(client).at(-1)).toMatchObject({ level: "error", description: "The key was revoked." });
});

test("connections that say nothing, or stop within the handshake, are closed after 10 s", async () => {
  const open = await openListener();
  const silent = await openClient(open);
  const slow = await openClient(open, CLIENT_HANDSHAKE.subarray(0, 100));
  const handshake = await openClient(open, CLIENT_HANDSHAKE);
  await waitFor(() => handshake.received.length > 0);
  await open.clock.advance(RTMP_CONNECTION_LIMITS.publishMs - 1);
  expect([silent, slow, handshake].map(({ socket }) => socket.destroyed)).toEqual([false, false, false]);
  await open.clock.advance(RTMP_LISTENER_LIMITS.sweepMs);
  await Promise.all([silent.closed, slow.closed, handshake.closed]);
  expect(open.senders).toEqual([]);
});

test("a sender that nobody decides on is refused after 10 s, one that falls silent is lost after 30 s", async () => {
  const open = await openListener();
  const undecided = await openSender(open);
  const { client, sender } = await openSender(open);
  const ends: SenderEnd[] = [];
  sender.accept({ onEvent: () => {}, onEnd: (end) => ends.push(end) });
  await open.clock.advance(RTMP_CONNECTION_LIMITS.decisionMs);
  await undecided.client.closed;
  expect(statuses(undecided.client)).toMatchObject([{ code: "NetStream.Publish.BadName" }]);
  client.socket.write(new TestChunkEncoder().write(4, mediaMessage("audio", 0, testBytes(0xaf))));
  const { receivedBytes } = sender.statistics();
  await waitFor(() => sender.statistics().receivedBytes > receivedBytes);
  await open.clock.advance(RTMP_CONNECTION_LIMITS.silenceMs - 1);
  expect(ends).toEqual([]);
  await open.clock.advance(RTMP_LISTENER_LIMITS.sweepMs);
  await client.closed;
  expect(ends).toEqual([{ kind: "lost", detail: "The sender was silent for 30 s." }]);
});

test("a broken link is lost, invalid input is told and invalid", async () => {
  const open = await openListener();
  const ends: SenderEnd[] = [];
  const handlers = { onEvent: () => {}, onEnd: (end: SenderEnd) => ends.push(end) };
  const broken = await openSender(open);
  broken.sender.accept(handlers);
  broken.client.socket.end();
  await waitFor(() => ends.length === 1);
  const reset = await openSender(open);
  reset.sender.accept(handlers);
  await waitFor(() => statuses(reset.client).length > 0);
  reset.client.socket.resetAndDestroy();
  await waitFor(() => ends.length === 2);
  const invalid = await openSender(open);
  invalid.sender.accept(handlers);
  invalid.client.socket.write(new Uint8Array(100).fill(0xff));
  await invalid.client.closed;
  expect(ends).toMatchObject([
    { kind: "lost", detail: "The sender closed the connection without unpublishing." },
    { kind: "lost", detail: "The connection failed: read ECONNRESET." },
    { kind: "invalid", detail: "A chunk stream begins without a message header." },
  ]);
  expect(statuses(invalid.client).at(-1)).toMatchObject({
    level: "error",
    description: "A chunk stream begins without a message header.",
  });
});

test("a sender that asks for answers and does not read them is lost", async () => {
  const open = await openListener();
  const { client, sender } = await openSender(open);
  const ended = new Promise<SenderEnd>((onEnd) => sender.accept({ onEvent: () => {}, onEnd }));
  client.socket.pause();
  const pings = concatBytes(Array(20_000).fill(new TestChunkEncoder().write(2, userControlMessage("pingRequest", 1))));
  const flood = (): void => {
    while (!client.socket.destroyed && client.socket.write(pings));
  };
  client.socket.on("drain", flood);
  flood();
  expect(await ended).toEqual({ kind: "lost", detail: "The sender does not read the answers of the server." });
});

test("the connections of one network are limited, and free their place when they close", async () => {
  const open = await openListener();
  const clients: Client[] = [];
  for (let i = 0; i < RTMP_LISTENER_LIMITS.connectionsPerNetwork; i++) {
    clients.push(await openClient(open, CLIENT_HANDSHAKE));
  }
  await waitFor(() => clients.every(({ received }) => received.length > 0));
  const refused = await openClient(open, CLIENT_HANDSHAKE);
  await refused.closed;
  expect(refused.received).toEqual([]);
  clients[0]?.socket.end();
  await clients[0]?.closed;
  const admitted = await openClient(open, CLIENT_HANDSHAKE);
  await waitFor(() => admitted.received.length > 0);
});

test("closing the listener ends every connection and frees the port", async () => {
  const open = await openListener();
  const idle = await openClient(open);
  const { client, sender } = await openSender(open);
  const ended = new Promise<SenderEnd>((onEnd) => sender.accept({ onEvent: () => {}, onEnd }));
  const { port } = open.listener;
  await open.listener.close();
  expect(await ended).toEqual({ kind: "closed" });
  await Promise.all([idle.closed, client.closed]);
  expect(open.clock.pendingTimers).toBe(0);
  const options = { host: "127.0.0.1", port, tls: null, platform: { clock: open.clock, random: () => 0 } };
  const again = await startRtmpListener({ ...options, onSender: () => {} });
  await expect(startRtmpListener({ ...options, onSender: () => {} })).rejects.toThrow(/EADDRINUSE/);
  await again.close();
});

test("RTMPS: a sender publishes over TLS; other bytes and silent clients free their place", async () => {
  const tls = makeCertificate();
  const open = await openListener(tls);
  for (let i = 0; i < 2 * RTMP_LISTENER_LIMITS.connectionsPerNetwork; i++) {
    const plain = await openClient(open, CLIENT_HANDSHAKE);
    await plain.closed;
  }
  const client = watch(
    connectTls({ port: open.listener.port, host: "127.0.0.1", ca: tls.cert, servername: "localhost" }),
  );
  client.socket.write(concatBytes([CLIENT_HANDSHAKE, PUBLISH]));
  const sender = await waitFor(() => open.senders[0]);
  expect(sender).toMatchObject({ protocol: "rtmps", remoteAddress: "127.0.0.1" });
  sender.refuse("Not today.");
  await client.closed;
  expect(statuses(client)).toMatchObject([{ description: "Not today." }]);
  const silent = await openClient(open);
  await open.listener.close();
  await silent.closed;
});
