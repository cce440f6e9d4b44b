/** Guests at an edge whose host name is not this machine's, as deployed: no page gets a token there by itself. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join as path } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { launchBrowser } from "../support/browser.ts";
import { freePort } from "../support/ports.ts";
import { joinRoom, messageRows, openWatchPage, waitForMessage, writeMessage } from "../support/room-pages.ts";

const HOST = "live.corral.test";
const PHONE = { width: 390, height: 844 };

let dataDir: string;
let edge: LocalEdge;
let browser: Browser;
let host: Page;
let away: string;

/** A host's token: of the local edge, for its other name. */
async function hostToken(): Promise<string> {
  const body = JSON.stringify({ room: "show", sub: "u-kim", name: "Kim", roles: ["host"] });
  const answer = await fetch(`${edge.url}/dev/token`, { method: "POST", body });
  return ((await answer.json()) as { token: string }).token;
}

beforeAll(async () => {
  dataDir = await mkdtemp(path(tmpdir(), "corral-guests-"));
  edge = await startEdge({ port: await freePort(), dataDir, adminToken: ADMIN_TOKEN });
  away = `http://${HOST}:${new URL(edge.url).port}`;
  browser = await launchBrowser([`--host-resolver-rules=MAP ${HOST} 127.0.0.1`]);
  host = await openWatchPage(browser, `${away}/studio/show?tab=room#token=${await hostToken()}`);
  await host.locator("#tab-review").waitFor();
});

afterAll(async () => {
  await browser?.close();
  await edge?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

test("a stranger chats with two taps: the name is suggested, and the text box has the focus", async () => {
  const stranger = await openWatchPage(browser, `${away}/watch/show`, PHONE);
  await stranger.locator(".composer-join").click();
  await stranger.locator("#chat textarea").waitFor();
  await stranger.waitForFunction(() => document.activeElement?.tagName === "TEXTAREA");
  await stranger.keyboard.type("hello from nowhere");
  await stranger.locator(".composer-send").click();
  await waitForMessage(host, "hello from nowhere");
  expect(await messageRows(host, "hello from nowhere").locator(".chat-name").textContent()).toMatch(/^Guest \d{4}$/);
  // Another tab of the device is the same guest.
  const tab = await stranger.context().newPage();
  await tab.goto(`${away}/watch/show`);
  await tab.locator("#chat textarea").waitFor();
  await tab.getByRole("button", { name: "Change name" }).click();
  await joinRoom(tab, "Zoe");
  await writeMessage(tab, "hello again");
  await waitForMessage(host, "hello again");
  expect(await messageRows(host, "hello again").locator(".chat-name").textContent()).toBe("Zoe");
  await stranger.context().close();
});

test("the names of those who run the stream are not taken, and the page says so", async () => {
  const page = await openWatchPage(browser, `${away}/watch/show`);
  for (const name of ["Moderator", "Kiм"]) {
    await page.locator("#chat input").fill(name);
    await page.locator(".composer-join").click();
    if (name !== "Moderator") {
      await page.locator("#chat textarea").waitFor();
      await writeMessage(page, "it is me");
    }
    await page.locator("#chat").getByRole("alert").filter({ hasText: "Choose another one" }).waitFor();
    await page.locator("#chat input").waitFor();
  }
  await joinRoom(page, "Zoe");
  expect(await messageRows(host, "it is me").count()).toBe(0);
  await page.context().close();
});

test("one tap in the studio stops guests, and another lets them write again", async () => {
  const page = await openWatchPage(browser, `${away}/watch/show`);
  await joinRoom(page, "Zoe");
  await host.getByRole("button", { name: "Stop guests" }).click();
  await page.getByText("Guests can’t chat right now").waitFor();
  expect(await page.locator("#chat textarea").count()).toBe(0);
  const late = await openWatchPage(browser, `${away}/watch/show`);
  await late.getByText("Sign in on the site that shows this stream").waitFor();
  await host.getByRole("button", { name: "Let guests write" }).click();
  await writeMessage(page, "calm again");
  await waitForMessage(host, "calm again");
  await late.locator(".composer-join").waitFor();
  await Promise.all([page, late].map((each) => each.context().close()));
});

test("a banned guest is told, and a new name does not help", async () => {
  const page = await openWatchPage(browser, `${away}/watch/show`);
  await joinRoom(page, "Troll");
  await writeMessage(page, "spam spam");
  await waitForMessage(host, "spam spam");
  const row = messageRows(host, "spam spam").first();
  await row.focus();
  await row.getByRole("button", { name: /^Ban/ }).click();
  await page.getByText("You are banned from this chat").waitFor();
  await page.evaluate(() => localStorage.setItem("corral.chat.guest", "Somebody else"));
  await page.reload();
  await page.getByText("You are banned from this chat").waitFor();
  await page.context().close();
});

test("a host's link makes one person a moderator, who is asked first; who opens it later finds it used", async () => {
  await host.locator("#tab-people").click();
  await host.getByRole("button", { name: "Invite a moderator" }).click();
  const link = await host.getByLabel("Link for one person").inputValue();
  const secret = new URL(link).hash.replace("#invite=", "");
  expect(link).toBe(`${away}/studio/show?tab=room#invite=${secret}`);
  expect(secret).toMatch(/^[\w-]{43}$/);
  const open = async (name: string, sent: string[]): Promise<Page> => {
    const page = await (await browser.newContext({ viewport: PHONE })).newPage();
    page.on("request", (request) => {
      if (!request.isNavigationRequest()) sent.push(`${request.url()} ${request.postData() ?? ""}`);
    });
    await page.goto(link);
    await page.getByLabel("Your name").fill(name);
    await page.getByRole("button", { name: "Continue" }).click();
    return page;
  };
  const sent: string[] = [];
  const friend = await open("Zoe", sent);
  await friend.getByText("Kim invites you to moderate.").waitFor();
  expect(new URL(friend.url()).hash).toBe("");
  expect(await friend.locator("#tab-review").count()).toBe(0);
  await friend.getByRole("button", { name: "Become a moderator" }).click();
  await friend.locator("#tab-review").waitFor();
  expect(sent.filter((each) => each.includes(secret))).toEqual([]);
  await host.locator("#tab-open .card-row", { hasText: "Zoe" }).waitFor();
  // A link that was used is shown no more.
  await host.getByLabel("Link for one person").waitFor({ state: "detached" });
  await host.locator("#tab-log").click();
  await host.getByText("Zoe became a moderator by an invitation of Kim").waitFor();
  // The right stays with the device.
  await friend.reload();
  await friend.locator("#tab-review").waitFor();
  const late = await open("Lou", []);
  await late.getByText("This invitation was used").waitFor();
  expect(await late.locator("#tab-review").count()).toBe(0);
  await Promise.all([friend, late].map((page) => page.context().close()));
});
