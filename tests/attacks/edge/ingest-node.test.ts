/** Hostile and broken senders at a running ingest node, beside an ordinary one that must not notice. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestTransportWriter } from "../../../core/ingest/mpegts/testing.ts";
import { controlMessage } from "../../../core/ingest/rtmp/chunk-writer.ts";
import {
  bigEndian,
  CLIENT_HANDSHAKE,
  mediaMessage,
  publishCommands,
  TestChunkEncoder,
  testBytes,
} from "../../../core/ingest/rtmp/testing.ts";
import { HANDSHAKE_TYPE } from "../../../core/ingest/srt/handshake.ts";
import { TestSrtSender } from "../../../core/ingest/srt/testing.ts";
import { nodeSrtCrypto } from "../../../origin/ingest-node/srt-crypto.ts";
import { wrapTestKey } from "../../../origin/ingest-node/testing/wrap-key.ts";
import { type LocalEdge, startEdge } from "../../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../../support/admin-token.ts";
import { fetchEdge } from "../../support/edge-requests.ts";
import { makeSource, rtmpOutput, type Sender, startSender } from "../../support/ffmpeg-senders.ts";
import { IngestProcess } from "../../support/ingest-process.ts";
import { NpmStartChain, waitUntil } from "../../support/npm-start.ts";
import { OriginProcess } from "../../support/origin-process.ts";
import { findTarget } from "../../support/playlist-viewer.ts";
import { freePort } from "../../support/ports.ts";
import { figure, whole } from "../scale.ts";

const WAIT_MS = 30_000;
const TIMEOUT = { timeout: 180_000 };
const INDUCTIONS = whole ? 20_000 : 2_000;
const PIDS = 8_000;
const SILENT = 200;
/** Growth of the node's memory that an attack may leave, bytes: garbage that is not collected yet. */
const GROWTH_BYTES = 96e6;

let folder = "";
let file = "";
let edge: LocalEdge;
let node: IngestProcess;
let ordinary: Sender;
let mark = 0;
let residentBefore = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "corral-ingest-attack-"));
  file = makeSource(folder, "small");
  edge = await startEdge({ port: await freePort(), dataDir: join(folder, "edge"), adminToken: ADMIN_TOKEN });
  node = await IngestProcess.start(edge, ADMIN_TOKEN, ["--verbose"]);
  const { key } = await node.issueKey("ordinary");
  ordinary = startSender(file, rtmpOutput(node.rtmpPort, "ordinary", key));
  await findTarget(`${edge.url}/live/ordinary`);
  await waitUntil("it is judged", () => node.origin.output.includes("ordinary: passed through"));
  mark = node.origin.output.length;
  residentBefore = node.residentBytes();
}, 120_000);
afterAll(async () => {
  await ordinary?.kill();
  if (node?.origin.process.exitCode === null) await node.origin.interrupt();
  await edge?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** The ordinary sender is on the air, and nothing was said about it. */
function expectUndisturbed(): void {
  const said = node.origin.output.slice(mark);
  expect(said.split("\n").filter((line) => line.includes(" ordinary: "))).toEqual([]);
  expect(said).not.toContain("Internal error");
  expect(node.origin.process.exitCode).toBeNull();
  expect(ordinary.process.exitCode).toBeNull();
}

function dial(port = node.rtmpPort): Socket {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  socket.on("error", () => {}).on("data", () => {});
  return socket;
}

/** A socket whose sender is accepted. */
async function publish(stream: string, key: string): Promise<Socket> {
  const socket = dial();
  let answer = "";
  socket.on("data", (bytes: Uint8Array) => {
    answer += Buffer.from(bytes).toString("latin1");
  });
  socket.write(CLIENT_HANDSHAKE);
  socket.write(publishCommands(`live/${stream}`, key));
  await waitUntil("it may publish", () => answer.includes("NetStream.Publish.Start"));
  return socket;
}

const said = (text: string | RegExp): Promise<void> =>
  waitUntil(`the node says ${text}`, () => {
    const output = node.origin.output.slice(mark);
    return typeof text === "string" ? output.includes(text) : text.test(output);
  });

const chunks = new TestChunkEncoder();
const noise = (length: number, seed: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => ((i + seed) * 7_919 + (i >> 3) * seed) & 255);
/** An object in an object, `depth` times, without an end. */
const nested = (depth: number): Uint8Array =>
  testBytes(2, 0, 13, "@setDataFrame", ...Array.from({ length: depth }, () => testBytes(3, 0, 1, "a")));

test.each([
  ["garbage", [noise(262_144, 5)]],
  [
    "a chunk size of 2^31-1 and a message that is longer than any",
    [
      chunks.write(2, { ...controlMessage("setChunkSize", 0), payload: new Uint8Array(bigEndian(2 ** 31 - 1, 4)) }),
      testBytes(0x06, 0, 0, 0, 0xff, 0xff, 0xff, 9, 1, 0, 0, 0),
      new Uint8Array(16_777_215),
    ],
  ],
  ["a deep AMF bomb", [chunks.write(4, mediaMessage("dataAmf0", 0, nested(20_000)))]],
  [
    "a wide AMF bomb",
    [
      chunks.write(
        4,
        mediaMessage(
          "dataAmf0",
          0,
          testBytes(
            2,
            0,
            13,
            "@setDataFrame",
            2,
            0,
            10,
            "onMetaData",
            10,
            0xff,
            0xff,
            0xff,
            0xff,
            new Uint8Array(200_000).fill(5),
          ),
        ),
      ),
    ],
  ],
])("%s after a good handshake ends its own session only", TIMEOUT, async (name, pieces) => {
  const stream = `bad-${name
    .replace(/[^a-z]+/gi, "-")
    .slice(0, 20)
    .toLowerCase()}`;
  const { key } = await node.issueKey(stream);
  const socket = await publish(stream, key);
  const cpuMs = node.origin.cpuMs();
  for (const piece of pieces) socket.write(piece);
  await Promise.race([once(socket, "close"), new Promise((resolve) => setTimeout(resolve, WAIT_MS))]);
  expect(socket.destroyed).toBe(true);
  await said(new RegExp(`${stream}: .*(is gone|refused)`));
  figure(`${name}: CPU of the node`, `${node.origin.cpuMs() - cpuMs} ms`);
  expect(node.residentBytes() - residentBefore).toBeLessThan(GROWTH_BYTES);
  expectUndisturbed();
});

test(
  `${SILENT} senders that say nothing are closed after 10 s, and leave room for others of their network`,
  TIMEOUT,
  async () => {
    const sockets = Array.from({ length: SILENT }, () => dial());
    const closed = sockets.map((socket) => once(socket, "close"));
    for (const socket of sockets.slice(0, SILENT / 2)) socket.write(CLIENT_HANDSHAKE.subarray(0, 700));
    const began = Date.now();
    await Promise.all(closed);
    expect(Date.now() - began).toBeLessThan(20_000);
    const { key } = await node.issueKey("after-silence");
    (await publish("after-silence", key)).destroy();
    expectUndisturbed();
  },
);

test("a sender that reads its file without pacing is refused with that reason", TIMEOUT, async () => {
  const { key } = await node.issueKey("fast");
  const sender = startSender(file, rtmpOutput(node.rtmpPort, "fast", key), { speed: 20 });
  await said(/fast: the sender is refused: .*(pac|real time)/);
  await sender.exit;
  expect(node.residentBytes() - residentBefore).toBeLessThan(GROWTH_BYTES);
  expectUndisturbed();
});

test("of two senders with one key the second is refused, and the first goes on", TIMEOUT, async () => {
  const { key } = await node.issueKey("twice");
  const first = startSender(file, rtmpOutput(node.rtmpPort, "twice", key));
  await said("twice: on the air");
  const second = startSender(file, rtmpOutput(node.rtmpPort, "twice", key));
  expect(await second.exit).not.toBe(0);
  await said("twice: rtmp from 127.0.0.1 is refused: Another encoder is live");
  expect(first.process.exitCode).toBeNull();
  await first.kill();
  expectUndisturbed();
});

/** An SRT sender that has connected. */
async function connectSrt(stream: string, key: string) {
  const [, keyId, passphrase = ""] = /^corral_([^_]+)_(.+)$/.exec(key) ?? [];
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const sender = new TestSrtSender({
    ...{ crypto: nodeSrtCrypto, wrapKey: wrapTestKey, streamId: `${stream}/${keyId}`, passphrase },
  });
  const ask = async (bytes: Uint8Array): Promise<Uint8Array> => {
    socket.send(bytes, node.srtPort, "127.0.0.1");
    return ((await once(socket, "message")) as [Uint8Array])[0];
  };
  const induction = await ask(sender.makeInduction());
  const answer = sender.readHandshake(await ask(sender.makeConclusion(induction)));
  sender.peerSocketId = answer?.socketId ?? 0;
  expect(answer?.type).toBe(HANDSHAKE_TYPE.conclusion);
  return { socket, sender };
}

test(`a transport stream with ${PIDS} PIDs costs its own session only`, TIMEOUT, async () => {
  const { key } = await node.issueKey("pids");
  const { socket, sender } = await connectSrt("pids", key);
  const writer = new TestTransportWriter();
  const pids = Array.from({ length: PIDS }, (_, i) => 32 + i);
  const cpuMs = node.origin.cpuMs();
  // 30 programs' worth of tables, then a packet of each PID.
  const tables = writer.writeTables(pids.slice(0, 150).map((pid) => ({ pid, streamType: 0x1b })));
  const packets = [tables, ...pids.map((pid) => writer.writePes(pid, noise(100, pid), { pts: 90_000 }))];
  let sent = 0;
  for (const packet of packets) {
    for (let at = 0; at < packet.byteLength; at += 1_316) {
      socket.send(sender.makeData(packet.subarray(at, at + 1_316), sent * 100), node.srtPort, "127.0.0.1");
      sent += 1;
      if (sent % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  figure(`${PIDS} PIDs: CPU of the node`, `${node.origin.cpuMs() - cpuMs} ms`);
  socket.close();
  expect(node.residentBytes() - residentBefore).toBeLessThan(GROWTH_BYTES);
  expectUndisturbed();
});

test("a flood of SRT inductions is answered with no more bytes than it has", TIMEOUT, async () => {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  let [sentBytes, receivedBytes] = [0, 0];
  socket.on("message", (bytes) => {
    receivedBytes += bytes.byteLength;
  });
  const sender = new TestSrtSender({
    ...{ crypto: nodeSrtCrypto, wrapKey: wrapTestKey, streamId: null, passphrase: null },
  });
  const induction = sender.makeInduction();
  const cpuMs = node.origin.cpuMs();
  for (let i = 0; i < INDUCTIONS; i += 1) {
    sentBytes += induction.byteLength;
    socket.send(induction, node.srtPort, "127.0.0.1");
    if (i % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  socket.close();
  const ratio = receivedBytes / sentBytes;
  figure("SRT inductions: bytes returned for each byte", ratio.toFixed(3), "≤ 1");
  figure("SRT inductions: CPU of the node each", `${((node.origin.cpuMs() - cpuMs) / INDUCTIONS).toFixed(3)} ms`);
  expect(ratio).toBeGreaterThan(0.1);
  expect(ratio).toBeLessThanOrEqual(1);
  expect(node.residentBytes() - residentBefore).toBeLessThan(GROWTH_BYTES);
  expectUndisturbed();
});

test(
  "a node killed in the middle of broadcasts leaves no port, and the next one goes on with them",
  TIMEOUT,
  async () => {
    const port = await freePort();
    const args = ["--rtmp-port", `${port}`];
    const first = await IngestProcess.start(edge, ADMIN_TOKEN, args);
    const { key } = await first.issueKey("killed");
    const before = startSender(file, rtmpOutput(port, "killed", key));
    await first.origin.waitForOutput("killed: on the air");
    first.origin.process.kill("SIGKILL");
    await first.origin.exit;
    await before.exit;
    const second = await IngestProcess.start(edge, ADMIN_TOKEN, args);
    const began = Date.now();
    // The edge keeps the lease of the dead process for a while: encoders try again every few seconds.
    let after = startSender(file, rtmpOutput(port, "killed", key));
    while (Date.now() - began < WAIT_MS && !second.origin.output.includes("killed: on the air")) {
      await Promise.race([after.exit, new Promise((resolve) => setTimeout(resolve, 500))]);
      if (after.process.exitCode === null) continue;
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      after = startSender(file, rtmpOutput(port, "killed", key));
    }
    expect(second.origin.output).toContain("killed: on the air");
    figure("node killed and started again: sender on the air", `${Date.now() - began} ms`);
    await after.kill();
    await second.origin.interrupt();
  },
);

test("Ctrl-C with ten senders ends the broadcasts, and leaves no process and no port", TIMEOUT, async () => {
  const [port, rtmp, srt] = [await freePort(), await freePort(), await freePort()];
  const ports = ["--port", `${port}`, "--rtmp-port", `${rtmp}`, "--srt-port", `${srt}`, "--whip-port", "0"];
  const chain = new NpmStartChain(["ingest", ...ports, "--data", join(folder, "own")]);
  const senders: Sender[] = [];
  try {
    await chain.waitForOutput("Watch:");
    const secrets = JSON.parse(readFileSync(join(folder, "own/secrets.json"), "utf8")) as { admin: string };
    const headers = { authorization: `Bearer ${secrets.admin}` };
    for (let i = 0; i < 10; i += 1) {
      const answer = await fetchEdge(`http://127.0.0.1:${port}/api/streams/own-${i}/keys`, { method: "POST", headers });
      const { key } = (await answer.json()) as { key: string };
      senders.push(startSender(file, rtmpOutput(rtmp, `own-${i}`, key)));
      await chain.waitForOutput(`own-${i}: on the air`);
    }
    const began = Date.now();
    chain.interrupt();
    expect(await chain.exit).toBe(0);
    figure("Ctrl-C with senders: end of the last process", `${Date.now() - began} ms`);
    await waitUntil("no process is left", () => chain.leftoverPids().length === 0);
    await Promise.all(senders.map(({ exit }) => exit));
    for (const each of [port, rtmp]) {
      const server = createServer().listen(each, "127.0.0.1");
      await once(server, "listening");
      server.close();
    }
    const udp = createSocket("udp4").bind(srt, "127.0.0.1");
    await once(udp, "listening");
    udp.close();
  } finally {
    await Promise.all(senders.map((sender) => sender.kill()));
    chain.killAll();
  }
});

test.each([
  [
    "an RTMP port in use",
    () => ["--rtmp-port", `${node.rtmpPort}`],
    /^.*Port \d+ on 127\.0\.0\.1 is in use; choose another with --rtmp-port\.$/,
  ],
  [
    "an SRT port in use",
    () => ["--srt-port", `${node.srtPort}`, "--rtmp-port", "0"],
    /is in use; choose another with --srt-port\.$/,
  ],
  ["a port beyond all", () => ["--rtmp-port", "70000"], /--rtmp-port/],
  ["a host name", () => ["--host", "example.com"], /--host is an IP address/],
  ["an address that this machine lacks", () => ["--host", "192.0.2.7", "--allow-rtmp"], /cannot be opened|--host/],
  ["an unknown option", () => ["--obs"], /obs/],
  ["half of RTMPS", () => ["--rtmps-port", "0", "--tls-key", file], /--tls-cert and --tls-key belong together/],
  [
    "a certificate that is none",
    () => ["--rtmps-port", "0", "--tls-cert", file, "--tls-key", file, "--rtmp-port", "0"],
    /--tls-cert and --tls-key/,
  ],
] as const)("%s is one sentence and exit code 2", TIMEOUT, async (_name, args, sentence) => {
  const run = new OriginProcess(["ingest", "--edge", edge.url, "--ingest-token", ADMIN_TOKEN, ...args()]);
  expect(await run.exit, run.output).toBe(2);
  const lines = run.output.trim().split("\n");
  expect(lines.at(-1)).toMatch(sentence);
  expect(run.output).not.toMatch(/\n\s+at /);
});
