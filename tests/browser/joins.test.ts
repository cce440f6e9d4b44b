import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SyntheticPublisher } from "../../loadtest/publisher.ts";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { launchBrowser } from "../support/browser.ts";
import { freePort } from "../support/ports.ts";

/** A burst of one, and one more every two seconds. */
const JOINS = { CORRAL_JOINS_PER_SECOND: "0.5", CORRAL_JOIN_SPREAD_S: "2" };

let edge: LocalEdge;
let dataDir: string;
let browser: Browser;
let publisher: SyntheticPublisher;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-joins-"));
  edge = await startEdge({
    port: await freePort(),
    dataDir,
    adminToken: ADMIN_TOKEN,
    bindings: JOINS,
  });
  publisher = await SyntheticPublisher.start(edge.url, "crowded", ADMIN_TOKEN);
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser.close();
  await publisher.stop();
  await edge.stop();
  await rm(dataDir, { recursive: true, force: true });
});

test.each([
  ["fastest", "/flow.mp4"],
  ["smooth", "/multivariant.m3u8"],
])("a page refused by join admission shows the wait, and joins by itself: %s", async (delay, file) => {
  const address = `${edge.url}/live/crowded/multivariant.m3u8`;
  const page = await (await browser.newContext()).newPage();
  const statuses: number[] = [];
  page.on("response", (answer) => {
    if (new URL(answer.url()).pathname.endsWith(file)) statuses.push(answer.status());
  });
  // Other viewers take the tokens until the page has been refused.
  let isRefused = false;
  const others = (async () => {
    while (!isRefused) {
      await (await fetch(address)).arrayBuffer();
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();
  await page.goto(`${edge.url}/watch/crowded?delay=${delay}`);
  await page.waitForSelector('#player[data-phase="queued"]');
  isRefused = true;
  await others;
  expect(await page.textContent(".overlay")).toContain("Many viewers are joining");
  expect(statuses).toContain(503);
  await expect.poll(() => statuses.includes(200), { timeout: 60_000 }).toBe(true);
  await page.close();
});
