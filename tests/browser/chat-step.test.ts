import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join as path } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RoomClient, type RoomSocket } from "../../protocol/room/client.ts";
import type { RoomEvent } from "../../protocol/room/events.ts";
import { type Edge, startEdge } from "../../scripts/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { launchBrowser, stats, until } from "../support/browser.ts";
import { Origin } from "../support/origin.ts";
import { freePort } from "../support/ports.ts";
import { join, messages, openWatch, PATIENCE_MS, shows, write } from "../support/room-pages.ts";

let dataDir: string;
let edge: Edge;
let origin: Origin;
let browser: Browser;
let page: Page;
/** Somebody else in the room, without a page. */
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
  origin = new Origin(["--edge", edge.url, "--key", key, "--stream", "show", "--ladder", "240p:300k"]);
  await origin.printed("/watch/show", PATIENCE_MS);
  page = await openWatch(browser, `${edge.url}/watch/show`);
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
    open: () => new WebSocket(`${edge.url.replace("http", "ws")}/rooms/show/socket?token=${token}`) as RoomSocket,
    after: (ms, work) => {
      const timer = setTimeout(work, ms);
      return () => clearTimeout(timer);
    },
    nowMs: () => Date.now(),
    random: () => Math.random(),
    listener: {},
  });
  client.start();
  return client;
}

/**
 * Writes as the other one, who watches what was on at `programmeMs`; null: what is on now. As soon as the room lets a
 * moderator write: a hundred lines at once are over the rate where acknowledgements are quick.
 */
async function says(text: string, programmeMs: number | null): Promise<RoomEvent> {
  let outcome = await other.act({ kind: "chat", text }, programmeMs);
  while (!outcome.ok && outcome.error === "rate-limited") {
    await new Promise((resolve) => setTimeout(resolve, 100));
    outcome = await other.act({ kind: "chat", text }, programmeMs);
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

test("whose picture moves is counted, and who paused isn't", async () => {
  await until(page, ({ firstPictureMs }) => firstPictureMs !== null, PATIENCE_MS, "showing a picture");
  await join(page, "Ann");
  await watching(1);
  await pause(true);
  await watching(0);
});

test("a message waits until the picture reaches its moment; one that is due, and one's own, do not", async () => {
  const at = (await stats(page))?.programTimeMs ?? Number.NaN;
  const later = await says("of a later moment", null);
  expect(later.programmeMs).toBeGreaterThan(at);
  await says("of a moment that was seen", Math.floor(at) - 500);
  await shows(page, "of a moment that was seen");
  await write(page, "my own");
  await shows(page, "my own");
  // The later moment's message came before both.
  expect(await messages(page, "of a later moment").count()).toBe(0);
  await pause(false);
  await shows(page, "of a later moment");
  const now = (await stats(page))?.programTimeMs ?? Number.NaN;
  expect(now).toBeGreaterThanOrEqual(later.programmeMs);
});

test("who wants messages at once gets them at once", async () => {
  await pause(true);
  await says("no need to wait", null);
  await page.getByRole("button", { name: "Messages in step with the picture" }).click();
  await shows(page, "no need to wait");
  await page.getByRole("button", { name: "Messages in step with the picture" }).click();
  await messages(page, "no need to wait").waitFor({ state: "detached" });
  await pause(false);
  await shows(page, "no need to wait");
});

test("a page whose chat is hidden counts its viewer by the beacon, and shows the chat again when asked", async () => {
  const beacon = page.waitForResponse((answer) => answer.url().includes("/beacon"));
  await page.getByRole("button", { name: "Hide the chat" }).click();
  expect((await beacon).status()).toBe(200);
  await page.getByRole("button", { name: "Show the chat" }).click();
  await shows(page, "my own");
});

test("what is in the page is what is in view, however much was written", async () => {
  for (let index = 1; index <= 120; index += 1) await says(`line ${index} of many`, null);
  await shows(page, "line 120 of many");
  expect(await page.locator(".chat-row").count()).toBeLessThan(60);
  await page.locator("#chat [role=log]").focus();
  await page.keyboard.press("Home");
  await page.locator(".chat-jump").waitFor();
  await says("while reading above", null);
  await page.locator(".chat-jump", { hasText: /new message/ }).click();
  await shows(page, "while reading above");
});

test("the recording plays with its chat, also after seeking", async () => {
  const kept = await says("kept with the recording", null);
  await until(page, ({ programTimeMs }) => (programTimeMs ?? 0) > kept.programmeMs, PATIENCE_MS, "past the message");
  expect(await origin.interrupt()).toBe(0);
  await page.getByRole("button", { name: "Watch again" }).click();
  await until(page, ({ state }) => state === "replay", PATIENCE_MS, "replaying");
  await page.locator(".chat-head h2", { hasText: "Chat replay" }).waitFor();
  const from = (await stats(page))?.programTimeMs ?? Number.NaN;
  await page.evaluate(
    (seconds) => {
      const video = document.querySelector("video");
      if (video !== null) video.currentTime += seconds;
    },
    (kept.programmeMs - 500 - from) / 1000,
  );
  await shows(page, "kept with the recording");
  await page.evaluate(() => {
    const video = document.querySelector("video");
    if (video !== null) video.currentTime = 0;
  });
  await messages(page, "kept with the recording").waitFor({ state: "detached" });
});
