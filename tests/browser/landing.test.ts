/** The start page and the block about a stream, in Chromium: what is listed, by keyboard, on phones, and with hostile titles. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join as path } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { launchBrowser } from "../support/browser.ts";
import { freePort } from "../support/ports.ts";
import { TestPublisher } from "../support/publisher.ts";

let dataDir: string;
let edge: LocalEdge;
let browser: Browser;

beforeAll(async () => {
  dataDir = await mkdtemp(path(tmpdir(), "corral-landing-"));
  edge = await startEdge({ port: await freePort(), dataDir, adminToken: ADMIN_TOKEN });
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
  await edge?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

const LONG_WORD = "w".repeat(140);

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

const titlesIn = (page: Page, section: string): Promise<string[]> =>
  page.locator(`${section} .title`).allTextContents();

async function widest(page: Page): Promise<string[]> {
  const wide: string[] = [];
  for (const width of [320, 390]) {
    await page.setViewportSize({ width, height: 700 });
    const scrollWidth = await page.evaluate(() => document.documentElement.scrollWidth);
    if (scrollWidth > width) wide.push(`${scrollWidth} of ${width} px`);
  }
  return wide;
}

test("without a stream the page says how to begin; streams then appear by themselves, and a title is text", async () => {
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on("pageerror", ({ message }) => errors.push(message));
  page.on("dialog", (dialog) => errors.push(dialog.message()));
  await page.goto(edge.url);
  await page.locator("#empty:visible").waitFor();
  expect(await page.locator("#empty").textContent()).toMatch(/\/studio\/ann/);

  const hostile = `<img src=x onerror="alert(1)"><script>alert(2)</script>`;
  const publisher = await goLive("hostile", { title: hostile, host: "Ann" });
  await goLive("wide", { title: LONG_WORD, host: LONG_WORD.slice(0, 60) });
  const startsAt = new Date(Date.now() + 3_600_000).toISOString();
  await setDetails("soon", { title: "Sunday concert", schedule: [{ startsAt }] });
  await page.locator("#live .card").nth(1).waitFor({ timeout: 30_000 });
  expect((await titlesIn(page, "#live")).sort()).toEqual([hostile, LONG_WORD].sort());
  expect(await page.locator("#empty").isVisible()).toBe(false);
  await page.locator("#upcoming .card").waitFor();
  expect(await titlesIn(page, "#upcoming")).toEqual(["Sunday concert"]);
  expect(await widest(page)).toEqual([]);

  // A card that has the focus keeps it while others leave.
  await page.locator("#live .card", { hasText: LONG_WORD }).focus();
  await publisher.end();
  await page.locator("#replays .card", { hasText: "onerror" }).waitFor({ timeout: 30_000 });
  expect(await page.evaluate(() => document.activeElement?.getAttribute("href"))).toBe("/watch/wide");
  await page.keyboard.press("Enter");
  await page.waitForURL(`${edge.url}/watch/wide`);
  expect(errors).toEqual([]);
  await page.close();
});

test("the watch page shows who is live under the picture, and is not wider than a phone", async () => {
  const description = `Line one\n${LONG_WORD}`;
  const links = [{ label: "Site", url: "https://ann.example/" }];
  await goLive("about", { title: "Night ride", host: "Ann", description, tags: ["bike"], links });
  const page = await browser.newPage();
  await page.goto(`${edge.url}/watch/about`);
  await page.locator("#about summary").click();
  expect(await page.locator("#about").textContent()).toContain("Line one\n");
  expect(await page.locator("#about a").getAttribute("href")).toBe("https://ann.example/");
  await page.locator(".topbar .name", { hasText: "Night ride" }).waitFor();
  expect(await widest(page)).toEqual([]);
  await page.close();
});

test("an announced stream, one without a broadcast, and a name that nobody has are told apart", async () => {
  const startsAt = new Date(Date.now() + 86_400_000).toISOString();
  await setDetails("announced", { title: "Concert", schedule: [{ startsAt }] });
  await setDetails("quiet", { title: "Quiet" });
  const page = await browser.newPage();
  for (const [stream, words] of [
    ["announced", /^Concert\s*Starts /],
    ["quiet", /^Quiet isn’t live yet/],
    ["nobody-has-this", /^No such stream\s*Nobody has a stream named nobody-has-this/],
  ] as const) {
    await page.goto(`${edge.url}/watch/${stream}`);
    await expect.poll(() => page.locator(".overlay .card").textContent(), { timeout: 10_000 }).toMatch(words);
    // A room that does not exist is not shown as one that cannot be reached.
    expect(await page.locator("#chat").isVisible()).toBe(stream !== "nobody-has-this");
  }
  await page.close();
});

test("who has opened a studio as a host finds the way to going live on the start page, and can take it off", async () => {
  const page = await browser.newPage();
  await page.goto(`${edge.url}/`);
  expect(await page.locator("#own").isVisible()).toBe(false);
  // On this machine everybody is a host.
  await setDetails("mine", { title: "Mine" });
  await page.goto(`${edge.url}/studio/mine?tab=golive`);
  await page.locator("#keys").waitFor();
  await page.goto(`${edge.url}/`);
  const link = page.getByRole("link", { name: "Go live as mine" });
  expect(await link.getAttribute("href")).toBe("/studio/mine?tab=golive");
  expect(await widest(page)).toEqual([]);
  await page.getByRole("button", { name: "Take mine off this list" }).click();
  await page.reload();
  expect(await page.locator("#own").isVisible()).toBe(false);
  await page.close();
});
