/** A source that stands still for moments, before a page that plays by flow: stalls, and how soon playback goes on. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Page } from "playwright-core";
import type { LocalEdge } from "../origin/local-edge/edge.ts";
import { launchBrowser } from "../tests/support/browser.ts";
import type { OriginProcess } from "../tests/support/origin-process.ts";
import { startBroadcast } from "./broadcast.ts";
import { withInterrupt } from "./interrupt.ts";
import { type BenchFigure, formatFixed } from "./stats.ts";
import { BROADCAST_WARM_UP_MS, openAtHoldBack } from "./watch.ts";

const STREAM = "bench-hiccups";
const BROADCAST = ["--ladder", "360p:600k", "--preset", "ultra", "--log", "json"] as const;
/** The same hiccup again and again, as of something that the machine does now and then. */
const RETURNING = { freezeMs: 250, everyMs: 12_000, times: 10, mostStalls: 3 } as const;
/** Ever longer ones: each is a stall. */
const GROWING = { firstMs: 350, stepMs: 150, everyMs: 6_000, times: 7, mostWaitS: 0.3 } as const;
/** The element can play with so much. */
const ENOUGH_S = 0.25;
const SAMPLE_MS = 5;

/** One time in which the playhead stood still, milliseconds. */
interface Standstill {
  readonly ms: number;
  /** Of it, since enough was buffered. */
  readonly waitedMs: number;
}

/** Returning hiccups, then growing ones, each on a page of its own. */
export const measureHiccups = (edge: LocalEdge, adminToken: string): Promise<BenchFigure[]> =>
  // A source that is stopped would not end with the bench.
  withInterrupt((stop) => measurePages(edge, adminToken, stop));

async function measurePages(edge: LocalEdge, adminToken: string, stop: AbortSignal): Promise<BenchFigure[]> {
  const origin = await startBroadcast(edge, adminToken, STREAM, BROADCAST);
  const browser = await launchBrowser();
  const open = (): Promise<Page> => openAtHoldBack(browser, `${edge.url}/watch/${STREAM}?delay=fastest`);
  try {
    await origin.waitForOutput("/watch/");
    await sleep(BROADCAST_WARM_UP_MS, undefined, { signal: stop });
    const figures = [await measureReturning(await open(), origin, stop)];
    figures.push(await measureGrowing(await open(), origin, stop));
    return figures;
  } finally {
    await browser.close();
    await origin.interrupt();
  }
}

async function measureReturning(page: Page, origin: OriginProcess, stop: AbortSignal): Promise<BenchFigure> {
  const { freezeMs, everyMs, times, mostStalls } = RETURNING;
  const before = await countStalls(page);
  for (let i = 0; i < times; i += 1) {
    await sleep(everyMs, undefined, { signal: stop });
    await freeze(origin, freezeMs);
  }
  await sleep(everyMs, undefined, { signal: stop });
  const stalls = (await countStalls(page)) - before;
  await page.close();
  return {
    figure: `the source stands still for ${freezeMs / 1000} s, ${times} times, every ${everyMs / 1000} s: stalls by flow`,
    goal: `≤ ${mostStalls}`,
    measured: String(stalls),
    met: stalls <= mostStalls,
    values: { stalls },
  };
}

async function measureGrowing(page: Page, origin: OriginProcess, stop: AbortSignal): Promise<BenchFigure> {
  const { firstMs, stepMs, everyMs, times, mostWaitS } = GROWING;
  await page.evaluate(recordStandstills, { enoughS: ENOUGH_S, sampleMs: SAMPLE_MS });
  for (let i = 0; i < times; i += 1) {
    await sleep(everyMs, undefined, { signal: stop });
    await freeze(origin, firstMs + i * stepMs);
  }
  await sleep(everyMs, undefined, { signal: stop });
  const found = await page.evaluate(() => (globalThis as unknown as { standstills: Standstill[] }).standstills);
  await page.close();
  const longestS = Math.max(0, ...found.map(({ ms }) => ms)) / 1000;
  const waitedS = Math.max(0, ...found.map(({ waitedMs }) => waitedMs)) / 1000;
  return {
    figure: `the source stands still for ${firstMs} to ${firstMs + (times - 1) * stepMs} ms, ${times} times: longest wait by flow with ${ENOUGH_S} s buffered`,
    goal: `≤ ${mostWaitS} s`,
    measured: `${formatFixed(waitedS)} s (longest standstill ${formatFixed(longestS)} s)`,
    // Without any standstill nothing was shown.
    met: waitedS <= mostWaitS && found.length > 0,
    values: { waitedS, longestS, standstills: found.map(({ ms }) => Math.round(ms)).join(" ") },
  };
}

const countStalls = (page: Page): Promise<number> => page.evaluate(() => window.corral?.stats().stalls ?? Number.NaN);

async function freeze({ process }: OriginProcess, ms: number): Promise<void> {
  process.kill("SIGSTOP");
  await sleep(ms);
  process.kill("SIGCONT");
}

/** Runs in the page: every time in which the playhead does not move for more than a few pictures. */
function recordStandstills({ enoughS, sampleMs }: { enoughS: number; sampleMs: number }): void {
  const shortestMs = 60;
  const video = document.querySelector("video");
  const standstills: { ms: number; waitedMs: number }[] = [];
  (globalThis as unknown as { standstills: typeof standstills }).standstills = standstills;
  let movedMs = performance.now();
  let positionS = -1;
  let enoughMs: number | null = null;
  setInterval(() => {
    if (video === null) return;
    const nowMs = performance.now();
    const { buffered, currentTime } = video;
    if (currentTime !== positionS) {
      const ms = nowMs - movedMs;
      if (ms > shortestMs) standstills.push({ ms, waitedMs: enoughMs === null ? 0 : nowMs - enoughMs });
      [movedMs, positionS, enoughMs] = [nowMs, currentTime, null];
      return;
    }
    const aheadS = buffered.length === 0 ? 0 : buffered.end(buffered.length - 1) - currentTime;
    if (aheadS >= enoughS) enoughMs ??= nowMs;
  }, sampleMs);
}
