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

test("a page refused by join admission shows the wait, and joins by itself", async () => {
  const address = `${edge.url}/live/crowded/multivariant.m3u8`;
  // An earlier viewer has taken the token.
  for (let status = 0; status !== 503; ) status = (await fetch(address)).status;
  const page = await (await browser.newContext()).newPage();
  const statuses: number[] = [];
  page.on("response", (answer) => {
    if (answer.url() === address) statuses.push(answer.status());
  });
  const letIn = page.waitForResponse((answer) => answer.url() === address && answer.status() === 200, {
    timeout: 60_000,
  });
  await page.goto(`${edge.url}/watch/crowded`);
  await page.waitForSelector('#player[data-phase="queued"]');
  expect(await page.textContent(".overlay")).toContain("Many viewers are joining");
  await letIn;
  expect(statuses).toContain(503);
});
