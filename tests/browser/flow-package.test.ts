/** Flow's player as a package: a bare page of another site plays with it, renews its response ten times, and lets go of it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { launchBrowser } from "../support/browser.ts";
import { FLOW_PAGE, type FlowPage, type FlowPageRecord, serveFlowPage } from "../support/flow-page.ts";
import { OriginProcess } from "../support/origin-process.ts";
import { freePort } from "../support/ports.ts";

/** Timeout of waits that assert no duration, generous for a loaded machine. */
const PATIENCE_MS = 30_000;
const RENEWALS = 10;

let dataDir: string;
let edge: LocalEdge;
let origin: OriginProcess;
let browser: Browser;
let site: FlowPage;
let page: Page;
const errors: string[] = [];

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-flow-package-"));
  edge = await startEdge({ port: await freePort(), dataDir, adminToken: ADMIN_TOKEN });
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  const keys = await fetch(`${edge.url}/api/streams/show/keys`, { method: "POST", headers });
  const { key } = (await keys.json()) as { key: string };
  const ladder = ["--ladder", "240p:300k", "--preset", "ultra"];
  origin = new OriginProcess(["--edge", edge.url, "--key", key, "--stream", "show", ...ladder]);
  browser = await launchBrowser();
  site = await serveFlowPage(edge.url, "show", { min: 2_000, max: 2_500 });
  page = await browser.newPage();
  page.on("pageerror", (error) => errors.push(String(error)));
  await origin.waitForOutput("/watch/show");
  await page.goto(site.url);
});

afterAll(async () => {
  await browser?.close();
  site?.stop();
  if (origin?.process.exitCode === null) await origin.interrupt();
  await edge?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

const read = (): Promise<FlowPageRecord> => page.evaluate(FLOW_PAGE.read);

test("a page of another site plays, knows its delay, and renews its response without joining anew", async () => {
  await expect.poll(async () => (await read()).phase, { timeout: PATIENCE_MS }).toBe("live");
  const renewals = async (): Promise<number> => (await read()).joins.filter((each) => each === "next").length;
  await expect.poll(renewals, { timeout: 2 * PATIENCE_MS }).toBeGreaterThanOrEqual(RENEWALS);
  const after = await read();
  console.log(`after ${RENEWALS} renewals: ${JSON.stringify({ ...after, joins: after.joins.length })}`);
  expect(after.phase).toBe("live");
  expect(after.rendition).toBe("240p");
  expect(after.delayS).toBeGreaterThan(0);
});

test("a view that is closed asks for nothing more, and leaves the element to others", async () => {
  await page.evaluate(FLOW_PAGE.close);
  const requests: string[] = [];
  page.on("request", (request) => requests.push(request.url()));
  await page.waitForTimeout(4_000);
  expect(requests).toEqual([]);
  expect(await page.evaluate(() => document.querySelector("video")?.getAttribute("src"))).toBeNull();
  expect(errors).toEqual([]);
});

test("a live card of the start page plays while the pointer rests on it, without sound, and lets go when it leaves", async () => {
  const start = await browser.newPage();
  const asked: string[] = [];
  const ended: string[] = [];
  start.on("request", (request) => asked.push(request.url()));
  start.on("requestfailed", (request) => ended.push(request.url()));
  await start.goto(`${edge.url}/`);
  const card = start.locator('.card[data-live="show"]');
  await card.waitFor({ timeout: 30_000 });
  expect(asked.filter((url) => url.includes("/live/"))).toEqual([]);
  await card.hover();
  await start.waitForFunction(() => (document.querySelector<HTMLVideoElement>(".preview-plays")?.currentTime ?? 0) > 0);
  expect(await start.locator(".preview").evaluate((video: HTMLVideoElement) => video.muted)).toBe(true);
  await start.mouse.move(1, 1);
  await start.locator(".preview").waitFor({ state: "detached" });
  await expect.poll(() => ended.some((url) => url.includes("flow.mp4"))).toBe(true);
  // Motion that is unwelcome does not begin.
  await start.emulateMedia({ reducedMotion: "reduce" });
  const before = asked.length;
  await card.hover();
  await start.waitForTimeout(1_000);
  expect(asked.slice(before).filter((url) => url.includes("/live/"))).toEqual([]);
  await start.close();
});
