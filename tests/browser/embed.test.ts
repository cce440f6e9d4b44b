/** The player in pages of other sites: who may frame it, what is said between them, and the web component. */
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { elementCode, iframeCode } from "../../core/embed/embed-code.ts";
import { EMBED_PROTOCOL } from "../../core/embed/embed-protocol.ts";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { launchBrowser } from "../support/browser.ts";
import { OriginProcess } from "../support/origin-process.ts";
import { freePort } from "../support/ports.ts";

const PATIENCE_MS = 30_000;
/** What a frame shows that the browser refused. */
const REFUSED = "chrome-error://chromewebdata/";
const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };

let dataDir: string;
let edge: LocalEdge;
let origin: OriginProcess;
let browser: Browser;
let server: Server;
let port: number;
/** The body of the page that every other site has. */
let body = "";

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-embed-"));
  edge = await startEdge({ port: await freePort(), dataDir, adminToken: ADMIN_TOKEN });
  const keys = await fetch(`${edge.url}/api/streams/show/keys`, { method: "POST", headers });
  const { key } = (await keys.json()) as { key: string };
  const ladder = ["--ladder", "240p:300k", "--preset", "ultra"];
  origin = new OriginProcess(["--edge", edge.url, "--key", key, "--stream", "show", ...ladder]);
  // All hosts are this machine; they are other origins than the edge all the same.
  browser = await launchBrowser(["--host-resolver-rules=MAP *.example 127.0.0.1"]);
  server = createServer((_, answer) => {
    const listen = `<script>
      globalThis.heard = [];
      addEventListener("message", ({ data, origin }) => heard.push({ ...data, origin }));
    </script>`;
    answer.writeHead(200, { "content-type": "text/html; charset=utf-8" });
    answer.end(`<!doctype html><title>A site</title><body style="margin:0">${listen}${body}`);
  });
  port = await freePort();
  await new Promise<void>((done) => server.listen(port, "127.0.0.1", done));
  await origin.waitForOutput("/watch/show");
});

afterAll(async () => {
  await browser?.close();
  server?.close();
  server?.closeAllConnections();
  if (origin?.process.exitCode === null) await origin.interrupt();
  await edge?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

const siteOf = (host: string): string => `http://${host}.example:${port}`;

async function allow(stream: string, embedOrigins: readonly string[] | null): Promise<void> {
  const answer = await fetch(`${edge.url}/api/streams/${stream}/details`, {
    ...{ method: "PUT", headers, body: JSON.stringify({ title: "A show", embedOrigins }) },
  });
  expect(answer.status).toBe(200);
}

async function openSite(host: string, html: string): Promise<Page> {
  body = html;
  const page = await browser.newPage({ viewport: { width: 640, height: 360 } });
  await page.goto(siteOf(host));
  return page;
}

const frameOf = (path: string): string =>
  `<iframe src="${edge.url}${path}" style="width:100%;aspect-ratio:16/9;border:0" allow="autoplay; fullscreen"></iframe>`;

type Heard = Readonly<Record<string, unknown>> & { readonly type: string; readonly origin: string };
const heardBy = (page: Page): Promise<Heard[]> => page.evaluate("heard") as Promise<Heard[]>;
const lastState = async (page: Page): Promise<Heard | undefined> =>
  (await heardBy(page)).findLast(({ type }) => type === "state");
const say = (page: Page, message: unknown): Promise<void> =>
  page.evaluate((data) => {
    document.querySelector("iframe")?.contentWindow?.postMessage(data, "*");
  }, message);
const command = (page: Page, content: object): Promise<void> => say(page, { protocol: EMBED_PROTOCOL, ...content });
const becomes = (page: Page, wanted: object): Promise<void> =>
  expect.poll(() => lastState(page), { timeout: PATIENCE_MS }).toMatchObject(wanted);
const shownIn = (page: Page): Promise<void> =>
  expect.poll(() => page.frames()[1]?.url(), { timeout: PATIENCE_MS }).toBe(REFUSED);

/** A key for the frame's page, of which no part has the focus. */
const pressInFrame = async (page: Page, key: string): Promise<void> => {
  await page.locator("iframe").focus();
  await page.keyboard.press(key);
};

test("any site embeds a public stream: it plays, tells its state and delay, and obeys", async () => {
  await allow("show", null);
  const page = await openSite("any", frameOf("/embed/show?muted=1"));
  await becomes(page, { state: "playing", isLive: true, muted: true });
  const [first] = await heardBy(page);
  expect(first).toEqual({ protocol: EMBED_PROTOCOL, type: "ready", stream: "show", origin: edge.url });
  await expect
    .poll(async () => (await heardBy(page)).find(({ type }) => type === "delay")?.["seconds"], { timeout: PATIENCE_MS })
    .toBeGreaterThan(0);
  await command(page, { type: "unmute" });
  await becomes(page, { muted: false });
  await command(page, { type: "volume", volume: 0.25 });
  await becomes(page, { volume: 0.25 });
  await command(page, { type: "pause" });
  await becomes(page, { state: "paused" });
  const before = (await heardBy(page)).filter(({ type }) => type !== "delay").length;
  for (const data of ["play", { type: "play" }, { protocol: "corral-embed-2", type: "play" }, null])
    await say(page, data);
  await command(page, { type: "volume", volume: 7 });
  await command(page, { type: "mute" });
  await becomes(page, { muted: true });
  const after = (await heardBy(page)).filter(({ type }) => type !== "delay");
  expect(after.slice(before)).toMatchObject([{ type: "state", state: "paused", volume: 0.25 }]);
  await command(page, { type: "play" });
  await becomes(page, { state: "playing" });
  await page.close();
});

test("a frame that does not begin by itself asks for no media until it is told to", async () => {
  const page = await browser.newPage();
  const media: string[] = [];
  page.on("request", (request) => {
    if (request.url().includes("/live/")) media.push(request.url());
  });
  body = iframeCode(edge.url, "show", "A show");
  await page.goto(siteOf("any"));
  await becomes(page, { state: "idle" });
  await page.frameLocator("iframe").getByRole("button", { name: "Play", exact: true }).waitFor();
  expect(media).toEqual([]);
  const link = page.frameLocator("iframe").getByRole("link", { name: /A show/ });
  expect([await link.getAttribute("href"), await link.getAttribute("target")]).toEqual(["/watch/show", "_blank"]);
  await command(page, { type: "play" });
  await becomes(page, { state: "playing" });
  await page.close();
});

test.each([
  ["a key", (page: Page) => pressInFrame(page, "k")],
  ["Space", (page: Page) => pressInFrame(page, " ")],
  ["a click on the poster", (page: Page) => page.frameLocator("iframe").locator("#ui").click({ force: true })],
])("%s begins what is held", async (_, begin) => {
  const page = await openSite("any", frameOf("/embed/show?autoplay=0&muted=1"));
  await becomes(page, { state: "idle" });
  await page.frameLocator("iframe").getByRole("button", { name: "Play", exact: true }).waitFor();
  await begin(page);
  await becomes(page, { state: "playing" });
  await page.close();
});

test("a frame has the player's layout, whatever its size: the quality can be chosen, and a finger scrolls the page around it", async () => {
  await allow("show", null);
  for (const [width, height] of [
    [640, 360],
    [420, 236],
  ] as const) {
    body = frameOf("/embed/show?muted=1");
    const page = await browser.newPage({ viewport: { width, height } });
    await page.goto(siteOf("any"));
    await becomes(page, { state: "playing" });
    const frame = page.frameLocator("iframe");
    const quality = frame.locator("media-rendition-menu-button");
    await expect.poll(() => quality.isVisible(), { timeout: PATIENCE_MS }).toBe(true);
    const styles = await frame.locator("#player").evaluate((player) => {
      const prompts = player.querySelector(".prompts");
      return {
        touchAction: getComputedStyle(player).touchAction,
        isAtFoot: prompts !== null && prompts.getBoundingClientRect().top > player.clientHeight / 2,
      };
    });
    expect(styles).toEqual({ touchAction: "auto", isAtFoot: true });
    await page.close();
  }
});

test("with a list only its origins embed the player, and no list opens the stream's other pages", async () => {
  await allow("show", [siteOf("good")]);
  const good = await openSite("good", frameOf("/embed/show?muted=1"));
  await becomes(good, { state: "playing" });
  const evil = await openSite("evil", frameOf("/embed/show?muted=1"));
  await shownIn(evil);
  expect(await heardBy(evil)).toEqual([]);
  for (const path of ["/watch/show", "/studio/show", "/golive/show", "/"]) {
    const page = await openSite("good", frameOf(path));
    await shownIn(page);
    await page.close();
  }
  await good.close();
  await evil.close();
});

test("a frame beside the player, of another site, commands nothing, though the page around both may", async () => {
  await allow("show", [siteOf("good")]);
  const page = await openSite("good", `${frameOf("/embed/show?muted=1")}<iframe id="ad"></iframe>`);
  await becomes(page, { state: "playing" });
  body = "";
  await page.evaluate((url) => document.getElementById("ad")?.setAttribute("src", url), siteOf("evil"));
  await expect.poll(() => page.frames()[2]?.url(), { timeout: PATIENCE_MS }).toBe(`${siteOf("evil")}/`);
  await page.frames()[2]?.evaluate((protocol) => {
    globalThis.parent.frames[0]?.postMessage({ protocol, type: "pause" }, "*");
  }, EMBED_PROTOCOL);
  await command(page, { type: "volume", volume: 0.5 });
  await becomes(page, { volume: 0.5 });
  expect(await lastState(page)).toMatchObject({ state: "playing" });
  await page.close();
});

test("a stream that needs a token is in no frame, until its host lists who may have it", async () => {
  const body = JSON.stringify({ playback: "token" });
  expect((await fetch(`${edge.url}/api/streams/gated/access`, { method: "PUT", headers, body })).status).toBe(200);
  await allow("gated", null);
  const page = await openSite("good", frameOf("/embed/gated"));
  await shownIn(page);
  await page.close();
  await allow("gated", [siteOf("good")]);
  const listed = await openSite("good", frameOf("/embed/gated"));
  await expect.poll(async () => (await heardBy(listed))[0]?.type, { timeout: PATIENCE_MS }).toBe("ready");
  await listed.close();
});

/** The element as a page uses it. */
interface Player extends HTMLElement {
  muted: boolean;
  volume: number;
  readonly state: string;
  readonly delay: number | null;
  play(): void;
  pause(): void;
}

test("the web component plays, has the player's state, and sends its commands and events", async () => {
  await allow("show", null);
  const page = await openSite("any", elementCode(edge.url, "show"));
  const read = (): Promise<unknown> =>
    page.evaluate(() => {
      const { state, muted, volume, delay } = document.querySelector("corral-player") as Player;
      return { state, muted, volume, hasDelay: delay !== null };
    });
  const shows = (wanted: object): Promise<void> => expect.poll(read, { timeout: PATIENCE_MS }).toMatchObject(wanted);
  await shows({ state: "idle" });
  await page.evaluate(() => {
    const player = document.querySelector("corral-player") as Player;
    player.addEventListener("state", ({ detail }: CustomEventInit) =>
      Object.assign(globalThis, { shown: detail.state }),
    );
    player.muted = true;
    player.play();
  });
  await shows({ state: "playing", muted: true, hasDelay: true });
  expect(await page.evaluate("shown")).toBe("playing");
  await page.evaluate(() => {
    const player = document.querySelector("corral-player") as Player;
    player.volume = 0.5;
    player.pause();
  });
  await shows({ state: "paused", volume: 0.5 });
  await page.evaluate(() => document.querySelector("corral-player")?.setAttribute("autoplay", ""));
  await page.evaluate(() => document.querySelector("corral-player")?.setAttribute("stream", "NO"));
  await shows({ state: "idle" });
  expect(await page.evaluate(() => document.querySelector("corral-player")?.shadowRoot?.childElementCount)).toBe(0);
  await page.close();
});

test("the web component has at most 3 kB, and every site may load it", async () => {
  const answer = await fetch(`${edge.url}/player.js`);
  const script = await answer.text();
  expect(answer.headers.get("access-control-allow-origin")).toBe("*");
  expect(answer.headers.get("content-type")).toMatch(/^text\/javascript/);
  const bytes = gzipSync(script).length;
  console.log(`player.js: ${bytes} bytes gzip`);
  expect(bytes).toBeLessThanOrEqual(3_000);
});
