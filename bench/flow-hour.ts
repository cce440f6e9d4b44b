/** A long broadcast in two tabs, one by flow and one by LL-HLS: drift of the delay, buffer, memory, renewals, stalls. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, sleep } from "../core/kit/clock.ts";
import { systemPlatform } from "../core/kit/system-platform.ts";
import { type Plot, renderPlot } from "../loadtest/model/plot.ts";
import type { LocalEdge } from "../origin/local-edge/edge.ts";
import { FLOW_RENEWAL_MS } from "../web/src/player/flow/flow-recovery.ts";
import type { PlaybackStats } from "../web/src/player/stats.ts";
import { startBroadcast } from "./broadcast.ts";
import { DevtoolsBrowser, type DevtoolsTab, type TabMemory } from "./devtools.ts";
import { withInterrupt } from "./interrupt.ts";
import { type BenchFigure, formatFixed, median, slopeOf } from "./stats.ts";
import { BROADCAST_WARM_UP_MS } from "./watch.ts";

const STREAM = "bench-hour";
/** One small rendition: an hour of it leaves the machine to others. */
const BROADCAST = ["--ladder", "360p:600k", "--preset", "ultra", "--log", "json"] as const;
const READ_EVERY_MS = 5_000;
const READS_A_MINUTE = 60_000 / READ_EVERY_MS;
/** Time for a page to reach its hold-back, and for its process to show its CPU. */
const SETTLE_MS = 20_000;
const MEGABYTE = 2 ** 20;
const GOALS = { driftMs: 20, bufferS: 30, heapMb: 1, processMb: 10 } as const;
/** Memory of the first part of a run is that of a page that warms up. */
const WARM_UP_SHARE = 0.2;

/** Counts the joins of each flow request in the page. */
const COUNT_JOINS = `globalThis.flowJoins = [];
const ownFetch = globalThis.fetch;
globalThis.fetch = (input, init) => {
  const join = /\\/flow\\.mp4\\?.*join=(\\w+)/.exec(String(input.url ?? input));
  if (join !== null) flowJoins.push(join[1]);
  return ownFetch(input, init);
};`;

/** What one reading finds in a page. */
const READ_PAGE = `(() => {
  const stats = window.corral?.stats() ?? null;
  const { buffered, currentTime } = document.querySelector("video");
  const last = buffered.length - 1;
  return {
    stats,
    behindS: last < 0 ? null : currentTime - buffered.start(0),
    aheadS: last < 0 ? null : buffered.end(last) - currentTime,
    joins: flowJoins,
  };
})()`;

interface PageReading {
  readonly stats: PlaybackStats | null;
  readonly behindS: number | null;
  readonly aheadS: number | null;
  readonly joins: readonly string[];
}

/** One row of a tab's record. */
interface HourRow extends PageReading {
  readonly atS: number;
  /** Each minute. */
  readonly memory: TabMemory | null;
}

/** One tab of the run. */
export interface HourTab {
  readonly name: "flow" | "ll-hls";
  readonly tab: Pick<DevtoolsTab, "evaluate" | "readMemory">;
  readonly pid: number;
  readonly rows: HourRow[];
}

/** One run of `minutes`, or until SIGINT; a CSV and a plot go into `folder`. */
export function measureFlowHour(
  edge: LocalEdge,
  adminToken: string,
  minutes: number,
  folder: string,
): Promise<BenchFigure[]> {
  return withInterrupt((stop) => measureTabs(edge, adminToken, minutes, folder, stop));
}

async function measureTabs(
  edge: LocalEdge,
  adminToken: string,
  minutes: number,
  folder: string,
  stop: AbortSignal,
): Promise<BenchFigure[]> {
  const { clock } = systemPlatform;
  const origin = await startBroadcast(edge, adminToken, STREAM, BROADCAST);
  let browser: DevtoolsBrowser | null = null;
  try {
    await origin.waitForOutput("/watch/");
    await sleep(clock, BROADCAST_WARM_UP_MS, stop);
    browser = await DevtoolsBrowser.launch();
    const url = `${edge.url}/watch/${STREAM}`;
    const tabs: HourTab[] = [];
    for (const [name, delay] of [
      ["flow", "fastest"],
      ["ll-hls", "smooth"],
    ] as const) {
      const tab = await browser.open(`${url}?delay=${delay}`, COUNT_JOINS);
      await sleep(clock, SETTLE_MS, stop);
      tabs.push({ name, tab, pid: await browser.findTabProcess(), rows: [] });
    }
    return await recordTabs(tabs, minutes, folder, clock, stop);
  } finally {
    await browser?.close();
    await origin.interrupt();
  }
}

/**
 * Reads `tabs` for `minutes`, or until `stop`, and writes the CSV and the plot of what stands then, also after a failure.
 * Returns the figures of the minutes that were recorded.
 */
export async function recordTabs(
  tabs: readonly HourTab[],
  minutes: number,
  folder: string,
  clock: Clock,
  stop: AbortSignal,
): Promise<BenchFigure[]> {
  let recordedMin = minutes;
  try {
    await readTabs(tabs, minutes, clock, stop);
  } catch (error) {
    recordedMin = Math.floor(Math.min(...tabs.map(({ rows }) => rows.at(-1)?.atS ?? 0)) / 60);
    // A terminal's interrupt reaches the browser too.
    if (!stop.aborted) throw error;
  } finally {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "flow-hour.csv"), renderCsv(tabs));
    if (recordedMin > 0) await writeFile(join(folder, "flow-hour.svg"), renderPlot(delayPlot(tabs, recordedMin)));
  }
  return recordedMin === 0 ? [] : tabs.flatMap((tab) => describeTab(tab, recordedMin));
}

async function readTabs(tabs: readonly HourTab[], minutes: number, clock: Clock, stop: AbortSignal): Promise<void> {
  const beganMs = clock.monotonicMs();
  for (let reading = 0; reading <= minutes * READS_A_MINUTE; reading += 1) {
    await sleep(clock, Math.max(0, beganMs + reading * READ_EVERY_MS - clock.monotonicMs()), stop);
    for (const { tab, pid, rows } of tabs) {
      const read = await tab.evaluate<PageReading>(READ_PAGE);
      const atS = (clock.monotonicMs() - beganMs) / 1000;
      // After the page was read: a collection holds it up.
      const memory = reading % READS_A_MINUTE === 0 ? await tab.readMemory(pid) : null;
      rows.push({ ...read, atS, memory });
    }
    if (reading % READS_A_MINUTE === 0)
      console.error(`minute ${reading / READS_A_MINUTE}: ${tabs.map(tellTab).join("; ")}`);
  }
}

function tellTab({ name, rows }: HourTab): string {
  const last = rows.at(-1);
  const { stats = null, memory = null } = last ?? {};
  const delay = formatFixed(stats?.delayS ?? Number.NaN);
  return `${name} ${delay} s behind, ${stats?.stalls} stalls, heap ${toMb(memory?.heapBytes)}, process ${toMb(memory?.processBytes)} MB`;
}

const toMb = (bytes: number | undefined): string => formatFixed((bytes ?? Number.NaN) / MEGABYTE, 1);

/** Median delay of each minute, seconds, at its end. */
function minuteDelays({ rows }: HourTab): { readonly x: number; readonly y: number }[] {
  const byMinute = Map.groupBy(
    rows.filter(({ stats }) => stats?.delayS != null),
    ({ atS }) => Math.floor(atS / 60),
  );
  return [...byMinute]
    .filter(([, each]) => each.length > READS_A_MINUTE / 2)
    .map(([minute, each]) => ({ x: minute + 1, y: median(each.map(({ stats }) => stats?.delayS ?? Number.NaN)) }));
}

/** Growth of memory over the run, megabytes, by the line through what follows the warm-up. */
function growthMb({ rows }: HourTab, minutes: number, of: (memory: TabMemory) => number): number {
  const points = rows.flatMap(({ atS, memory }) =>
    memory === null || atS < WARM_UP_SHARE * minutes * 60 ? [] : [{ x: atS / 60, y: of(memory) / MEGABYTE }],
  );
  return slopeOf(points) * minutes;
}

/** The figures of flow's tab; of LL-HLS, which keeps all that it has played, the delay alone. */
function describeTab(tab: HourTab, minutes: number): BenchFigure[] {
  const { name, rows } = tab;
  const [first, last] = [rows[0], rows.at(-1)];
  const delays = minuteDelays(tab);
  const driftMs = slopeOf(delays) * minutes * 1000;
  const p50S = median(delays.map(({ y }) => y));
  const bufferS = Math.max(...rows.map(({ behindS, aheadS }) => (behindS ?? 0) + (aheadS ?? 0)));
  const heapMb = growthMb(tab, minutes, ({ heapBytes }) => heapBytes);
  const processMb = growthMb(tab, minutes, ({ processBytes }) => processBytes);
  const stalls = (last?.stats?.stalls ?? Number.NaN) - (first?.stats?.stalls ?? Number.NaN);
  const countJoins = (wanted: string): number => last?.joins.filter((join) => join === wanted).length ?? 0;
  const [renewals, rejoins] = [countJoins("next"), Math.max(0, countJoins("latest") - 1)];
  const { heapBytes, processBytes } = rows.findLast(({ memory }) => memory !== null)?.memory ?? {};
  const values = {
    ...{ p50S, driftMs, bufferS, heapMb, processMb, stalls, renewals, rejoins, readings: rows.length },
    ...{ heapAtEndMb: toMb(heapBytes), processAtEndMb: toMb(processBytes) },
    worstDelayS: Math.max(...rows.map(({ stats }) => stats?.delayS ?? 0)),
  };
  const what = `${minutes} minutes by ${name === "flow" ? "flow" : "LL-HLS"}`;
  const { driftMs: driftGoal, bufferS: bufferGoal, heapMb: heapGoal, processMb: processGoal } = GOALS;
  const drift: BenchFigure = {
    figure: `${what}: drift of the delay`,
    goal: `≤ ${driftGoal} ms`,
    measured: `${formatFixed(driftMs, 1)} ms, at ${formatFixed(p50S)} s`,
    met: Math.abs(driftMs) <= driftGoal && rows.every(({ stats }) => stats?.delivery === name),
    values,
  };
  if (name !== "flow") return [drift];
  const expected = Math.floor((minutes * 60_000) / FLOW_RENEWAL_MS.max);
  return [
    drift,
    {
      figure: `${what}: most that is buffered, behind and ahead`,
      goal: `≤ ${bufferGoal} s`,
      measured: `${formatFixed(bufferS, 1)} s`,
      met: bufferS <= bufferGoal,
      values: {},
    },
    {
      figure: `${what}: growth of the tab's memory: scripts; process`,
      goal: `≤ ${heapGoal}; ${processGoal} MB`,
      measured: `${formatFixed(heapMb, 1)}; ${formatFixed(processMb, 1)} MB`,
      met: heapMb <= heapGoal && processMb <= processGoal,
      values: {},
    },
    {
      figure: `${what}: planned renewals; other joins; stalls`,
      goal: `≥ ${expected}; 0; 0`,
      measured: `${renewals}; ${rejoins}; ${stalls}`,
      met: renewals >= expected && rejoins === 0 && stalls === 0,
      values: {},
    },
  ];
}

const delayPlot = (tabs: readonly HourTab[], minutes: number): Plot => ({
  title: "Delay at the playhead, encoder included, median of each minute",
  x: {
    label: "minutes",
    log: false,
    ticks: [1, 2, 3, 4].map((quarter) => Math.round((quarter * minutes) / 4)).map((at) => ({ at, text: String(at) })),
  },
  y: { label: "seconds" },
  lines: tabs.map((tab) => ({ name: tab.name === "flow" ? "flow" : "LL-HLS", points: minuteDelays(tab) })),
});

function renderCsv(tabs: readonly HourTab[]): string {
  const lines = tabs.flatMap(({ name, rows }) =>
    rows.map(({ atS, stats, behindS, aheadS, memory, joins }) =>
      [
        ...[name, atS.toFixed(1), stats?.delayS?.toFixed(3) ?? "", behindS?.toFixed(2) ?? "", aheadS?.toFixed(2) ?? ""],
        ...[stats?.stalls ?? "", joins.length, memory?.heapBytes ?? "", memory?.processBytes ?? ""],
      ].join(","),
    ),
  );
  return ["player,at_s,delay_s,behind_s,ahead_s,stalls,flow_requests,heap_bytes,process_bytes", ...lines, ""].join(
    "\n",
  );
}
