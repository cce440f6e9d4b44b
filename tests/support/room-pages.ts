/** Participants of a room in separate browser contexts: actions on the pages' chat. */
import type { Browser, Locator, Page } from "playwright-core";

/** Timeout of waits that assert no duration, generous for a loaded machine. */
export const PAGE_TIMEOUT_MS = 60_000;

/** Opens the watch page in a separate browser context, which is another device. */
export async function openWatchPage(browser: Browser, url: string, size = { width: 1280, height: 800 }): Promise<Page> {
  const page = await (await browser.newContext({ viewport: size })).newPage();
  page.setDefaultTimeout(PAGE_TIMEOUT_MS);
  await page.goto(url);
  return page;
}

/** Signs in under a name, as local runs allow. */
export async function joinRoom(page: Page, name: string): Promise<void> {
  await page.locator("#chat input").fill(name);
  await page.locator(".composer-join").click();
  await page.locator("#chat textarea").waitFor();
}

/** Writes a message. */
export async function writeMessage(page: Page, text: string): Promise<void> {
  await page.locator("#chat textarea").fill(text);
  await page.locator("#chat textarea").press("Enter");
}

/** The messages that contain a text. */
export const messageRows = (page: Page, text: string): Locator => page.locator("#chat .chat-row", { hasText: text });

/** Waits until a message is on the page. */
export const waitForMessage = (page: Page, text: string): Promise<void> => messageRows(page, text).first().waitFor();

/** Clicks a moderator's button at a message. */
export async function pressModeration(page: Page, text: string, label: RegExp): Promise<void> {
  const row = messageRows(page, text).first();
  await row.focus();
  await row.getByRole("button", { name: label }).click();
}
