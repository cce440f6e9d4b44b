/** The watch page in Firefox: by flow, or by LL-HLS where Firefox cannot. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import type { PlaybackStats } from "../../web/src/player/stats.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { Firefox } from "../support/firefox.ts";
import { OriginProcess } from "../support/origin-process.ts";
import { freePort } from "../support/ports.ts";

const PATIENCE_MS = 60_000;

let dataDir: string;
let edge: LocalEdge;
let origin: OriginProcess;
let firefox: Firefox;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-firefox-edge-"));
  edge = await startEdge({ port: await freePort(), dataDir, adminToken: ADMIN_TOKEN });
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  const answer = await fetch(`${edge.url}/api/streams/show/keys`, { method: "POST", headers });
  const { key } = (await answer.json()) as { key: string };
  origin = new OriginProcess(["--edge", edge.url, "--key", key, "--stream", "show", "--ladder", "360p:600k"]);
  firefox = await Firefox.launch();
  await origin.waitForOutput("/watch/show");
});

afterAll(async () => {
  await firefox?.close();
  if (origin?.process.exitCode === null) await origin.interrupt();
  await edge?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

const readStats = (): Promise<PlaybackStats | null> => firefox.evaluate("window.corral?.stats() ?? null");

/** The page's statistics once they satisfy `wanted`. */
async function waitForStats(wanted: (stats: PlaybackStats) => boolean, what: string): Promise<PlaybackStats> {
  for (const untilMs = Date.now() + PATIENCE_MS; ; ) {
    const stats = await readStats();
    if (stats !== null && wanted(stats)) return stats;
    if (Date.now() > untilMs) throw new Error(`after ${PATIENCE_MS} ms not ${what}: ${JSON.stringify(stats)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test.each([
  ["fastest", "flow"],
  ["smooth", "ll-hls"],
])("Firefox plays, and goes on: %s", async (delay, delivery) => {
  await firefox.goto(`${edge.url}/watch/show?delay=${delay}`);
  const shown = await waitForStats(({ firstPictureMs }) => firstPictureMs !== null, "showing a picture");
  const later = await waitForStats(
    ({ state, programTimeMs }) => state === "live" && (programTimeMs ?? 0) > (shown.programTimeMs ?? 0) + 6_000,
    "six seconds further",
  );
  console.log(
    `Firefox, ${delay}: first picture ${shown.firstPictureMs} ms, delay ${later.delayS} s, ${later.stalls} stalls`,
  );
  expect([later.delivery, later.flowObstacle]).toEqual([delivery, null]);
  expect(await firefox.evaluate("document.querySelector('video').videoHeight")).toBe(360);
});
