/** The studio's section "Go live": keys of the control API, and what to paste into encoders. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { launchBrowser } from "../support/browser.ts";
import { freePort } from "../support/ports.ts";

const PATIENCE_MS = 60_000;
const ADDRESSES = "rtmp://192.0.2.7:1935 srt://192.0.2.7:8890";

let dataDir: string;
let edge: LocalEdge;
let browser: Browser;
let page: Page;
const trouble: string[] = [];

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-golive-"));
  const bindings = { CORRAL_INGEST_ADDRESSES: ADDRESSES };
  edge = await startEdge({ port: await freePort(), dataDir, adminToken: ADMIN_TOKEN, bindings });
  browser = await launchBrowser();
  const context = await browser.newContext({ viewport: { width: 1280, height: 1000 } });
  await context.grantPermissions(["clipboard-write"], { origin: edge.url });
  page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  page.on("pageerror", (error) => trouble.push(String(error)));
  page.on("console", (message) => {
    // The API's 404 before the first broadcast is an answer, which Chromium logs as an error.
    if (message.type() === "error" && !message.text().includes("404")) trouble.push(message.text());
  });
});

afterAll(async () => {
  await browser?.close();
  await edge?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

const section = (): Locator => page.getByRole("region", { name: "Go live" });
const field = (label: string): Locator => section().getByLabel(label, { exact: true });
const button = (name: string | RegExp): Locator => section().getByRole("button", { name });
const choice = (name: string): Locator => section().getByRole("combobox", { name });

/** The clipboard's text: the pages' permissions policy lets no script read it, but a person may paste. */
async function paste(): Promise<string> {
  await field("Label").fill("");
  await field("Label").focus();
  await page.keyboard.press("Control+V");
  const text = await field("Label").inputValue();
  await field("Label").fill("");
  return text;
}

/** Asks as OBS does. */
async function askObs(key: string): Promise<Record<string, unknown>> {
  const framerate = { numerator: 30, denominator: 1 };
  const body = { authentication: key, client: {}, preferences: { width: 1280, height: 720, framerate } };
  const answer = await fetch(`${edge.url}/api/obs/show/GetClientConfiguration`, {
    method: "POST",
    body: JSON.stringify(body),
  });
  expect(answer.status).toBe(200);
  return (await answer.json()) as Record<string, unknown>;
}

/** Saves a picture of the page where the environment names a folder. */
async function takePicture(name: string): Promise<void> {
  const folder = process.env["CORRAL_PICTURES"];
  if (folder !== undefined) await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

test("a host makes a key, copies it with the server, and OBS's request with it is answered", async () => {
  await page.goto(`${edge.url}/studio/show?tab=golive`);
  await section().getByRole("tab", { name: "OBS", exact: true }).waitFor();
  expect(await field("Server").inputValue()).toBe("rtmp://192.0.2.7:1935/live/show");
  expect(await section().getByText("A key is shown once").isVisible()).toBe(true);
  await field("Label").fill("OBS at home");
  await button("New key").click();
  await field("Stream key").waitFor();
  expect(await field("Stream key").getAttribute("type")).toBe("password");
  await button("Show Stream key").click();
  expect(await field("Stream key").getAttribute("type")).toBe("text");
  await button("Copy Stream key").click();
  await section().getByText("Copied.").waitFor();
  const key = await paste();
  expect(key).toMatch(/^corral_[0-9a-z]{10}_[A-Za-z0-9_-]{43}$/);
  expect(await field("Stream key").inputValue()).toBe(key);
  expect(await section().getByText("OBS at home", { exact: true }).isVisible()).toBe(true);
  await takePicture("golive-obs");
  expect((await askObs(key))["status"]).toEqual({ result: "success" });
});

test("the other encoders get their settings, and the arrow keys reach each tab", async () => {
  await section().getByRole("tab", { name: "OBS", exact: true }).focus();
  await page.keyboard.press("ArrowRight");
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Multitrack");
  const configuration = JSON.parse(await field("Config Override (JSON)").inputValue());
  expect(configuration.encoder_configurations.map(({ height }: { height: number }) => height)).toEqual([
    1080, 720, 480,
  ]);
  await choice("Canvas").selectOption("720");
  expect(await field("Config Override (JSON)").inputValue()).toContain('"height": 360');
  expect(await field("Configuration address").inputValue()).toBe(`${edge.url}/api/obs/show/GetClientConfiguration`);
  await takePicture("golive-multitrack");
  await section().getByRole("tab", { name: "Multitrack" }).focus();
  await page.keyboard.press("ArrowRight");
  expect(await field("SRT address").inputValue()).toMatch(/^srt:\/\/192\.0\.2\.7:8890\?streamid=show\/[0-9a-z]{10}&/);
  expect(await field("SRT address").getAttribute("type")).toBe("password");
  await page.keyboard.press("ArrowRight");
  expect(await field("WHIP address").inputValue()).toBe(`${edge.url}/whip/show`);
  expect(await field("Bearer token").getAttribute("type")).toBe("password");
  await page.keyboard.press("ArrowRight");
  expect(await section().getByRole("link", { name: "Open in Moblin" }).getAttribute("href")).toMatch(
    /^moblin:\/\/\?%7B/,
  );
  await button("Show the QR code").click();
  await section().getByRole("img", { name: "QR code that sets up Moblin" }).waitFor();
  await takePicture("golive-phone");
  await choice("App").selectOption("larix");
  expect(
    await section()
      .getByRole("link", { name: /^Open in Larix/ })
      .getAttribute("href"),
  ).toMatch(/^larix:\/\/set\/v1\?/);
});

test("a key is rotated and revoked after a confirmation", async () => {
  await section().getByRole("tab", { name: "OBS", exact: true }).click();
  const first = await field("Stream key").inputValue();
  await button(/^Rotate…/).click();
  await button("Yes, rotate").click();
  await expect.poll(() => field("Stream key").inputValue(), { timeout: PATIENCE_MS }).not.toBe(first);
  const second = await field("Stream key").inputValue();
  // Both are usable during the overlap; the new one is listed first.
  await expect.poll(() => button(/^Revoke…/).count(), { timeout: PATIENCE_MS }).toBe(2);
  await button(/^Revoke…/)
    .first()
    .click();
  await button("Yes, revoke").click();
  await expect.poll(() => button(/^Revoke…/).count(), { timeout: PATIENCE_MS }).toBe(1);
  // The revoked key's secret is not offered any more.
  expect(await field("Stream key").count()).toBe(0);
  expect((await askObs(second))["status"]).toMatchObject({ result: "error" });
  expect((await askObs(first))["status"]).toEqual({ result: "success" });
});

test("on a phone nothing is wider than the screen, and no error was logged", async () => {
  await page.setViewportSize({ width: 390, height: 844 });
  for (const tab of ["OBS", "Multitrack", "SRT", "WHIP", "Phone"]) {
    if (tab === "OBS") await button("New key").click();
    await section().getByRole("tab", { name: tab, exact: true }).click();
    await expect
      .poll(() => page.evaluate(() => document.documentElement.scrollWidth), { timeout: PATIENCE_MS })
      .toBe(390);
    if (tab === "Phone") await button("Show the QR code").click();
    await takePicture(`golive-narrow-${tab}`);
  }
  expect(trouble).toEqual([]);
});

test("a viewer's token opens nothing, and the operator's does", async () => {
  const token = (await (
    await fetch(`${edge.url}/dev/token`, {
      method: "POST",
      body: JSON.stringify({ room: "show", sub: "ann" }),
    })
  ).json()) as { token: string };
  const other = await browser.newPage();
  other.setDefaultTimeout(PATIENCE_MS);
  await other.goto(`${edge.url}/studio/show?tab=golive#token=${token.token}`);
  const golive = other.getByRole("region", { name: "Go live" });
  const form = golive.getByLabel("Token for going live");
  await form.fill(token.token);
  await golive.getByRole("button", { name: "Open" }).click();
  await golive
    .getByRole("alert")
    .filter({ hasText: /admin token/i })
    .waitFor();
  await form.fill(ADMIN_TOKEN);
  await golive.getByRole("button", { name: "Open" }).click();
  await golive.getByRole("tab", { name: "OBS", exact: true }).waitFor();
  await other.close();
});
