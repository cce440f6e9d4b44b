/** The same viewers and messages against each server: CPU by delivered message, and latency. */
import { sleep } from "../../core/kit/clock.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import type { ViewerFleet, ViewerFleetStats } from "../../loadtest/room/viewer-fleet.ts";
import type { BenchFigure } from "../stats.ts";
import { formatFixed } from "../stats.ts";
import { BENCH_SERVERS, type BenchServerKind, issueBenchTokens, startBenchServer } from "./servers.ts";

/** The load of the comparison. */
export interface ComparisonOptions {
  readonly viewers: number;
  /** Messages a second, by all writers together. */
  readonly perSecond: number;
  readonly seconds: number;
}

/** The result of one server. */
export interface ComparisonRow {
  readonly title: string;
  readonly kind: BenchServerKind;
  /** Server CPU by delivered message, µs. */
  readonly cpuUs: number;
  /** Milliseconds of CPU a second. */
  readonly load: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly sent: number;
  readonly delivered: number;
  /** Messages delivered ÷ messages sent × viewers. */
  readonly share: number;
  readonly framesPerViewer: number;
  readonly bytesPerViewer: number;
  readonly holes: number;
}

const WRITERS = 200;
const OPENED_PER_SECOND = 500;
/** The warm-up, ms. */
const WARM_MS = 5_000;
/** Deliveries are complete after this time without frames, ms. */
const SILENT_MS = 1_500;

const { clock } = systemPlatform;

/** Measures one server. `staff`: writers are moderators, whose messages Corral does not sample. */
async function measureServer(
  kind: BenchServerKind,
  staff: boolean,
  crowd: ViewerFleet,
  options: ComparisonOptions,
): Promise<ComparisonRow> {
  const server = await startBenchServer(kind);
  try {
    const tokens = await issueBenchTokens(server, "bench", WRITERS, staff ? ["moderator"] : []);
    await crowd.openSockets({
      dialect: BENCH_SERVERS[kind].dialect,
      servers: [server.socketUrl],
      room: "bench",
      viewers: options.viewers,
      tokens,
      perSecond: OPENED_PER_SECOND,
    });
    await crowd.setWriteRate(options.perSecond);
    await sleep(clock, WARM_MS);
    await drainStats(crowd);
    await crowd.resetStats();
    const [before, beganMs] = [server.cpuMs(), clock.monotonicMs()];
    await crowd.setWriteRate(options.perSecond);
    await sleep(clock, 1_000 * options.seconds);
    // A server that falls behind still works: its cost is known when all messages are delivered.
    const { stats, atMs } = await drainStats(crowd);
    const cpu = server.cpuMs() - before;
    return rowOf(kind, staff, options.viewers, stats, cpu, (atMs - beganMs) / 1_000);
  } finally {
    await crowd.closeSockets();
    await server.stop();
  }
}

/** Stops writing and waits for deliveries; the final counts and the time of the last frame. */
async function drainStats(crowd: ViewerFleet): Promise<{ stats: ViewerFleetStats; atMs: number }> {
  await crowd.setWriteRate(0);
  let [stats, atMs] = [await crowd.socketStats(), clock.monotonicMs()];
  while (clock.monotonicMs() - atMs < SILENT_MS) {
    await sleep(clock, 100);
    const now = await crowd.socketStats();
    if (now.frames > stats.frames) atMs = clock.monotonicMs();
    stats = now;
  }
  return { stats, atMs };
}

function rowOf(
  kind: BenchServerKind,
  staff: boolean,
  viewers: number,
  stats: ViewerFleetStats,
  cpu: number,
  passedS: number,
): ComparisonRow {
  const { title } = BENCH_SERVERS[kind];
  return {
    title: kind !== "corral" || staff ? title : `${title}, chat sampled for display`,
    kind,
    cpuUs: (1_000 * cpu) / stats.delivered,
    load: cpu / passedS,
    p50Ms: stats.delays.percentile(50),
    p99Ms: stats.delays.percentile(99),
    sent: stats.sent,
    delivered: stats.delivered,
    share: stats.delivered / (stats.sent * viewers),
    framesPerViewer: stats.frames / viewers / passedS,
    bytesPerViewer: stats.bytes / viewers / passedS,
    holes: stats.holes,
  };
}

/** Runs the comparison: Corral without and with sampling, and each other server. */
export async function compareServers(
  crowd: ViewerFleet,
  options: ComparisonOptions,
  say: (line: string) => void,
): Promise<{ rows: readonly ComparisonRow[]; figures: BenchFigure[] }> {
  const rows: ComparisonRow[] = [];
  const runs = [
    ["socketio", true],
    ["corral", true],
    ["bare-tick", true],
    ["bare", true],
    ["corral", false],
  ] as const;
  for (const [kind, staff] of runs) {
    say(`comparing: ${BENCH_SERVERS[kind].title}${kind === "corral" && !staff ? ", sampled" : ""} …`);
    rows.push(await measureServer(kind, staff, crowd, options));
  }
  return { rows, figures: figuresOf(rows, options) };
}

function figuresOf(rows: readonly ComparisonRow[], { viewers, perSecond }: ComparisonOptions): BenchFigure[] {
  const ours = rows.find(({ kind }) => kind === "corral");
  const theirs = rows.find(({ kind }) => kind === "socketio");
  if (ours === undefined || theirs === undefined) return [];
  const ratio = ours.cpuUs / theirs.cpuUs;
  const load = `${viewers} viewers, ${perSecond} messages/s in, all displayed`;
  return [
    {
      figure: `server CPU per message delivered, ${load}`,
      goal: "≤ 0.25 × socket.io's",
      measured: `${formatFixed(ours.cpuUs)} µs, socket.io ${formatFixed(theirs.cpuUs)} µs: ${formatFixed(ratio)} ×`,
      met: ratio <= 0.25,
      values: { cpuUs: ours.cpuUs, socketioCpuUs: theirs.cpuUs, ratio },
    },
    {
      figure: `send → display, p99, ${load}`,
      goal: "≤ 250 ms",
      measured: `${ours.p99Ms} ms (p50 ${ours.p50Ms} ms); socket.io ${theirs.p99Ms} ms`,
      met: ours.p99Ms <= 250,
      values: { p50Ms: ours.p50Ms, p99Ms: ours.p99Ms, socketioP99Ms: theirs.p99Ms },
    },
    {
      figure: "messages delivered ÷ messages sent × viewers, and frames after a gap",
      goal: "1; 0",
      measured: `${formatFixed(ours.share, 4)}; ${ours.holes}`,
      met: ours.share === 1 && ours.holes === 0,
      values: { share: ours.share, holes: ours.holes },
    },
  ];
}

/** The rows as a markdown table. */
export function comparisonTable(rows: readonly ComparisonRow[]): string {
  const lines = rows.map(
    (row) =>
      `| ${row.title} | ${formatFixed(row.cpuUs)} µs | ${formatFixed(row.load / 10, 0)} % | ${row.p50Ms} ms | ${row.p99Ms} ms | ${formatFixed(row.share, 3)} | ${formatFixed(row.framesPerViewer, 1)} | ${formatFixed(row.bytesPerViewer / 1_000, 1)} kB |`,
  );
  return [
    "| server | CPU per message delivered | CPU of one core | send → display p50 | p99 | delivered ÷ sent × viewers | frames per second and viewer | bytes per second and viewer |",
    "|---|---|---|---|---|---|---|---|",
    ...lines,
  ].join("\n");
}
