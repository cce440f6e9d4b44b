/** The delay from glass to glass: OBS captures a screen with a clock, which is read from the watch page, and its stages. */
import type { Browser, Page } from "playwright-core";
import { formatFixed, median, percentile } from "../../bench/stats.ts";
import { launchBrowser, readPageStats, waitForStats } from "../support/browser.ts";
import { OBS_START_MS, type ObsCase, startObs } from "./obs-case.ts";
import { SIZE } from "./obs-process.ts";
import { readClock, showClock } from "./screen-clock.ts";

/** Presets of the node, and what their delay from glass to glass shall be, p95 in milliseconds. */
const GLASS_GOALS_MS = { balanced: 1_300, ultra: 900 } as const;
/** OBS's encoder as it comes, and as `docs/obs.md` advises for the lowest delay. */
const TUNES = [null, "zerolatency"] as const;
/** The page as it opens, and with parts. */
const DELIVERIES = { flow: "", "ll-hls": "?delay=smooth" } as const;
/** Time for the page to reach its target before the delay is read. */
const SETTLE_MS = 20_000;
const SAMPLE_MS = 200;

/** Where a picture's time goes, milliseconds, medians. */
interface GlassStages {
  /** From the screen to the node: capture, encoding, RTMP. */
  readonly encoderMs: number;
  /** From the node to the page: packaging, publishing, delivery, and media that is not whole yet. */
  readonly wayMs: number;
  /** Media that waits in the page. */
  readonly bufferMs: number;
}

interface GlassReading {
  readonly delaysMs: readonly number[];
  readonly stages: GlassStages;
  readonly stalls: number;
  readonly delivery: string;
}

/** Prints a row for each tuning and delivery; `screenshot` names a file for the last page. Whether one could not be read. */
export async function checkGlass(
  given: ObsCase,
  preset: keyof typeof GLASS_GOALS_MS,
  seconds: number,
  screenshot: string | null,
): Promise<boolean> {
  const { node } = given;
  const goalMs = GLASS_GOALS_MS[preset];
  let hasFailed = false;
  for (const tune of TUNES) {
    const stream = `obs-glass-${preset}-${tune ?? "plain"}`;
    const obs = await startObs(given, stream, { keyframeS: 2, tune });
    const browser = await launchBrowser();
    let clock: Browser | null = null;
    try {
      await node.origin.waitForOutput(new RegExp(`${stream}: passed through`), OBS_START_MS);
      // There is no window manager: a clock that is older than OBS's window would be behind it.
      clock = await showClock(obs.display, SIZE);
      for (const [wanted, query] of Object.entries(DELIVERIES)) {
        const reading = await readGlass(browser, `${node.edge.url}/watch/${stream}${query}`, seconds, screenshot);
        hasFailed ||= reading.delaysMs.length === 0 || reading.delivery !== wanted;
        printReading(`OBS, ${preset}, x264 tune ${tune ?? "none"}, ${reading.delivery}`, reading, goalMs);
      }
    } finally {
      await browser.close();
      await clock?.close();
      await obs.stop();
    }
  }
  return hasFailed;
}

async function readGlass(
  browser: Browser,
  url: string,
  seconds: number,
  screenshot: string | null,
): Promise<GlassReading> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  try {
    await page.goto(url);
    await waitForStats(page, ({ firstPictureMs }) => firstPictureMs !== null, OBS_START_MS, "showing a picture");
    await page.waitForTimeout(SETTLE_MS);
    const before = await readPageStats(page);
    const [delaysMs, samples] = await Promise.all([readClock(page, seconds), samplePage(page, seconds)]);
    const after = await readPageStats(page);
    if (screenshot !== null) await page.screenshot({ path: screenshot });
    const delayMs = median(samples.map(({ delayMs }) => delayMs));
    const bufferMs = median(samples.map(({ bufferMs }) => bufferMs));
    return {
      delaysMs,
      stages: { encoderMs: median(delaysMs) - delayMs, wayMs: delayMs - bufferMs, bufferMs },
      stalls: (after?.stalls ?? 0) - (before?.stalls ?? 0),
      delivery: after?.delivery ?? "nothing",
    };
  } finally {
    await page.close();
  }
}

/** Delay since the node and buffer, several times a second. */
async function samplePage(page: Page, seconds: number): Promise<{ delayMs: number; bufferMs: number }[]> {
  const samples: { delayMs: number; bufferMs: number }[] = [];
  for (const untilMs = Date.now() + 1_000 * seconds; Date.now() < untilMs; await page.waitForTimeout(SAMPLE_MS)) {
    const stats = await readPageStats(page);
    if (stats === null || stats.delayS === null) continue;
    samples.push({ delayMs: 1_000 * stats.delayS, bufferMs: 1_000 * stats.bufferS });
  }
  return samples;
}

function printReading(what: string, { delaysMs, stages, stalls }: GlassReading, goalMs: number): void {
  const inSeconds = (ms: number): string => formatFixed(ms / 1_000);
  const [p50, p95] = [percentile(delaysMs, 50), percentile(delaysMs, 95)];
  console.log(
    `${what}: glass to glass p50 ${inSeconds(p50)} s, p95 ${inSeconds(p95)} s of ${delaysMs.length} pictures, ` +
      `${stalls} stalls (goal p95 ${inSeconds(goalMs)} s)`,
  );
  console.log(
    `  until the node ${inSeconds(stages.encoderMs)} s, node to page ${inSeconds(stages.wayMs)} s, ` +
      `in the page's buffer ${inSeconds(stages.bufferMs)} s`,
  );
}
