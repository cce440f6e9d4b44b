/** A real player in Chromium against a real broadcast: delay at the playhead, first picture, delivery of parts. */
import { performance } from "node:perf_hooks";
import type { Browser, Page } from "playwright-core";
import type { LocalEdge } from "../origin/local-edge/edge.ts";
import { launchBrowser, readPageStats, waitForStats } from "../tests/support/browser.ts";
import type { OriginProcess } from "../tests/support/origin-process.ts";
import type { PlaybackStats } from "../web/src/player/stats.ts";
import { startBroadcast } from "./broadcast.ts";
import { type BenchFigure, formatFixed, median, percentile } from "./stats.ts";

const GOALS = { balanced: 1.2, ultra: 0.8 } as const;
/** Goals of flow, seconds: delay at the playhead, and page open to first picture. */
const FLOW_GOALS = { delayS: 0.35, openingS: 0.3 } as const;
const OPENINGS = 15;
const OPENING_MS = 1_500;
/** Pages are opened once the broadcast has enough media for a hold-back. */
export const BROADCAST_WARM_UP_MS = 8_000;
const SAMPLE_MS = 250;
/** Time for the page to reach its hold-back before the delay is read. */
const SETTLE_MS = 20_000;

/** One preset: `seconds` of delay readings, and, for `balanced`, page openings. */
export async function measurePlayback(
  edge: LocalEdge,
  adminToken: string,
  preset: keyof typeof GOALS,
  seconds: number,
): Promise<BenchFigure[]> {
  const stream = `bench-${preset}`;
  const origin = await startBroadcast(edge, adminToken, stream, ["--preset", preset, "--log", "json"]);
  const browser = await launchBrowser();
  try {
    await origin.waitForOutput("/watch/");
    await new Promise((resolve) => setTimeout(resolve, BROADCAST_WARM_UP_MS));
    const url = `${edge.url}/watch/${stream}?delay=smooth`;
    const opened =
      preset === "balanced" ? [await openingFigure(browser, url, "page open to first picture, p50", 0.5)] : [];
    return [...opened, await delayFigure(browser, url, preset, GOALS[preset], seconds, origin)];
  } finally {
    await browser.close();
    await origin.interrupt();
  }
}

/** One broadcast of the preset `ultra`, by flow and by LL-HLS in turns: page openings, and `seconds` of delay readings each. */
export async function measureFlowPlayback(
  edge: LocalEdge,
  adminToken: string,
  seconds: number,
): Promise<BenchFigure[]> {
  const origin = await startBroadcast(edge, adminToken, "bench-flow", ["--preset", "ultra", "--log", "json"]);
  const browser = await launchBrowser();
  try {
    await origin.waitForOutput("/watch/");
    await new Promise((resolve) => setTimeout(resolve, BROADCAST_WARM_UP_MS));
    const url = `${edge.url}/watch/bench-flow`;
    const byFlow = url;
    const { delayS, openingS } = FLOW_GOALS;
    return [
      await openingFigure(browser, byFlow, "page open to first picture by flow, p50", openingS),
      await delayFigure(browser, byFlow, "flow", delayS, seconds, origin),
      await delayFigure(browser, `${url}?delay=smooth`, "LL-HLS of the same broadcast", GOALS.ultra, seconds, origin),
    ];
  } finally {
    await browser.close();
    await origin.interrupt();
  }
}

async function openingFigure(browser: Browser, url: string, figure: string, goalS: number): Promise<BenchFigure> {
  const times: number[] = [];
  for (let opening = 0; opening < OPENINGS; opening += 1) {
    const page = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
    await page.goto(url);
    // Polling the page while it starts would slow it down.
    await page.waitForTimeout(OPENING_MS);
    const first = await waitForStats(
      page,
      ({ firstPictureMs }) => firstPictureMs !== null,
      10_000,
      "showing a picture",
    );
    times.push((first.firstPictureMs ?? Number.NaN) / 1000);
    await page.context().close();
  }
  const p50 = median(times);
  return {
    figure,
    goal: `≤ ${goalS} s`,
    measured: `${formatFixed(p50)} s`,
    met: p50 <= goalS,
    values: { p50S: p50, worstS: Math.max(...times), openings: OPENINGS },
  };
}

/** A page that plays `url` and has reached its hold-back. */
export async function openAtHoldBack(browser: Browser, url: string): Promise<Page> {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
  await page.goto(url);
  await waitForStats(page, ({ firstPictureMs }) => firstPictureMs !== null, 10_000, "showing a picture");
  await page.waitForTimeout(SETTLE_MS);
  return page;
}

/** The page's statistics over some time. */
export interface DelayReadings {
  /** Seconds from program time to wall clock at the playhead. */
  readonly delays: readonly number[];
  /** Seconds behind the playlist's edge. */
  readonly edgeDistances: readonly number[];
  readonly stalls: number;
  readonly droppedFrames: number;
  readonly lastStats: PlaybackStats | null;
}

/** Reads `page` for `seconds`. */
export async function readDelays(page: Page, seconds: number): Promise<DelayReadings> {
  const before = await readPageStats(page);
  const began = performance.now();
  const delays: number[] = [];
  const distances: number[] = [];
  while (performance.now() - began < seconds * 1000) {
    const now = await readPageStats(page);
    if (now?.delayS != null) delays.push(now.delayS);
    if (now?.edgeDistanceS != null) distances.push(now.edgeDistanceS);
    await page.waitForTimeout(SAMPLE_MS);
  }
  const last = await readPageStats(page);
  const since = (of: (stats: PlaybackStats) => number): number =>
    (last === null ? 0 : of(last)) - (before === null ? 0 : of(before));
  const stalls = since((one) => one.stalls);
  return {
    delays,
    edgeDistances: distances,
    stalls,
    droppedFrames: since((one) => one.droppedFrames),
    lastStats: last,
  };
}

async function delayFigure(
  browser: Browser,
  url: string,
  what: string,
  goalS: number,
  seconds: number,
  origin: OriginProcess,
): Promise<BenchFigure> {
  const page = await openAtHoldBack(browser, url);
  const cpuBefore = origin.cpuMs();
  const began = performance.now();
  const { delays, edgeDistances, stalls, droppedFrames, lastStats } = await readDelays(page, seconds);
  const originCpu = (origin.cpuMs() - cpuBefore) / ((performance.now() - began) / 1000);
  const p95 = percentile(delays, 95);
  return {
    figure: `delay at the playhead in Chromium, ${what}, encoder included, p95 over ${seconds} s, no stall`,
    goal: `≤ ${goalS} s`,
    measured: `${formatFixed(p95)} s, ${stalls} stalls`,
    met: p95 <= goalS && stalls === 0,
    values: {
      p50S: median(delays),
      p95S: p95,
      maxS: Math.max(...delays),
      behindPlaylistP50S: median(edgeDistances),
      targetS: lastStats?.targetS ?? Number.NaN,
      stalls,
      rendition: lastStats?.rendition ?? "",
      delivery: lastStats?.delivery ?? "",
      droppedFrames,
      originCpuMsPerSecond: originCpu,
      samples: delays.length,
    },
  };
}
