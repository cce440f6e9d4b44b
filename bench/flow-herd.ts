/** Many viewers by flow in one isolate: its CPU beside a bare Worker that writes the same bytes, and the spread of arrivals. */
import { randomUUID } from "node:crypto";
import { performance } from "node:perf_hooks";
import type { Miniflare } from "miniflare";
import { FlowFleet, type FlowViewersJob, type FlowViewersReport } from "../loadtest/flow/flow-fleet.ts";
import { cpuMs, descendantPids, residentBytes } from "../loadtest/processes.ts";
import { fragmentAt, type MediaShape, SyntheticPublisher } from "../loadtest/publisher.ts";
import type { LocalEdge } from "../origin/local-edge/edge.ts";
import { startBareWorker } from "./bare-worker.ts";
import { type BenchFigure, formatFixed, median, percentile } from "./stats.ts";

const VIEWERS = 500;
const BITS_PER_SECOND = 2_100_000;
const TRACK = "720p";
const SEGMENT_MS = 2_000;
const JOB = { viewers: VIEWERS, arrivalMs: 1_000 } as const;
/** Durations of chunks, and the goal for the CPU of a viewer-second. */
const UNITS = [
  { name: "0.1 s", partMs: 100, goalMs: 0.4 },
  { name: "a frame", partMs: 1_000 / 30, goalMs: 1 },
] as const;
const GOALS = { ratio: 1.3, spreadMs: 60 } as const;
/** The edge and the bare Worker are measured in turns, this many times, so that other load affects both alike. */
const ROUNDS = 3;
const SETTLE_MS = 3_000;
/** Time in which all viewers must have media. */
const JOIN_MS = 30_000;
/** Seconds without viewers, before they come. */
const BASE_S = 4;

/** `seconds` of each unit and side in all. */
export async function measureFlowHerd(
  edge: LocalEdge,
  adminToken: string,
  seconds: number,
  port: number,
): Promise<BenchFigure[]> {
  const figures: BenchFigure[] = [];
  for (const unit of UNITS) figures.push(...(await measureUnit(edge, adminToken, seconds / ROUNDS, port, unit)));
  return figures;
}

async function measureUnit(
  edge: LocalEdge,
  adminToken: string,
  seconds: number,
  port: number,
  { name, partMs, goalMs }: (typeof UNITS)[number],
): Promise<BenchFigure[]> {
  const partLength = Math.round((BITS_PER_SECOND * partMs) / 8_000);
  const partsPerSegment = Math.round(SEGMENT_MS / partMs);
  const shape: MediaShape = { partMs, partsPerSegment, tracks: { [TRACK]: partLength }, isFmp4: true };
  const [edgePid = 0] = descendantPids(process.pid, "workerd");
  const bare = await BareFlow.start(port);
  const [ours, theirs]: [FlowRound[], FlowRound[]] = [[], []];
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      ours.push(
        await watchSyntheticFlow(edge, edgePid, adminToken, {
          viewers: VIEWERS,
          partMs,
          partLength,
          seconds,
          heap: null,
        }),
      );
      const stop = bare.publish(shape);
      await sleep(SETTLE_MS);
      theirs.push(await watch(bare.pid, seconds, { ...JOB, urls: [bare.url], shape }, null));
      stop();
    }
  } finally {
    await bare.stop();
  }
  return unitFigures(name, goalMs, seconds, ours, theirs);
}

/** A broadcast of synthetic media and its viewers. */
interface SyntheticFlow {
  readonly viewers: number;
  readonly partMs: number;
  readonly partLength: number;
  /** Duration of the measurement. */
  readonly seconds: number;
  /** Used heap of the isolate after a collection, or null: it is not measured. */
  readonly heap: (() => Promise<number>) | null;
}

/** Viewers by flow of a broadcast with one track; `pid` is the edge's workerd. */
export async function watchSyntheticFlow(
  edge: LocalEdge,
  pid: number,
  adminToken: string,
  { viewers, partMs, partLength, seconds, heap }: SyntheticFlow,
): Promise<FlowRound> {
  const partsPerSegment = Math.round(SEGMENT_MS / partMs);
  const shape: MediaShape = { partMs, partsPerSegment, tracks: { [TRACK]: partLength }, isFmp4: true };
  const publisher = await SyntheticPublisher.start(edge.url, `flow-${randomUUID().slice(0, 8)}`, adminToken, shape);
  try {
    const { stream, config } = publisher;
    await sleep(SETTLE_MS);
    const url = `${edge.url}/live/${stream}/${config.broadcast}/flow.mp4?video=${TRACK}&audio=none&join=latest`;
    return await watch(pid, seconds, { ...JOB, viewers, urls: [url], shape }, heap);
  } finally {
    await publisher.stop();
  }
}

/** What one round has shown. */
export interface FlowRound extends FlowViewersReport {
  /** CPU of a viewer-second beyond that without viewers. */
  readonly cpuMs: number;
  readonly residentBytesEach: number;
  /** Heap of a viewer after a collection; NaN if it was not measured. */
  readonly heapBytesEach: number;
}

/** The viewers come, and then `seconds` are measured. Throws if they do not all get media. */
async function watch(
  pid: number,
  seconds: number,
  job: FlowViewersJob,
  heap: SyntheticFlow["heap"],
): Promise<FlowRound> {
  const heapBefore = (await heap?.()) ?? Number.NaN;
  const idle = await cpuMsIn(pid, BASE_S);
  const resident = residentBytes(pid);
  const viewers = new FlowFleet(job);
  try {
    const untilMs = performance.now() + JOIN_MS;
    for (let report = await viewers.report(); report.watching < job.viewers; report = await viewers.report()) {
      if (performance.now() > untilMs) throw new Error(`viewers that have media: ${JSON.stringify(report)}`);
      await sleep(500);
    }
    await sleep(SETTLE_MS);
    await viewers.report();
    const busy = await cpuMsIn(pid, seconds);
    const report = await viewers.report();
    return {
      ...report,
      cpuMs: (busy - idle) / job.viewers,
      heapBytesEach: (((await heap?.()) ?? Number.NaN) - heapBefore) / job.viewers,
      residentBytesEach: (residentBytes(pid) - resident) / job.viewers,
    };
  } finally {
    await viewers.stop();
  }
}

/** CPU of a process a second. */
async function cpuMsIn(pid: number, seconds: number): Promise<number> {
  const [began, before] = [performance.now(), cpuMs(pid)];
  await sleep(1_000 * seconds);
  return (1_000 * (cpuMs(pid) - before)) / (performance.now() - began);
}

function unitFigures(
  name: string,
  goalMs: number,
  seconds: number,
  ours: readonly FlowRound[],
  theirs: readonly FlowRound[],
): BenchFigure[] {
  const [ourMs, theirMs] = [ours, theirs].map((rounds) => median(rounds.map((round) => round.cpuMs))) as [
    number,
    number,
  ];
  const ratio = median(ours.map((round, at) => round.cpuMs / (theirs[at]?.cpuMs ?? Number.NaN)));
  const spreads = ours.flatMap(({ spreadsMs }) => spreadsMs);
  const bareSpreads = theirs.flatMap(({ spreadsMs }) => spreadsMs);
  const spreadMs = percentile(spreads, 99);
  const wrong = ours.reduce((sum, { wrongBytes }) => sum + wrongBytes, 0);
  const gone = ours.reduce((sum, { ended }) => sum + ended, 0);
  const skipped = ours.reduce((sum, round) => sum + round.skipped, 0);
  const values = { skipped, viewers: VIEWERS, seconds, rounds: ROUNDS, wrongBytes: wrong, ended: gone };
  const who = `${VIEWERS} viewers by flow of ${BITS_PER_SECOND / 1e6} Mb/s in one isolate, chunks of ${name}`;
  return [
    {
      figure: `CPU a viewer-second, ${who}; wrong bytes`,
      goal: `≤ ${goalMs} ms; 0`,
      measured: `${formatFixed(ourMs)} ms; ${wrong}`,
      met: ourMs <= goalMs && wrong === 0 && gone === 0,
      values: { ...values, cpuMs: ourMs, residentBytesEach: median(ours.map((round) => round.residentBytesEach)) },
    },
    {
      figure: `the same against a bare Worker that writes the same chunks, median of ${ROUNDS} pairs`,
      goal: `≤ ${GOALS.ratio} ×`,
      measured: `${formatFixed(ratio)} × (bare ${formatFixed(theirMs)} ms)`,
      met: ratio <= GOALS.ratio,
      values: { ...values, ratio, bareMs: theirMs },
    },
    {
      figure: `first → last of them to get a chunk of ${name}, p99`,
      goal: `≤ ${GOALS.spreadMs} ms`,
      measured: `${formatFixed(spreadMs, 0)} ms of ${spreads.length} chunks (bare ${formatFixed(percentile(bareSpreads, 99), 0)} ms)`,
      met: spreads.length > 0 && spreadMs <= GOALS.spreadMs,
      values: { ...values, p99Ms: spreadMs, p50Ms: median(spreads), bareP99Ms: percentile(bareSpreads, 99) },
    },
  ];
}

/** A Worker whose responses write each chunk that is posted to it. */
class BareFlow {
  readonly url: string;
  readonly pid: number;
  readonly #miniflare: Miniflare;

  private constructor(miniflare: Miniflare, port: number, pid: number) {
    this.#miniflare = miniflare;
    this.url = `http://127.0.0.1:${port}/`;
    this.pid = pid;
  }

  static async start(port: number): Promise<BareFlow> {
    const others = new Set(descendantPids(process.pid, "workerd"));
    const miniflare = await startBareWorker(port, BARE);
    const pid = descendantPids(process.pid, "workerd").find((each) => !others.has(each));
    if (pid === undefined) throw new Error("the bare Worker's process was not found");
    return new BareFlow(miniflare, port, pid);
  }

  /** Posts a part of this shape in real time, as the publisher of the edge does. */
  publish(shape: MediaShape): () => void {
    const began = performance.now();
    let index = 0;
    let timer: NodeJS.Timeout | undefined;
    const post = (): void => {
      void fetch(this.url, { method: "POST", body: new Uint8Array(fragmentAt(TRACK, index, shape)) }).catch(() => {});
      index += 1;
      timer = setTimeout(post, Math.max(0, began + (index + 1) * shape.partMs - performance.now()));
    };
    post();
    return () => clearTimeout(timer);
  }

  async stop(): Promise<void> {
    await this.#miniflare.dispose();
  }
}

/** `pull` waits, as in the product: a writer that another request wakes is refused. One timer keeps each response alive. */
const BARE = `
let latest = { bytes: null, number: 0 };
const waiting = new Set();
export default {
  async fetch(request) {
    if (request.method === "POST") {
      latest = { bytes: new Uint8Array(await request.arrayBuffer()), number: latest.number + 1 };
      for (const wake of [...waiting]) wake();
      return new Response("");
    }
    let number = latest.number;
    let [timer, wake] = [null, null];
    return new Response(new ReadableStream({
      async pull(controller) {
        timer ??= setInterval(() => {}, 1000);
        if (latest.number === number) {
          await new Promise((resolve) => { wake = resolve; waiting.add(wake); });
          waiting.delete(wake);
        }
        number = latest.number;
        controller.enqueue(latest.bytes);
      },
      cancel() { clearInterval(timer); waiting.delete(wake); },
    }, { highWaterMark: 0 }));
  },
};`;

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
