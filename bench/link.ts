/** A link that becomes slow and recovers, before a page that plays by flow: stalls and delay. */
import type { Page } from "playwright-core";
import type { LocalEdge } from "../origin/local-edge/edge.ts";
import { launchBrowser, readPageStats, waitForStats } from "../tests/support/browser.ts";
import { LimitedRelay } from "../tests/support/limited-relay.ts";
import { freePort } from "../tests/support/ports.ts";
import type { PlaybackStats } from "../web/src/player/stats.ts";
import { startBroadcast } from "./broadcast.ts";
import { type BenchFigure, formatFixed } from "./stats.ts";
import { BROADCAST_WARM_UP_MS, openAtHoldBack } from "./watch.ts";

const GOALS = { stalledS: 1, worstDelayS: 2, laterDelayS: 0.5 } as const;
/** Bits per second: before and after, and between. */
const LINK = { wideBps: 4_800_000, narrowBps: 1_000_000 } as const;
/** Three renditions, of which the narrow link carries the lowest. */
const LADDER = "720p:2500k,480p:1200k,240p:400k";
const SEGMENTS = ["--segment", "1", "--part", "0.2"] as const;
const HIGHEST = "720p";
/** How long the link is narrow, and how long after its recovery the delay is read. */
const NARROW_MS = 20_000;
const LATER_MS = 10_000;
const SAMPLE_MS = 100;

/** What a page has recorded of its playback. */
interface LinkRecord {
  /** Time in which the picture stood still, seconds. */
  readonly stalledS: number;
  readonly delays: readonly number[];
  readonly renditions: readonly string[];
}

/** One run: wide, narrow, wide. */
export async function measureLinkChange(edge: LocalEdge, adminToken: string): Promise<BenchFigure[]> {
  const origin = await startBroadcast(edge, adminToken, "bench-link", [
    "--ladder",
    LADDER,
    ...SEGMENTS,
    "--log",
    "json",
  ]);
  const relayPort = await freePort();
  const relay = new LimitedRelay(relayPort, Number(new URL(edge.url).port));
  const browser = await launchBrowser();
  try {
    await origin.waitForOutput("/watch/");
    await new Promise((resolve) => setTimeout(resolve, BROADCAST_WARM_UP_MS));
    relay.setRate(LINK.wideBps);
    const page = await openAtHoldBack(browser, `http://127.0.0.1:${relayPort}/watch/bench-link?delay=fastest`);
    await page.evaluate((name) => window.corral?.setRendition(name), HIGHEST);
    await waitForStats(page, ({ rendition }) => rendition === HIGHEST, 10_000, `showing ${HIGHEST}`);
    await page.evaluate(() => window.corral?.setRendition("auto"));
    await page.waitForTimeout(5_000);
    await startRecording(page);
    relay.setRate(LINK.narrowBps);
    await page.waitForTimeout(NARROW_MS);
    relay.setRate(LINK.wideBps);
    await page.waitForTimeout(LATER_MS);
    const later = await readPageStats(page);
    return describe(await readRecording(page), later?.delayS ?? Number.NaN, later);
  } finally {
    await browser.close();
    relay.stop();
    await origin.interrupt();
  }
}

function startRecording(page: Page): Promise<void> {
  return page.evaluate((sampleMs) => {
    const record = { stalledS: 0, delays: [] as number[], renditions: [] as string[] };
    (globalThis as unknown as { linkRecord: typeof record }).linkRecord = record;
    let [lastMs, lastS] = [performance.now(), -1];
    setInterval(() => {
      const nowMs = performance.now();
      const { delayS, currentTime, rendition } = window.corral?.stats() ?? {};
      if (currentTime === lastS) record.stalledS += (nowMs - lastMs) / 1000;
      [lastMs, lastS] = [nowMs, currentTime ?? -1];
      if (typeof delayS === "number") record.delays.push(delayS);
      if (rendition != null && record.renditions.at(-1) !== rendition) record.renditions.push(rendition);
    }, sampleMs);
  }, SAMPLE_MS);
}

const readRecording = (page: Page): Promise<LinkRecord> =>
  page.evaluate(() => (globalThis as unknown as { linkRecord: LinkRecord }).linkRecord);

function describe(record: LinkRecord, laterS: number, later: PlaybackStats | null): BenchFigure[] {
  const { stalledS, delays, renditions } = record;
  const { delivery = "", flowObstacle = null, stalls = Number.NaN } = later ?? {};
  const what = "link 4.8 → 1 → 4.8 Mb/s by flow";
  const worstS = Math.max(...delays);
  const playback = { delivery, flowObstacle: flowObstacle ?? "", stalls };
  const values = { ...playback, stalledS, worstDelayS: worstS, laterDelayS: laterS, renditions: renditions.join(" ") };
  const figure = (name: string, goalS: number, measuredS: number): BenchFigure => ({
    figure: `${what}: ${name}`,
    goal: `≤ ${goalS} s`,
    measured: `${formatFixed(measuredS)} s`,
    // A page that began below the highest rendition, on a busy machine, shows nothing.
    met: measuredS <= goalS && delivery === "flow" && renditions[0] === HIGHEST,
    values,
  });
  return [
    figure("stalls in all", GOALS.stalledS, stalledS),
    figure("worst delay", GOALS.worstDelayS, worstS),
    figure("delay 10 s after", GOALS.laterDelayS, laterS),
  ];
}
