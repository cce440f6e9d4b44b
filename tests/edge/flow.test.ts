/** Flow over HTTP: what viewers get, and when it ends. */
import { mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FLOW_TEST_CONFIG, packageFlowChunks, packageFlowMedia } from "../../core/delivery/flow/testing.ts";
import { encodeChunkBundle } from "../../core/ingest/chunk-bundle.ts";
import { CHUNKS_HEADER, PART_HEADER, restPath } from "../../core/ingest/publish-api.ts";
import { cutChunk } from "../../core/media/cmaf/chunk.ts";
import type { PackagerOutput } from "../../core/media/cmaf/packager.ts";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { fetchEdge, httpTestEdge } from "../support/edge-requests.ts";
import { freePort } from "../support/ports.ts";
import { TestPublisher } from "../support/publisher.ts";

const SECONDS = 8;

let edge: LocalEdge;
let dataDir: string;
const door = httpTestEdge(() => edge.url, ADMIN_TOKEN);

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-flow-"));
  edge = await startEdge({ port: await freePort(), dataDir, adminToken: door.adminToken });
});

afterAll(async () => {
  await edge.stop();
  await rm(dataDir, { recursive: true, force: true });
});

/** A broadcast of packaged media, published piece by piece. */
class FlowPublisher {
  readonly publisher: TestPublisher;
  readonly #outputs: PackagerOutput[] = packageFlowMedia(SECONDS);

  constructor() {
    const tracks = FLOW_TEST_CONFIG.tracks.map((track) => ({
      ...track,
      ...{ codecs: track.kind === "video" ? "avc1.64001f" : "mp4a.40.2", bandwidth: 1e6, averageBandwidth: 1e6 },
    }));
    this.publisher = new TestPublisher(door, { config: { tracks, startedAtMs: FLOW_TEST_CONFIG.startedAtMs } });
  }

  get path(): string {
    return `/live/${this.publisher.stream}/${this.publisher.config.broadcast}/flow.mp4`;
  }

  /** Opens the broadcast, with a key unless it has one. */
  async open(): Promise<void> {
    const { publisher } = this;
    const headers = { authorization: `Bearer ${door.adminToken}` };
    const answer = await door.ask(`/api/streams/${publisher.stream}/keys`, { method: "POST", headers });
    publisher.key = ((await answer.json()) as { key: string }).key;
    expect((await publisher.open()).status).toBe(200);
  }

  /** Publishes the next `count` outputs of the packager. */
  async publish(count: number): Promise<void> {
    const { publisher } = this;
    const { broadcast } = publisher.config;
    for (const output of this.#outputs.splice(0, count)) {
      const isInit = output.kind === "init";
      const name = isInit ? `init-${output.version}.mp4` : `${output.meta.msn}.${output.meta.part}.m4s`;
      const headers = isInit ? undefined : { [PART_HEADER]: JSON.stringify(output.meta) };
      const answer = await publisher.put(`${broadcast}/${output.track}/${name}`, new Uint8Array(output.bytes), headers);
      expect(answer.status).toBe(200);
      await answer.arrayBuffer();
    }
  }
}

/** A response that is read in the background. */
class FlowViewer {
  readonly answer: Response;
  readonly #pieces: Uint8Array[] = [];
  isOver = false;
  readonly #abort: AbortController;

  static async open(path: string, init: RequestInit = {}): Promise<FlowViewer> {
    const abort = new AbortController();
    return new FlowViewer(await fetchEdge(`${edge.url}${path}`, { ...init, signal: abort.signal }), abort);
  }

  private constructor(answer: Response, abort: AbortController) {
    this.answer = answer;
    this.#abort = abort;
    void this.#read().catch(() => {});
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#pieces);
  }

  /** The last event's kind and reason. */
  get lastEvent(): string {
    const events = [...this.bytes.toString("latin1").matchAll(/\{"kind":"([a-z-]+)"(?:,"reason":"([a-z]+)")?/g)];
    const [, kind = "", reason = ""] = events.at(-1) ?? [];
    return `${kind} ${reason}`.trim();
  }

  abort(): void {
    this.#abort.abort();
  }

  async #read(): Promise<void> {
    for await (const piece of this.answer.body ?? []) this.#pieces.push(piece as Uint8Array);
    this.isOver = true;
  }
}

const control = (stream: string, rest: string, method: string, body: object): Promise<Response> =>
  door.ask(`/api/streams/${stream}/${rest}`, {
    ...{ method, headers: { authorization: `Bearer ${door.adminToken}` }, body: JSON.stringify(body) },
  });

async function token(stream: string): Promise<string> {
  const answer = await door.ask("/dev/token", { method: "POST", body: JSON.stringify({ room: stream, sub: "ann" }) });
  return ((await answer.json()) as { token: string }).token;
}

test("viewers get the media that is published after they joined, the same for all, until the broadcast ends", async () => {
  const live = new FlowPublisher();
  await live.open();
  await live.publish(20);
  const viewers = await Promise.all([1, 2, 3].map(() => FlowViewer.open(live.path)));
  const [first] = viewers;
  expect(first?.answer.headers.get("content-type")).toBe('video/mp4; codecs="avc1.64001f,mp4a.40.2"');
  expect(first?.answer.headers.get("cache-control")).toBe("no-store, no-transform");
  await expect.poll(() => viewers.every(({ bytes }) => bytes.includes("caught-up"))).toBe(true);
  const before = first?.bytes.length ?? 0;
  await live.publish(1_000);
  await live.publisher.end();
  await expect
    .poll(() => viewers.map(({ lastEvent, isOver }) => `${lastEvent} ${isOver}`), { timeout: 5_000 })
    .toEqual(viewers.map(() => "bye ended true"));
  expect(first?.bytes.length).toBeGreaterThan(before);
  const media = (bytes: Buffer): string => bytes.toString("latin1").replaceAll(/emsg.*?\}(?=\0|$)/gs, "");
  for (const viewer of viewers) expect(media(viewer.bytes)).toBe(media(first?.bytes ?? Buffer.alloc(0)));
  const over = await fetchEdge(`${edge.url}${live.path}`);
  expect([over.status, over.headers.get("content-type")]).toEqual([404, "application/problem+json"]);
});

test("a revoked viewer's response ends within 2 s, a stop ends all within 1 s", async () => {
  const live = new FlowPublisher();
  const { stream } = live.publisher;
  expect((await control(stream, "access", "PUT", { playback: "token" })).status).toBe(200);
  await live.open();
  await live.publish(20);
  expect((await fetchEdge(`${edge.url}${live.path}`)).status).toBe(401);
  const authorization = `Bearer ${await token(stream)}`;
  const viewer = await FlowViewer.open(live.path, { headers: { authorization } });
  await expect.poll(() => viewer.lastEvent).toBe("status");
  const revoked = await control(stream, "revocations", "POST", { subject: "ann", version: 1 });
  expect(revoked.status, await revoked.text()).toBeLessThan(300);
  await expect.poll(() => `${viewer.lastEvent} ${viewer.isOver}`, { timeout: 2_000 }).toBe("bye refused true");

  const other = new FlowPublisher();
  await other.open();
  await other.publish(20);
  const watching = await FlowViewer.open(other.path);
  await expect.poll(() => watching.lastEvent).toBe("status");
  await control(other.publisher.stream, "stop", "POST", { category: "safety", reason: "No." });
  await expect.poll(() => `${watching.lastEvent} ${watching.isOver}`, { timeout: 1_000 }).toBe("bye refused true");
});

test("viewers that leave at once, or never read, harm nobody", async () => {
  const live = new FlowPublisher();
  await live.open();
  await live.publish(20);
  const patient = await FlowViewer.open(live.path);
  for (let round = 0; round < 10; round += 1) {
    const opened = await Promise.all(Array.from({ length: 20 }, () => FlowViewer.open(live.path)));
    for (const viewer of opened) viewer.abort();
    await live.publish(2);
  }
  const before = patient.bytes.length;
  await live.publish(10);
  await expect.poll(() => patient.bytes.length).toBeGreaterThan(before);
  // Their places are free again: one network has its share.
  const next = await FlowViewer.open(live.path);
  expect(next.answer.status).toBe(200);
});

test("absurd requests are refused or ignored with a reason, and HEAD, Range and HTTP/1.0 have their meaning", async () => {
  const live = new FlowPublisher();
  await live.open();
  await live.publish(20);
  const statusOf = async (query: string, init: RequestInit = {}): Promise<number> => {
    const abort = new AbortController();
    const answer = await fetchEdge(`${edge.url}${live.path}${query}`, { ...init, signal: abort.signal });
    abort.abort();
    return answer.status;
  };
  for (const query of ["?join=", "?join=first", "?video=none&audio=none", "?join=latest%00"])
    expect(await statusOf(query), query).toBe(400);
  const [video, audio] = FLOW_TEST_CONFIG.tracks.map(({ name }) => name);
  for (const query of [
    ...["?video=none2", "?video=", `?video=${audio}`, `?audio=${video}`, "?video=..%2f..", "?audio=%00"],
    ...[`?video=${"v".repeat(4_000)}`, "?video=__proto__", "?audio=constructor"],
  ])
    expect(await statusOf(query), query).toBe(404);
  for (const method of ["POST", "PUT", "DELETE"]) expect(await statusOf("", { method }), method).toBe(405);
  const head = await fetchEdge(`${edge.url}${live.path}`, { method: "HEAD" });
  expect([head.status, await head.text(), head.headers.get("accept-ranges")]).toEqual([200, "", "none"]);
  // A response without an end has no ranges, RFC 9110 §14.2.
  expect(await statusOf("", { headers: { range: "bytes=0-99" } })).toBe(200);
  // Without chunked coding: the end of the connection is that of the body.
  const { hostname, port } = new URL(edge.url);
  const socket = connect(Number(port), hostname);
  const got: Buffer[] = [];
  socket.on("data", (piece: Buffer) => got.push(piece)).on("error", () => {});
  socket.write(`GET ${live.path} HTTP/1.0\r\nHost: ${hostname}:${port}\r\n\r\n`);
  await expect.poll(() => Buffer.concat(got).includes("caught-up"), { timeout: 5_000 }).toBe(true);
  expect(Buffer.concat(got).toString("latin1")).not.toMatch(/^transfer-encoding:/im);
  socket.destroy();
});

test("a thousand opens and aborts, and a viewer that never reads its socket, cost others nothing", async () => {
  const live = new FlowPublisher();
  await live.open();
  await live.publish(20);
  const { hostname, port } = new URL(edge.url);
  const ask = (isRead: boolean): Promise<Socket> =>
    new Promise((resolve) => {
      const socket = connect(Number(port), hostname, () => {
        socket.write(`GET ${live.path} HTTP/1.1\r\nHost: ${hostname}:${port}\r\n\r\n`);
        if (isRead) socket.resume();
        resolve(socket);
      });
      socket.on("error", () => resolve(socket));
    });
  const deaf = await ask(false);
  deaf.pause();
  const patient = await FlowViewer.open(live.path);
  await expect.poll(() => patient.lastEvent).toBe("status");
  for (let round = 0; round < 50; round += 1) {
    const sockets = await Promise.all(Array.from({ length: 20 }, () => ask(true)));
    for (const socket of sockets) socket.destroy();
    if (round % 5 === 0) await live.publish(1);
  }
  const before = patient.bytes.length;
  await live.publish(4);
  await expect.poll(() => patient.bytes.length, { timeout: 5_000 }).toBeGreaterThan(before);
  // Places come back, so that one network has its share again.
  await expect
    .poll(() => FlowViewer.open(live.path).then(({ answer }) => answer.status), { timeout: 10_000 })
    .toBe(200);
  expect(patient.isOver).toBe(false);
  deaf.destroy();
}, 60_000);

test("frames reach viewers before their part is complete, and LL-HLS gets the part that they make", async () => {
  const live = new FlowPublisher();
  await live.open();
  await live.publish(20);
  const { publisher } = live;
  const { broadcast } = publisher.config;
  const wantsChunks = async (): Promise<boolean> => "chunks" in ((await (await publisher.open()).json()) as object);
  expect(await wantsChunks()).toBe(false);
  const viewer = await FlowViewer.open(`${live.path}?audio=none`);
  await expect.poll(() => viewer.bytes.includes("caught-up")).toBe(true);
  await expect.poll(wantsChunks, { timeout: 5_000 }).toBe(true);
  const steps = packageFlowChunks(SECONDS);
  const shown = packageFlowMedia(SECONDS).slice(0, 20);
  const published = shown.filter((each) => each.kind === "part" && each.track === "720p").length;
  const next = steps.filter((step) => step.kind === "part" && step.track === "720p")[published];
  if (next?.kind !== "part") throw new Error("no part is left");
  const { msn, part: number } = next.meta;
  const chunks = steps.flatMap((step) => {
    return step.kind === "chunk" && step.track === "720p" && step.meta.msn === msn && step.meta.part === number
      ? [step]
      : [];
  });
  const early = chunks.slice(0, 3);
  const sent = await publisher.put(`${broadcast}/chunks`, new Uint8Array(encodeChunkBundle(early)));
  expect(sent.status).toBe(200);
  for (const { bytes } of early) await expect.poll(() => viewer.bytes.includes(Buffer.from(bytes))).toBe(true);
  const rest = cutChunk(next.bytes, 3);
  const answer = await publisher.put(`${broadcast}/720p/${restPath(msn, number)}`, new Uint8Array(rest ?? []), {
    [PART_HEADER]: JSON.stringify(next.meta),
    [CHUNKS_HEADER]: JSON.stringify({ frames: 3, byteLength: next.bytes.byteLength }),
  });
  expect(answer.status).toBe(200);
  await expect.poll(() => viewer.bytes.includes(Buffer.from(rest ?? new Uint8Array(1)))).toBe(true);
  expect(viewer.bytes.includes(Buffer.from(next.bytes))).toBe(false);
  const hls = await fetchEdge(`${edge.url}${publisher.path("720p", `${msn}.${number}.m4s`)}`);
  expect(new Uint8Array(await hls.arrayBuffer())).toEqual(new Uint8Array(next.bytes));
  viewer.abort();
});
