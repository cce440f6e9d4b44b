import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { launchBrowser, waitForStats } from "../support/browser.ts";
import { OriginProcess } from "../support/origin-process.ts";
import { freePort } from "../support/ports.ts";

const PATIENCE_MS = 30_000;
const HLS_JS = createRequire(import.meta.url).resolve("hls.js/dist/hls.min.js");

/** hls.js as a page uses it that provides only a URL. */
interface PlainPlayer {
  loadSource(address: string): void;
  attachMedia(video: HTMLVideoElement): void;
}

let dataDir: string;
let edge: LocalEdge;
let origin: OriginProcess;
let browser: Browser;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-gated-"));
  edge = await startEdge({ port: await freePort(), dataDir, adminToken: ADMIN_TOKEN });
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  const answer = await fetch(`${edge.url}/api/streams/show/keys`, { method: "POST", headers });
  const { key } = (await answer.json()) as { key: string };
  browser = await launchBrowser();
  const one = ["--ladder", "360p:700k", "--playback", "token"];
  origin = new OriginProcess(["--edge", edge.url, "--key", key, "--stream", "show", ...one]);
  await origin.waitForOutput("/watch/show");
});

afterAll(async () => {
  await browser?.close();
  if (origin?.process.exitCode === null) await origin.interrupt();
  await edge?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

async function token(seconds: number): Promise<string> {
  const body = JSON.stringify({ room: "show", sub: "ann", seconds });
  const answer = await fetch(`${edge.url}/dev/token`, { method: "POST", body });
  return ((await answer.json()) as { token: string }).token;
}

test("without a token the watch page asks for one, and plays once the embedding page sends it", async () => {
  const page = await browser.newPage();
  await page.goto(`${edge.url}/watch/show`);
  await waitForStats(page, ({ state }) => state === "failed", PATIENCE_MS, "refused");
  await page.evaluate(
    (given) => {
      postMessage({ type: "corral-token", token: given }, location.origin);
    },
    await token(600),
  );
  await page.getByRole("button", { name: /again/i }).click();
  await waitForStats(page, ({ firstPictureMs }) => firstPictureMs !== null, PATIENCE_MS, "showing a picture");
  await page.close();
});

test("a token in the fragment starts playback, is removed from the address bar, and is renewed during playback", async () => {
  const page = await browser.newPage();
  let renewals = 0;
  await page.exposeFunction("corralToken", () => {
    renewals += 1;
    return token(600);
  });
  await page.addInitScript(() => {
    const { corralToken } = globalThis as unknown as { corralToken(): Promise<string> };
    addEventListener("message", ({ data }) => {
      if ((data as { type?: string }).type !== "corral-token-wanted") return;
      void corralToken().then((given) => postMessage({ type: "corral-token", token: given }, location.origin));
    });
  });
  const refused: string[] = [];
  page.on("response", (response) => {
    if (response.status() === 401) refused.push(response.url());
  });
  await page.goto(`${edge.url}/watch/show#token=${await token(1)}`);
  await waitForStats(page, ({ firstPictureMs }) => firstPictureMs !== null, PATIENCE_MS, "showing a picture");
  expect(page.url()).toBe(`${edge.url}/watch/show`);
  const untilMs = Date.now() + PATIENCE_MS;
  while (renewals === 0 && Date.now() < untilMs) await page.waitForTimeout(100);
  expect(renewals).toBe(1);
  const before =
    (await waitForStats(page, ({ state }) => state === "live", PATIENCE_MS, "live again")).programTimeMs ?? 0;
  const on = (now: { programTimeMs: number | null }): boolean => (now.programTimeMs ?? 0) > before + 3_000;
  await waitForStats(page, on, PATIENCE_MS, "going on");
  // Tokens travel in headers: no requested URL contains one.
  expect(refused.some((url) => url.includes("token"))).toBe(false);
  await page.close();
});

test("a page with a playlist preloaded without a token plays with the token in its address", async () => {
  const page = await browser.newPage();
  // As in a response of an isolate that does not know the policy yet.
  await page.route("**/watch/show", async (route) => {
    const answer = await route.fetch();
    const link = "</live/show/multivariant.m3u8>; rel=preload; as=fetch; crossorigin";
    await route.fulfill({ response: answer, headers: { ...answer.headers(), link } });
  });
  const statuses: number[] = [];
  page.on("response", (response) => {
    if (response.url().endsWith("/multivariant.m3u8")) statuses.push(response.status());
  });
  await page.goto(`${edge.url}/watch/show#token=${await token(600)}`);
  await waitForStats(page, ({ firstPictureMs }) => firstPictureMs !== null, PATIENCE_MS, "showing a picture");
  expect(statuses[0]).toBe(401);
  await page.close();
});

test("a player that only follows URLs plays: playlists carry the token to all their URIs", async () => {
  const page = await browser.newPage({ bypassCSP: true });
  await page.goto(`${edge.url}/404`);
  const asked: string[] = [];
  page.on("request", (request) => {
    if (request.url().includes("/live/show/")) asked.push(request.url());
  });
  await page.addScriptTag({ path: HLS_JS });
  await page.evaluate(
    (address) => {
      const { Hls } = globalThis as unknown as { Hls: new (config: object) => PlainPlayer };
      const video = document.createElement("video");
      video.muted = true;
      video.autoplay = true;
      document.body.append(video);
      const hls = new Hls({ lowLatencyMode: true });
      hls.loadSource(address);
      hls.attachMedia(video);
    },
    `/live/show/multivariant.m3u8?token=${await token(600)}`,
  );
  await page.waitForFunction(() => (document.querySelector("video")?.played.length ?? 0) > 0, undefined, {
    timeout: PATIENCE_MS,
  });
  expect(asked.length).toBeGreaterThan(3);
  expect(asked.filter((url) => !url.includes("token="))).toEqual([]);
  await page.close();
});
