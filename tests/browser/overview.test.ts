/** The page of many streams, at `/studio`, in Chromium: on this machine, where everybody is a host, and by another host name. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SyntheticPublisher } from "../../loadtest/publisher.ts";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { launchBrowser } from "../support/browser.ts";
import { freePort } from "../support/ports.ts";
import { TestPublisher } from "../support/publisher.ts";

const PATIENCE_MS = 30_000;
const HOST = "live.corral.test";
const SHAPE = { partMs: 200, partsPerSegment: 5, tracks: { "720p": 20_000, audio: 2_000 } };

let dataDir: string;
let edge: LocalEdge;
let browser: Browser;
/** The edge as it is reached when it is deployed: its pages get no token by themselves. */
let away: string;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-overview-"));
  edge = await startEdge({ port: await freePort(), dataDir, adminToken: ADMIN_TOKEN });
  away = `http://${HOST}:${new URL(edge.url).port}`;
  browser = await launchBrowser([`--host-resolver-rules=MAP ${HOST} 127.0.0.1`]);
});

afterAll(async () => {
  await browser?.close();
  await edge?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

async function setDetails(stream: string, details: object): Promise<void> {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  const body = JSON.stringify(details);
  const answer = await fetch(`${edge.url}/api/streams/${stream}/details`, { method: "PUT", headers, body });
  expect(answer.status).toBe(200);
}

async function goLive(stream: string, details: object): Promise<TestPublisher> {
  const publisher = new TestPublisher(
    { ask: (address, init) => fetch(edge.url + address, init), adminToken: ADMIN_TOKEN },
    { stream },
  );
  await setDetails(stream, details);
  await publisher.openWithInits();
  await publisher.putParts(0, 6);
  return publisher;
}

/** A browser on which the studios of these streams were opened. */
async function openAs(own: readonly string[], viewport = { width: 1280, height: 900 }): Promise<BrowserContext> {
  const context = await browser.newContext({ viewport });
  await context.addInitScript((names) => localStorage.setItem("corral.own-streams", names), own.join(" "));
  return context;
}

const tile = (page: Page, stream: string): ReturnType<Page["locator"]> =>
  page.locator(`.stream[data-stream=${stream}]`);

test("without a stream the page says how to begin, and opens the studio of a name", async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${edge.url}/studio`);
  await page.locator(".overview-empty").waitFor();
  await page.getByText("Nobody is live right now.").waitFor();
  const field = page.getByLabel("Name of a stream");
  await field.fill("no name!");
  await page.getByRole("button", { name: "Open or create" }).click();
  await page.locator(".overview-hint", { hasText: "lowercase letters" }).waitFor();
  expect(await field.getAttribute("aria-invalid")).toBe("true");
  await field.fill("Ann");
  await field.press("Enter");
  await page.waitForURL(`${edge.url}/studio/ann?tab=golive`);
  // The studio leads back, and its stream stands on the list once it was opened as a host.
  await page.locator("#keys").waitFor();
  await page.getByRole("link", { name: "All streams" }).click();
  await tile(page, "ann").getByText("No broadcast yet.").waitFor();
  await page.getByRole("button", { name: "Remove ann from this list" }).click();
  await page.locator(".overview-empty").waitFor();
  await context.close();
});

test("tiles say state, viewers and trouble, the worst first, and a title is text", async () => {
  const hostile = `<img src=x onerror="alert(1)">`;
  await setDetails("mine", { title: hostile, host: "Ann" });
  const publisher = await SyntheticPublisher.start(edge.url, "mine", ADMIN_TOKEN, SHAPE);
  const startsAt = new Date(Date.now() + 86_400_000).toISOString();
  await setDetails("planned", { title: "Concert", schedule: [{ startsAt }] });
  await setDetails("quiet", { title: "Quiet" });
  await goLive("other", { title: "Somebody else's" });
  const context = await openAs(["mine", "quiet", "planned"]);
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("pageerror", ({ message }) => errors.push(message));
  page.on("dialog", (dialog) => errors.push(dialog.message()));
  await page.goto(`${edge.url}/studio`);
  await tile(page, "mine").locator(".badge", { hasText: "LIVE" }).waitFor({ timeout: PATIENCE_MS });
  await tile(page, "mine")
    .getByText(/^Good · delay \d+\.\d s$/)
    .waitFor({ timeout: PATIENCE_MS });
  expect(await tile(page, "mine").locator(".stream-title").textContent()).toBe(hostile);
  await tile(page, "mine")
    .getByText(/\d watching/)
    .waitFor();
  await tile(page, "planned")
    .getByText(/^Starts /)
    .waitFor({ timeout: PATIENCE_MS });
  await tile(page, "quiet").getByText("No broadcast yet.").waitFor({ timeout: PATIENCE_MS });
  const order = (): Promise<string[]> => page.locator("#own ~ .streams .stream-name").allTextContents();
  await expect.poll(order, { timeout: PATIENCE_MS }).toEqual(["mine", "planned", "quiet"]);
  // On a local edge everybody is a host of everything.
  await tile(page, "other").waitFor({ timeout: PATIENCE_MS });
  await page.locator(".overview-sum", { hasText: /^2 live/ }).waitFor({ timeout: PATIENCE_MS });
  expect(await tile(page, "mine").locator(".card").getAttribute("href")).toBe("/studio/mine");
  await publisher.stop();
  await tile(page, "mine").locator(".badge", { hasText: "ENDED" }).waitFor({ timeout: PATIENCE_MS });
  for (const width of [320, 390]) {
    await page.setViewportSize({ width, height: 700 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
  }
  expect(errors).toEqual([]);
  await context.close();
});

test("only streams whose tiles are in view are asked about", async () => {
  const own = Array.from({ length: 20 }, (_, at) => `far-${String(at).padStart(2, "0")}`);
  const context = await openAs(own, { width: 390, height: 700 });
  const page = await context.newPage();
  const asked = new Set<string>();
  page.on("request", (request) => {
    const [, stream] = /^\/api\/streams\/(far-\d+)$/.exec(new URL(request.url()).pathname) ?? [];
    if (stream !== undefined) asked.add(stream);
  });
  await page.goto(`${edge.url}/studio`);
  await page.locator(".stream-verdict", { hasText: "No broadcast yet." }).first().waitFor();
  expect(asked.size).toBeLessThanOrEqual(4);
  const last = page.locator("#own ~ .streams .stream").last();
  await last.scrollIntoViewIfNeeded();
  await last.getByText("No broadcast yet.").waitFor({ timeout: PATIENCE_MS });
  expect(asked.size).toBeLessThan(20);
  await context.close();
});

test("away from this machine only the operator's token shows the streams of others, and a wrong one shows nothing", async () => {
  const publisher = await goLive("theirs", { title: "Theirs" });
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${away}/studio`);
  await page.locator(".overview-empty").waitFor();
  expect(await page.locator(".stream").count()).toBe(0);
  await page.getByText("For the operator").click();
  const open = async (token: string): Promise<void> => {
    await page.getByLabel("Operator’s token").fill(token);
    await page.getByRole("button", { name: "Open", exact: true }).click();
  };
  await open("not-the-token");
  await page.getByText("This is not the operator’s token.").waitFor();
  expect(await page.locator(".stream").count()).toBe(0);
  await open(ADMIN_TOKEN);
  await tile(page, "theirs").waitFor({ timeout: PATIENCE_MS });
  expect(
    await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, location.href])),
  ).not.toContain(ADMIN_TOKEN);
  await publisher.end();
  await context.close();
});
