/** Responses of flow that are renewed, and ones that are cut: whether the picture stands still. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Page } from "playwright-core";
import type { LocalEdge } from "../origin/local-edge/edge.ts";
import { launchBrowser } from "../tests/support/browser.ts";
import { FLOW_PAGE, type FlowPageRecord, serveFlowPage } from "../tests/support/flow-page.ts";
import { LimitedRelay } from "../tests/support/limited-relay.ts";
import { freePort } from "../tests/support/ports.ts";
import { startBroadcast } from "./broadcast.ts";
import { type BenchFigure, formatFixed } from "./stats.ts";
import { BROADCAST_WARM_UP_MS } from "./watch.ts";

const STREAM = "bench-renewals";
const BROADCAST = ["--ladder", "360p:600k", "--preset", "ultra", "--log", "json"] as const;
const RENEWALS = 10;
const RENEW_AFTER_MS = { min: 4_000, max: 5_000 } as const;
/** Longer than the run: cut responses are not renewed besides. */
const NEVER_MS = { min: 3_600_000, max: 3_600_000 } as const;
const CUTS = 5;
/** Between cuts: a row of failures is over by then. */
const CUT_EVERY_MS = 6_000;
const SETTLE_MS = 15_000;
const MOST_RECOVERY_S = 0.3;

/** Ten planned renewals, and five cuts of the connection. */
export async function measureRenewals(edge: LocalEdge, adminToken: string): Promise<BenchFigure[]> {
  const origin = await startBroadcast(edge, adminToken, STREAM, BROADCAST);
  const port = await freePort();
  const relay = new LimitedRelay(port, Number(new URL(edge.url).port));
  const browser = await launchBrowser();
  try {
    await origin.waitForOutput("/watch/");
    await sleep(BROADCAST_WARM_UP_MS);
    const page = await browser.newPage();
    return [await measurePlanned(page, edge.url), await measureCuts(page, `http://127.0.0.1:${port}`, relay)];
  } finally {
    await browser.close();
    relay.stop();
    await origin.interrupt();
  }
}

const read = (page: Page): Promise<FlowPageRecord> => page.evaluate(FLOW_PAGE.read);

async function measurePlanned(page: Page, edgeUrl: string): Promise<BenchFigure> {
  const site = await serveFlowPage(edgeUrl, STREAM, RENEW_AFTER_MS);
  try {
    await page.goto(site.url);
    await sleep(SETTLE_MS);
    const before = await read(page);
    await page.evaluate(FLOW_PAGE.forget);
    await sleep((RENEWALS + 1) * RENEW_AFTER_MS.max);
    const after = await read(page);
    const count = (join: string): number =>
      after.joins.slice(before.joins.length).filter((each) => each === join).length;
    const [renewals, rejoins, stalls] = [count("next"), count("latest"), after.stalls - before.stalls];
    return {
      figure: `${RENEWALS} planned renewals of a flow response: stalls`,
      goal: "0",
      measured: `${stalls} in ${renewals}`,
      met: stalls === 0 && renewals >= RENEWALS && rejoins === 0,
      values: { renewals, rejoins, stalls, stoodStillS: after.stoodStillS, obstacles: after.obstacles.join(" ") },
    };
  } finally {
    site.stop();
  }
}

async function measureCuts(page: Page, edgeUrl: string, relay: LimitedRelay): Promise<BenchFigure> {
  const site = await serveFlowPage(edgeUrl, STREAM, NEVER_MS);
  try {
    await page.goto(site.url);
    await sleep(SETTLE_MS);
    const before = await read(page);
    const stoodStillS: number[] = [];
    for (let cut = 0; cut < CUTS; cut += 1) {
      await page.evaluate(FLOW_PAGE.forget);
      relay.cut();
      await sleep(CUT_EVERY_MS);
      stoodStillS.push((await read(page)).stoodStillS);
    }
    const after = await read(page);
    const worstS = Math.max(...stoodStillS);
    const rejoins = after.joins.length - before.joins.length;
    return {
      figure: `flow responses that are cut: longest that the picture stands still, of ${CUTS}`,
      goal: `≤ ${MOST_RECOVERY_S} s`,
      measured: `${formatFixed(worstS)} s`,
      met: worstS <= MOST_RECOVERY_S && rejoins >= CUTS && after.obstacles.length === 0,
      values: {
        ...{ rejoins, stalls: after.stalls - before.stalls, obstacles: after.obstacles.join(" ") },
        eachS: stoodStillS.map((each) => formatFixed(each)).join(" "),
      },
    };
  } finally {
    site.stop();
  }
}
