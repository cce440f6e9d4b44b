/** Past broadcasts and clips in Chromium: real broadcasts of one stream, one after the other. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { launchBrowser, readPageStats, waitForStats } from "../support/browser.ts";
import { OriginProcess } from "../support/origin-process.ts";
import { freePort } from "../support/ports.ts";
import { PAGE_TIMEOUT_MS } from "../support/room-pages.ts";

const STREAM = "evenings";
/** How long the first broadcast is on the air. */
const FIRST_MS = 8_000;

let dataDir: string;
let edge: LocalEdge;
let browser: Browser;
let second: OriginProcess;
let recording = "";

async function broadcast(): Promise<OriginProcess> {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  const issued = await fetch(`${edge.url}/api/streams/${STREAM}/keys`, { method: "POST", headers });
  const { key } = (await issued.json()) as { key: string };
  const origin = new OriginProcess(["--edge", edge.url, "--key", key, "--stream", STREAM, "--ladder", "180p:200k"]);
  await origin.waitForOutput(`/watch/${STREAM}`);
  return origin;
}

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-recordings-"));
  edge = await startEdge({ port: await freePort(), dataDir, adminToken: ADMIN_TOKEN });
  browser = await launchBrowser();
  const first = await broadcast();
  await new Promise((resolve) => setTimeout(resolve, FIRST_MS));
  expect(await first.interrupt()).toBe(0);
  second = await broadcast();
  const listed = await fetch(`${edge.url}/api/streams/${STREAM}/broadcasts`);
  const { broadcasts } = (await listed.json()) as { broadcasts: { broadcast: string; endedAt: number | null }[] };
  expect(broadcasts.map(({ endedAt }) => endedAt === null)).toEqual([true, false]);
  recording = broadcasts[1]?.broadcast ?? "";
});

afterAll(async () => {
  await second?.interrupt();
  await browser?.close();
  await edge?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

async function open(path: string): Promise<Page> {
  const context = await browser.newContext({ permissions: ["local-network-access"] });
  const page = await context.newPage();
  page.setDefaultTimeout(PAGE_TIMEOUT_MS);
  await page.goto(`${edge.url}${path}`);
  return page;
}

const replays = (page: Page): Promise<unknown> =>
  waitForStats(page, ({ state }) => state === "replay", PAGE_TIMEOUT_MS, "replaying");
const currentTime = (page: Page): Promise<number> =>
  page.evaluate(() => document.querySelector("video")?.currentTime ?? Number.NaN);

test("a past broadcast is found beside the live one, plays to its end, and leads back to what is live", async () => {
  const page = await open(`/watch/${STREAM}`);
  await waitForStats(page, ({ state }) => state === "live", PAGE_TIMEOUT_MS, "live");
  await page.getByRole("button", { name: "Past broadcasts" }).locator("visible=true").click();
  const rows = page.locator(".past-list a");
  await rows.first().waitFor();
  expect(await rows.count()).toBe(1);
  await rows.first().click();
  await page.waitForURL(`**/watch/${STREAM}?broadcast=${recording}`);
  await replays(page);
  await page.locator(".badge", { hasText: "RECORDING" }).waitFor();
  // The live broadcast is offered, not shown.
  await page.getByRole("button", { name: /Live again/ }).waitFor();
  await page.locator(".overlay .title", { hasText: "The recording ends here" }).waitFor();
  expect((await readPageStats(page))?.state).toBe("ended");
  await page.getByRole("button", { name: "Watch again" }).click();
  await replays(page);
  await page.getByRole("button", { name: /Live again/ }).click();
  await page.waitForURL(`**/watch/${STREAM}`);
  await waitForStats(page, ({ state }) => state === "live", PAGE_TIMEOUT_MS, "live");
  await page.context().close();
});

test("a clip is made of a recording, begins and ends where it says, and can be watched on", async () => {
  const page = await open(`/watch/${STREAM}?broadcast=${recording}&t=4`);
  await replays(page);
  await page.evaluate(() => document.querySelector("video")?.pause());
  expect(await currentTime(page)).toBeGreaterThanOrEqual(4);
  await page.getByRole("button", { name: "Share" }).locator("visible=true").first().click();
  await page.getByLabel("A clip").check();
  const link = await page.getByLabel("Link").inputValue();
  expect(link).toMatch(new RegExp(`/watch/${STREAM}\\?broadcast=${recording}&end=\\d+$`));
  await page.context().close();

  const clip = await open(`/watch/${STREAM}?broadcast=${recording}&t=2&end=4`);
  await replays(clip);
  expect(await currentTime(clip)).toBeGreaterThanOrEqual(2);
  await clip.locator(".overlay .title", { hasText: "The recording ends here" }).waitFor();
  const endedAt = await currentTime(clip);
  expect(endedAt).toBeGreaterThanOrEqual(4);
  expect(endedAt).toBeLessThan(5);
  await clip.getByRole("button", { name: "Watch again" }).click();
  await replays(clip);
  expect(await currentTime(clip)).toBeLessThan(4);
  await clip.locator(".overlay .title", { hasText: "The recording ends here" }).waitFor();
  await clip.getByRole("link", { name: "Watch on" }).click();
  await replays(clip);
  await waitForStats(clip, ({ state }) => state === "ended", PAGE_TIMEOUT_MS, "at the recording's end");
  expect(await currentTime(clip)).toBeGreaterThan(5);
  await clip.context().close();
});

test("a recording that does not exist is said so, with a way to the stream", async () => {
  const page = await open(`/watch/${STREAM}?broadcast=invented0000`);
  await page.locator(".overlay .detail", { hasText: "The stream has no such recording." }).waitFor();
  await page.getByRole("link", { name: "Go to the stream" }).click();
  await page.waitForURL(`**/watch/${STREAM}`);
  await waitForStats(page, ({ state }) => state === "live", PAGE_TIMEOUT_MS, "live");
  await page.context().close();
});
