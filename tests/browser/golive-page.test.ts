/** "Go live from a page": Chromium's fake camera and microphone, encoded and published by the browser itself. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { FAKE_DEVICES, launchBrowser, waitForStats } from "../support/browser.ts";
import { freePort } from "../support/ports.ts";

const PATIENCE_MS = 60_000;

let dataDir: string;
let edge: LocalEdge;
let browser: Browser;
const trouble: string[] = [];

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-golive-page-"));
  edge = await startEdge({ port: await freePort(), dataDir, adminToken: ADMIN_TOKEN });
  browser = await launchBrowser(FAKE_DEVICES);
});

afterAll(async () => {
  await browser?.close();
  await edge?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

/** A go-live page of a stream, after the script `before`; console errors other than a refusal's are trouble. */
async function openPage(address: string, width = 1280, height = 800, before = ""): Promise<Page> {
  const context: BrowserContext = await browser.newContext({ viewport: { width, height } });
  const page = await context.newPage();
  await page.addInitScript(before);
  page.setDefaultTimeout(PATIENCE_MS);
  page.on("pageerror", (error) => trouble.push(String(error)));
  page.on("console", (message) => {
    // Chromium logs answers of 4xx as errors: a broadcast that has not begun, a refused key; and a network that is away.
    const isExpected = /\b40[0-9]\b|ERR_INTERNET_DISCONNECTED/.test(message.text());
    if (message.type() === "error" && !isExpected) trouble.push(message.text());
  });
  await page.goto(`${edge.url}${address}`);
  return page;
}

const phase = (page: Page, name: string): Promise<void> => page.locator(`body[data-phase="${name}"]`).waitFor();

async function startIn(page: Page): Promise<void> {
  await page.locator("#start:not(:disabled)").click();
  await phase(page, "live");
}

/** The used part of the stream's status. */
interface StreamState {
  readonly state: string;
  readonly broadcast: string;
  readonly tracks: readonly { readonly name: string; readonly lastMsn: number }[];
}

async function stateOf(stream: string): Promise<StreamState> {
  const answer = await fetch(`${edge.url}/api/streams/${stream}`);
  expect(answer.status).toBe(200);
  return (await answer.json()) as StreamState;
}

/** The status of a stream that is on the air: the edge may remember for a moment that there was none. */
async function liveStateOf(stream: string): Promise<StreamState> {
  await expect.poll(async () => (await stateOf(stream)).state, { timeout: PATIENCE_MS }).toBe("live");
  return await stateOf(stream);
}

/** Saves a picture of the page where the environment names a folder. */
async function takePicture(page: Page, name: string): Promise<void> {
  const folder = process.env["CORRAL_PICTURES"];
  if (folder !== undefined) await page.screenshot({ path: join(folder, `${name}.png`) });
}

async function issueKey(stream: string): Promise<{ id: string; key: string }> {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  const made = await fetch(`${edge.url}/api/streams/${stream}/keys`, { method: "POST", headers });
  return (await made.json()) as { id: string; key: string };
}

test("a browser goes live with a ladder, is watched in another page, and ends", async () => {
  const page = await openPage("/golive/show");
  await page.locator("#start:not(:disabled)").waitFor();
  await takePicture(page, "golive-page-ready");
  await startIn(page);
  const viewer = await openPage("/watch/show");
  const stats = await waitForStats(
    viewer,
    ({ state, currentTime }) => state === "live" && currentTime > 3,
    PATIENCE_MS,
    "playing",
  );
  expect(stats.renditions).toEqual(["360p", "720p"]);
  await page.locator(".health li").first().waitFor();
  await takePicture(page, "golive-page-live");
  const { state, tracks } = await stateOf("show");
  expect(state).toBe("live");
  expect(tracks.map(({ name }) => name)).toEqual(["720p", "360p", "audio"]);
  expect(await page.getByRole("timer").textContent()).toMatch(/^\d+:\d\d$/);
  await page.locator("#end").click();
  await phase(page, "ended");
  await page.getByText(/It was on the air for/).waitFor();
  await takePicture(page, "golive-page-ended");
  await expect.poll(async () => (await stateOf("show")).state, { timeout: PATIENCE_MS }).toBe("ended");
  // The same page goes live again, as another broadcast.
  await startIn(page);
  await expect.poll(async () => (await stateOf("show")).state, { timeout: PATIENCE_MS }).toBe("live");
  await viewer.context().close();
  await page.context().close();
});

test("a page that is closed ends its broadcast at once, and a background tab goes on", async () => {
  const page = await openPage("/golive/left");
  await startIn(page);
  const other = await page.context().newPage();
  await other.goto("about:blank");
  await other.bringToFront();
  const before = (await liveStateOf("left")).tracks[0]?.lastMsn ?? 0;
  await expect
    .poll(async () => (await stateOf("left")).tracks[0]?.lastMsn, { timeout: PATIENCE_MS, interval: 250 })
    .toBeGreaterThanOrEqual(before + 3);
  await page.close({ runBeforeUnload: false });
  await expect.poll(async () => (await stateOf("left")).state, { timeout: 8_000, interval: 250 }).toBe("ended");
  await other.context().close();
});

test("a wrong key is refused with what to do, and a key that is revoked on the air ends the broadcast", async () => {
  const page = await openPage("/golive/keyed#key=corral_k100000000_wrong");
  await page.getByRole("alert").filter({ hasText: "The stream key is refused." }).waitFor();
  expect(page.url()).toBe(`${edge.url}/golive/keyed`);
  await takePicture(page, "golive-page-key");
  const { id, key } = await issueKey("keyed");
  await page.getByLabel("Stream key").fill(key);
  await page.getByRole("button", { name: "Continue" }).click();
  await startIn(page);
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  await fetch(`${edge.url}/api/streams/keyed/keys/${id}`, { method: "DELETE", headers });
  await page.locator(".health").getByText("The stream key is refused.").waitFor();
  await page.context().close();
});

test("while another encoder is live the page says so, and starts nothing", async () => {
  const first = await openPage("/golive/taken");
  await startIn(first);
  const second = await openPage("/golive/taken");
  await second.locator(".health").getByText("Another encoder is live on this stream.").waitFor();
  await second.locator("#start:not(:disabled)").click();
  await expect.poll(() => second.locator("body").getAttribute("data-phase"), { timeout: PATIENCE_MS }).toBe("ready");
  await second.locator(".health").getByText("Another encoder is live on this stream.").waitFor();
  await first.context().close();
  await second.context().close();
});

test("a network that is away pauses the broadcast, which goes on after it as the same one", async () => {
  const page = await openPage("/golive/away");
  await startIn(page);
  const before = (await liveStateOf("away")).broadcast;
  await page.context().setOffline(true);
  await page.locator(".health").getByText("The network is away.").waitFor();
  await page.context().setOffline(false);
  await page.locator(".health").getByText("The network is away.").waitFor({ state: "detached" });
  const msn = (await stateOf("away")).tracks[0]?.lastMsn ?? 0;
  await expect
    .poll(async () => (await stateOf("away")).tracks[0]?.lastMsn, { timeout: PATIENCE_MS })
    .toBeGreaterThan(msn + 1);
  expect((await stateOf("away")).broadcast).toBe(before);
  // Sound and both renditions have media again, not gaps.
  for (const track of ["audio", "360p"]) {
    const playlist = `${edge.url}/live/away/${before}/${track}/media.m3u8`;
    const newestPart = async (): Promise<string> => {
      const lines = (await (await fetch(playlist)).text()).split("\n");
      return lines.filter((line) => line.startsWith("#EXT-X-PART:")).at(-1) ?? "GAP=YES";
    };
    await expect.poll(newestPart, { timeout: PATIENCE_MS, interval: 500 }).not.toContain("GAP=YES");
  }
  await page.context().close();
});

test("a browser without encoders offers its tracks by WHIP, and says so if the edge takes none", async () => {
  const page = await openPage("/golive/old", 1280, 800, "delete globalThis.VideoEncoder");
  let offer = "";
  await page.route("**/whip/old", async (route) => {
    offer = route.request().postData() ?? "";
    expect(route.request().headers()["authorization"]).toMatch(/^Bearer corral_/);
    await route.fulfill({ status: 404, contentType: "application/problem+json", body: "{}" });
  });
  await page.locator("#start:not(:disabled)").click();
  await page.locator(".health").getByText("This browser needs WebRTC ingest").waitFor();
  expect(offer.match(/a=sendonly/g)).toHaveLength(2);
  await page.context().close();
});

test("a browser without a camera says what to do", async () => {
  const before =
    "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotAllowedError'); };";
  const page = await openPage("/golive/blind", 390, 844, before);
  await page.getByText("Camera and microphone are blocked.").waitFor();
  await page.getByRole("button", { name: "Try again" }).waitFor();
  expect(await page.locator("#start").isDisabled()).toBe(true);
  await takePicture(page, "golive-page-blocked");
  await page.context().close();
});

test("a phone has everything within its width, the keyboard reaches the controls, and no error was logged", async () => {
  const page = await openPage("/golive/phone", 390, 844);
  await page.locator("#start:not(:disabled)").waitFor();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  await takePicture(page, "golive-page-phone");
  await page.locator("#start").focus();
  await page.keyboard.press("Enter");
  await phase(page, "live");
  await page.getByRole("button", { name: "Mute the microphone" }).focus();
  await page.keyboard.press("Space");
  await page.locator(".health").getByText("The microphone is muted").waitFor();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  await takePicture(page, "golive-page-phone-live");
  await page.context().close();
  expect(trouble).toEqual([]);
});
