/** A real player in Chromium against a real broadcast: delay at the playhead, first picture, delivery of parts. */
import { performance } from "node:perf_hooks";
import type { Browser, Page } from "playwright-core";
import type { LocalEdge } from "../origin/local-edge/edge.ts";
import { launchBrowser, readPageStats, waitForStats } from "../tests/support/browser.ts";
import { LimitedRelay } from "../tests/support/limited-relay.ts";
import type { OriginProcess } from "../tests/support/origin-process.ts";
import { freePort } from "../tests/support/ports.ts";
import type { PlaybackStats } from "../web/src/player/stats.ts";
import { startBroadcast } from "./broadcast.ts";
import { describeWeight, measureOpenings } from "./opening.ts";
import { type BenchFigure, formatFixed, median, percentile } from "./stats.ts";

const GOALS = { balanced: 1.2, ultra: 0.8 } as const;
/** Goals of flow: seconds of delay at the playhead and from page open to first picture, layout shift, kB before the picture. */
const FLOW_GOALS = { delayS: 0.35, openingS: 0.3, slowCpuS: 0.9, slowLinkS: 3, shift: 0.01, kilobytes: 120 } as const;
const OPENINGS = 15;
const SLOW_OPENINGS = 5;
/** Patience with the first picture over a slow link or with a slow CPU. */
const SLOW_PICTURE_MS = 30_000;
/** What the page says of its stream takes room beside the picture. */
const DETAILS = {
  title: "A long ride through the night",
  host: "Ann",
  description: "From Cologne to the sea, by bicycle.",
};
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
    const opening = { url, count: OPENINGS, figure: "page open to first picture, p50", goalS: 0.5 };
    const opened = preset === "balanced" ? (await measureOpenings(browser, opening)).figures : [];
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
    const { delayS } = FLOW_GOALS;
    await setDetails(edge, adminToken, "bench-flow");
    return [
      ...(await measureFlowOpenings(browser, edge, "/watch/bench-flow")),
      await delayFigure(browser, url, "flow", delayS, seconds, origin),
      await delayFigure(browser, `${url}?delay=smooth`, "LL-HLS of the same broadcast", GOALS.ultra, seconds, origin),
    ];
  } finally {
    await browser.close();
    await origin.interrupt();
  }
}

async function setDetails(edge: LocalEdge, adminToken: string, stream: string): Promise<void> {
  const headers = { authorization: `Bearer ${adminToken}` };
  const answer = await fetch(`${edge.url}/api/streams/${stream}/details`, {
    ...{ method: "PUT", headers, body: JSON.stringify(DETAILS) },
  });
  if (!answer.ok) throw new Error(`details were refused: ${answer.status}`);
}

/** Openings of a page by flow: the first picture on three links, what moves, and what is loaded before the picture. */
async function measureFlowOpenings(browser: Browser, edge: LocalEdge, path: string): Promise<BenchFigure[]> {
  const { openingS, slowCpuS, slowLinkS, shift, kilobytes } = FLOW_GOALS;
  const figure = "page open to first picture by flow, p50";
  const quick = await measureOpenings(browser, { url: edge.url + path, count: OPENINGS, figure, goalS: openingS });
  const port = await freePort();
  const relay = new LimitedRelay(port, Number(new URL(edge.url).port));
  try {
    const open = async (
      bitsPerSecond: number,
      cpuDivisor: number,
      what: string,
      goalS: number,
    ): Promise<BenchFigure[]> => {
      relay.setRate(bitsPerSecond);
      const url = `http://127.0.0.1:${port}${path}`;
      const limits = { cpuDivisor, pictureMs: SLOW_PICTURE_MS };
      return (
        await measureOpenings(browser, { url, count: SLOW_OPENINGS, figure: `${figure}: ${what}`, goalS, limits })
      ).figures;
    };
    return [
      ...quick.figures,
      ...(await open(9_000_000, 4, "9 Mb/s, a quarter of the CPU", slowCpuS)),
      ...(await open(1_600_000, 1, "1.6 Mb/s", slowLinkS)),
      ...(await describeWeight(quick.openings, { shift, kilobytes })),
    ];
  } finally {
    relay.stop();
  }
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
