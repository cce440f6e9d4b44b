/** A viewer in Chromium while a sender's link breaks, the sender stays away, and comes back. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import type { PlaybackStats } from "../../web/src/player/stats.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { launchBrowser, readPageStats, waitForStats } from "../support/browser.ts";
import { makeSource, rtmpOutput, type Sender, startSender } from "../support/ffmpeg-senders.ts";
import { IngestProcess } from "../support/ingest-process.ts";
import { findTarget } from "../support/playlist-viewer.ts";
import { freePort } from "../support/ports.ts";

const PATIENCE_MS = 60_000;
/** The slate is made meanwhile, and the page has its hold-back. */
const STEADY_MS = 6_000;
const AWAY_MS = 6_000;
const LOW_DELAY_S = 1.4;
/** So many readings around a stall are told. */
const TOLD_READINGS = 30;

interface Reading {
  readonly atMs: number;
  readonly stats: PlaybackStats;
}

/** What was read around the first stall: where the position, the buffer and the target were, and when. */
function tellStall(readings: readonly Reading[], stallsBefore: number): readonly unknown[] {
  const first = readings.findIndex(({ stats }) => stats.stalls > stallsBefore);
  return readings
    .slice(Math.max(0, first - TOLD_READINGS / 2), first + TOLD_READINGS / 2)
    .map(({ atMs, stats }) => ({ atMs: Math.round(atMs), ...stats }));
}

let folder: string;
let edge: LocalEdge;
let node: IngestProcess;
let browser: Browser;
let sender: Sender | null = null;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corral-slate-"));
  edge = await startEdge({ port: await freePort(), dataDir: join(folder, "edge"), adminToken: ADMIN_TOKEN });
  node = await IngestProcess.start(edge, ADMIN_TOKEN, ["--transcode", "never"]);
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
  await sender?.kill();
  if (node?.origin.process.exitCode === null) await node.origin.interrupt();
  await edge?.stop();
  await rm(folder, { recursive: true, force: true });
});

test("playback goes on without a stall over a cut and the sender's return, in one broadcast", async () => {
  const file = makeSource(folder, "small");
  const { key } = await node.issueKey("slate");
  const output = rtmpOutput(node.rtmpPort, "slate", key);
  sender = startSender(file, output);
  const base = `${edge.url}/live/slate`;
  const { broadcast } = await findTarget(base);
  await new Promise((resolve) => setTimeout(resolve, STEADY_MS));
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(`${edge.url}/watch/slate?delay=smooth`);
  // With the least in advance that a viewer has.
  await waitForStats(page, ({ delayS }) => delayS !== null && delayS < LOW_DELAY_S, PATIENCE_MS, "near the live edge");
  const before = (await readPageStats(page)) as PlaybackStats;
  const readings: Reading[] = [];
  const watch = async (ms: number): Promise<void> => {
    for (const untilMs = performance.now() + ms; performance.now() < untilMs; ) {
      const stats = await readPageStats(page);
      if (stats !== null) readings.push({ atMs: performance.now(), stats });
      await page.waitForTimeout(100);
    }
  };
  const cutAtMs = performance.now();
  await sender.kill();
  await watch(AWAY_MS);
  const backAtMs = performance.now();
  sender = startSender(file, output);
  await watch(2 * AWAY_MS);
  const stalls = readings.map(({ stats }) => stats.stalls - before.stalls);
  // The position keeps moving: in each second by half a second at least.
  const slowest = Math.min(
    ...readings.flatMap(({ atMs, stats }) => {
      const later = readings.find((other) => other.atMs >= atMs + 1000);
      return later === undefined ? [] : [(later.stats.currentTime - stats.currentTime) / ((later.atMs - atMs) / 1000)];
    }),
  );
  const around = tellStall(readings, before.stalls);
  expect(stalls.at(-1), JSON.stringify({ cutAtMs, backAtMs, around, node: node.origin.output })).toBe(0);
  expect(slowest).toBeGreaterThan(0.5);
  expect((await findTarget(base)).broadcast).toBe(broadcast);
  expect(node.origin.output).toContain("a slate stands for the sender");
});
