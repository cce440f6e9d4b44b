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
/** A page that is opened as the broadcast begins finds less than a hold-back's worth, and may have to wait for more. */
const WARM_UP_MS = 5_000;
/** Five seconds of pictures, and less than the demo's tone takes in that time. */
const PICTURES = 150;
const SOUND_BYTES = 4_000;

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
  await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
});

afterAll(async () => {
  await browser?.close();
  if (origin?.process.exitCode === null) await origin.interrupt();
  await edge?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

/** What Chromium has decoded so far. */
function decoded(page: Page): Promise<{ pictures: number; soundBytes: number }> {
  return page.evaluate(() => {
    const video = document.querySelector("video") as
      | (HTMLVideoElement & { webkitDecodedFrameCount?: number; webkitAudioDecodedByteCount?: number })
      | null;
    return { pictures: video?.webkitDecodedFrameCount ?? 0, soundBytes: video?.webkitAudioDecodedByteCount ?? 0 };
  });
}

test("pictures and sound of one muxed track play on, with no request for a track of sound", async () => {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const asked = new Set<string>();
  page.on("request", (request) => asked.add(new URL(request.url()).pathname.split("/").at(-2) ?? ""));
  await page.goto(`${edge.url}/watch/duet`);
  await waitForStats(page, ({ firstPictureMs }) => firstPictureMs !== null, PATIENCE_MS, "showing a picture");
  const before = await decoded(page);
  let now = before;
  for (const untilMs = Date.now() + PATIENCE_MS; now.pictures < before.pictures + PICTURES; ) {
    if (Date.now() > untilMs) throw new Error(`after ${PATIENCE_MS} ms ${now.pictures - before.pictures} pictures`);
    await page.waitForTimeout(100);
    now = await decoded(page);
  }
  expect(now.soundBytes).toBeGreaterThan(before.soundBytes + SOUND_BYTES);
  expect((await readPageStats(page))?.stalls).toBe(0);
  expect(asked).toContain("360p");
  expect(asked).not.toContain("audio");
});
