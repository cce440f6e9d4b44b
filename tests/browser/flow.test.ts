/** The watch page plays by flow: delay, switches between flow and LL-HLS, and a response that is cut. */
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page, Request } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import type { PlaybackStats } from "../../web/src/player/stats.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { launchBrowser, readPageStats, waitForStats } from "../support/browser.ts";
import { OriginProcess } from "../support/origin-process.ts";
import { freePort } from "../support/ports.ts";

/** Timeout of waits that assert no duration, generous for a loaded machine. */
const PATIENCE_MS = 20_000;
/** On a machine that stands still for seconds, flow gives way to LL-HLS for a minute; then the page plays by flow again. */
const RETURN_MS = 90_000;
const MEASURED_S = 4;
/** Small pictures: what is measured is the way, not the encoder. */
const LADDER = "360p:600k,240p:300k";

/** A relay before the edge whose connections can be cut. */
class Relay {
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  constructor(port: number, target: number) {
    this.#server = createServer((near) => {
      const far = connect(target, "127.0.0.1");
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(socket);
        socket.pipe(other);
        socket.on("error", () => other.destroy());
        socket.on("close", () => {
          this.#sockets.delete(socket);
          other.destroy();
        });
      }
    });
    this.#server.listen(port, "127.0.0.1");
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  stop(): void {
    this.#server.close();
    this.cut();
  }
}

let dataDir: string;
let edge: LocalEdge;
let origin: OriginProcess;
let browser: Browser;
let relay: Relay;
let page: Page;
const errors: string[] = [];
/** Requests of the page: for the stream's status, and the pictures that it asks flow for. */
let polls = 0;
const asked: (string | null)[] = [];
let hasLoadedHls = false;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-flow-browser-"));
  const [port, relayPort] = [await freePort(), await freePort()];
  edge = await startEdge({ port, dataDir, adminToken: ADMIN_TOKEN });
  relay = new Relay(relayPort, port);
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  const keys = await fetch(`${edge.url}/api/streams/show/keys`, { method: "POST", headers });
  const { key } = (await keys.json()) as { key: string };
  origin = new OriginProcess(["--edge", edge.url, "--key", key, "--stream", "show", "--ladder", LADDER]);
  browser = await launchBrowser();
  page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("request", (request) => {
    const { pathname, searchParams } = new URL(request.url());
    if (pathname === "/api/streams/show") polls += 1;
    if (pathname.startsWith("/assets/hls-player")) hasLoadedHls = true;
    if (pathname.endsWith("/flow.mp4")) asked.push(searchParams.get("video"));
  });
  await origin.waitForOutput("/watch/show");
  await page.goto(`http://127.0.0.1:${relayPort}/watch/show`);
});

afterAll(async () => {
  await browser?.close();
  relay?.stop();
  if (origin?.process.exitCode === null) await origin.interrupt();
  await edge?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

/** Waits until playback has advanced by `seconds` of media, by `delivery`. */
async function playFor(seconds: number, delivery: PlaybackStats["delivery"]): Promise<void> {
  const from = (await readPageStats(page))?.programTimeMs ?? 0;
  const isOn = (now: PlaybackStats): boolean =>
    now.delivery === delivery && now.state === "live" && (now.programTimeMs ?? 0) > from + seconds * 1000;
  await waitForStats(page, isOn, RETURN_MS, `${seconds} s further by ${delivery}`);
}

/** Viewers of the stream, as the API counts them. */
async function countViewers(): Promise<number> {
  const answer = await fetch(`${edge.url}/api/streams/show?at=${Date.now()}`);
  return ((await answer.json()) as { viewers: { current: number } }).viewers.current;
}

/** Chooses in the delay menu, and returns its text. */
async function choose(name: "Fastest" | "Smooth"): Promise<string> {
  // The controls hide where the pointer rests.
  await page.mouse.move(500, 300);
  await page.mouse.move(600, 300);
  await page.getByRole("button", { name: "Delay" }).click();
  const text = await page.getByRole("menu", { name: "Delay" }).textContent();
  await page.getByRole("menuitemradio", { name }).click();
  return text ?? "";
}

/** Median delay over some seconds, after playback has settled; and the stalls meanwhile. */
async function measureDelay(): Promise<{ delayS: number; stalls: number }> {
  const before = await readPageStats(page);
  const delays: number[] = [];
  for (let i = 0; i < MEASURED_S * 10; i += 1) {
    delays.push((await readPageStats(page))?.delayS ?? Number.POSITIVE_INFINITY);
    await page.waitForTimeout(100);
  }
  const after = await readPageStats(page);
  delays.sort((a, b) => a - b);
  return { delayS: delays[delays.length >> 1] ?? 0, stalls: (after?.stalls ?? 0) - (before?.stalls ?? 0) };
}

const delays: Record<string, number> = {};

test("the page plays by flow, without a stall, and without the code of LL-HLS", async () => {
  await waitForStats(page, ({ firstPictureMs }) => firstPictureMs !== null, PATIENCE_MS, "showing a picture");
  await playFor(3, "flow");
  let measured = await measureDelay();
  // On a loaded machine the page itself stops for longer than is buffered.
  for (let i = 0; i < 2 && measured.stalls > 0; i += 1) measured = await measureDelay();
  expect((await readPageStats(page))?.delivery).toBe("flow");
  expect(hasLoadedHls).toBe(false);
  delays["flow"] = measured.delayS;
  expect(measured.stalls).toBe(0);
});

test("the status comes with the media: the page does not poll, and counts its viewer all the same", async () => {
  const before = polls;
  // Longer than the interval of polls.
  await playFor(16, "flow");
  expect(polls).toBe(before);
  // A rendition that is about to replace another is a second response for a while.
  await expect.poll(countViewers, { timeout: PATIENCE_MS }).toBe(1);
});

test("a page of a stream that the edge has begins with its media: one request for them, none for the status", async () => {
  const second = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const requests: string[] = [];
  second.on("request", (request) => requests.push(new URL(request.url()).pathname));
  second.on("pageerror", (error) => errors.push(String(error)));
  await second.goto(`${edge.url}/watch/show`);
  const playing = await waitForStats(second, ({ state }) => state === "live", PATIENCE_MS, "live");
  expect(playing.delivery).toBe("flow");
  expect(requests.filter((path) => path.endsWith("/flow.mp4"))).toHaveLength(1);
  expect(requests).not.toContain("/api/streams/show");
  // The script that plays was loading meanwhile.
  const flow = requests.findIndex((path) => path.endsWith("/flow.mp4"));
  expect(flow).toBeLessThan(requests.length - 1);
  await second.close();
  // A viewer who wants LL-HLS asks for no flow.
  const smooth = await browser.newPage();
  let flows = 0;
  smooth.on("request", (request) => {
    if (new URL(request.url()).pathname.endsWith("/flow.mp4")) flows += 1;
  });
  await smooth.goto(`${edge.url}/watch/show?delay=smooth`);
  await waitForStats(smooth, ({ state }) => state === "live", PATIENCE_MS, "live");
  expect(flows).toBe(0);
  await smooth.close();
});

test("a response that is cut is replaced, and playback goes on", async () => {
  const before = (await readPageStats(page))?.stalls ?? 0;
  relay.cut();
  await playFor(3, "flow");
  expect(((await readPageStats(page))?.stalls ?? 0) - before).toBeLessThanOrEqual(1);
});

test("another rendition is shown on choice, and playback goes on", async () => {
  for (const name of ["240p", "360p"]) {
    await page.evaluate((wanted) => window.corral?.setRendition(wanted), name);
    await waitForStats(page, ({ rendition }) => rendition === name, PATIENCE_MS, `showing ${name}`);
    await playFor(1, "flow");
  }
});

/** Hides the page, or shows it. */
const setHidden = (isHidden: boolean): Promise<void> =>
  page.evaluate((wanted) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => wanted });
    document.dispatchEvent(new Event("visibilitychange"));
  }, isHidden);

const setMuted = (isMuted: boolean): Promise<void> =>
  page.evaluate((wanted) => {
    const video = document.querySelector("video");
    if (video !== null) video.muted = wanted;
  }, isMuted);

test("an audible hidden page goes on with the sound alone, and has the pictures again when it is shown", async () => {
  await setHidden(true);
  await waitForStats(page, ({ rendition }) => rendition === "none", PATIENCE_MS, "without pictures");
  await playFor(2, "flow");
  expect(asked.at(-1)).toBe("none");
  await setHidden(false);
  await waitForStats(page, ({ rendition }) => rendition === "360p", PATIENCE_MS, "with pictures");
  await playFor(1, "flow");
  expect(await page.evaluate(() => document.querySelector("video")?.videoHeight)).toBe(360);
});

test("a silent hidden page gives its response back, and joins anew when it is shown", async () => {
  await setMuted(true);
  await setHidden(true);
  // An isolate reports its viewers with the renewal of its feed, every 20 to 45 s.
  await expect.poll(countViewers, { timeout: 3 * PATIENCE_MS }).toBe(0);
  await setHidden(false);
  await setMuted(false);
  await playFor(1, "flow");
  await expect.poll(countViewers, { timeout: PATIENCE_MS }).toBe(1);
});

test("a silent page that is opened in the background gives its response back, and joins anew when it is shown", async () => {
  const background = await browser.newPage();
  try {
    await background.addInitScript(() => {
      let isHidden = true;
      Object.defineProperty(document, "hidden", { get: () => isHidden });
      document.addEventListener("shown", () => {
        isHidden = false;
        document.dispatchEvent(new Event("visibilitychange"));
      });
    });
    const open = new Set<Request>();
    let begun = 0;
    background.on("request", (request) => {
      if (!request.url().includes("/flow.mp4")) return;
      open.add(request);
      begun += 1;
    });
    background.on("requestfinished", (request) => open.delete(request));
    background.on("requestfailed", (request) => open.delete(request));
    await background.goto(`${edge.url}/embed/show?muted=1`);
    await expect.poll(() => begun > 0 && open.size === 0, { timeout: PATIENCE_MS }).toBe(true);
    expect(await background.evaluate(() => document.querySelector("video")?.paused)).toBe(true);
    const { programTimeMs } = (await readPageStats(background)) ?? { programTimeMs: null };
    await background.evaluate(() => document.dispatchEvent(new Event("shown")));
    const isOn = (now: PlaybackStats): boolean =>
      now.state === "live" && (now.programTimeMs ?? 0) > (programTimeMs ?? 0) + 1_000;
    await waitForStats(background, isOn, PATIENCE_MS, "on after it was shown");
    expect(open.size).toBe(1);
  } finally {
    await background.close();
  }
});

test("playback that stands before a hole, in a seek that does not end, goes on behind it", async () => {
  await setMuted(true);
  await setHidden(true);
  await expect
    .poll(() => page.evaluate(() => document.querySelector("video")?.paused), { timeout: PATIENCE_MS })
    .toBe(true);
  // What comes after it does not follow what is there.
  await page.waitForTimeout(2_000);
  await page.evaluate(() => {
    const video = document.querySelector("video");
    if (video !== null) video.currentTime = video.buffered.end(video.buffered.length - 1) - 0.12;
  });
  await setHidden(false);
  await playFor(1, "flow");
  await setMuted(false);
});

test("a switch to LL-HLS and back keeps playing; flow has the smaller delay", async () => {
  const text = await choose("Smooth");
  expect(text).toMatch(/Fastest\d\.\d s.*Smooth\d\.\d s/);
  await playFor(3, "ll-hls");
  expect(hasLoadedHls).toBe(true);
  delays["ll-hls"] = (await measureDelay()).delayS;
  await choose("Fastest");
  await playFor(1, "flow");
  console.log(`median delay at the playhead: ${JSON.stringify(delays)}`);
  expect(delays["flow"]).toBeLessThan(delays["ll-hls"] ?? 0);
});

test("a seek back in time plays LL-HLS there, the live button returns to flow", async () => {
  await page.evaluate(() => {
    const video = document.querySelector("video");
    if (video !== null) video.currentTime -= 8;
  });
  const behind = await waitForStats(
    page,
    ({ delivery, delayS }) => delivery === "ll-hls" && (delayS ?? 0) > 5,
    PATIENCE_MS,
    "behind by LL-HLS",
  );
  expect(behind.flowObstacle).toBe("behind");
  await page.evaluate(() => document.querySelector<HTMLElement>("media-live-button")?.click());
  await playFor(1, "flow");
});

test("the page says when the broadcast has ended", async () => {
  expect(await origin.interrupt()).toBe(0);
  await waitForStats(page, ({ state }) => state === "ended", PATIENCE_MS, "ended");
  expect(errors).toEqual([]);
});
