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

/** A machine that is busy with something else gets this long wherever the test only waits for something to happen. */
const PATIENCE_MS = 30_000;

let dataDir: string;
let edge: LocalEdge;
let origin: OriginProcess;
let browser: Browser;
let page: Page;
const trouble: string[] = [];

const admin = (path: string): Promise<Response> =>
  fetch(`${edge.url}${path}`, { method: "POST", headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-browser-"));
  edge = await startEdge({ port: await freePort(), dataDir, adminToken: ADMIN_TOKEN });
  const { key } = (await (await admin("/api/streams/show/keys")).json()) as { key: string };
  browser = await launchBrowser();
  page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.on("pageerror", (error) => trouble.push(String(error)));
  page.on("request", (request) => {
    const { origin: asked, protocol } = new URL(request.url());
    if (asked !== edge.url && protocol.startsWith("http")) trouble.push(`asked ${request.url()}`);
  });
  await page.goto(`${edge.url}/watch/show`);
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

/** Lets the picture move on by `seconds` of media. */
async function moves(seconds: number): Promise<void> {
  const from = (await readPageStats(page))?.programTimeMs ?? 0;
  const on = (now: { programTimeMs: number | null }): boolean => (now.programTimeMs ?? 0) > from + seconds * 1000;
  await waitForStats(page, on, PATIENCE_MS, `${seconds} s further`);
}

test("a page opened before the broadcast begins to play by itself, and one opened during it within three seconds", async () => {
  await waitForStats(page, ({ firstPictureMs }) => firstPictureMs !== null, PATIENCE_MS, "showing a picture");
  await moves(1);
  const second = await browser.newPage();
  await second.goto(`${edge.url}/watch/show`);
  const shown = await waitForStats(
    second,
    ({ firstPictureMs }) => firstPictureMs !== null,
    PATIENCE_MS,
    "showing a picture",
  );
  expect(shown.firstPictureMs).toBeLessThan(3_000);
  await second.close();
});

test("playback goes on through a switch of renditions and back", async () => {
  for (const name of ["360p", "auto"]) {
    const chosen = await page.evaluate((wanted) => {
      const handle = (globalThis as { corral?: { setRendition(name: string): boolean } }).corral;
      return handle?.setRendition(wanted) ?? false;
    }, name);
    expect(chosen).toBe(true);
    if (name !== "auto")
      await waitForStats(page, ({ rendition }) => rendition === name, PATIENCE_MS, `showing ${name}`);
    await moves(2);
  }
});

test("playback goes on after FFmpeg is killed, behind a discontinuity, with what never came marked as a gap", async () => {
  const [pid] = origin.ffmpegPids();
  if (pid === undefined) throw new Error("no FFmpeg under the origin");
  process.kill(pid, "SIGKILL");
  await origin.waitForOutput(/Starting it again/, PATIENCE_MS);
  await moves(6);
  const master = await (await fetch(`${edge.url}/live/show/multivariant.m3u8`)).text();
  const media = /^\S+720p\/media\.m3u8$/m.exec(master)?.[0];
  const playlist = await (await fetch(`${edge.url}/live/show/${media}`)).text();
  expect(playlist).toContain("#EXT-X-DISCONTINUITY\n");
  expect((await readPageStats(page))?.state).toBe("live");
});

test("playback goes on after the Live object loses its memory, and the publisher resends what was not stored", async () => {
  const before = (await readPageStats(page))?.stalls ?? 0;
  expect((await admin("/api/streams/show/restart")).status).toBe(204);
  await moves(6);
  expect(((await readPageStats(page))?.stalls ?? 0) - before).toBeLessThanOrEqual(1);
});

test("the delay is read for a minute as wall clock less programme time at the playhead", async () => {
  const delays: number[] = [];
  for (const untilMs = Date.now() + 60_000; Date.now() < untilMs; await page.waitForTimeout(500)) {
    const delay = (await readPageStats(page))?.delayS;
    if (delay != null) delays.push(delay);
  }
  delays.sort((a, b) => a - b);
  const at = (share: number): string => (delays[Math.floor(share * (delays.length - 1))] ?? Number.NaN).toFixed(2);
  console.log(`delay at the playhead over 60 s: p50 ${at(0.5)} s, p95 ${at(0.95)} s, ${delays.length} readings`);
  expect(delays.length).toBeGreaterThan(60);
  // Media can't be shown before it is made, and a live page stays near its edge.
  expect(delays[0]).toBeGreaterThan(0);
  expect(delays[Math.floor(delays.length / 2)]).toBeLessThan(20);
});

test("after Ctrl-C the broadcast has ended, the page says so, and its recording can be watched", async () => {
  expect(await origin.interrupt()).toBe(0);
  await waitForStats(page, ({ state }) => state === "ended", PATIENCE_MS, "ended");
  const master = await (await fetch(`${edge.url}/live/show/multivariant.m3u8`)).text();
  expect(master).toContain("720p/vod.m3u8");
  expect(trouble).toEqual([]);
});
