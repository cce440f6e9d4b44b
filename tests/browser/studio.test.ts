import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SyntheticPublisher } from "../../loadtest/publisher.ts";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { launchBrowser } from "../support/browser.ts";
import { freePort } from "../support/ports.ts";

const PATIENCE_MS = 60_000;
const SHAPE = { partMs: 200, partsPerSegment: 5, tracks: { "720p": 20_000, audio: 2_000 } };

let dataDir: string;
let edge: LocalEdge;
let browser: Browser;
let page: Page;
const trouble: string[] = [];

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-studio-"));
  edge = await startEdge({ port: await freePort(), dataDir, adminToken: ADMIN_TOKEN });
  browser = await launchBrowser();
  page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
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

/** Requests the newest part in a loop until `stop`. */
function watch(publisher: SyntheticPublisher, stop: AbortSignal): Promise<void> {
  const base = `${edge.url}/live/${publisher.stream}/${publisher.config.broadcast}/720p`;
  const once = async (): Promise<void> => {
    const playlist = await (await fetch(`${base}/media.m3u8`)).text();
    const hint = /PRELOAD-HINT:TYPE=PART,URI="([^"]+)"/.exec(playlist)?.[1];
    if (hint !== undefined) await (await fetch(`${base}/${hint}`)).arrayBuffer();
  };
  return (async () => {
    while (!stop.aborted) await once();
  })();
}

/** Waits until the page shows a text that matches. */
const shows = (selector: string, text: RegExp): Promise<void> =>
  page.locator(selector, { hasText: text }).first().waitFor({ timeout: PATIENCE_MS });

/** The value of a tile. */
const tile = (name: string): string => `.tile:has(dt:text-is("${name}")) .value`;

test("the studio waits for a broadcast, shows its requests while it is live, and its end", async () => {
  await page.goto(`${edge.url}/studio/show?tab=health`);
  await shows(".badge", /NOT LIVE/);
  await shows(".note", /isn’t live yet/);
  const publisher = await SyntheticPublisher.start(edge.url, "show", ADMIN_TOKEN, SHAPE);
  const stop = new AbortController();
  const watching = watch(publisher, stop.signal);
  try {
    await shows(".badge", /^LIVE$/);
    await page.getByText("Edge internals").click();
    await shows(tile("Requests"), /^[1-9]\d*(\.\d)?\/s$/);
    await shows(tile("Delay"), /^[01]\.\d\d s$/);
    await shows("#tracks + .scroll", /720p/);
    // The chart has a text description.
    const described = page.locator("#chart-requests [role=img]");
    expect(await described.getAttribute("aria-label")).toMatch(
      /^Viewers’ requests over the last 10 minutes\. requests: now/,
    );
    expect(await page.locator(".chart canvas").count()).toBe(6);
    expect(await page.locator(".watch-link").getAttribute("href")).toBe("/watch/show");
    // An isolate's counters travel with its feed, which a request for another track renews at once.
    const audio = `${edge.url}/live/show/${publisher.config.broadcast}/audio/media.m3u8`;
    expect((await fetch(audio)).status).toBe(200);
    await shows(tile("Hit ratio"), /^100 %$/);
    await shows(tile("Fetches/object"), /^1\.000$/);
  } finally {
    stop.abort();
    await watching;
    await publisher.stop();
  }
  await shows(".badge", /ENDED/);
  await shows(".note", /has ended/);
  expect(trouble).toEqual([]);
});

test("tabs are opened by pointer and keys, are in the address, and keep what was typed in another one", async () => {
  await page.goto(`${edge.url}/studio/show`);
  await page.getByRole("tab", { name: "Details" }).click();
  expect(new URL(page.url()).searchParams.get("tab")).toBe("details");
  await page.getByLabel("Title").fill("half a ti");
  await page.getByRole("tab", { name: "Details" }).press("ArrowLeft");
  await page.locator("#panel-room:visible").waitFor();
  expect(await page.locator("#panel-details").isVisible()).toBe(false);
  await page.reload();
  await page.locator("#panel-room:visible").waitFor();
  await page.getByRole("tab", { name: "Details" }).click();
  await page.getByLabel("Title").fill("a title");
  await page.getByRole("tab", { name: "Health" }).click();
  await page.getByRole("tab", { name: "Details" }).click();
  expect(await page.getByLabel("Title").inputValue()).toBe("a title");
  // A chart that was drawn in a closed tab gets its width.
  await page.getByRole("tab", { name: "Health" }).click();
  await page.waitForFunction(() => (document.querySelector(".chart canvas")?.clientWidth ?? 0) > 100);
  expect(trouble).toEqual([]);
});

test("on a phone nothing is wider than the screen, and an invalid stream name is refused", async () => {
  await page.setViewportSize({ width: 390, height: 844 });
  await shows(tile("Viewers"), /\d/);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  const answer = await page.goto(`${edge.url}/studio/No%20Such`);
  expect(answer?.status()).toBe(404);
});
