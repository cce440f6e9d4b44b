/** CPU of a node that passes streams through, publishing included. */
import { performance } from "node:perf_hooks";
import { rtmpOutput, type Sender, startSender } from "../../tests/support/ffmpeg-senders.ts";
import type { IngestProcess } from "../../tests/support/ingest-process.ts";
import { findTarget } from "../../tests/support/playlist-viewer.ts";
import { type BenchFigure, formatFixed } from "../stats.ts";

const SENDERS = 10;
/** A broadcast lasts hours: what the engine compiles in its first seconds does not count. */
const WARM_UP_MS = 20_000;

/** One stream, then ten: `seconds` each. */
export async function measurePassthroughCpu(
  node: IngestProcess,
  file: string,
  seconds: number,
): Promise<BenchFigure[]> {
  const senders: Sender[] = [];
  try {
    const start = async (stream: string): Promise<void> => {
      const { key } = await node.issueKey(stream);
      senders.push(startSender(file, rtmpOutput(node.rtmpPort, stream, key)));
      await findTarget(`${node.edge.url}/live/${stream}`);
    };
    const idle = await cpuPercent(node, 3);
    await start("bench-cpu-0");
    const one = await cpuPercent(node, seconds);
    for (let i = 1; i < SENDERS; i += 1) await start(`bench-cpu-${i}`);
    const ten = await cpuPercent(node, seconds);
    const each = ten / SENDERS;
    const perCore = Math.floor(100 / each);
    return [
      {
        figure: "CPU of the node with publishing, one passthrough stream of 2.7 Mb/s",
        goal: "≤ 1.5 % of a core",
        measured: `${formatFixed(one)} %`,
        met: one <= 1.5,
        values: { idlePercent: idle, onePercent: one, seconds },
      },
      {
        figure: `the same, each of ${SENDERS} streams`,
        goal: "≤ 1.5 % of a core",
        measured: `${formatFixed(each)} %`,
        met: each <= 1.5,
        values: { eachOfTenPercent: each, seconds },
      },
      {
        figure: `passthrough streams of 2.7 Mb/s that a core carries, extrapolated from ${SENDERS}`,
        goal: "≥ 60",
        measured: `${perCore}`,
        met: perCore >= 60,
        values: { streams: perCore },
      },
    ];
  } finally {
    await Promise.all(senders.map((sender) => sender.kill()));
  }
}

/** Percent of a core over `seconds`, after a warm-up. */
async function cpuPercent({ origin }: IngestProcess, seconds: number): Promise<number> {
  await sleep(WARM_UP_MS);
  const began = performance.now();
  const before = origin.cpuMs();
  await sleep(1_000 * seconds);
  return (100 * (origin.cpuMs() - before)) / (performance.now() - began);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
