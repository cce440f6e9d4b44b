import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
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

/** Both players: by flow, and LL-HLS. */
const DELAYS = ["fastest", "smooth"] as const;

test.each(DELAYS)(
  "without a token the watch page asks for one, and plays once the embedding page sends it: %s",
  async (delay) => {
    const page = await browser.newPage();
    await page.goto(`${edge.url}/watch/show?delay=${delay}`);
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
  },
);

/** A page that gets a token of `seconds` in its address, and others from the page around it. */
async function openWithToken(
  delay: (typeof DELAYS)[number],
  seconds: number,
): Promise<{ page: Page; renewals: () => number }> {
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
  await page.goto(`${edge.url}/watch/show?delay=${delay}#token=${await token(seconds)}`);
  await waitForStats(page, ({ firstPictureMs }) => firstPictureMs !== null, PATIENCE_MS, "showing a picture");
  return { page, renewals: () => renewals };
}

test.each(DELAYS)(
  "a token in the fragment starts playback, is removed from the address bar, and is renewed during playback: %s",
  async (delay) => {
    const { page, renewals } = await openWithToken(delay, 1);
    // Tokens travel in headers: no requested URL contains one.
    const asked: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    expect(page.url()).toBe(`${edge.url}/watch/show?delay=${delay}`);
    const untilMs = Date.now() + PATIENCE_MS;
    while (renewals() === 0 && Date.now() < untilMs) await page.waitForTimeout(100);
    const before =
      (await waitForStats(page, ({ state }) => state === "live", PATIENCE_MS, "live again")).programTimeMs ?? 0;
    const on = (now: { programTimeMs: number | null }): boolean => (now.programTimeMs ?? 0) > before + 3_000;
    const stats = await waitForStats(page, on, PATIENCE_MS, "going on");
    expect([renewals(), stats.delivery]).toEqual([1, delay === "fastest" ? "flow" : "ll-hls"]);
    expect(asked.some((url) => url.includes("token"))).toBe(false);
    await page.close();
  },
);

test("by flow a token is renewed before it expires: a successor with the new one takes over without a break", async () => {
  const { page, renewals } = await openWithToken("fastest", 25);
  const joins: (string | null)[] = [];
  page.on("request", (request) => {
    const { pathname, searchParams } = new URL(request.url());
    if (pathname.endsWith("/flow.mp4")) joins.push(searchParams.get("join"));
  });
  const untilMs = Date.now() + PATIENCE_MS;
  while (joins.length === 0 && Date.now() < untilMs) await page.waitForTimeout(100);
  const before = await readPageStats(page);
  const on = (now: { programTimeMs: number | null }): boolean =>
    (now.programTimeMs ?? 0) > (before?.programTimeMs ?? 0) + 4_000;
  const stats = await waitForStats(page, on, PATIENCE_MS, "going on");
  expect([renewals(), joins, stats.stalls - (before?.stalls ?? 0)]).toEqual([1, ["next"], 0]);
  await page.close();
});

test("a page with a playlist preloaded without a token plays with the token in its address", async () => {
  const page = await browser.newPage();
  // As in a response of an isolate that does not know the policy yet.
  await page.route("**/watch/show?delay=smooth", async (route) => {
    const answer = await route.fetch();
    const link = "</live/show/multivariant.m3u8>; rel=preload; as=fetch; crossorigin";
    await route.fulfill({ response: answer, headers: { ...answer.headers(), link } });
  });
  const statuses: number[] = [];
  page.on("response", (response) => {
    if (response.url().endsWith("/multivariant.m3u8")) statuses.push(response.status());
  });
  await page.goto(`${edge.url}/watch/show?delay=smooth#token=${await token(600)}`);
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
