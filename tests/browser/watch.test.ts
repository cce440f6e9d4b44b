import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ViewerQuality } from "../../core/quality/quality-tally.ts";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { launchBrowser, readPageStats, waitForStats } from "../support/browser.ts";
import { OriginProcess } from "../support/origin-process.ts";
import { freePort } from "../support/ports.ts";

/** Timeout of waits that assert no duration, generous for a loaded machine. */
const PATIENCE_MS = 30_000;
/** Frames for which the delay is measured: some four seconds of video. */
const DELAY_READINGS = 120;
/** Tolerance between the page's statistics and the test's own clock reading. */
const CLOCK_TOLERANCE_S = 0.1;
const MAX_DELAY_S = 10;

let dataDir: string;
let edge: LocalEdge;
let origin: OriginProcess;
let browser: Browser;
let page: Page;
const errors: string[] = [];

const admin = (path: string): Promise<Response> =>
  fetch(`${edge.url}${path}`, { method: "POST", headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-browser-"));
  edge = await startEdge({ port: await freePort(), dataDir, adminToken: ADMIN_TOKEN });
  const { key } = (await (await admin("/api/streams/show/keys")).json()) as { key: string };
  browser = await launchBrowser();
  page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("request", (request) => {
    const { origin: host, protocol } = new URL(request.url());
    if (host !== edge.url && protocol.startsWith("http")) errors.push(`requested ${request.url()}`);
  });
  await page.goto(`${edge.url}/watch/show?delay=smooth`);
  await page.waitForTimeout(500);
  expect((await readPageStats(page))?.state).not.toBe("live");
  origin = new OriginProcess(["--edge", edge.url, "--key", key, "--stream", "show"]);
  await origin.waitForOutput("/watch/show");
});

afterAll(async () => {
  await browser?.close();
  if (origin?.process.exitCode === null) await origin.interrupt();
  await edge?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

/** Waits until playback has advanced by `seconds` of media. */
async function playFor(seconds: number): Promise<void> {
  const from = (await readPageStats(page))?.programTimeMs ?? 0;
  const on = (now: { programTimeMs: number | null }): boolean => (now.programTimeMs ?? 0) > from + seconds * 1000;
  await waitForStats(page, on, PATIENCE_MS, `${seconds} s further`);
}

test("a page opened before the broadcast starts playback by itself, and one opened during it within three seconds", async () => {
  await waitForStats(page, ({ firstPictureMs }) => firstPictureMs !== null, PATIENCE_MS, "showing a picture");
  await playFor(1);
  const second = await browser.newPage();
  await second.goto(`${edge.url}/watch/show?delay=smooth`);
  const shown = await waitForStats(
    second,
    ({ firstPictureMs }) => firstPictureMs !== null,
    PATIENCE_MS,
    "showing a picture",
  );
  expect(shown.firstPictureMs).toBeLessThan(3_000);
  await second.close();
});

test("playback continues through a switch of renditions and back", async () => {
  for (const name of ["360p", "auto"]) {
    const chosen = await page.evaluate((wanted) => {
      const handle = (globalThis as { corral?: { setRendition(name: string): boolean } }).corral;
      return handle?.setRendition(wanted) ?? false;
    }, name);
    expect(chosen).toBe(true);
    if (name !== "auto")
      await waitForStats(page, ({ rendition }) => rendition === name, PATIENCE_MS, `showing ${name}`);
    await playFor(2);
  }
});

test("the edge has sums of what the page reports, by device and rendition", async () => {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  const read = async () => {
    const answer = await fetch(`${edge.url}/api/streams/show/quality`, { headers });
    return (await answer.json()) as ViewerQuality;
  };
  // An isolate sends its sums once in a while.
  await expect.poll(async () => (await read()).all.viewers, { timeout: 2 * PATIENCE_MS }).toBeGreaterThan(0);
  const { all, device, rendition } = await read();
  expect(all.startupP50Ms).toBeLessThan(PATIENCE_MS);
  expect(all.delayP50Ms).toBeGreaterThan(0);
  expect(device.map(({ name }) => name)).toEqual(["desktop"]);
  expect(rendition.map(({ name }) => name).filter((name) => name !== "other")).not.toEqual([]);
  const studio = await browser.newPage();
  await studio.goto(`${edge.url}/studio/show?tab=health`);
  await studio.getByText("Viewers’ quality").click();
  await studio.getByRole("row", { name: /^Desktop/ }).waitFor({ timeout: PATIENCE_MS });
  await studio.close();
});

test("playback continues after FFmpeg is killed, behind a gap and a discontinuity", async () => {
  const [pid] = origin.ffmpegPids();
  if (pid === undefined) throw new Error("no FFmpeg under the origin");
  process.kill(pid, "SIGKILL");
  await origin.waitForOutput(/Restarting it/, PATIENCE_MS);
  await playFor(6);
  const master = await (await fetch(`${edge.url}/live/show/multivariant.m3u8`)).text();
  const media = /^\S+720p\/media\.m3u8$/m.exec(master)?.[0];
  const playlist = await (await fetch(`${edge.url}/live/show/${media}`)).text();
  expect(playlist).toContain("#EXT-X-DISCONTINUITY\n");
  expect((await readPageStats(page))?.state).toBe("live");
});

test("playback continues after the Live object loses its memory, and the publisher resends what was not stored", async () => {
  const before = (await readPageStats(page))?.stalls ?? 0;
  expect((await admin("/api/streams/show/restart")).status).toBe(204);
  await playFor(6);
  expect(((await readPageStats(page))?.stalls ?? 0) - before).toBeLessThanOrEqual(1);
});

test("the delay is the wall clock minus the program time at the playhead, and the page stays near the live edge", async () => {
  const { readings, frozen } = await page.evaluate(async (count) => {
    const readings: { delayS: number; byClockS: number; programTimeMs: number }[] = [];
    let frozen = 0;
    for (let lastMs = 0; readings.length < count && frozen < 1_000; ) {
      await new Promise((resolve) => requestAnimationFrame(resolve));
      const { delayS, programTimeMs } = window.corral?.stats() ?? { delayS: null, programTimeMs: null };
      if (delayS === null || programTimeMs === null || programTimeMs === lastMs) frozen += 1;
      else readings.push({ delayS, byClockS: (Date.now() - programTimeMs) / 1000, programTimeMs });
      lastMs = programTimeMs ?? lastMs;
    }
    return { readings, frozen };
  }, DELAY_READINGS);
  expect(readings.length, `${frozen} readings without movement`).toBe(DELAY_READINGS);
  for (const { delayS, byClockS } of readings) {
    // Edge, origin and page share one clock here. Media cannot be shown before it is made.
    expect(Math.abs(delayS - byClockS)).toBeLessThan(CLOCK_TOLERANCE_S);
    expect(delayS).toBeGreaterThan(0);
  }
  const delays = readings.map(({ delayS }) => delayS).toSorted((a, b) => a - b);
  console.log(`median delay at the playhead: ${delays[delays.length >> 1]?.toFixed(2)} s`);
  expect(delays[delays.length >> 1]).toBeLessThan(MAX_DELAY_S);
});

test("after Ctrl-C the broadcast has ended, the page says so, and its recording can be watched", async () => {
  expect(await origin.interrupt()).toBe(0);
  await waitForStats(page, ({ state }) => state === "ended", PATIENCE_MS, "ended");
  const master = await (await fetch(`${edge.url}/live/show/multivariant.m3u8`)).text();
  expect(master).toContain("720p/vod.m3u8");
  expect(errors).toEqual([]);
});
