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

const PATIENCE_MS = 30_000;
/** A page opened at the start finds less than a hold-back, and may stall: it is opened after this segment. */
const WARM_UP_SEGMENT = 1;
/** Three seconds of video, and less audio than the demo's tone takes in that time. */
const VIDEO_FRAMES = 90;
const AUDIO_BYTES = 2_400;

let dataDir: string;
let edge: LocalEdge;
let origin: OriginProcess;
let browser: Browser;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-browser-"));
  edge = await startEdge({ port: await freePort(), dataDir, adminToken: ADMIN_TOKEN });
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  const answer = await fetch(`${edge.url}/api/streams/duet/keys`, { method: "POST", headers });
  const { key } = (await answer.json()) as { key: string };
  browser = await launchBrowser();
  origin = new OriginProcess([
    "--edge",
    edge.url,
    "--key",
    key,
    "--stream",
    "duet",
    "--ladder",
    "360p:700k",
    "--muxed",
  ]);
  await origin.waitForOutput("/watch/duet");
  await waitForSegment(WARM_UP_SEGMENT);
});

afterAll(async () => {
  await browser?.close();
  if (origin?.process.exitCode === null) await origin.interrupt();
  await edge?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

/** A blocking reload returns once the segment is complete. */
async function waitForSegment(msn: number): Promise<void> {
  const multivariant = await (await fetch(`${edge.url}/live/duet/multivariant.m3u8`)).text();
  const media = /^\S+media\.m3u8$/m.exec(multivariant)?.[0];
  const answer = await fetch(`${edge.url}/live/duet/${media}?_HLS_msn=${msn}`);
  expect(answer.status).toBe(200);
  await answer.arrayBuffer();
}

/** Chromium's decoded frames so far. */
function decoded(page: Page): Promise<{ frames: number; audioBytes: number }> {
  return page.evaluate(() => {
    const video = document.querySelector("video") as
      | (HTMLVideoElement & { webkitDecodedFrameCount?: number; webkitAudioDecodedByteCount?: number })
      | null;
    return { frames: video?.webkitDecodedFrameCount ?? 0, audioBytes: video?.webkitAudioDecodedByteCount ?? 0 };
  });
}

/** Opens the page, which plays pictures and sound without a stall. Returns it, and the folders of what it asked for. */
async function playMuxed(query: string): Promise<{ page: Page; asked: Set<string> }> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const asked = new Set<string>();
  page.on("request", (request) => asked.add(new URL(request.url()).pathname.split("/").at(-2) ?? ""));
  await page.goto(`${edge.url}/watch/duet?${query}`);
  await waitForStats(page, ({ firstPictureMs }) => firstPictureMs !== null, PATIENCE_MS, "showing a picture");
  const before = await decoded(page);
  let now = before;
  for (const untilMs = Date.now() + PATIENCE_MS; now.frames < before.frames + VIDEO_FRAMES; ) {
    if (Date.now() > untilMs) throw new Error(`after ${PATIENCE_MS} ms ${now.frames - before.frames} frames`);
    await page.waitForTimeout(100);
    now = await decoded(page);
  }
  expect(now.audioBytes).toBeGreaterThan(before.audioBytes + AUDIO_BYTES);
  return { page, asked };
}

test("video and audio of one muxed track play by LL-HLS, without a request for an audio track", async () => {
  const { page, asked } = await playMuxed("delay=smooth");
  const stats = await readPageStats(page);
  expect([stats?.delivery, stats?.stalls]).toEqual(["ll-hls", 0]);
  expect(asked).toContain("360p");
  expect(asked).not.toContain("audio");
  await page.close();
});

test("they play by flow, in one response", async () => {
  const { page, asked } = await playMuxed("delay=fastest");
  const stats = await readPageStats(page);
  expect([stats?.delivery, stats?.flowObstacle]).toEqual(["flow", null]);
  expect(asked).not.toContain("360p");
  await page.close();
});
