/** Hostile senders at the WHIP of a running ingest node and its edge, beside an ordinary one that must not notice. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { request } from "undici";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeTestCheck, makeTestOffer } from "../../../core/ingest/whip/testing.ts";
import { WHIP_LISTENER_LIMITS } from "../../../origin/ingest-node/whip-limits.ts";
import { type LocalEdge, startEdge } from "../../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../../support/admin-token.ts";
import { fetchEdge } from "../../support/edge-requests.ts";
import { makeSource, rtmpOutput, type Sender, startSender } from "../../support/ffmpeg-senders.ts";
import { IngestProcess } from "../../support/ingest-process.ts";
import { waitUntil } from "../../support/npm-start.ts";
import { findTarget } from "../../support/playlist-viewer.ts";
import { freePort } from "../../support/ports.ts";
import { figure, whole } from "../scale.ts";

const TIMEOUT = { timeout: 180_000 };
const DATAGRAMS = whole ? 100_000 : 10_000;
const SLOW = whole ? 400 : 50;
const OFFERS = whole ? 200 : 30;
/** CPU of a refusal, milliseconds. */
const REFUSAL_MS = 5;
const GROWTH_BYTES = 96e6;

let folder = "";
let edge: LocalEdge;
let node: IngestProcess;
let ordinary: Sender;
let mark = 0;
let residentBefore = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "corral-whip-attack-"));
  const file = makeSource(folder, "small");
  const whipPort = await freePort();
  const bindings = { CORRAL_WHIP_NODE: `http://127.0.0.1:${whipPort}` };
  edge = await startEdge({ port: await freePort(), dataDir: join(folder, "edge"), adminToken: ADMIN_TOKEN, bindings });
  node = await IngestProcess.start(edge, ADMIN_TOKEN, ["--verbose", "--whip-http-port", `${whipPort}`]);
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

/** The ordinary sender is on the air, nothing but its health was told, and the node has not grown. */
function expectUndisturbed(): void {
  const said = node.origin.output.slice(mark);
  expect(said.split("\n").filter((line) => / ordinary: (?!health)/.test(line))).toEqual([]);
  expect(said).not.toContain("Internal error");
  expect(node.origin.process.exitCode).toBeNull();
  expect(ordinary.process.exitCode).toBeNull();
  expect(node.residentBytes() - residentBefore).toBeLessThan(GROWTH_BYTES);
}

/** The status of an offer to the edge, or to the node itself. */
async function offer(to: "edge" | "node", key: string, body: string, stream = "demo"): Promise<number> {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/sdp" };
  if (to === "edge") {
    const answer = await fetchEdge(`${edge.url}/whip/${stream}`, { method: "POST", headers, body });
    await answer.text();
    return answer.status;
  }
  const url = `http://127.0.0.1:${node.whipHttpPort}/whip/${stream}`;
  const { statusCode, body: answer } = await request(url, { method: "POST", headers, body });
  await answer.text();
  return statusCode;
}
const wrongKey = (i: number): string => `corral_${String(i).padStart(10, "0")}_${"x".repeat(43)}`;

// First: the next tests spend what their network may offer.
test("senders that open sessions and send nothing are cut after ten seconds, and leave room", TIMEOUT, async () => {
  const tries = WHIP_LISTENER_LIMITS.sessionsPerNetwork + 4;
  const statuses: number[] = [];
  for (let i = 0; i < tries; i += 1) {
    const { key } = await node.issueKey(`silent-${i}`);
    statuses.push(await offer("edge", key, makeTestOffer(), `silent-${i}`));
  }
  expect(statuses.filter((status) => status === 201)).toHaveLength(WHIP_LISTENER_LIMITS.sessionsPerNetwork);
  expect(statuses.at(-1)).toBe(503);
  await waitUntil("all are cut", () => {
    const cut = node.origin.output.match(/silent-\d+: the sender is gone/g) ?? [];
    return cut.length === WHIP_LISTENER_LIMITS.sessionsPerNetwork;
  });
  const { key } = await node.issueKey("after-silence");
  expect(await offer("edge", key, makeTestOffer(), "after-silence")).toBe(201);
  expectUndisturbed();
});

test(`${SLOW} requests that never end are closed after ten seconds`, TIMEOUT, async () => {
  const began = Date.now();
  const head = "POST /whip/demo HTTP/1.1\r\nHost: node\r\nContent-Type: application/sdp\r\n";
  const closed = Array.from({ length: SLOW }, async (_, i) => {
    const socket = connect({ host: "127.0.0.1", port: node.whipHttpPort });
    socket.on("error", () => {}).on("data", () => {});
    // Half a head, or a head whose body does not come.
    socket.write(i % 2 === 0 ? head : `${head}Authorization: Bearer ${wrongKey(1)}\r\nContent-Length: 900\r\n\r\nv=0`);
    await once(socket, "close");
  });
  await Promise.all(closed);
  figure("WHIP: requests that never end are closed after", `${Date.now() - began} ms`, "≤ 15,000 ms");
  expect(Date.now() - began).toBeLessThan(15_000);
  expectUndisturbed();
});

test("an offer beyond the limit is refused by the edge, and by the node", TIMEOUT, async () => {
  const { key } = await node.issueKey("demo");
  const huge = `${makeTestOffer()}${"a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n".repeat(20_000)}`;
  for (const to of ["edge", "node"] as const) expect(await offer(to, key, huge)).toBe(413);
  // Many small lines and sections within the limit.
  const lines = `v=0\r\n${"a=x\r\n".repeat(13_000)}`;
  const sections = `v=0\r\n${"m=video 9 UDP/TLS/RTP/SAVPF 102\r\n".repeat(1_500)}`;
  const tries = 5;
  let spentMs = 0;
  for (let i = 0; i < tries; i += 1) {
    for (const body of [lines, sections]) {
      let status = 429;
      // The test before has spent what its network may offer, which comes back by one a second.
      for (let waits = 0; status === 429 && waits < 30; waits += 1) {
        if (waits > 0) await new Promise((resolve) => setTimeout(resolve, 1_000));
        const before = node.origin.cpuMs();
        status = await offer("node", key, body);
        if (status !== 429) spentMs += node.origin.cpuMs() - before;
      }
      expect(status).toBe(400);
    }
  }
  const cpuMs = spentMs / (2 * tries);
  figure("WHIP: offers of many lines or sections, CPU of the node each", `${cpuMs.toFixed(2)} ms`);
  expectUndisturbed();
});

test(`${OFFERS} offers with wrong keys are refused, and cost the node nothing behind its edge`, TIMEOUT, async () => {
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const costOf = async (to: "edge" | "node"): Promise<number> => {
    const before = node.origin.cpuMs();
    const began = performance.now();
    for (let i = 0; i < OFFERS; i += 1) {
      expect([403, 409, 429, 503]).toContain(await offer(to, wrongKey(i), makeTestOffer()));
    }
    // What the ordinary sender takes meanwhile.
    const ordinaryMs = ((performance.now() - began) / 1_000) * 25;
    return Math.max(0, (node.origin.cpuMs() - before - ordinaryMs) / OFFERS);
  };
  const [behind, direct] = [await costOf("edge"), await costOf("node")];
  figure("WHIP: wrong key through the edge, CPU of the node each", `${behind.toFixed(2)} ms`, `≤ ${REFUSAL_MS} ms`);
  figure("WHIP: wrong key at the node, CPU each", `${direct.toFixed(2)} ms`, `≤ ${REFUSAL_MS} ms`);
  if (whole) expect(Math.max(behind, direct)).toBeLessThanOrEqual(REFUSAL_MS);
  expectUndisturbed();
});

test(`${DATAGRAMS} datagrams of noise, unsigned checks and DTLS of strangers get no answer`, TIMEOUT, async () => {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  let answers = 0;
  socket.on("message", () => {
    answers += 1;
  });
  const unsigned = makeTestCheck("0123456789abcdef01:abcd", "a password that nobody has", (_key, bytes) => {
    return new Uint8Array(20).fill(bytes.byteLength);
  });
  const hello = new Uint8Array(200).fill(7);
  hello.set([22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 187, 1]);
  const kinds = [unsigned, hello, new Uint8Array(1_200).fill(0x80), Uint8Array.of(0), new Uint8Array(0)];
  const cpuMs = node.origin.cpuMs();
  for (let i = 0; i < DATAGRAMS; i += 1) {
    socket.send(kinds[i % kinds.length] ?? unsigned, node.whipPort, "127.0.0.1");
    if (i % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await new Promise((resolve) => setTimeout(resolve, 500));
  socket.close();
  figure(
    "WHIP: datagrams of strangers, CPU of the node each",
    `${((node.origin.cpuMs() - cpuMs) / DATAGRAMS).toFixed(4)} ms`,
  );
  expect(answers).toBe(0);
  expectUndisturbed();
});
