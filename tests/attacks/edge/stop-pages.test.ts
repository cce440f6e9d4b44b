import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LocalEdge, startEdge } from "../../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../../support/admin-token.ts";
import { launchBrowser, waitForStats } from "../../support/browser.ts";
import { fetchEdge } from "../../support/edge-requests.ts";
import { OriginProcess } from "../../support/origin-process.ts";
import { freePort } from "../../support/ports.ts";
import { figure } from "../scale.ts";

const PATIENCE_MS = 30_000;
const GOAL_MS = 1_500;
const REASON = "A court has ordered this broadcast to be stopped.";
/** Folder for screenshots; none without it. */
const LOOK_AT = process.env["CORRAL_SCREENSHOTS"];

let dataDir: string;
let edge: LocalEdge;
let origin: OriginProcess;
let browser: Browser;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-stop-"));
  edge = await startEdge({ port: await freePort(), dataDir, adminToken: ADMIN_TOKEN });
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  const answer = await fetchEdge(`${edge.url}/api/streams/show/keys`, { method: "POST", headers });
  const { key } = (await answer.json()) as { key: string };
  browser = await launchBrowser();
  origin = new OriginProcess(["--edge", edge.url, "--key", key, "--stream", "show", "--ladder", "360p:700k"]);
  await origin.waitForOutput("/watch/show");
});

afterAll(async () => {
  await browser?.close();
  if (origin?.process.exitCode === null) await origin.interrupt();
  await edge?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

/** The page records when it loses its picture, and whether one returns. */
async function watch(width: number, height: number, query = ""): Promise<Page> {
  const page = await browser.newPage({ viewport: { width, height } });
  await page.goto(`${edge.url}/watch/show${query}`);
  await waitForStats(
    page,
    ({ state, firstPictureMs }) => state === "live" && firstPictureMs !== null,
    PATIENCE_MS,
    "live",
  );
  await page.evaluate(() => {
    const noted = globalThis as unknown as { goneMs: number | null };
    noted.goneMs = null;
    const video = document.querySelector("video");
    const still = document.querySelector("canvas");
    const look = (): void => {
      const picture = (video?.videoWidth ?? 0) > 0 || (still?.width ?? 0) > 0;
      noted.goneMs = picture ? null : (noted.goneMs ?? Date.now());
      requestAnimationFrame(look);
    };
    look();
  });
  return page;
}

const gone = (page: Page): Promise<number | null> =>
  page.evaluate(() => (globalThis as unknown as { goneMs: number | null }).goneMs);

async function look(page: Page, name: string): Promise<void> {
  if (LOOK_AT !== undefined) await page.screenshot({ path: join(LOOK_AT, `${name}.png`) });
}

test("a stop in the studio removes the picture from every page at once with the reason, ends the origin, and can be undone", async () => {
  const [desktop, phone] = [await watch(1280, 800), await watch(390, 844, "?delay=smooth")];
  // A paused page shows a picture too.
  const paused = await watch(640, 480);
  await paused.evaluate(() => document.querySelector("video")?.pause());
  const studio = await browser.newPage({ viewport: { width: 390, height: 844 } });
  const dialogs: string[] = [];
  studio.on("pageerror", (error) => dialogs.push(String(error)));
  await studio.goto(`${edge.url}/studio/show?tab=golive`);
  await studio.getByRole("button", { name: "Stop this stream…" }).click();
  const stopNow = studio.getByRole("button", { name: "Stop now" });
  expect(await stopNow.isDisabled()).toBe(true);
  await studio.getByLabel("Category").selectOption("legal");
  await studio.getByLabel("Message to viewers").fill(REASON);
  await look(studio, "studio-asks");
  const stoppedMs = Date.now();
  await stopNow.click();
  const pages = [desktop, phone, paused];
  for (const page of pages) await waitForStats(page, ({ state }) => state === "stopped", PATIENCE_MS, "stopped");
  const took = await Promise.all(
    pages.map(async (page) => ((await gone(page)) ?? Number.POSITIVE_INFINITY) - stoppedMs),
  );
  figure(
    "stop → picture gone on the watch page, most of 3 (desktop, phone, paused)",
    `${Math.max(...took)} ms`,
    "≤ 1.5 s",
  );
  expect(Math.max(...took)).toBeLessThan(GOAL_MS);
  for (const page of pages) {
    await page.getByText(REASON).waitFor({ timeout: PATIENCE_MS });
    expect(await page.locator("#chat").isVisible()).toBe(false);
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
  }
  expect(await desktop.title()).toBe("show was stopped · Corral");
  await look(desktop, "watch-desktop");
  await look(phone, "watch-phone");
  // A page opened now never shows a picture.
  const late = await browser.newPage();
  await late.goto(`${edge.url}/watch/show`);
  await waitForStats(
    late,
    ({ state, firstPictureMs }) => state === "stopped" && firstPictureMs === null,
    PATIENCE_MS,
    "stopped",
  );
  await late.close();
  expect(await origin.exit).toBe(1);
  const said = origin.output.split("\n").filter((line) => line.includes(REASON));
  expect(said.length).toBe(1);
  expect(said[0]).toMatch(/show was stopped, and accepts no publisher until the stop is undone: /);
  await studio.locator(".badge", { hasText: "STOPPED" }).waitFor({ timeout: PATIENCE_MS });
  await studio.getByText("Stopped by a host").waitFor({ timeout: PATIENCE_MS });
  await look(studio, "studio-stopped");
  expect(await studio.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  for (const page of pages) expect((await gone(page)) ?? 0).toBeLessThan(stoppedMs + GOAL_MS);
  await studio.getByRole("button", { name: "Start it again…" }).click();
  await studio.getByRole("button", { name: "Yes, start it again" }).click();
  await studio.getByRole("button", { name: "Stop this stream…" }).waitFor({ timeout: PATIENCE_MS });
  await studio.getByText(/started again by host/).waitFor({ timeout: PATIENCE_MS });
  // By itself the page would poll within 15 s.
  await desktop.evaluate(() => dispatchEvent(new Event("online")));
  await waitForStats(desktop, ({ state }) => state !== "stopped", PATIENCE_MS, "started again");
  await expect.poll(() => gone(desktop), { timeout: PATIENCE_MS }).toBeNull();
  await look(desktop, "watch-again");
  expect(dialogs).toEqual([]);
});
