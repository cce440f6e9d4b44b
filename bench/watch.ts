/** A real player in Chromium against a real broadcast: delay at the playhead, first picture, delivery of parts. */
import { performance } from "node:perf_hooks";
import type { Browser } from "playwright-core";
import type { Edge } from "../scripts/edge.ts";
import { launchBrowser, stats, until } from "../tests/support/browser.ts";
import { Origin } from "../tests/support/origin.ts";
import { type Figure, median, percentile, short } from "./stats.ts";

const GOALS = { balanced: 1.2, ultra: 0.8 } as const;
const OPENINGS = 15;
const OPENING_MS = 1_500;
/** Pages are opened once the broadcast has some past: a second after its start there is not yet a hold-back's worth. */
const WARM_UP_MS = 8_000;
const SAMPLE_MS = 250;
/** The page gets this long to reach its hold-back before the delay is read. */
const SETTLE_MS = 20_000;

/** One preset: `seconds` of delay readings, and, for `balanced`, page openings. */
export async function watch(
  edge: Edge,
  adminToken: string,
  preset: keyof typeof GOALS,
  seconds: number,
): Promise<Figure[]> {
  const stream = `bench-${preset}`;
  const keys = await fetch(`${edge.url}/api/streams/${stream}/keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${adminToken}` },
  });
  const { key } = (await keys.json()) as { key: string };
  const origin = new Origin([
    "--edge",
    edge.url,
    "--key",
    key,
    "--stream",
    stream,
    "--preset",
    preset,
    "--log",
    "json",
  ]);
  const browser = await launchBrowser();
  try {
    await origin.printed("/watch/");
    await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
    const opened = preset === "balanced" ? [await openings(browser, `${edge.url}/watch/${stream}`)] : [];
    return [...opened, await delay(browser, `${edge.url}/watch/${stream}`, preset, seconds, origin)];
  } finally {
    await browser.close();
    await origin.interrupt();
  }
}

async function openings(browser: Browser, url: string): Promise<Figure> {
  const times: number[] = [];
  for (let opening = 0; opening < OPENINGS; opening += 1) {
    const page = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
    await page.goto(url);
    // Asking the page while it starts would take time from it.
    await page.waitForTimeout(OPENING_MS);
    const first = await until(page, ({ firstPictureMs }) => firstPictureMs !== null, 10_000, "showing a picture");
    times.push((first.firstPictureMs ?? Number.NaN) / 1000);
    await page.context().close();
  }
  const p50 = median(times);
  return {
    figure: "page open to first picture, p50",
    goal: "≤ 0.5 s",
    measured: `${short(p50)} s`,
    met: p50 <= 0.5,
    values: { p50S: p50, worstS: Math.max(...times), openings: OPENINGS },
  };
}

async function delay(
  browser: Browser,
  url: string,
  preset: keyof typeof GOALS,
  seconds: number,
  origin: Origin,
): Promise<Figure> {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
  await page.goto(url);
  await until(page, ({ firstPictureMs }) => firstPictureMs !== null, 10_000, "showing a picture");
  await page.waitForTimeout(SETTLE_MS);
  const before = await stats(page);
  const cpuBefore = origin.cpuMs();
  const began = performance.now();
  const delays: number[] = [];
  const distances: number[] = [];
  while (performance.now() - began < seconds * 1000) {
    const now = await stats(page);
    if (now?.delayS != null) delays.push(now.delayS);
    if (now?.edgeDistanceS != null) distances.push(now.edgeDistanceS);
    await page.waitForTimeout(SAMPLE_MS);
  }
  const after = await stats(page);
  const originCpu = (origin.cpuMs() - cpuBefore) / ((performance.now() - began) / 1000);
  const stalls = (after?.stalls ?? 0) - (before?.stalls ?? 0);
  const p95 = percentile(delays, 95);
  return {
    figure: `delay at the playhead in Chromium, ${preset}, encoder included, p95 over ${seconds} s, no stall`,
    goal: `≤ ${GOALS[preset]} s`,
    measured: `${short(p95)} s, ${stalls} stalls`,
    met: p95 <= GOALS[preset] && stalls === 0,
    values: {
      p50S: median(delays),
      p95S: p95,
      maxS: Math.max(...delays),
      behindPlaylistP50S: median(distances),
      targetS: after?.targetS ?? Number.NaN,
      stalls,
      rendition: after?.rendition ?? "",
      droppedFrames: (after?.droppedFrames ?? 0) - (before?.droppedFrames ?? 0),
      originCpuMsPerSecond: originCpu,
      samples: delays.length,
    },
  };
}
