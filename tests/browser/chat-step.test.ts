import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join as path } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { RoomClient, type RoomSocket } from "../../core/room/client/client.ts";
import type { RoomEvent } from "../../core/room/events.ts";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { launchBrowser, readPageStats, waitForStats } from "../support/browser.ts";
import { OriginProcess } from "../support/origin-process.ts";
import { freePort } from "../support/ports.ts";
import {
  joinRoom,
  messageRows,
  openWatchPage,
  PAGE_TIMEOUT_MS,
  waitForMessage,
  writeMessage,
} from "../support/room-pages.ts";

let dataDir: string;
let edge: LocalEdge;
let origin: OriginProcess;
let browser: Browser;
let page: Page;
/** Another participant of the room, without a page. */
let other: RoomClient;

beforeAll(async () => {
  dataDir = await mkdtemp(path(tmpdir(), "corral-step-"));
  edge = await startEdge({ port: await freePort(), dataDir, adminToken: ADMIN_TOKEN });
  const answer = await fetch(`${edge.url}/api/streams/show/keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
  });
  const { key } = (await answer.json()) as { key: string };
  browser = await launchBrowser();
  origin = new OriginProcess(["--edge", edge.url, "--key", key, "--stream", "show", "--ladder", "240p:300k"]);
  await origin.waitForOutput("/watch/show", PAGE_TIMEOUT_MS);
  page = await openWatchPage(browser, `${edge.url}/watch/show`);
  other = await enter("Olga");
});

afterAll(async () => {
  other?.stop();
  await browser?.close();
  if (origin?.process.exitCode === null) await origin.interrupt();
  await edge?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

async function enter(name: string): Promise<RoomClient> {
  const body = JSON.stringify({ room: "show", sub: name, roles: ["moderator"] });
  const answer = await fetch(`${edge.url}/dev/token`, { method: "POST", body });
  const { token } = (await answer.json()) as { token: string };
  const client = new RoomClient({
    openSocket: () => new WebSocket(`${edge.url.replace("http", "ws")}/rooms/show/socket?token=${token}`) as RoomSocket,
    clock: systemPlatform.clock,
    random: systemPlatform.random,
    listener: {},
  });
  client.start();
  return client;
}

/**
 * Writes as the other participant, who watches the picture of `programmeMs`; null: the current one. As soon as the room lets
 * a moderator write: a hundred lines at once exceed the rate if acknowledgements are fast.
 */
async function says(text: string, programmeMs: number | null): Promise<RoomEvent> {
  let outcome = await other.sendCommand({ kind: "chat", text }, programmeMs);
  while (!outcome.ok && outcome.error === "rate-limited") {
    await new Promise((resolve) => setTimeout(resolve, 100));
    outcome = await other.sendCommand({ kind: "chat", text }, programmeMs);
  }
  if (!outcome.ok || outcome.event === undefined) throw new Error(`not written: ${JSON.stringify(outcome)}`);
  return outcome.event;
}

const pause = (on: boolean): Promise<void> =>
  page.evaluate((paused) => {
    const video = document.querySelector("video");
    if (paused) video?.pause();
    else void video?.play();
  }, on);

const watching = (count: number): Promise<void> =>
  page.locator(".chip[title^='Watching now']", { hasText: String(count) }).waitFor();

test("a playing viewer is counted, and a paused one is not", async () => {
  await waitForStats(page, ({ firstPictureMs }) => firstPictureMs !== null, PAGE_TIMEOUT_MS, "showing a picture");
  await joinRoom(page, "Ann");
  await watching(1);
  await pause(true);
  await watching(0);
});

test("a message waits for the playhead to reach its program time; due messages and own messages do not", async () => {
  const at = (await readPageStats(page))?.programTimeMs ?? Number.NaN;
  const later = await says("of a later moment", null);
  expect(later.programmeMs).toBeGreaterThan(at);
  await says("of a moment that was seen", Math.floor(at) - 500);
  await waitForMessage(page, "of a moment that was seen");
  await writeMessage(page, "my own");
  await waitForMessage(page, "my own");
  // The later message arrived before both.
  expect(await messageRows(page, "of a later moment").count()).toBe(0);
  await pause(false);
  await waitForMessage(page, "of a later moment");
  const now = (await readPageStats(page))?.programTimeMs ?? Number.NaN;
  expect(now).toBeGreaterThanOrEqual(later.programmeMs);
});

test("with synchronisation off, messages are shown at once", async () => {
  await pause(true);
  await says("no need to wait", null);
  await page.getByRole("button", { name: "Sync chat with the video" }).click();
  await waitForMessage(page, "no need to wait");
  await page.getByRole("button", { name: "Sync chat with the video" }).click();
  await messageRows(page, "no need to wait").waitFor({ state: "detached" });
  await pause(false);
  await waitForMessage(page, "no need to wait");
});

test("a page with hidden chat counts its viewer by the beacon, and shows the chat again on request", async () => {
  const beacon = page.waitForResponse((answer) => answer.url().includes("/beacon"));
  await page.getByRole("button", { name: "Hide chat" }).click();
  expect((await beacon).status()).toBe(200);
  await page.getByRole("button", { name: "Show chat" }).click();
  await waitForMessage(page, "my own");
});

test("only visible rows are in the page, however many messages there are", async () => {
  for (let index = 1; index <= 80; index += 1) await says(`line ${index} of many`, null);
  await waitForMessage(page, "line 80 of many");
  expect(await page.locator(".chat-row").count()).toBeLessThan(60);
  await page.locator("#chat [role=log]").focus();
  await page.keyboard.press("Home");
  await page.locator(".chat-jump").waitFor();
  await says("while reading above", null);
  await page.locator(".chat-jump", { hasText: /new message/ }).click();
  await waitForMessage(page, "while reading above");
});

test("the recording plays with its chat, also after a seek", async () => {
  const kept = await says("kept with the recording", null);
  await waitForStats(
    page,
    ({ programTimeMs }) => (programTimeMs ?? 0) > kept.programmeMs,
    PAGE_TIMEOUT_MS,
    "past the message",
  );
  expect(await origin.interrupt()).toBe(0);
  await page.getByRole("button", { name: "Watch again" }).click();
  await waitForStats(page, ({ state }) => state === "replay", PAGE_TIMEOUT_MS, "replaying");
  await page.locator(".chat-head h2", { hasText: "Chat replay" }).waitFor();
  const from = (await readPageStats(page))?.programTimeMs ?? Number.NaN;
  await page.evaluate(
    (seconds) => {
      const video = document.querySelector("video");
      if (video !== null) video.currentTime += seconds;
    },
    (kept.programmeMs - 500 - from) / 1000,
  );
  await waitForMessage(page, "kept with the recording");
  await page.evaluate(() => {
    const video = document.querySelector("video");
    if (video !== null) video.currentTime = 0;
  });
  await messageRows(page, "kept with the recording").waitFor({ state: "detached" });
});
