/** The comparison of pages with reference pictures finds what a viewer would see, and nothing in a page that is as it was. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { launchBrowser } from "../support/browser.ts";
import { freePort } from "../support/ports.ts";
import { PAGE_TIMEOUT_MS } from "../support/room-pages.ts";
import { DEFAULT_TOLERANCE } from "../visual/comparison.ts";
import { LOOKS, openLook } from "../visual/looks.ts";
import { photograph } from "../visual/photograph.ts";
import { comparePictures } from "../visual/picture.ts";

const STREAM = "pictures";

let dataDir: string;
let edge: LocalEdge;
let browser: Browser;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-pictures-"));
  edge = await startEdge({ port: await freePort(), dataDir, adminToken: ADMIN_TOKEN });
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  await fetch(`${edge.url}/api/streams/${STREAM}/keys`, { method: "POST", headers });
  const body = JSON.stringify({ title: "Sunday concert", host: "Mira", description: "Live from the garden." });
  await fetch(`${edge.url}/api/streams/${STREAM}/details`, { method: "PUT", headers, body });
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
  await edge?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

/** Faults of a style sheet, by look. */
const FAULTS: Readonly<Record<string, readonly (readonly [what: string, style: string])[]>> = {
  desktop: [
    ["the composer is gone", ".composer-row { display: none !important; }"],
    ["the chat stands 24 px aside", "#chat { translate: -24px 0; }"],
    ["the title is gone", ".about-head { visibility: hidden; }"],
  ],
  phone: [
    ["the composer is gone", ".composer-row { display: none !important; }"],
    ["the buttons stand 24 px aside", ".rail { translate: -24px 0; }"],
    ["the top bar stands 24 px lower", ".topbar { translate: 0 24px; }"],
  ],
};

test.each(Object.entries(FAULTS))("on a %s each fault differs by more than may be", async (name, faults) => {
  const look = LOOKS.find((each) => each.name === name);
  if (look === undefined) throw new Error("there is no such look");
  const { context, page } = await openLook(browser, look);
  page.setDefaultTimeout(PAGE_TIMEOUT_MS);
  await page.goto(`${edge.url}/watch/${STREAM}`);
  await page.locator("#chat .composer-join").waitFor();
  await page.locator(".overlay .card", { hasText: "isn’t live yet" }).waitFor();
  const shareFrom = async (reference: Awaited<ReturnType<typeof photograph>>): Promise<number> =>
    comparePictures((await photograph(page)).small, reference.small).share;
  // Likes and viewers come from the room.
  let reference = await photograph(page);
  const change = async (): Promise<number> => {
    const before = reference;
    reference = await photograph(page);
    return comparePictures(reference.small, before.small).share;
  };
  await expect.poll(change, { timeout: PAGE_TIMEOUT_MS, interval: 500 }).toBe(0);
  for (const [what, style] of faults) {
    const sheet = await page.addStyleTag({ content: style });
    expect(await shareFrom(reference), what).toBeGreaterThan(DEFAULT_TOLERANCE);
    await sheet.evaluate((element) => (element as Element).remove());
    expect(await shareFrom(reference), `without: ${what}`).toBe(0);
  }
  await context.close();
});
