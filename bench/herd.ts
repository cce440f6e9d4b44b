/** Many viewers in one isolate: requests at the Live object, and the spread of their responses. */
import { Worker } from "node:worker_threads";
import type { StreamStatus } from "../core/broadcast/stream-status.ts";
import { SyntheticPublisher } from "../loadtest/publisher.ts";
import type { LocalEdge } from "../origin/local-edge/edge.ts";
import { startBareWorker } from "./bare-worker.ts";
import type { HerdJob, HerdResult } from "./herd-worker.ts";
import type { BenchFigure } from "./stats.ts";
import { formatFixed, median, percentile } from "./stats.ts";

const VIEWERS = 500;
/** Number of parked viewers, and how many parts ahead they request, so that all of them are parked by then. */
const PARKED = [
  { viewers: 500, ahead: 2 },
  { viewers: 2_000, ahead: 6 },
] as const;
/** The edge and the bare Worker are measured in turn, this many times, so that other load affects both alike. */
const ROUNDS = 10;

/** `seconds`: duration of the viewing; the goal is stated for 120. */
export async function measureHerd(
  edge: LocalEdge,
  adminToken: string,
  seconds: number,
  ports: { bare: number },
): Promise<BenchFigure[]> {
  const stream = `herd${Date.now().toString(36)}`;
  const publisher = await SyntheticPublisher.start(edge.url, stream, adminToken);
  try {
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const base = `${edge.url}/live/${stream}/${publisher.config.broadcast}`;
    const before = await liveRequests(edge.url, stream);
    const watched = await runHerdWorker({ kind: "watch", base, viewers: VIEWERS, seconds, tracks: ["720p", "audio"] });
    const after = await liveRequests(edge.url, stream);
    const perMinuteAndTrack = (after - before) / (seconds / 60) / publisher.config.tracks.length;
    const parked: BenchFigure[] = [];
    for (const crowd of PARKED) parked.push(await measureParked(base, crowd, ports.bare));
    return [
      {
        figure: `requests from one isolate to the Live object, ${VIEWERS} viewers for ${seconds} s`,
        goal: "≤ 4 per minute and track",
        measured: `${formatFixed(perMinuteAndTrack)} per minute and track`,
        met: perMinuteAndTrack <= 4 && watched.failures === 0,
        values: { perMinuteAndTrack, answers: watched.answers, failures: watched.failures, seconds },
      },
      ...parked,
    ];
  } finally {
    await publisher.stop();
  }
}

/** All wait for the same part, and then for a Worker that only waits; repeatedly, with the same client. */
async function measureParked(
  base: string,
  { viewers: crowd, ahead }: (typeof PARKED)[number],
  barePort: number,
): Promise<BenchFigure> {
  const bareBase = `http://127.0.0.1:${barePort}`;
  const miniflare = await startBareWorker(barePort, BARE);
  const ours: HerdResult[] = [];
  const bare: HerdResult[] = [];
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      ours.push(await runHerdWorker({ kind: "park", base, viewers: crowd, ahead, track: "720p" }));
      bare.push(await runHerdWorker({ kind: "bare", base: bareBase, viewers: crowd }));
    }
  } finally {
    await miniflare.dispose();
  }
  const [spreads, bareSpreads] = [ours.map(({ spreadMs }) => spreadMs), bare.map(({ spreadMs }) => spreadMs)];
  const ratio = median(spreads.map((ms, round) => ms / (bareSpreads[round] ?? Number.NaN)));
  const failures = ours.reduce((sum, result) => sum + result.failures, 0);
  return {
    figure: `first → last of ${crowd} viewers parked on one part answered, median of ${ROUNDS} pairs`,
    goal: "≤ 1.5 × a bare Worker that only waits",
    measured: `${formatFixed(ratio)} × (${formatFixed(median(spreads), 1)} ms, bare Worker ${formatFixed(median(bareSpreads), 1)} ms)`,
    met: ratio <= 1.5 && failures === 0,
    values: {
      ratio,
      medianMs: median(spreads),
      p95Ms: percentile(spreads, 95),
      bareMedianMs: median(bareSpreads),
      bareP95Ms: percentile(bareSpreads, 95),
      failures,
    },
  };
}

/** Requests wait for one promise, and are answered with text of a playlist's size. */
const BARE = `
const waiting = new Set();
const body = "x".repeat(2400);
export default {
  async fetch(request) {
    if (new URL(request.url).pathname === "/release") {
      for (const wake of [...waiting]) wake();
      waiting.clear();
      return new Response("");
    }
    let wake;
    const woken = new Promise((resolve) => { wake = resolve; });
    waiting.add(wake);
    await Promise.race([woken, scheduler.wait(9000)]);
    return new Response(body);
  },
};`;

/** Runs a client in a separate thread, so that viewers do not delay the publisher's timers. */
function runHerdWorker(job: HerdJob): Promise<HerdResult> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./herd-worker.ts", import.meta.url), { workerData: job });
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

async function liveRequests(url: string, stream: string): Promise<number> {
  const status = (await (await fetch(`${url}/api/streams/${stream}`)).json()) as StreamStatus;
  return status.tiers.find(({ tier }) => tier === "live")?.requests ?? 0;
}
