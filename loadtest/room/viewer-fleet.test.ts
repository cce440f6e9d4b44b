import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { sleep } from "../../core/kit/clock.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { SOCKET_CLOSES } from "../../core/room/socket-closes.ts";
import { parseSentAtMs } from "./protocol-adapters.ts";
import { ViewerFleet } from "./viewer-fleet.ts";

const VIEWERS = 30;

let http: Server | null = null;
let crowd: ViewerFleet | null = null;

afterEach(() => {
  crowd?.stopProcesses();
  http?.closeAllConnections();
  http?.close();
});

/** A server with the bare protocol that sends each message to all sockets except `leaveOut` of them. */
async function serve(leaveOut: number): Promise<string> {
  const server = createServer();
  http = server;
  const sockets = new Set<WebSocket>();
  new WebSocketServer({ server }).on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("message", (data) => {
      const { id, text } = JSON.parse(String(data)) as { id: number; text: string };
      expect(parseSentAtMs(text)).toHaveLength(1);
      socket.send(JSON.stringify({ ack: id }));
      for (const each of [...sockets].slice(leaveOut)) each.send(JSON.stringify({ events: [{ text }] }));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The counts after every message was acknowledged and sent to `told` viewers. */
async function write(server: string, told: number): Promise<Awaited<ReturnType<ViewerFleet["socketStats"]>>> {
  const made = new ViewerFleet(2);
  crowd = made;
  const tokens = ["a", "b", "c", "d"];
  await made.openSockets({ dialect: "bare", servers: [server], room: "r", viewers: VIEWERS, tokens, perSecond: 1_000 });
  await made.setWriteRate(40);
  while ((await made.socketStats()).acknowledged < 10) await sleep(systemPlatform.clock, 20);
  await made.setWriteRate(0);
  let stats = await made.socketStats();
  while (stats.acknowledged < stats.sent || stats.delivered < stats.sent * told) {
    await sleep(systemPlatform.clock, 20);
    stats = await made.socketStats();
  }
  return stats;
}

test("a fleet in two processes counts every message once for every viewer", async () => {
  const stats = await write(await serve(0), VIEWERS);
  expect(stats.ready).toBe(VIEWERS);
  expect(stats.acknowledged).toBe(stats.sent);
  expect(stats.delivered).toBe(stats.sent * VIEWERS);
  expect(stats.delays.count).toBe(stats.delivered);
}, 60_000);

test("a server that skips viewers is detected", async () => {
  const stats = await write(await serve(3), VIEWERS - 3);
  expect(stats.delivered).toBe(stats.sent * (VIEWERS - 3));
}, 60_000);

test("moved viewers follow to the other shard, and none counts as dropped", async () => {
  let came = 0;
  const server = createServer();
  http = server;
  new WebSocketServer({ server }).on("connection", (socket) => {
    came += 1;
    if (came <= 2) socket.close(SOCKET_CLOSES.moved.code);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const made = new ViewerFleet(1);
  crowd = made;
  await made.openSockets({ dialect: "bare", servers: [url], room: "r", viewers: 4, tokens: [], perSecond: 1_000 });
  let stats = await made.socketStats();
  while (stats.moved < 2 || stats.ready < 4) {
    await sleep(systemPlatform.clock, 20);
    stats = await made.socketStats();
  }
  expect(came).toBe(6);
  expect(stats.closes).toEqual({});
});
