/** The watch page's layout and its controls in Chromium: phones, wide windows, keys, fingers. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join as path } from "node:path";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { launchBrowser } from "../support/browser.ts";
import { MAX_LAYOUT_SHIFT, noteLayoutShifts, readLayoutShifts } from "../support/layout-shift.ts";
import { freePort } from "../support/ports.ts";
import { TestPublisher } from "../support/publisher.ts";
import { joinRoom, PAGE_TIMEOUT_MS, waitForMessage, writeMessage } from "../support/room-pages.ts";

const PHONE = { width: 390, height: 844 };
/** The least side of what a thumb presses, pixels. */
const TARGET_PX = 44;

let dataDir: string;
let edge: LocalEdge;
let browser: Browser;

beforeAll(async () => {
  dataDir = await mkdtemp(path(tmpdir(), "corral-watch-page-"));
  edge = await startEdge({ port: await freePort(), dataDir, adminToken: ADMIN_TOKEN });
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
  await edge?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };

/** Issues a key, without which a stream has no room. */
async function makeStream(stream: string, details: object = {}): Promise<void> {
  await fetch(`${edge.url}/api/streams/${stream}/keys`, { method: "POST", headers });
  const body = JSON.stringify(details);
  const answer = await fetch(`${edge.url}/api/streams/${stream}/details`, { method: "PUT", headers, body });
  expect(answer.status).toBe(200);
}

/** Opens the page as a phone or a computer does, and waits for its chat. */
async function openPage(stream: string, viewport: { width: number; height: number }): Promise<Page> {
  const isMobile = Math.min(viewport.width, viewport.height) < 500;
  const permissions = ["local-network-access"];
  const context = await browser.newContext({ viewport, hasTouch: isMobile, isMobile, permissions });
  const page = await context.newPage();
  page.setDefaultTimeout(PAGE_TIMEOUT_MS);
  await noteLayoutShifts(page);
  await page.goto(`${edge.url}/watch/${stream}`);
  await page.locator("#chat .composer-join").waitFor();
  return page;
}

const boxOf = async (locator: Locator): Promise<{ x: number; y: number; width: number; height: number }> => {
  const box = await locator.boundingBox();
  if (box === null) throw new Error("it is not shown");
  return box;
};

/** Moves a finger over the picture; the browser makes pointer events of it. */
async function swipe(page: Page, fromY: number, toY: number): Promise<void> {
  const client = await page.context().newCDPSession(page);
  const touch = (type: "touchStart" | "touchMove" | "touchEnd", y?: number): Promise<unknown> =>
    client.send("Input.dispatchTouchEvent", { type, touchPoints: y === undefined ? [] : [{ x: 120, y }] });
  await touch("touchStart", fromY);
  await touch("touchMove", (fromY + toY) / 2);
  await touch("touchMove", toY);
  await touch("touchEnd");
  await client.detach();
}

test("on a phone the picture fills the window, and thumbs reach large enough buttons at its right", async () => {
  await makeStream("phone", { title: "Sunday concert", host: "Mira" });
  const page = await openPage("phone", PHONE);
  expect(await boxOf(page.locator("#player"))).toEqual({ x: 0, y: 0, ...PHONE });
  const buttons = await page.locator(".rail button:visible").all();
  expect(buttons.length).toBeGreaterThanOrEqual(4);
  for (const button of buttons) {
    const { x, y, width, height } = await boxOf(button);
    expect(Math.min(width, height)).toBeGreaterThanOrEqual(TARGET_PX);
    expect([x > PHONE.width / 2, y > PHONE.height / 3]).toEqual([true, true]);
  }
  await page.context().close();
});

test("a phone's chat has some lines over the picture; a tap opens the whole, Escape or the picture closes it", async () => {
  await makeStream("lines");
  const page = await openPage("lines", PHONE);
  await joinRoom(page, "Ann");
  await writeMessage(page, "hello");
  await waitForMessage(page, "hello");
  const heightOf = async (): Promise<number> => (await boxOf(page.locator(".chat-list"))).height;
  const closed = await heightOf();
  expect(closed).toBeLessThan(PHONE.height / 4);
  await page.locator(".chat-row", { hasText: "hello" }).tap();
  expect(await heightOf()).toBeGreaterThan(2 * closed);
  expect(await page.locator(".rail").isVisible()).toBe(false);
  await page.locator("#chat textarea").press("Escape");
  expect(await heightOf()).toBe(closed);
  await page.getByLabel("Open the whole chat").tap();
  expect(await heightOf()).toBeGreaterThan(2 * closed);
  await page.touchscreen.tap(120, 120);
  expect(await heightOf()).toBe(closed);
  await page.context().close();
});

test("a phone's keyboard lifts the box above it and leaves the picture alone", async () => {
  await makeStream("keyboard");
  const page = await openPage("keyboard", PHONE);
  const picture = await boxOf(page.locator("#player"));
  const openKeyboard = (height: number): Promise<void> =>
    page.evaluate((visible) => {
      const { visualViewport } = globalThis as unknown as Window;
      if (visualViewport === null) throw new Error("there is no visual viewport");
      Object.defineProperty(visualViewport, "height", { value: visible, configurable: true });
      visualViewport.dispatchEvent(new Event("resize"));
    }, height);
  await openKeyboard(508);
  for (const whole of [false, true]) {
    const { y, height } = await boxOf(page.locator(".composer-join"));
    expect(y + height).toBeLessThanOrEqual(508);
    // With the controls at the foot the chat is higher, and comes down in 0.2 s when it is opened.
    await expect
      .poll(async () => (await boxOf(page.locator("#chat"))).y, { message: `${whole}` })
      .toBeGreaterThanOrEqual(0);
    await page.evaluate(() => document.body.toggleAttribute("data-whole-chat", true));
  }
  expect(await boxOf(page.locator("#player"))).toEqual(picture);
  await openKeyboard(844);
  expect((await boxOf(page.locator(".composer-join"))).y).toBeGreaterThan(700);
  await page.context().close();
});

test("a double tap likes at its place, and the drawing is the page's own", async () => {
  await makeStream("likes");
  const page = await openPage("likes", PHONE);
  await page.touchscreen.tap(150, 300);
  await page.touchscreen.tap(150, 300);
  const heart = page.locator("#bursts i");
  await heart.locator("svg").waitFor({ state: "attached" });
  expect(await heart.evaluate((element) => [element.style.left !== "", element.textContent])).toEqual([true, ""]);
  // Another page has it from the room.
  const other = await openPage("likes", PHONE);
  await other.getByLabel("Like, 1 so far").and(other.locator(".rail-like")).waitFor();
  await other.context().close();
  await page.context().close();
});

test("a swipe, a key and a button go to the other live stream, and say so where there is none", async () => {
  await makeStream("alone");
  const page = await openPage("alone", PHONE);
  await swipe(page, 500, 250);
  await page.locator(".toast", { hasText: "Nothing else is live" }).waitFor();
  for (const stream of ["one", "two"]) {
    await makeStream(stream);
    const publisher = new TestPublisher(
      { ask: (address, init) => fetch(edge.url + address, init), adminToken: ADMIN_TOKEN },
      { stream },
    );
    await publisher.openWithInits();
    await publisher.putParts(0, 6);
  }
  const listed = async (): Promise<number> => {
    const answer = (await (await fetch(`${edge.url}/api/directory`)).json()) as { live: unknown[] };
    return answer.live.length;
  };
  await expect.poll(listed, { timeout: PAGE_TIMEOUT_MS }).toBe(2);
  await page.goto(`${edge.url}/watch/one`);
  await page.locator(".rail").waitFor();
  await swipe(page, 500, 250);
  await page.waitForURL(`${edge.url}/watch/two`);
  await page.locator(".rail").waitFor();
  await swipe(page, 250, 500);
  await page.waitForURL(`${edge.url}/watch/one`);
  await page.locator(".rail").waitFor();
  await page.keyboard.press("Shift+N");
  await page.waitForURL(`${edge.url}/watch/two`);
  await page.getByRole("button", { name: "Next live stream" }).tap();
  await page.waitForURL(`${edge.url}/watch/one`);

  // Followed on this device: it stands first on the start page.
  for (const name of ["two", "one"]) {
    await page.goto(`${edge.url}/watch/${name}`);
    const follow = page.locator(".who .follow");
    await follow.tap();
    await follow.and(page.locator("[aria-pressed=true]")).waitFor();
    await page.goto(edge.url);
    await page.locator("#live .card").nth(1).waitFor();
    const first = await page.locator("#live .card").first().getAttribute("href");
    if (name === "two") expect(first).toBe("/watch/two");
    await page.goto(`${edge.url}/watch/${name}`);
    await page.locator(".who .follow[aria-pressed=true]").tap();
  }
  await page.context().close();
});

test("turned on its side, the picture stays as large as the window, and the chat beside is hidden and shown", async () => {
  await makeStream("turned");
  const page = await openPage("turned", { width: 844, height: 390 });
  expect(await boxOf(page.locator("#player"))).toEqual({ x: 0, y: 0, width: 844, height: 390 });
  const chat = await boxOf(page.locator("#chat"));
  expect([chat.x > 400, chat.x + chat.width, chat.height]).toEqual([true, 844, 390]);
  await page.getByLabel("Hide chat").tap();
  await page.getByLabel("Show chat").tap();
  await page.locator("#chat .chat-list").waitFor();
  await page.context().close();
});

test("full screen is the whole page: the chat and the reactions, which are drawn, stay", async () => {
  await makeStream("full");
  const page = await openPage("full", { width: 1440, height: 900 });
  await page.locator(".topbar").waitFor();
  await page.keyboard.press("f");
  await page.waitForFunction(() => document.fullscreenElement?.id === "page");
  const picture = await boxOf(page.locator("#player"));
  const chat = await boxOf(page.locator("#chat"));
  expect([picture.y, picture.height, chat.height]).toEqual([0, 900, 900]);
  expect(picture.x + picture.width).toBeLessThanOrEqual(chat.x);
  expect(await page.locator(".reaction svg").count()).toBe(await page.locator(".reaction").count());
  expect(await page.locator(".reactions").textContent()).toBe("Reactions0");
  await page.keyboard.press("f");
  await page.waitForFunction(() => document.fullscreenElement === null);
  await page.keyboard.press("t");
  expect((await boxOf(page.locator("#player"))).height).toBe(900);
  await page.keyboard.press("t");
  // Keys typed into a field are text.
  await page.keyboard.press("/");
  await page.keyboard.type("tf?");
  expect(await page.locator("#chat input").inputValue()).toBe("tf?");
  expect(await page.evaluate(() => [document.fullscreenElement, document.querySelector("dialog")])).toEqual([
    null,
    null,
  ]);
  await page.locator("#chat input").blur();
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
  await page.keyboard.press("Escape");
  await page.locator("dialog").waitFor({ state: "detached" });
  await page.context().close();
});

test("where the site takes reports, a stream and a message can be reported, on a phone too", async () => {
  await makeStream("reports");
  const author = await openPage("reports", PHONE);
  await joinRoom(author, "Eve");
  await writeMessage(author, "buy & sell");
  for (const viewport of [PHONE, { width: 1280, height: 800 }]) {
    const page = await openPage("reports", viewport);
    expect(await page.getByRole("link", { name: /Report/ }).count()).toBe(0);
    // A site's own build has its address there.
    await page.route("**/watch/reports", async (route) => {
      const response = await route.fetch();
      const body = (await response.text()).replace(
        'name="corral-reports" content=""',
        'name="corral-reports" content="https://help.example/form"',
      );
      await route.fulfill({ response, body });
    });
    await page.reload();
    await waitForMessage(page, "buy & sell");
    if (viewport === PHONE) {
      await page.getByRole("button", { name: "More" }).tap();
    }
    const stream = page.getByRole("link", { name: "Report this stream" });
    const url = encodeURIComponent(`${edge.url}/watch/reports`);
    expect(await stream.getAttribute("href")).toBe(`https://help.example/form?url=${url}`);
    if (viewport === PHONE) {
      await page.keyboard.press("Escape");
      await page.getByLabel("Open the whole chat").tap();
    }
    const row = page.locator(".chat-row", { hasText: "buy & sell" });
    await row.click();
    await row.getByRole("button", { name: "About Eve" }).click();
    const message = new URL(
      (await page.getByRole("link", { name: "Report this message" }).getAttribute("href")) ?? "about:blank",
    );
    expect([...message.searchParams.keys()]).toEqual(["url", "message", "account"]);
    await page.context().close();
  }
  await author.context().close();
});

test("what loads after the picture moves nothing, on phones and in wide windows", async () => {
  await makeStream("still", { title: "Sunday concert", host: "Mira", description: "Live from the garden." });
  for (const viewport of [PHONE, { width: 844, height: 390 }, { width: 1440, height: 900 }]) {
    const page = await openPage("still", viewport);
    await page.locator(".topbar").waitFor();
    const { total, shifts } = await readLayoutShifts(page);
    expect(total, `${JSON.stringify(viewport)}: ${shifts.join("; ")}`).toBeLessThanOrEqual(MAX_LAYOUT_SHIFT);
    await page.context().close();
  }
});
