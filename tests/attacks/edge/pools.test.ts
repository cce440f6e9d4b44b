/** Attacks that exhaust pools: an isolate's streams, its memory for bodies. */
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { StreamStatus } from "../../../core/broadcast/stream-status.ts";
import { PART_HEADER, PUBLISHER_HEADER } from "../../../core/ingest/publish-api.ts";
import { descendantPids } from "../../../loadtest/processes.ts";
import { type LocalEdge, startEdge } from "../../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../../support/admin-token.ts";
import { fetchEdge, httpTestEdge } from "../../support/edge-requests.ts";
import { freePort } from "../../support/ports.ts";
import { TestPublisher, testPartMeta } from "../../support/publisher.ts";
import { figure } from "../scale.ts";
import { Flood } from "./flood.ts";

/** More streams than an isolate holds. */
const OTHERS = 70;
const MIB = 1_048_576;

let edge: LocalEdge;
let port: number;
/** Another isolate, which shares the objects. */
let beside: string;
let dataDir: string;
const door = httpTestEdge(() => edge.url, ADMIN_TOKEN);

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-pools-"));
  port = await freePort();
  const other = await freePort();
  edge = await startEdge({ port, dataDir, adminToken: door.adminToken, isolatePorts: [other] });
  beside = `http://127.0.0.1:${other}`;
});

afterAll(async () => {
  await edge.stop();
  await rm(dataDir, { recursive: true, force: true });
});

async function live(): Promise<TestPublisher> {
  const publisher = new TestPublisher(door);
  await publisher.openWithInits();
  await publisher.putParts(0, 2);
  return publisher;
}

/** A stream's status from the other isolate, so that the request changes nothing here. */
async function statusOf({ stream }: TestPublisher): Promise<StreamStatus> {
  return (await (await fetchEdge(`${beside}/api/streams/${stream}`)).json()) as StreamStatus;
}

const liveRequests = async (publisher: TestPublisher): Promise<number> =>
  (await statusOf(publisher)).tiers.find(({ tier }) => tier === "live")?.requests ?? 0;

test("neither unknown names nor more live streams than an isolate's limit evict a watched stream, and evicted streams end their feeds", async () => {
  const watched = await live();
  const playlist = watched.path("video", "media.m3u8");
  let part = 2;
  const reload = async (): Promise<void> => {
    const parked = door.ask(`${playlist}?_HLS_msn=${Math.floor(part / 6)}&_HLS_part=${part % 6}`);
    await watched.putParts(part, part + 1);
    expect((await parked).status).toBe(200);
    part += 1;
  };
  await reload();
  const before = await liveRequests(watched);
  for (let n = 0; n < 200; n += 1) await (await door.ask(`/live/invented-${n}/multivariant.m3u8`)).arrayBuffer();
  await reload();
  const others: TestPublisher[] = [];
  for (let n = 0; n < OTHERS; n += 1) {
    const other = await live();
    expect((await door.ask(other.path("video", "media.m3u8"))).status).toBe(200);
    others.push(other);
    if (n % 10 === 0) await reload();
  }
  await sleep(2_500);
  // A feed that was handed over meanwhile, and the other isolate's own; one per requested name would be far more.
  const after = (await liveRequests(watched)) - before;
  figure(`requests at the Live object of a watched stream for ${200 + OTHERS} other names`, after, "a few");
  expect(after).toBeLessThanOrEqual(4);
  const [first] = others;
  if (first === undefined) throw new Error("no stream");
  // Only the other isolate still follows it.
  await expect.poll(async () => (await statusOf(first)).children, { timeout: 5_000, interval: 300 }).toBe(1);
});

/** Memory of the edge's process, MiB. */
function memoryMiB(): number {
  const [pid = 0] = descendantPids(process.pid, "workerd");
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1_024;
}

/** The maximum growth of memory during `work`, MiB. */
async function growthMiB(work: Promise<unknown>): Promise<number> {
  const before = memoryMiB();
  let most = before;
  const watching = setInterval(() => {
    most = Math.max(most, memoryMiB());
  }, 20);
  await work.finally(() => clearInterval(watching));
  return most - before;
}

test("bodies with a wrong key are not read: 24 of 16 MiB take no memory, and those with a valid key only their share", async () => {
  const publisher = await live();
  const { broadcast } = publisher.config;
  const put = (key: string): Flood => {
    const headers = {
      authorization: `Bearer ${key}`,
      [PUBLISHER_HEADER]: publisher.id,
      [PART_HEADER]: JSON.stringify(testPartMeta(2)),
      "content-length": String(16 * MIB),
    };
    const path = `/ingest/${publisher.stream}/${broadcast}/video/0.2.m4s`;
    return new Flood(port, [{ method: "PUT", path, headers, bodyBytes: 16 * MIB }], { connections: 24, most: 24 });
  };
  const wrong = put("corral_wrong").over();
  const grownByWrong = await growthMiB(wrong);
  // A sender that continues may find the connection closed before it reads the response.
  expect(Object.keys(await wrong).every((status) => ["0", "403", "503"].includes(status))).toBe(true);
  const right = put(publisher.key).over();
  const grownByRight = await growthMiB(right);
  figure(
    "memory for 24 bodies of 16 MiB with a wrong key, with a right one",
    `${grownByWrong.toFixed()}, ${grownByRight.toFixed()} MiB`,
  );
  expect(grownByWrong).toBeLessThan(100);
  expect(grownByRight).toBeLessThan(300);
  expect((await publisher.putPart("audio", 2)).status).toBe(200);
});

/** Sends a PUT with a byte-by-byte body; returns its status, and how long its connection stayed open. */
function drip(
  publisher: TestPublisher,
  key: string,
): Promise<{ status: number; answeredMs: number; closedMs: number }> {
  const beganMs = performance.now();
  const socket = connect(port, "127.0.0.1");
  let status = 0;
  let answeredMs = 0;
  const dripping = setInterval(() => socket.write("x"), 100);
  return new Promise((resolve) => {
    socket.on("data", (bytes) => {
      if (status === 0) answeredMs = performance.now() - beganMs;
      status ||= Number(/^HTTP\/1.1 (\d+)/.exec(bytes.toString("latin1"))?.[1] ?? 0);
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      clearInterval(dripping);
      resolve({ status, answeredMs, closedMs: performance.now() - beganMs });
    });
    socket.write(
      [
        `PUT /ingest/${publisher.stream}/${publisher.config.broadcast}/video/0.2.m4s HTTP/1.1`,
        "Host: edge",
        `Authorization: Bearer ${key}`,
        `${PUBLISHER_HEADER}: ${publisher.id}`,
        `${PART_HEADER}: ${JSON.stringify(testPartMeta(2))}`,
        `Content-Length: ${16 * MIB}`,
        "",
        "",
      ].join("\r\n"),
    );
  });
}

test("a body sent byte by byte is refused at once with a wrong key, and after its grace period with a valid one", async () => {
  const publisher = await live();
  const [wrong, right] = await Promise.all([drip(publisher, "corral_wrong"), drip(publisher, publisher.key)]);
  figure(
    "slow body: wrong key answered, closed; right key answered, closed",
    [wrong, right].map(({ answeredMs, closedMs }) => `${answeredMs.toFixed()}, ${closedMs.toFixed()} ms`).join("; "),
    "75 s before",
  );
  expect([wrong.status, right.status]).toEqual([403, 408]);
  expect(wrong.answeredMs).toBeLessThan(4_500);
  expect(right.answeredMs).toBeLessThan(9_000);
  expect(Math.max(wrong.closedMs, right.closedMs)).toBeLessThan(20_000);
  await publisher.putParts(2, 3);
});
