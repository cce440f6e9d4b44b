/** The pages at common window sizes: everything is reachable, and the chat keeps its reading position. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join as path } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { STUDIO_TABS } from "../../web/src/studio/studio-tabs.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { launchBrowser } from "../support/browser.ts";
import { OriginProcess } from "../support/origin-process.ts";
import { freePort } from "../support/ports.ts";
import { TestPublisher } from "../support/publisher.ts";
import { joinRoom, openWatchPage, pressModeration, waitForMessage, writeMessage } from "../support/room-pages.ts";

/** Widths of phones in portrait. */
const PHONES = [320, 360, 375, 390] as const;
/** Windows of computers, low ones, tablets and phones. */
const WINDOWS = [
  [1280, 720],
  [1440, 900],
  [1920, 1080],
  [1024, 768],
  [1280, 500],
  [1280, 499],
  [1280, 300],
  [900, 500],
  [820, 1180],
  [600, 900],
  [390, 844],
  [320, 568],
  [844, 390],
  [568, 320],
  [480, 320],
] as const;
const LONG_NAME = "a-stream-with-the-longest-name-that-there-is-64-letters-and-more".slice(0, 64);
/** A message with more lines in a narrower chat. */
const LONG = "many words that go on and on until they have to be broken into several lines wherever they are shown";

let dataDir: string;
let edge: LocalEdge;
let browser: Browser;

beforeAll(async () => {
  dataDir = await mkdtemp(path(tmpdir(), "corral-pages-"));
  edge = await startEdge({ port: await freePort(), dataDir, adminToken: ADMIN_TOKEN });
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
  await edge?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

/** Issues a key for a stream, which otherwise nobody has. */
async function keyOf(stream: string): Promise<string> {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  const made = await fetch(`${edge.url}/api/streams/${stream}/keys`, { method: "POST", headers });
  return ((await made.json()) as { key: string }).key;
}

/** Records in `wide` where the page is wider than a phone in portrait. */
async function look(page: Page, what: string, wide: string[]): Promise<void> {
  for (const width of PHONES) {
    await page.setViewportSize({ width, height: 640 });
    const scrollWidth = await page.evaluate(() => document.documentElement.scrollWidth);
    if (scrollWidth > width) wide.push(`${what}: ${scrollWidth} of ${width} px`);
  }
}

test("on a phone in portrait no page is wider than the window, in any state", async () => {
  const page = await browser.newPage();
  const wide: string[] = [];
  await page.goto(`${edge.url}/`);
  await look(page, "landing", wide);
  await page.locator("#name").fill("no name!");
  await page.locator("button").click();
  await page.locator("#hint:not(:empty)").waitFor();
  await look(page, "landing with an invalid name", wide);
  for (const address of ["/nowhere", "/watch/No%20Name", "/studio/No%20Name"]) {
    await page.goto(`${edge.url}${address}`);
    await look(page, address, wide);
  }
  await page.goto(`${edge.url}/watch/${LONG_NAME.slice(2)}`);
  await page.locator(".overlay .card", { hasText: "No such stream" }).waitFor();
  await look(page, "a name that nobody has", wide);
  await keyOf(LONG_NAME);
  await page.goto(`${edge.url}/watch/${LONG_NAME}`);
  await page.locator("#chat .chat-foot").waitFor();
  await look(page, "a broadcast that is awaited", wide);
  await page.getByLabel("Open the whole chat").click();
  await look(page, "the same with its whole chat", wide);
  await page.getByLabel("Hide chat").click();
  await page.getByLabel("Show chat").waitFor();
  await look(page, "the same without its chat", wide);
  for (const tab of STUDIO_TABS) {
    await page.goto(`${edge.url}/studio/${LONG_NAME}?tab=${tab}`);
    await page.locator(`#panel-${tab}:visible`).waitFor();
    await look(page, `its studio, ${tab}`, wide);
  }
  await page.goto(`${edge.url}/golive/${LONG_NAME}#key=wrong`);
  await page.locator("#stream-key").waitFor();
  await look(page, "going live without a key", wide);
  await page.close();
  expect(wide).toEqual([]);
});

test("on a phone in landscape the chat can be read and written, and in a lower window the page scrolls to it", async () => {
  await keyOf("low");
  const page = await openWatchPage(browser, `${edge.url}/watch/low`);
  await page.locator("#chat .composer-join").waitFor();
  for (const [width, height] of [
    [844, 390],
    [667, 375],
    [568, 320],
    [480, 320],
    [320, 300],
    // 1280×1024 and 1440×900 at 400 %.
    [320, 256],
    [360, 225],
    [1280, 180],
  ] as const) {
    await page.setViewportSize({ width, height });
    const lacks = await page.evaluate(() => {
      // As laid out: the chat moves in 0.2 s, and a box in between has fractions.
      const listHeight = document.querySelector<HTMLElement>("#chat .chat-scroll")?.offsetHeight;
      const button = document.querySelector("#chat .composer-join");
      button?.scrollIntoView();
      const box = button?.getBoundingClientRect();
      if (listHeight === undefined || listHeight < 60) return "the list has no room";
      return box === undefined || box.top < 0 || box.bottom > innerHeight ? "the box is out of reach" : null;
    });
    expect(lacks, `${width}x${height}`).toBeNull();
  }
  await page.context().close();
});

test("in any window the player and its controls are visible, with and without chat, live and recorded", async () => {
  const key = await keyOf(LONG_NAME);
  const origin = new OriginProcess(["--edge", edge.url, "--key", key, "--stream", LONG_NAME, "--ladder", "144p:100k"]);
  const page = await openWatchPage(browser, `${edge.url}/watch/${LONG_NAME}`);
  const wrong: string[] = [];
  const lookAtAll = async (what: string): Promise<void> => {
    await page.locator(".controls").waitFor();
    for (const [width, height] of WINDOWS) {
      await page.setViewportSize({ width, height });
      const out = await page.evaluate(() => {
        const parts = ["#player", ".topbar", ".controls", ".controls .bar > :last-child", ".stats"];
        return parts.filter((part) => {
          const box = document.querySelector(part)?.getBoundingClientRect();
          return box !== undefined && (box.top < 0 || box.bottom > innerHeight || box.right > innerWidth);
        });
      });
      wrong.push(...out.map((part) => `${what} at ${width}x${height}: ${part}`));
    }
    await look(page, what, wrong);
    await page.setViewportSize({ width: 1280, height: 800 });
  };
  try {
    await origin.waitForOutput("/watch/");
    await page.locator("#chat .chat-foot").waitFor();
    await lookAtAll("live with the chat");
    await page.locator("#player").hover();
    await page.getByLabel("Playback statistics").click();
    await lookAtAll("live with statistics");
    // Controls that the pointer has left alone for a while let it through.
    await page.locator("#player").hover();
    await page.locator("media-rendition-menu-button").click();
    await page.locator("media-chrome-menu-item").first().waitFor();
    expect(await undefinedElements(page)).toEqual([]);
    // WAI-ARIA 1.2, `menu`: items and groups of them are all that it may have. media-chrome's header is a button.
    const header = page.locator("media-rendition-menu slot[name=header]");
    expect(await header.evaluate((slot) => (slot as HTMLSlotElement).assignedElements().length)).toBe(1);
    await page.keyboard.press("Escape");
    await checkForcedColors(page);
    await interruptOnPhone(page);
    await page.getByLabel("Hide chat").click();
    await page.getByLabel("Show chat").waitFor();
    await lookAtAll("live without the chat");
    // The setting is stored.
    await page.reload();
    await page.getByLabel("Show chat").waitFor();
    await lookAtAll("live without the chat, opened anew");
    const studio = await browser.newPage();
    for (const tab of STUDIO_TABS) {
      await studio.goto(`${edge.url}/studio/${LONG_NAME}?tab=${tab}`);
      await studio.locator(".badge-live").waitFor();
      if (tab === "health") await studio.getByText("Edge internals").click();
      await look(studio, `studio of a live broadcast, ${tab}`, wrong);
    }
    await checkForcedButtons(studio);
    await studio.close();
  } finally {
    await origin.interrupt();
  }
  await page.locator(".badge", { hasText: "ENDED" }).waitFor();
  await look(page, "ended", wrong);
  await page.getByRole("button", { name: "Watch again" }).click();
  await page.locator(".badge", { hasText: "RECORDING" }).waitFor();
  await lookAtAll("recording without the chat");
  expect(await undefinedElements(page)).toEqual([]);
  await page.getByLabel("Show chat").click();
  await page.locator("#chat .chat-head").waitFor();
  await lookAtAll("recording with the chat");
  await page.context().close();
  expect(wrong).toEqual([]);
});

/** In the system's high contrast, light and dark, the controls' drawings differ from the ground they stand on. */
async function checkForcedColors(page: Page): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ forcedColors: "active", colorScheme });
    const lost = await page.evaluate(() => {
      const luminanceOf = (color: string): number => {
        const [red = 0, green = 0, blue = 0] = (color.match(/[\d.]+/g) ?? []).map(Number);
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
      };
      const ground = document.querySelector(".controls");
      if (ground === null) return ["the controls"];
      const { backgroundColor, backgroundImage } = getComputedStyle(ground);
      const parts = ["media-play-button", "media-mute-button", "media-fullscreen-button"];
      return parts.filter((name) => {
        const drawing = document.querySelector(name)?.shadowRoot?.querySelector("svg");
        if (drawing === null || drawing === undefined || backgroundImage !== "none") return true;
        return Math.abs(luminanceOf(getComputedStyle(drawing).fill) - luminanceOf(backgroundColor)) < 128;
      });
    });
    expect(lost, colorScheme).toEqual([]);
  }
  await page.emulateMedia({ forcedColors: null, colorScheme: null });
}

/** In high contrast a button is told from a text, and the chosen tab from the others, by a border. */
async function checkForcedButtons(page: Page): Promise<void> {
  await page.emulateMedia({ forcedColors: "active" });
  const { bare, chosen, others } = await page.evaluate(() => {
    const styles = (selector: string): { text: string; width: string; color: string }[] =>
      [...document.querySelectorAll(selector)].map((part) => {
        const { borderBottomWidth: width, borderBottomColor: color } = getComputedStyle(part);
        return { text: part.textContent ?? "", width, color };
      });
    return {
      bare: styles("button:not([role=tab])").filter(({ width }) => width === "0px"),
      chosen: styles("[role=tab][aria-selected=true]").map(({ color }) => color),
      others: styles("[role=tab][aria-selected=false]").map(({ color }) => color),
    };
  });
  expect(bare).toEqual([]);
  expect(chosen.length).toBeGreaterThan(0);
  expect(others.filter((color) => chosen.includes(color))).toEqual([]);
  await page.emulateMedia({ forcedColors: null });
}

/** Cuts a phone's network: nothing stands on the message that says so. */
async function interruptOnPhone(page: Page): Promise<void> {
  const size = page.viewportSize() ?? { width: 1280, height: 800 };
  await page.setViewportSize({ width: 390, height: 844 });
  // Chromium's emulation leaves an open response alone, so playback by flow would go on.
  await page.goto(`${page.url().split("?")[0]}?delay=smooth`);
  await page.waitForFunction(() => (document.querySelector("video")?.currentTime ?? 0) > 0);
  await page.context().setOffline(true);
  await page.locator('#player[data-phase="reconnecting"] .overlay .detail').waitFor();
  await page.locator("#player").hover();
  const overlapping = (): Promise<string[]> =>
    page.evaluate(() => {
      const message = document.querySelector(".overlay .card")?.getBoundingClientRect();
      const parts = [...document.querySelectorAll(".topbar > *, .controls .range, .controls .bar > *")];
      return parts.flatMap((part) => {
        const { left, right, top, bottom, width } = part.getBoundingClientRect();
        if (message === undefined || width === 0 || getComputedStyle(part).visibility === "hidden") return [];
        const isApart =
          bottom <= message.top || top >= message.bottom || right <= message.left || left >= message.right;
        return isApart ? [] : [part.className || part.localName];
      });
    });
  // The message moves in.
  await expect.poll(overlapping, { timeout: 5_000 }).toEqual([]);
  await page.context().setOffline(false);
  await page.setViewportSize(size);
  await page.locator('#player[data-phase="live"]').waitFor();
}

/** Names of elements with no definition, shadow trees included: such an element shows nothing. */
const undefinedElements = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const listIn = (root: Document | ShadowRoot): string[] =>
      [...root.querySelectorAll("*")].flatMap((element) => [
        ...(element.matches(":not(:defined)") ? [element.localName] : []),
        ...(element.shadowRoot === null ? [] : listIn(element.shadowRoot)),
      ]);
    return listIn(document);
  });

/** The list's position some frames after the last change: pixels from its end, and its top row with offset. */
const standing = (page: Page): Promise<{ fromEnd: number; row: string; place: number }> =>
  page.evaluate(async () => {
    for (let frames = 0; frames < 5; frames += 1) await new Promise((resolve) => requestAnimationFrame(resolve));
    const list = document.querySelector("#chat .chat-scroll");
    if (list === null) throw new Error("there is no list");
    const { top } = list.getBoundingClientRect();
    const rows = [...list.querySelectorAll(".chat-row")].map((row) => ({
      row: /message \d+/.exec(row.textContent ?? "")?.[0] ?? "",
      place: Math.round(row.getBoundingClientRect().top - top),
    }));
    const first = rows.filter(({ place }) => place >= 0).sort((one, other) => one.place - other.place)[0];
    const fromEnd = Math.round(list.scrollHeight - list.clientHeight - list.scrollTop);
    return { fromEnd, row: first?.row ?? "", place: first?.place ?? Number.NaN };
  });

test("a reader at the newest message stays there through a pin, resizes and rotations, and a reader of older ones stays there", async () => {
  await keyOf("busy");
  const page = await openWatchPage(browser, `${edge.url}/watch/busy`, { width: 390, height: 844 });
  const moderator = await openWatchPage(browser, `${edge.url}/studio/busy?tab=room`);
  await joinRoom(page, "Ann");
  for (let number = 1; number <= 12; number += 1) {
    // A moderator has a higher rate.
    await writeMessage(moderator, `message ${number}: ${LONG}`);
    await waitForMessage(page, `message ${number}:`);
  }
  expect((await standing(page)).fromEnd).toBe(0);
  await pressModeration(moderator, "message 12:", /^Pin/);
  await page.locator(".chat-pinned").waitFor();
  expect((await standing(page)).fromEnd, "pinned").toBe(0);
  for (const [width, height] of [
    [390, 560],
    [320, 568],
    [844, 390],
    [1280, 800],
    [390, 844],
  ] as const) {
    await page.setViewportSize({ width, height });
    expect((await standing(page)).fromEnd, `${width}x${height}`).toBe(0);
  }
  expect(await page.locator(".chat-jump").count()).toBe(0);

  await page.locator("#chat .chat-scroll").hover();
  await page.mouse.wheel(0, -400);
  await page.locator(".chat-jump").waitFor();
  const before = await standing(page);
  await moderator.getByLabel("Unpin").click();
  await page.locator(".chat-pinned").waitFor({ state: "detached" });
  const { row, place } = await standing(page);
  expect({ row, place }, "unpinned").toEqual({ row: before.row, place: before.place });
  for (const [width, height] of [
    [390, 560],
    [844, 390],
    [390, 844],
  ] as const) {
    await page.setViewportSize({ width, height });
    expect((await standing(page)).row, `${width}x${height}`).toBe(before.row);
  }
  await writeMessage(page, "a newer one");
  await page.locator(".chat-jump", { hasText: "1 new message" }).click();
  await waitForMessage(page, "a newer one");
  expect((await standing(page)).fromEnd, "back at the end").toBe(0);
});

test("a new tab chats under the name that was chosen in another one", async () => {
  await keyOf("tabs");
  const page = await openWatchPage(browser, `${edge.url}/watch/tabs`);
  await joinRoom(page, "Ann");
  const other = await page.context().newPage();
  await other.goto(`${edge.url}/watch/tabs`);
  await other.getByPlaceholder("Chat as Ann").waitFor();
  await other.getByRole("button", { name: "Change name" }).click();
  await other.locator("#chat input").waitFor();
  expect(await other.locator("#chat input").inputValue()).toBe("Ann");
  await page.context().close();
});

test("the sign that hides the chat is not the one that leaves the page, which stands beside it", async () => {
  await keyOf("signs");
  const page = await openWatchPage(browser, `${edge.url}/watch/signs`);
  const signOf = async (label: string): Promise<string | null> =>
    page.getByLabel(label).locator("path").first().getAttribute("d");
  await page.getByLabel("Hide chat").waitFor();
  expect(await signOf("Hide chat")).not.toBe(await signOf("Back to the start page"));
  await page.context().close();
});

test("a table of the studio that is wider than a phone is scrolled by keys", async () => {
  const publisher = new TestPublisher(
    { ask: (address, init) => fetch(edge.url + address, init), adminToken: ADMIN_TOKEN },
    { stream: "tables" },
  );
  await publisher.openWithInits();
  await publisher.putParts(0, 6);
  const page = await openWatchPage(browser, `${edge.url}/studio/tables?tab=health`, { width: 390, height: 844 });
  await page.getByText("Edge internals").click();
  const table = page.locator(".scroll", { hasText: "Coalesced" });
  await table.focus();
  await page.keyboard.press("ArrowRight");
  await expect.poll(() => table.evaluate(({ scrollLeft }) => scrollLeft)).toBeGreaterThan(0);
  await page.context().close();
});
