/** CPU of encoding the lower renditions beside passthrough, against the full ladder; and of a slate. */
import { readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { rtmpOutput, startSender } from "../../tests/support/ffmpeg-senders.ts";
import type { IngestProcess } from "../../tests/support/ingest-process.ts";
import { childProcessesOf } from "../../tests/support/origin-process.ts";
import { findTarget } from "../../tests/support/playlist-viewer.ts";
import { type BenchFigure, formatFixed } from "../stats.ts";

/** FFmpeg has started, and works off nothing. */
const WARM_UP_MS = 8_000;
const TICK_MS = 10;
const LADDER = "720p:2500k,480p:1200k,360p:700k";

/** Starts a node with options. */
export type StartIngest = <T>(work: (node: IngestProcess) => Promise<T>, args: readonly string[]) => Promise<T>;

/** `seconds` of a 720p sender: as the top rendition with two below it, then encoded anew as three. */
export async function measureRenditionCpu(start: StartIngest, file: string, seconds: number): Promise<BenchFigure> {
  const common = ["--ladder", LADDER, "--max-transcodes", "1"];
  const lower = await start((node) => encoderCpu(node, "bench-lower", file, seconds), common);
  const full = await start(
    (node) => encoderCpu(node, "bench-full", file, seconds),
    [...common, "--transcode", "always"],
  );
  const share = (100 * lower) / full;
  return {
    figure: "CPU of FFmpeg for 480p and 360p beside a 720p sender, against 720p, 480p and 360p encoded anew",
    goal: "≤ 60 %",
    measured: `${formatFixed(share)} % (${formatFixed(lower)} and ${formatFixed(full)} % of a core)`,
    met: share <= 60,
    values: { lowerPercent: lower, fullPercent: full, sharePercent: share, seconds },
  };
}

/** `seconds` of a broadcast whose sender is away. */
export async function measureSlateCpu(node: IngestProcess, file: string, seconds: number): Promise<BenchFigure> {
  const idle = await percentOf(() => node.origin.cpuMs(), seconds / 2);
  const { key } = await node.issueKey("bench-slate");
  const sender = startSender(file, rtmpOutput(node.rtmpPort, "bench-slate", key));
  await findTarget(`${node.edge.url}/live/bench-slate`);
  await sleep(WARM_UP_MS);
  await sender.kill();
  await node.origin.waitForOutput("a slate stands for the sender");
  await sleep(WARM_UP_MS);
  const percent = (await percentOf(() => node.origin.cpuMs(), seconds)) - idle;
  return {
    figure: "CPU of the node for a broadcast whose sender is away, with its slate",
    goal: "≤ 1 % of a core",
    measured: `${formatFixed(percent)} %`,
    met: percent <= 1,
    values: { slatePercent: percent, idlePercent: idle, seconds },
  };
}

/** Percent of a core that a node's FFmpegs take for one sender. */
async function encoderCpu(node: IngestProcess, stream: string, file: string, seconds: number): Promise<number> {
  const { key } = await node.issueKey(stream);
  const sender = startSender(file, rtmpOutput(node.rtmpPort, stream, key));
  try {
    await findTarget(`${node.edge.url}/live/${stream}`);
    await sleep(WARM_UP_MS);
    const { pid } = node.origin.process;
    const encoders = childProcessesOf(pid ?? 0).filter(({ name }) => name === "ffmpeg");
    return await percentOf(() => encoders.reduce((sum, encoder) => sum + cpuMsOf(encoder.pid), 0), seconds);
  } finally {
    await sender.kill();
  }
}

async function percentOf(cpuMs: () => number, seconds: number): Promise<number> {
  const [began, before] = [performance.now(), cpuMs()];
  await sleep(1_000 * seconds);
  return (100 * (cpuMs() - before)) / (performance.now() - began);
}

/** User and system time of a process, milliseconds. Throws if it has ended. */
function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
