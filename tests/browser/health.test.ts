/** The studio's section "Health": an ingest node's reports as sentences and charts. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { HealthCheck, HealthReport } from "../../core/ingest/health/health-check.ts";
import { NO_MEASURES } from "../../core/ingest/health/health-measures.ts";
import { PUBLISHER_HEADER } from "../../core/ingest/publish-api.ts";
import { SyntheticPublisher } from "../../loadtest/publisher.ts";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { launchBrowser } from "../support/browser.ts";
import { freePort } from "../support/ports.ts";

const PATIENCE_MS = 60_000;
const SHAPE = { partMs: 200, partsPerSegment: 5, tracks: { "720p": 20_000, audio: 2_000 } };
const STARVED: HealthCheck = {
  ...{ id: "starved", severity: "error", sinceMs: Date.now(), value: 0.8, limit: 0.9 },
  say: "Only 80 % of the media arrives in time: your connection carries 4.1 Mb/s.",
  fix: "Lower the encoder's bitrate to 3.1 Mb/s, or use a better connection.",
};
const FRAMES: HealthCheck = {
  ...{ id: "b-frames", severity: "info", sinceMs: Date.now() - 60_000, value: 2, limit: 0 },
  say: "2 B-frame(s) in a row delay the picture by 67 ms.",
  fix: "For the lowest delay set B-frames to 0 in the encoder (x264: tune=zerolatency).",
};

let dataDir: string;
let edge: LocalEdge;
let browser: Browser;
let page: Page;
const trouble: string[] = [];

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-health-"));
  edge = await startEdge({ port: await freePort(), dataDir, adminToken: ADMIN_TOKEN });
  browser = await launchBrowser();
  page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
  page.setDefaultTimeout(PATIENCE_MS);
  page.on("pageerror", (error) => trouble.push(String(error)));
  page.on("console", (message) => {
    // The API's 404 before the first broadcast is an answer, which Chromium logs as an error.
    if (message.type() === "error" && !message.text().includes("404")) trouble.push(message.text());
  });
});

afterAll(async () => {
  await browser?.close();
  await edge?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

const section = (): Locator => page.getByRole("region", { name: "Health" });
const says = (text: string | RegExp): Promise<void> => section().getByText(text).first().waitFor();

/** Reports as an ingest node does, until a check of the page holds. */
async function reportUntil(key: string, report: Partial<HealthReport>, holds: () => Promise<void>): Promise<void> {
  let isHeld = false;
  const held = holds().finally(() => {
    isHeld = true;
  });
  for (let count = 0; !isHeld; count += 1) {
    const wave = Math.sin(count / 2);
    const measures = {
      ...NO_MEASURES,
      ...{ bitsPerSecond: 6e6 + 1e6 * wave, framesPerSecond: 30 + wave, roundTripMs: 40 + 20 * wave },
      ...{ offsetMs: 12 * wave, delayMs: 180 + 30 * wave },
    };
    const body: HealthReport = { state: "good", atMs: Date.now(), checks: [], measures, ...report };
    const answer = await fetch(`${edge.url}/ingest/show/health`, {
      method: "PUT",
      headers: { authorization: `Bearer ${key}`, [PUBLISHER_HEADER]: "node-of-tests" },
      body: JSON.stringify(body),
    });
    expect(answer.status).toBe(204);
    await page.waitForTimeout(1_000);
  }
  await held;
}

/** Saves a picture of the page where the environment names a folder. */
async function takePicture(name: string): Promise<void> {
  const folder = process.env["CORRAL_PICTURES"];
  if (folder !== undefined) await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

/** Issues a key of the stream. */
async function issueKey(): Promise<string> {
  const answer = await fetch(`${edge.url}/api/streams/show/keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
  });
  return ((await answer.json()) as { key: string }).key;
}

test("the section says that nobody sends, and then what the node reports, as it changes", async () => {
  await page.goto(`${edge.url}/studio/show?tab=health`);
  await says("No encoder is connected. Its health appears here when one is.");
  expect(await section().locator("figure").count()).toBe(0);
  const key = await issueKey();
  await reportUntil(key, {}, () => says("The encoder’s media arrives as it should."));
  await reportUntil(key, { state: "bad", checks: [STARVED, FRAMES] }, async () => {
    await says("One error below harms what viewers see.");
    await section().getByText("Only 80 % of the media arrives in time").first().waitFor();
    await section()
      .getByRole("figure")
      .filter({ hasText: "Bitrate" })
      .getByText(/[5-7]\.\d Mb\/s/)
      .waitFor();
  });
  const rows = section().getByRole("list", { name: "Checks" }).getByRole("listitem");
  expect(await rows.allInnerTexts()).toEqual([
    expect.stringMatching(/^Error\s+since \d\d:\d\d:\d\d[\s\S]*Only 80 %[\s\S]*Lower the encoder's bitrate/),
    expect.stringMatching(/^Hint\s+since[\s\S]*2 B-frame/),
  ]);
  expect(await section().getByRole("status").allInnerTexts()).toContain(`Error: ${STARVED.say}`);
  const chart = section().getByRole("img", { name: /^Bitrate over the last 10 minutes\. bitrate: now \d\.\d Mb\/s/ });
  expect(await chart.count()).toBe(1);
  expect(await section().getByText("Not told for this encoder: packet loss.").count()).toBe(1);
  await takePicture("health-bad");
});

test("what is over stays for a while without its advice, and a page that is opened later has the figures", async () => {
  const key = await issueKey();
  await reportUntil(key, { checks: [FRAMES] }, () => says(/^1 hint below|arrives as it should\. 1 hint below/));
  const over = section().locator(".health-over");
  expect(await over.textContent()).toMatch(/^Over\s*at \d\d:\d\d:\d\d[\s\S]*Only 80 %/);
  expect(await over.textContent()).not.toContain("Lower the encoder's bitrate");
  await page.reload();
  await section()
    .getByRole("img", { name: /^Bitrate .* between \d\.\d Mb\/s and [67]\.\d Mb\/s/ })
    .waitFor();
  await reportUntil(key, { checks: [FRAMES] }, () => says(/1 hint below/));
});

test("the section fits a phone's width", async () => {
  await page.setViewportSize({ width: 390, height: 844 });
  const key = await issueKey();
  await reportUntil(key, { state: "bad", checks: [STARVED, FRAMES] }, () => says(/One error below/));
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  expect(width).toBeLessThanOrEqual(390);
  await takePicture("health-bad-390");
  await page.setViewportSize({ width: 1280, height: 1000 });
});

test("a stream whose publisher reads the source itself says that no node measures it", async () => {
  const publisher = await SyntheticPublisher.start(edge.url, "file", ADMIN_TOKEN, SHAPE);
  await page.goto(`${edge.url}/studio/file?tab=health`);
  await says("No ingest node measures this stream: its publisher reads the source itself (npm start -- INPUT).");
  await section().getByRole("button", { name: "Show the picture" }).click();
  await section().getByRole("button", { name: "Hide the picture" }).waitFor();
  await takePicture("health-file");
  await section().getByRole("button", { name: "Hide the picture" }).click();
  expect(await section().locator("video").count()).toBe(0);
  await publisher.stop();
});

test("past broadcasts are listed with a verdict, and an opened one has what happened", async () => {
  await page.goto(`${edge.url}/studio/file?tab=health`);
  await section().getByText("Last 30 days").click();
  const rows = section().getByRole("list", { name: "Broadcasts of the last 30 days" }).getByRole("listitem");
  await rows.getByText("No ingest node measured it.").click();
  const lines = section().getByRole("list", { name: "What happened" });
  await lines.getByText("The broadcast ended.").waitFor();
  expect(await lines.getByText("The broadcast began.").count()).toBe(1);
  await takePicture("health-history");
});

test("viewers' quality is of the period that was chosen last, in whatever order the edge answers", async () => {
  const figures = { startupP50Ms: null, startupP95Ms: null, delayP50Ms: null, delayP95Ms: null, stallsPerHour: null };
  const rowOf = (viewers: number): object => ({
    ...{
      name: "all",
      viewers,
      watchedMs: 0,
      stalls: 0,
      stalledMs: 0,
      stalledSecondsPerHour: null,
      errors: 0,
      ...figures,
    },
  });
  const month = Promise.withResolvers<void>();
  const monthIsTold = Promise.withResolvers<void>();
  await page.route(/\/api\/streams\/file\/quality/, async (route) => {
    const days = (Date.now() - Number(new URL(route.request().url()).searchParams.get("from"))) / 86_400_000;
    if (days > 20) await month.promise;
    const empty = { country: [], device: [], rendition: [] };
    const all = rowOf(days > 20 ? 3_030 : days > 5 ? 707 : 24);
    await route.fulfill({ json: { stream: "file", fromMs: 0, toMs: 1, all, ...empty } });
    if (days > 20) monthIsTold.resolve();
  });
  await page.goto(`${edge.url}/studio/file?tab=health`);
  await section().getByText("Viewers’ quality").click();
  await says(/\b24\b.*viewers/);
  const period = section().getByLabel("Period");
  await period.selectOption("30 days");
  await period.selectOption("7 days");
  await says(/\b707\b.*viewers/);
  month.resolve();
  await monthIsTold.promise;
  await page.waitForTimeout(500);
  expect(
    await section()
      .getByText(/\b707\b.*viewers/)
      .count(),
  ).toBe(1);
  await page.unroute(/\/api\/streams\/file\/quality/);
  expect(trouble).toEqual([]);
});
