/** Measures the scale model's constants on this machine, with the real Worker and objects in workerd. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Agent, request } from "undici";
import { type FlowRound, watchSyntheticFlow } from "../../bench/flow-herd.ts";
import { median } from "../../bench/stats.ts";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../../tests/support/admin-token.ts";
import { freePort } from "../../tests/support/ports.ts";
import { cpuMs, descendantPids, residentBytes } from "../processes.ts";
import { type MediaShape, SyntheticPublisher } from "../publisher.ts";
import type { Measurements } from "./measurements.ts";
import { heapBytes } from "./room/heap.ts";

const CHILDREN = 64;
const PARKED = 1_000;
const ROUNDS = 8;
const RENEWALS = 600;
const OBSERVATION_MS = 8_000;
/** Viewers by flow, and the media that they get. */
const FLOW_VIEWERS = 300;
const FLOW_PART_MS = 100;
const FLOW_BYTES = { small: 1_000, large: 26_000 } as const;

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const shape = (bytes: number): MediaShape => ({ partMs: 500, partsPerSegment: 4, tracks: { av: bytes } });

/** Measures everything; takes a minute. `say`: progress. */
export async function calibrateTree(onProgress: (line: string) => void): Promise<Measurements> {
  const dataDir = await mkdtemp(join(tmpdir(), "corral-calibrate-"));
  const entry = fileURLToPath(new URL("probe-worker.ts", import.meta.url));
  const inspectorPort = await freePort();
  const edge = await startEdge({ port: await freePort(), dataDir, adminToken: ADMIN_TOKEN, entry, inspectorPort });
  const agent = new Agent({ connections: 2 * PARKED, pipelining: 1, bodyTimeout: 0 });
  const probe = new EdgeProbe(edge.url, agent);
  try {
    onProgress("feeds of small parts …");
    const small = await probe.withBroadcast(shape(1_000), () => probe.measureFanOut());
    onProgress("feeds of large parts …");
    const bytes = 150_000;
    const large = await probe.withBroadcast(shape(bytes), () => probe.measureFanOut());
    onProgress("viewers by flow …");
    const flow = await measureFlow(edge, probe.pid, inspectorPort);
    onProgress("renewals, hits and parked requests …");
    const rest = await probe.withBroadcast(shape(bytes), async () => ({
      feedMs: await probe.measureRenewals(),
      hitMs: await probe.measureHits(),
      ...(await probe.measureParked()),
    }));
    return {
      ...rest,
      ...flow,
      childMs: small.perSendMs,
      byteMs: Math.max(0, large.perSendMs - small.perSendMs) / bytes,
      childBytes: small.childBytes,
    };
  } finally {
    await agent.destroy();
    await edge.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** One write to one viewer by flow, a byte of it, and the heap of a viewer. */
async function measureFlow(
  edge: LocalEdge,
  pid: number,
  inspectorPort: number,
): Promise<Pick<Measurements, "flowWriteMs" | "flowByteMs" | "flowBytes">> {
  const heap = (): Promise<number> => heapBytes(inspectorPort, "corral", () => fetch(`${edge.url}/healthz`));
  const watch = (partLength: number): Promise<FlowRound> =>
    watchSyntheticFlow(edge, pid, ADMIN_TOKEN, {
      ...{ viewers: FLOW_VIEWERS, partMs: FLOW_PART_MS, partLength, seconds: OBSERVATION_MS / 1_000, heap },
    });
  const [small, large] = [await watch(FLOW_BYTES.small), await watch(FLOW_BYTES.large)];
  const writes = 1_000 / FLOW_PART_MS;
  const byteMs = Math.max(0, large.cpuMs - small.cpuMs) / (writes * (FLOW_BYTES.large - FLOW_BYTES.small));
  return {
    flowWriteMs: small.cpuMs / writes - FLOW_BYTES.small * byteMs,
    flowByteMs: byteMs,
    flowBytes: large.heapBytesEach,
  };
}

class EdgeProbe {
  readonly #url: string;
  readonly #agent: Agent;
  /** Of workerd. */
  readonly pid: number;
  #stream = "";
  #base = "";
  #streams = 0;

  constructor(url: string, agent: Agent) {
    this.#url = url;
    this.#agent = agent;
    this.pid = descendantPids(process.pid, "workerd")[0] ?? 0;
  }

  /** The result of `work` while a broadcast of that shape runs. */
  async withBroadcast<T>(published: MediaShape, work: () => Promise<T>): Promise<T> {
    this.#streams += 1;
    this.#stream = `calibrate${this.#streams}`;
    const publisher = await SyntheticPublisher.start(this.#url, this.#stream, ADMIN_TOKEN, published);
    this.#base = `${this.#url}/live/${this.#stream}/${publisher.config.broadcast}/av`;
    try {
      await wait(3_000);
      return await work();
    } finally {
      await publisher.stop();
    }
  }

  /** CPU of sending one part to one child, workerd's included, and memory per child. */
  async measureFanOut(): Promise<{ perSendMs: number; childBytes: number }> {
    const idle = await this.#cpuPerMs(OBSERVATION_MS);
    const before = residentBytes(this.pid);
    const stop = new AbortController();
    for (let child = 0; child < CHILDREN; child += 1)
      void this.#readFeed(`child-${child}`, stop.signal).catch(() => {});
    await wait(2_000);
    const busy = await this.#cpuPerMs(OBSERVATION_MS);
    const grown = residentBytes(this.pid) - before;
    stop.abort();
    return { perSendMs: ((busy - idle) * 500) / CHILDREN, childBytes: Math.max(0, grown) / CHILDREN };
  }

  /** CPU of one feed renewal by a child that lacks nothing. */
  async measureRenewals(): Promise<number> {
    const idle = await this.#cpuPerMs(4_000);
    const before = cpuMs(this.pid);
    const began = performance.now();
    for (let time = 0; time < RENEWALS; time += 1) {
      const { body } = await this.#request(`/probe/${this.#stream}?node=renewing&kind=isolate&want=&have=`);
      for await (const _ of body) break;
    }
    return (cpuMs(this.pid) - before - idle * (performance.now() - began)) / RENEWALS;
  }

  /** CPU of a playlist or a part from isolate memory. */
  async measureHits(): Promise<number> {
    const idle = await this.#cpuPerMs(4_000);
    const until = performance.now() + OBSERVATION_MS;
    const before = cpuMs(this.pid);
    const began = performance.now();
    const last = await this.#lastPart();
    const client = async (): Promise<number> => {
      let answers = 0;
      for (; performance.now() < until; answers += 1) {
        const { body } = await this.#request(answers % 2 === 0 ? this.#path("media.m3u8") : this.#path(`${last}.m4s`));
        await body.dump({ limit: 1e9 });
      }
      return answers;
    };
    const answers = (await Promise.all(Array.from({ length: 8 }, client))).reduce((sum, count) => sum + count, 0);
    return (cpuMs(this.pid) - before - idle * (performance.now() - began)) / answers;
  }

  /** Time and memory per request of many that wait for the same part. */
  async measureParked(): Promise<{ wakeMs: number; parkedBytes: number }> {
    const spreads: number[] = [];
    const before = residentBytes(this.pid);
    let grown = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const [msn = 0, part = 0] = (await this.#lastPart()).split(".").map(Number);
      const wanted = msn * 4 + part + 3;
      const times: number[] = [];
      const asked = Array.from({ length: PARKED }, async () => {
        const { body } = await this.#request(
          this.#path(`media.m3u8?_HLS_msn=${Math.floor(wanted / 4)}&_HLS_part=${wanted % 4}`),
        );
        times.push(performance.now());
        await body.dump();
      });
      await wait(800);
      if (times.length === 0) grown = Math.max(grown, residentBytes(this.pid) - before);
      await Promise.all(asked);
      spreads.push(Math.max(...times) - Math.min(...times));
    }
    return { wakeMs: median(spreads) / PARKED, parkedBytes: grown / PARKED };
  }

  async #lastPart(): Promise<string> {
    const { body } = await this.#request(this.#path("media.m3u8"));
    return [...(await body.text()).matchAll(/^#EXT-X-PART:.*URI="(\d+\.\d+)\.m4s"/gm)].at(-1)?.[1] ?? "0.0";
  }

  async #readFeed(node: string, signal: AbortSignal): Promise<void> {
    const url = `${this.#url}/probe/${this.#stream}?node=${node}&kind=isolate&want=av&have=`;
    const { body } = await request(url, { dispatcher: this.#agent, signal });
    for await (const _ of body);
  }

  async #cpuPerMs(forMs: number): Promise<number> {
    const before = cpuMs(this.pid);
    await wait(forMs);
    return (cpuMs(this.pid) - before) / forMs;
  }

  #path(file: string): string {
    return this.#base.slice(this.#url.length).concat("/", file);
  }

  #request(path: string): ReturnType<typeof request> {
    return request(`${this.#url}${path}`, { dispatcher: this.#agent });
  }
}
