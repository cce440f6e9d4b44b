/** Fifty encoders on one node for an hour: its memory, the health of every session, and what attacks on one do to the others. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { promisify } from "node:util";
import type { LocalEdge } from "../../origin/local-edge/edge.ts";
import { rtmpOutput, type Sender, srtOutput, startSender } from "../../tests/support/ffmpeg-senders.ts";
import { IngestProcess } from "../../tests/support/ingest-process.ts";
import { findTarget } from "../../tests/support/playlist-viewer.ts";
import { withInterrupt } from "../interrupt.ts";
import { type BenchFigure, formatFixed, median } from "../stats.ts";
import { sendGarbage } from "./crowd.ts";
import { HourFindings, readHealthFaults } from "./hour-findings.ts";
import { PlaylistWatch } from "./hour-playlists.ts";
import { INSPECTOR_FLAG, type LiveMemoryReader, openLiveMemory } from "./live-memory.ts";

const SENDERS = 50;
/** Every fifth sends by SRT. */
const SRT_EVERY = 5;
const STAGGER_MS = 600;
/** Parts of 1 s, so that 50 publishers fit on a machine that does other work too; two minutes to look back. */
const NODE_ARGS = ["--renditions", "off", "--preset", "scale", "--dvr", "180"] as const;
/** A short run has as many samples as it needs for medians. */
const LEAST_SAMPLES = 20;
const MINUTE_MS = 60_000;
const RESIDENT_EVERY_MS = 5_000;
/** Memory is judged from here on, and its first and last this many minutes are compared. */
const SETTLED_MIN = 10;
const GROWTH_GOAL_PERCENT = 1;
/** Shares of the time at which a session is attacked. */
const ATTACKS_AT = [1 / 3, 2 / 3] as const;
/** What the node logs of a sender that has nothing wrong. */
const USUAL_LINES = /^(?:a primary sender is connected by|passed through|on the air|\d+p |health: \S+ is over)/;
const KILLED_MS = 5_000;
const FAST_MS = 20_000;
const FAST_SPEED = 20;
const VICTIM = "hour-0";
const ATTACKERS = { garbage: "hour-garbage", fast: "hour-fast" } as const;

interface HourSample {
  readonly minute: number;
  readonly residentBytes: number;
  readonly heapBytes: number;
  readonly externalBytes: number;
}

interface HourSender {
  readonly stream: string;
  readonly output: readonly string[];
  sender: Sender;
}

/** What stands after any time. */
interface HourRecord {
  readonly samples: HourSample[];
  readonly playlists: PlaylistWatch;
  /** Of the log, the API, ended senders and the run itself. */
  readonly findings: HourFindings;
  attacks: number;
}

/** Runs for `minutes`, or until SIGINT, and tells what stands then. */
export function measureIngestHour(edge: LocalEdge, adminToken: string, minutes: number): Promise<BenchFigure[]> {
  return withInterrupt((stop) => measureSenders(edge, adminToken, minutes, stop));
}

async function measureSenders(
  edge: LocalEdge,
  adminToken: string,
  minutes: number,
  stop: AbortSignal,
): Promise<BenchFigure[]> {
  const folder = await mkdtemp(join(tmpdir(), "corral-bench-hour-"));
  const record: HourRecord = { samples: [], playlists: new PlaylistWatch(), findings: new HourFindings(), attacks: 0 };
  try {
    const film = await encodeFilm(folder, minutes);
    const node = await IngestProcess.start(edge, adminToken, NODE_ARGS, [INSPECTOR_FLAG]);
    const memory = await openLiveMemory(node.origin.output);
    const senders: HourSender[] = [];
    try {
      await startSenders(node, film, senders, stop);
      const run = { node, film, senders, memory, adminToken, minutes, record, stop };
      await record.findings.guard("the run", recordHour(run));
    } finally {
      memory.close();
      await Promise.all(senders.map(({ sender }) => sender.kill()));
      await node.origin.interrupt();
    }
    return figuresOf(record);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A film that is never looped: a seam of a loop is a fault of timestamps. */
async function encodeFilm(folder: string, minutes: number): Promise<string> {
  const file = join(folder, "film.mp4");
  const lengthS = 60 * minutes + 240;
  console.error(`encoding ${lengthS} s of film …`);
  const picture = `testsrc2=s=320x180:r=10:d=${lengthS},noise=alls=8:allf=t,format=yuv420p`;
  const input = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", `sine=r=48000:d=${lengthS}`];
  const rate = "-b:v 150k -minrate 150k -maxrate 150k -bufsize 150k -x264-params nal-hrd=cbr:force-cfr=1";
  const options = `-c:v libx264 -preset ultrafast -tune zerolatency -g 20 -sc_threshold 0 ${rate} -c:a aac -ac 1 -b:a 48k`;
  await promisify(execFile)("ffmpeg", ["-v", "error", "-nostdin", "-y", ...input, ...options.split(" "), file]);
  return file;
}

async function startSenders(
  node: IngestProcess,
  film: string,
  senders: HourSender[],
  stop: AbortSignal,
): Promise<void> {
  for (let i = 0; i < SENDERS && !stop.aborted; i += 1) {
    const stream = `hour-${i}`;
    const { key } = await node.issueKey(stream);
    const isSrt = i % SRT_EVERY === SRT_EVERY - 1;
    const output = isSrt ? srtOutput(node.srtPort, stream, key) : rtmpOutput(node.rtmpPort, stream, key);
    senders.push({ stream, output, sender: startSender(film, output, { isLooped: false }) });
    await sleep(STAGGER_MS, stop);
  }
  console.error(`${senders.length} senders are started`);
}

interface HourRun {
  readonly node: IngestProcess;
  readonly film: string;
  readonly senders: readonly HourSender[];
  readonly memory: LiveMemoryReader;
  readonly adminToken: string;
  readonly minutes: number;
  readonly record: HourRecord;
  readonly stop: AbortSignal;
}

/** However it ends, no attack goes on: one begins a sender again. */
async function recordHour(run: HourRun): Promise<void> {
  const attacks: Promise<void>[] = [];
  try {
    await recordSamples(run, attacks);
  } finally {
    await Promise.all(attacks);
  }
}

async function recordSamples(run: HourRun, attacks: Promise<void>[]): Promise<void> {
  const { node, senders, memory, minutes, record, stop } = run;
  for (const { stream } of senders) {
    if (stop.aborted) return;
    record.playlists.add(stream, await findTarget(`${node.edge.url}/live/${stream}`));
  }
  const stepMs = Math.min(MINUTE_MS, (minutes * MINUTE_MS) / LEAST_SAMPLES);
  const beganMs = performance.now();
  let [cpu, atMs] = [readCpu(node), beganMs];
  for (let untilMs = beganMs + stepMs; ; untilMs += stepMs) {
    const resident: number[] = [];
    while (performance.now() < untilMs && !stop.aborted) {
      await sleep(Math.min(RESIDENT_EVERY_MS, Math.max(0, untilMs - performance.now())), stop);
      resident.push(node.residentBytes());
    }
    if (resident.length === 0) resident.push(node.residentBytes());
    if (stop.aborted) return;
    const minute = (performance.now() - beganMs) / MINUTE_MS;
    const live = await memory.read();
    record.samples.push({ minute, residentBytes: Math.min(...resident), ...live });
    await record.playlists.check();
    await readFindings(run);
    const [cpuNow, nowMs] = [readCpu(node), performance.now()];
    const [ranShare, waitedShare] = [cpuNow.ranMs - cpu.ranMs, cpuNow.waitedMs - cpu.waitedMs].map((ms) =>
      formatFixed((100 * ms) / (nowMs - atMs), 0),
    );
    [cpu, atMs] = [cpuNow, nowMs];
    const megabytes = [Math.min(...resident), live.heapBytes, live.externalBytes].map((bytes) =>
      formatFixed(bytes / 1e6, 1),
    );
    console.error(
      `minute ${formatFixed(minute, 1)}: resident ${megabytes[0]} MB, heap ${megabytes[1]} MB, external ${megabytes[2]} MB, ` +
        `CPU ${ranShare} %, waits for a core ${waitedShare} %; ${record.findings.entries.size} findings, ${record.playlists.faults.size} playlist faults`,
    );
    const share = minute / minutes;
    const due = ATTACKS_AT.filter((at) => at <= share).length;
    for (; record.attacks < due; record.attacks += 1)
      attacks.push(record.findings.guard("the attacks", attackOnce(run)));
    if (share >= 1) return;
  }
}

/** Time that the node's main thread ran, and that it could have run but another process did. */
function readCpu({ origin }: IngestProcess): { readonly ranMs: number; readonly waitedMs: number } {
  const [ran = 0, waited = 0] = readFileSync(`/proc/${origin.process.pid}/schedstat`, "utf8").split(" ").map(Number);
  return { ranMs: ran / 1e6, waitedMs: waited / 1e6 };
}

/** Raised checks, by the node's log and the edge's API, and senders that ended. */
async function readFindings({ node, senders, adminToken, record, stop }: HourRun): Promise<void> {
  const names = new Set(senders.map(({ stream }) => stream));
  const add = (stream: string, what: string): void => record.findings.add(stream, what);
  for (const [, stream = "", what = ""] of node.origin.output.matchAll(/ (hour-\d+): (.*)$/gm)) {
    const isUsual = USUAL_LINES.test(what);
    if (names.has(stream) && !isUsual) add(stream, what);
  }
  const headers = { authorization: `Bearer ${adminToken}` };
  for (const { stream, sender } of senders) {
    if (stop.aborted) return;
    if (sender.process.exitCode !== null) add(stream, "its sender ended");
    const faults = await readHealthFaults(`${node.edge.url}/api/streams/${stream}/health`, headers);
    for (const fault of faults) add(stream, fault);
  }
}

/** Kills a sender that returns, publishes garbage, and sends faster than real time. */
async function attackOnce({ node, film, senders, stop }: HourRun): Promise<void> {
  console.error("attacks: a sender is killed, garbage, a sender at 20 × real time");
  const victim = senders.find(({ stream }) => stream === VICTIM);
  if (victim === undefined) return;
  await victim.sender.kill();
  const [garbage, fast] = await Promise.all([node.issueKey(ATTACKERS.garbage), node.issueKey(ATTACKERS.fast)]);
  sendGarbage(node.rtmpPort, ATTACKERS.garbage, garbage.key);
  const racer = startSender(film, rtmpOutput(node.rtmpPort, ATTACKERS.fast, fast.key), { speed: FAST_SPEED });
  await sleep(KILLED_MS, stop);
  if (stop.aborted) return racer.kill();
  victim.sender = startSender(film, victim.output, { isLooped: false });
  await sleep(FAST_MS, stop);
  await racer.kill();
}

function figuresOf({ samples, playlists, findings, attacks }: HourRecord): BenchFigure[] {
  const minutes = Math.round(samples.at(-1)?.minute ?? 0);
  const resident = growthPercent(samples, ({ residentBytes }) => residentBytes);
  const live = growthPercent(samples, ({ heapBytes, externalBytes }) => heapBytes + externalBytes);
  const others = (entries: ReadonlySet<string>): string[] =>
    [...entries].filter((entry) => !entry.startsWith(`${VICTIM}: `));
  const [raised, disturbed] = [others(findings.entries), others(playlists.faults)];
  const isBack = playlists.goesOn(VICTIM);
  const figure = `${SENDERS} encoders (FFmpeg, RTMP and SRT) on one node for ${minutes} min`;
  const last = samples.at(-1);
  return [
    {
      figure: `${figure}: growth of resident memory; of what is in use after a collection`,
      goal: `< ${GROWTH_GOAL_PERCENT} %`,
      measured: `${formatFixed(resident)} % of ${formatFixed((last?.residentBytes ?? 0) / 1e6, 0)} MB; ${formatFixed(live)} %`,
      met: resident < GROWTH_GOAL_PERCENT && live < GROWTH_GOAL_PERCENT,
      values: { minutes, residentGrowthPercent: resident, liveGrowthPercent: live },
    },
    {
      figure: `${figure}: health checks raised in sessions that were left alone`,
      goal: "0",
      measured: `${raised.length}`,
      met: samples.length > 0 && raised.length === 0,
      values: { minutes, raised: raised.join(" | ") },
    },
    {
      figure: `${figure}, ${attacks} attacks (a killed sender, garbage, 20 × real time): other sessions with a gap, a discontinuity or a standstill; the killed one is back`,
      goal: "0; yes",
      measured: `${disturbed.length}; ${isBack ? "yes" : "no"}`,
      met: samples.length > 0 && disturbed.length === 0 && isBack,
      values: { minutes, attacks, disturbed: disturbed.join(" | ") },
    },
  ];
}

/** The medians of the last and of the first minutes after settling, compared. */
function growthPercent(samples: readonly HourSample[], bytesOf: (sample: HourSample) => number): number {
  const totalMin = samples.at(-1)?.minute ?? 0;
  const windowMin = Math.min(SETTLED_MIN, totalMin / 3);
  const settled = samples.filter(({ minute }) => minute >= windowMin);
  const early = settled.filter(({ minute }) => minute < 2 * windowMin).map(bytesOf);
  const late = settled.filter(({ minute }) => minute > totalMin - windowMin).map(bytesOf);
  return 100 * (median(late) / median(early) - 1);
}

/** Resolves after `ms`, or when `stop` aborts. */
function sleep(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (stop.aborted) return resolve();
    const end = (): void => {
      clearTimeout(timer);
      stop.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    stop.addEventListener("abort", end);
  });
}
