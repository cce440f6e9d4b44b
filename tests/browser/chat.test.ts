import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join as path } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { launchBrowser } from "../support/browser.ts";
import { freePort } from "../support/ports.ts";
import {
  joinRoom,
  messageRows,
  openWatchPage,
  PAGE_TIMEOUT_MS,
  pressModeration,
  waitForMessage,
  writeMessage,
} from "../support/room-pages.ts";

/** A name and a text that would execute if any of them were markup. */
const EVIL = "<img src=x onerror=hit()>";
const MARKUP = "<script>hit()</script><b>bold</b> &amp; <a href=//evil.test>x</a>";

let dataDir: string;
let edge: LocalEdge;
let browser: Browser;
let ann: Page;
let bob: Page;
let moderator: Page;
const trouble: string[] = [];

beforeAll(async () => {
  dataDir = await mkdtemp(path(tmpdir(), "corral-chat-"));
  edge = await startEdge({ port: await freePort(), dataDir, adminToken: ADMIN_TOKEN });
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  await fetch(`${edge.url}/api/streams/show/keys`, { method: "POST", headers });
  browser = await launchBrowser();
  [ann, bob, moderator] = await Promise.all([
    openWatchPage(browser, `${edge.url}/watch/show`),
    openWatchPage(browser, `${edge.url}/watch/show`),
    openWatchPage(browser, `${edge.url}/studio/show?tab=room`),
  ]);
  for (const page of [ann, bob, moderator]) {
    page.on("pageerror", (error) => trouble.push(String(error)));
    page.on("dialog", (dialog) => trouble.push(dialog.message()));
    page.on("console", (message) => {
      if (message.text().includes("Content Security Policy")) trouble.push(message.text());
    });
  }
  await Promise.all([joinRoom(ann, "Ann"), joinRoom(bob, EVIL), moderator.locator("#tab-review").waitFor()]);
});

afterAll(async () => {
  await browser?.close();
  await edge?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

test("messages and replies appear on two pages and the moderator's", async () => {
  await writeMessage(ann, "hello from ann");
  await Promise.all([ann, bob, moderator].map((page) => waitForMessage(page, "hello from ann")));
  await writeMessage(bob, "@ann hello back");
  await waitForMessage(ann, "hello back");
  expect(await messageRows(ann, "hello back").getAttribute("class")).toContain("chat-row-me");
});

test("markup in names and messages is text", async () => {
  await writeMessage(bob, MARKUP);
  for (const page of [ann, moderator]) {
    await waitForMessage(page, MARKUP);
    expect(await messageRows(page, MARKUP).locator(".chat-name").textContent()).toBe(EVIL);
    expect(await page.locator(".chat-row :is(script, img, b, a)").count()).toBe(0);
  }
});

test("a link shows its host and hands nothing on; a muted person's messages go for the reader alone; times are on demand", async () => {
  await writeMessage(bob, "parts: https://example.com/parts.");
  await waitForMessage(ann, "parts:");
  const row = messageRows(ann, "parts:").first();
  const link = row.locator("a");
  expect(await link.textContent()).toBe("example.com/parts");
  expect(await link.getAttribute("rel")).toBe("noopener noreferrer nofollow ugc");
  expect(await link.getAttribute("target")).toBe("_blank");
  await ann.getByLabel("Show when messages were sent").click();
  await row.locator("time").waitFor();
  await ann.getByLabel("Show when messages were sent").click();
  await row.locator("time").waitFor({ state: "detached" });
  await row.hover();
  await row.getByRole("button", { name: /^About/ }).click();
  await ann.getByRole("button", { name: "Mute for me" }).click();
  await row.waitFor({ state: "detached" });
  expect(await messageRows(ann, "hello from ann").count()).toBe(1);
  expect(await messageRows(bob, "parts:").count()).toBe(1);
  await ann.getByRole("button", { name: "Show messages" }).click();
  await waitForMessage(ann, "parts:");
  await ann.locator(".person-card").getByLabel("Close").click();
});

test("the message list is navigable with arrow keys, and a reply works without a mouse", async () => {
  await ann.locator("#chat [role=log]").focus();
  await ann.keyboard.press("ArrowUp");
  await ann.waitForFunction(() => document.activeElement?.matches(".chat-row") === true);
  await ann.keyboard.press("ArrowUp");
  await ann.waitForFunction((text) => document.activeElement?.textContent?.includes(text) === true, "hello back");
  await ann.keyboard.press("Tab");
  await ann.keyboard.press("Enter");
  await ann.locator(".composer-answer", { hasText: "hello back" }).waitFor();
  await ann.waitForFunction(() => document.activeElement?.matches("textarea") === true);
  await ann.keyboard.press("Escape");
  await ann.locator(".composer-answer").waitFor({ state: "detached" });
  await ann.locator("#chat textarea").fill("");
});

test("a deleted message disappears from every page", async () => {
  await pressModeration(moderator, "hello from ann", /^Delete$/);
  for (const page of [ann, bob, moderator]) await messageRows(page, "hello from ann").waitFor({ state: "detached" });
});

test("a held message is shown after a moderator's approval", async () => {
  await moderator.locator("#tab-rules").click();
  await moderator.getByLabel("Review every message").check();
  await ann.locator(".chat-modes", { hasText: "reviewed" }).waitFor();
  await writeMessage(ann, "may I?");
  await ann.locator(".composer-said", { hasText: "waiting for approval" }).waitFor();
  await moderator.locator("#tab-review").click();
  await moderator.getByRole("button", { name: /^Approve/ }).click();
  await Promise.all([ann, bob].map((page) => waitForMessage(page, "may I?")));
  await moderator.locator("#tab-rules").click();
  await moderator.getByLabel("Review every message").uncheck();
  await ann.locator(".chat-modes").waitFor({ state: "detached" });
});

test("a message that the rules refuse is listed for moderators, and shown when one allows it", async () => {
  await moderator.locator("#tab-rules").click();
  await moderator.getByLabel("Blocked words").fill("spoiler");
  await moderator.locator("form.words", { hasText: "Blocked words" }).getByRole("button", { name: "Save" }).click();
  await moderator.getByText("Blocked words saved.").waitFor();
  await writeMessage(bob, "a $poiler of bob");
  await bob.locator(".composer-said", { hasText: "violates the chat rules" }).waitFor();
  await moderator.locator("#tab-denied").click();
  const refused = moderator.locator("#tab-open .card-row", { hasText: "a $poiler of bob" });
  await refused.getByText("a blocked word").waitFor();
  await refused.getByRole("button", { name: /^Allow/ }).click();
  await Promise.all([ann, bob].map((page) => waitForMessage(page, "a $poiler of bob")));
  await refused.waitFor({ state: "detached" });
  await moderator.locator("#tab-log").click();
  await moderator.getByText("allowed a message that the rules had refused").waitFor();
  await bob.locator("#chat textarea").fill("");
  await moderator.locator("#tab-rules").click();
});

test("a chosen rule stays chosen while the room has not answered, whatever is rendered meanwhile", async () => {
  const other = await (await browser.newContext()).newPage();
  const released = Promise.withResolvers<void>();
  await other.routeWebSocket(/\/room/, (socket) => {
    const server = socket.connectToServer();
    socket.onMessage(async (frame) => {
      if (String(frame).includes('"modes"')) await released.promise;
      server.send(frame);
    });
  });
  await other.goto(`${edge.url}/studio/show?tab=room`);
  await other.locator("#tab-rules").click();
  const rule = other.getByLabel("No links");
  await rule.click();
  await writeMessage(ann, "rendered meanwhile");
  await waitForMessage(other, "rendered meanwhile");
  expect(await rule.isChecked()).toBe(true);
  released.resolve();
  await ann.locator(".chat-modes", { hasText: "no links" }).waitFor();
  await other.getByText("Chat rules saved.").waitFor();
  await rule.uncheck();
  await ann.locator(".chat-modes").waitFor({ state: "detached" });
  await other.context().close();
});

test("slow mode shows the remaining wait, and the message cannot be sent before", async () => {
  await moderator.getByLabel("Slow mode").selectOption("300");
  await ann.locator(".composer-said", { hasText: /chat again in \d/ }).waitFor();
  await ann.locator("#chat textarea").fill("too soon");
  expect(await ann.locator(".composer-send").isDisabled()).toBe(true);
  await moderator.getByLabel("Slow mode").selectOption("0");
  await ann.locator(".composer-said").waitFor({ state: "hidden" });
  await ann.locator("#chat textarea").fill("");
});

test("likes are added to the other page's total", async () => {
  for (let taps = 0; taps < 3; taps += 1) await ann.locator(".like").click();
  await bob.locator(".like", { hasText: "3" }).waitFor();
});

test("on a phone nothing is wider than the screen, and the message field is on it", async () => {
  for (const [width, height] of [
    [320, 568],
    [390, 844],
    [844, 390],
  ] as const) {
    await ann.setViewportSize({ width, height });
    await moderator.setViewportSize({ width, height });
    await ann.waitForFunction(
      ([wide, high]) => {
        const box = document.querySelector("#chat .composer-send")?.getBoundingClientRect();
        return box !== undefined && box.right <= (wide ?? 0) && box.bottom <= (high ?? 0);
      },
      [width, height] as const,
    );
    for (const page of [ann, moderator]) {
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    }
  }
  for (const page of [ann, moderator]) await page.setViewportSize({ width: 1280, height: 800 });
});

test("a ban disconnects and applies to returns: by reload, and on the same device without the token", async () => {
  await writeMessage(bob, "last words");
  await waitForMessage(moderator, "last words");
  const severed = bob.locator(".chat-foot-note", { hasText: "You are banned" });
  // From the click to the text on the banned page, in the pages' clocks, which are this machine's.
  const seen = bob.waitForFunction(() => document.querySelector(".chat-foot-note.bad") !== null && Date.now(), null, {
    polling: "raf",
    timeout: PAGE_TIMEOUT_MS,
  });
  await moderator.evaluate(() => {
    document.addEventListener("click", () => Object.assign(window, { pressedMs: Date.now() }), { capture: true });
  });
  await pressModeration(moderator, "last words", /^Ban /);
  const seenMs = Number(await (await seen).jsonValue());
  const pressedMs = await moderator.evaluate(() => (window as { pressedMs?: number }).pressedMs ?? Number.NaN);
  console.log(`ban: ${seenMs - pressedMs} ms from the moderator's press to the severed page`);
  await severed.waitFor();
  await bob.reload();
  await severed.waitFor();
  await bob.evaluate(() => sessionStorage.clear());
  await bob.reload();
  await severed.waitFor();
  // The others continue.
  await writeMessage(ann, "still here");
  await waitForMessage(moderator, "still here");
  await moderator.locator("#tab-log").click();
  await moderator.locator(".log td", { hasText: `banned ${EVIL}` }).waitFor();
});

test("an unbanned viewer can return", async () => {
  await moderator.locator("#tab-people").click();
  await moderator.getByRole("button", { name: /^Unban/ }).click();
  await moderator.locator(".card-more", { hasText: "No bans or timeouts." }).waitFor();
  await bob.reload();
  // The device is the same guest as before.
  await bob.locator("#chat textarea").waitFor();
  expect(trouble).toEqual([]);
});
