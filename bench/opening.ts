/** How a watch page opens: when each step of the first picture happened, what was loaded before it, and what moved. */
import { gzipSync } from "node:zlib";
import type { Browser } from "playwright-core";
import { waitForStats } from "../tests/support/browser.ts";
import { type BenchFigure, formatFixed, median } from "./stats.ts";

/** Polling the page while it starts would slow it down. */
const OPENING_MS = 1_500;
/** The first picture comes within this time, or the opening has failed. */
const PICTURE_MS = 10_000;
/** Controls and chat come after the first picture: what they move counts. */
const SETTLE_MS = 2_500;

/** Notes the steps in the page: milliseconds since the navigation began. */
const PROBE = `(() => {
  const probe = { flowAskedMs: null, flowAnsweredMs: null, appendedMs: null, shift: 0, shifts: [] };
  globalThis.openingProbe = probe;
  const ownFetch = globalThis.fetch;
  globalThis.fetch = (input, init) => {
    const answer = ownFetch(input, init);
    if (/\\/flow\\.mp4/.test(String(input.url ?? input)) && probe.flowAskedMs === null) {
      probe.flowAskedMs = performance.now();
      answer.then(() => { probe.flowAnsweredMs ??= performance.now(); }, () => {});
    }
    return answer;
  };
  const append = SourceBuffer.prototype.appendBuffer;
  SourceBuffer.prototype.appendBuffer = function (bytes) {
    probe.appendedMs ??= performance.now();
    return append.call(this, bytes);
  };
  const describe = (node) => node === null ? "?" : (node.id || node.className || node.nodeName);
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (entry.hadRecentInput) continue;
      probe.shift += entry.value;
      probe.shifts.push(Math.round(entry.startTime) + " ms " + entry.value.toFixed(3) + " " + entry.sources.map(({ node }) => describe(node)).join("+"));
    }
  }).observe({ type: "layout-shift", buffered: true });
})()`;

/** One opening. Milliseconds since the navigation began, null for what did not happen. */
interface Opening {
  /** First byte of the page, and its end. */
  readonly htmlMs: number;
  readonly htmlEndMs: number;
  /** End of the page's own script. */
  readonly scriptMs: number;
  readonly flowAskedMs: number | null;
  readonly flowAnsweredMs: number | null;
  readonly appendedMs: number | null;
  readonly firstPictureMs: number;
  /** Sum of layout shifts, and what they were. */
  readonly shift: number;
  readonly shifts: readonly string[];
  /** Scripts and style sheets that were asked for before the first picture. */
  readonly assets: readonly string[];
}

/** What an opening is slowed by. */
interface OpeningLimits {
  readonly cpuDivisor?: number;
  /** Patience with the first picture, ms. */
  readonly pictureMs?: number;
}

/** Opens `url` in a new context of the browser. */
async function openOnce(
  browser: Browser,
  url: string,
  { cpuDivisor = 1, pictureMs = PICTURE_MS }: OpeningLimits = {},
): Promise<Opening> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  try {
    const page = await context.newPage();
    await page.addInitScript(PROBE);
    const devtools = await context.newCDPSession(page);
    await devtools.send("Emulation.setCPUThrottlingRate", { rate: cpuDivisor });
    await page.goto(url, { waitUntil: "commit" });
    await page.waitForTimeout(OPENING_MS);
    await waitForStats(page, ({ firstPictureMs }) => firstPictureMs !== null, pictureMs, "showing a picture");
    await page.waitForTimeout(SETTLE_MS);
    return await page.evaluate(() => {
      const [navigation] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
      const resources = performance.getEntriesByType("resource") as PerformanceResourceTiming[];
      const firstPictureMs = window.corral?.stats().firstPictureMs ?? Number.NaN;
      const assets = resources.filter(
        ({ name, startTime }) => /\/assets\/.*\.(js|css)$/.test(name) && startTime < firstPictureMs,
      );
      const { openingProbe } = globalThis as unknown as { openingProbe: Opening };
      return {
        ...openingProbe,
        htmlMs: navigation?.responseStart ?? Number.NaN,
        htmlEndMs: navigation?.responseEnd ?? Number.NaN,
        scriptMs: resources.find(({ name }) => /\/watch-[^/]*\.js$/.test(name))?.responseEnd ?? Number.NaN,
        firstPictureMs,
        assets: assets.map(({ name }) => name),
      };
    });
  } finally {
    await context.close();
  }
}

/** Medians of the steps, milliseconds. */
function medianSteps(openings: readonly Opening[]): Record<string, number> {
  const steps = [
    "htmlMs",
    "htmlEndMs",
    "scriptMs",
    "flowAskedMs",
    "flowAnsweredMs",
    "appendedMs",
    "firstPictureMs",
  ] as const;
  return Object.fromEntries(
    steps.map((step) => [step, Math.round(median(openings.map((each) => each[step] ?? Number.NaN)))]),
  );
}

/** The time of the first picture, p50 of `count` openings, against a goal in seconds; and the openings. */
export async function measureOpenings(
  browser: Browser,
  {
    url,
    count,
    figure,
    goalS,
    limits,
  }: {
    readonly url: string;
    readonly count: number;
    readonly figure: string;
    readonly goalS: number;
    readonly limits?: OpeningLimits;
  },
): Promise<{ readonly figures: BenchFigure[]; readonly openings: readonly Opening[] }> {
  const openings: Opening[] = [];
  for (let opening = 0; opening < count; opening += 1) openings.push(await openOnce(browser, url, limits));
  const times = openings.map(({ firstPictureMs }) => firstPictureMs / 1000);
  const p50 = median(times);
  const values = { p50S: p50, worstS: Math.max(...times), openings: count, ...medianSteps(openings) };
  return {
    figures: [{ figure, goal: `≤ ${goalS} s`, measured: `${formatFixed(p50)} s`, met: p50 <= goalS, values }],
    openings,
  };
}

/** What `openings` moved, and the scripts and styles that they loaded before the first picture. */
export async function describeWeight(
  openings: readonly Opening[],
  { shift: shiftGoal, kilobytes: weightGoal }: { readonly shift: number; readonly kilobytes: number },
): Promise<BenchFigure[]> {
  const worst = openings.toSorted((a, b) => b.shift - a.shift)[0];
  const shift = worst?.shift ?? Number.NaN;
  const assets = [...new Set(openings.flatMap((each) => each.assets))];
  const sizes = await Promise.all(
    assets.map(async (asset) => ({ asset, bytes: gzipSync(await (await fetch(asset)).bytes()).length })),
  );
  const kilobytes = sizes.reduce((sum, { bytes }) => sum + bytes, 0) / 1000;
  return [
    {
      figure: "layout shift of an opening, most",
      goal: `≤ ${shiftGoal}`,
      measured: formatFixed(shift, 3),
      met: shift <= shiftGoal,
      values: { shift, shifts: worst?.shifts.join("; ") ?? "" },
    },
    {
      figure: "scripts and styles before the first picture, gzip",
      goal: `≤ ${weightGoal} kB`,
      measured: `${formatFixed(kilobytes, 1)} kB`,
      met: kilobytes <= weightGoal,
      values: Object.fromEntries(sizes.map(({ asset, bytes }) => [new URL(asset).pathname, bytes])),
    },
  ];
}
