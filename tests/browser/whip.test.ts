/** A page publishes by WHIP, through the edge's address, to an ingest node; the playlist plays at the edge. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { FAKE_DEVICES, launchBrowser, waitForStats } from "../support/browser.ts";
import { IngestProcess } from "../support/ingest-process.ts";
import { waitUntil } from "../support/npm-start.ts";
import { findTarget } from "../support/playlist-viewer.ts";
import { freePort } from "../support/ports.ts";
import { WhipPage } from "../support/whip-page.ts";

const TIMEOUT = { timeout: 120_000 };

let folder = "";
let edge: LocalEdge;
let node: IngestProcess;
let browser: Browser;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "corral-whip-"));
  const whipPort = await freePort();
  const bindings = { CORRAL_WHIP_NODE: `http://127.0.0.1:${whipPort}` };
  edge = await startEdge({ port: await freePort(), dataDir: join(folder, "edge"), adminToken: ADMIN_TOKEN, bindings });
  node = await IngestProcess.start(edge, ADMIN_TOKEN, ["--verbose", "--whip-http-port", `${whipPort}`]);
  browser = await launchBrowser(FAKE_DEVICES);
}, 120_000);
afterAll(async () => {
  await browser?.close();
  if (node?.origin.process.exitCode === null) await node.origin.interrupt();
  await edge?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Remembers the codecs of source buffers, in `globalThis.soundTypes`. */
const WATCHED_TYPES = `
  globalThis.soundTypes = [];
  const add = MediaSource.prototype.addSourceBuffer;
  MediaSource.prototype.addSourceBuffer = function (type) { soundTypes.push(type); return add.call(this, type); };`;
/** As a browser from before Opus in MP4. */
const WITHOUT_OPUS = `${WATCHED_TYPES}
  const isSupported = MediaSource.isTypeSupported.bind(MediaSource);
  MediaSource.isTypeSupported = (type) => !/opus/i.test(type) && isSupported(type);`;

/** The codec of the page's sound. */
async function soundInUse(page: Page): Promise<string> {
  const types = await page.evaluate(() => (globalThis as unknown as { soundTypes: string[] }).soundTypes);
  return types.flatMap((type) => /^audio\/mp4;\s*codecs="?([^"]+)/.exec(type)?.[1] ?? []).at(-1) ?? types.join();
}

test("a page publishes by WHIP, the edge plays it without transcoding, and a DELETE ends it", TIMEOUT, async () => {
  const { key } = await node.issueKey("page");
  const sender = await WhipPage.open(browser);
  const answer = await sender.publish({ endpoint: `${edge.url}/whip/page`, key });
  expect(answer).toMatchObject({ status: 201, location: expect.stringMatching(/\/whip\/page\/[0-9a-f]{32}$/) });
  await findTarget(`${edge.url}/live/page`).catch((error: unknown) => {
    throw new Error(node.origin.output, { cause: error });
  });
  await waitUntil("it is judged", () => node.origin.output.includes("page: passed through"));
  const watch = await browser.newPage();
  await watch.addInitScript(WATCHED_TYPES);
  await watch.goto(`${edge.url}/watch/page`);
  await waitForStats(
    watch,
    ({ state, currentTime }) => state === "live" && currentTime > 6,
    30_000,
    "live for some seconds",
  );
  // The sender's own sound where it plays; each rendition once.
  expect(await soundInUse(watch)).toMatch(/^opus/);
  const { renditions } = await waitForStats(watch, () => true, 1_000, "read");
  expect(new Set(renditions).size).toBe(renditions.length);
  await watch.close();
  const other = await browser.newPage();
  await other.addInitScript(WITHOUT_OPUS);
  await other.goto(`${edge.url}/watch/page`);
  await waitForStats(other, ({ state, currentTime }) => state === "live" && currentTime > 3, 30_000, "live with AAC");
  expect(await soundInUse(other)).toMatch(/^mp4a/);
  await other.close();
  const ended = await fetch(answer.location ?? "", { method: "DELETE", headers: { authorization: `Bearer ${key}` } });
  expect(ended.status).toBe(204);
  await waitUntil("the sender has ended", () => node.origin.output.includes("page: the sender said goodbye"));
  await sender.close();
});

test("a page whose key is revoked is cut within a second, and learns it", TIMEOUT, async () => {
  const { key, id } = await node.issueKey("revoked");
  const sender = await WhipPage.open(browser);
  expect(await sender.publish({ endpoint: `${edge.url}/whip/revoked`, key })).toMatchObject({ status: 201 });
  await waitUntil("it is on the air", () => node.origin.output.includes("revoked: on the air"));
  await sender.page.evaluate(() => {
    const [transceiver] = (globalThis as unknown as { whip: RTCPeerConnection }).whip.getTransceivers();
    const transport = transceiver?.sender.transport;
    const closed = new Promise((resolve) => transport?.addEventListener("statechange", () => resolve(transport.state)));
    Object.assign(globalThis, { transportClosed: closed });
  });
  await node.revokeKey("revoked", id);
  const revokedMs = performance.now();
  await waitUntil("it is refused", () => node.origin.output.includes("revoked: the sender is refused"));
  expect(performance.now() - revokedMs).toBeLessThan(1_000);
  expect(
    await sender.page.evaluate(() => (globalThis as unknown as { transportClosed: Promise<string> }).transportClosed),
  ).toBe("closed");
  const again = await sender.publish({ endpoint: `${edge.url}/whip/revoked`, key });
  expect([again.status, JSON.parse(again.body)]).toMatchObject([403, { type: "/problems/key-wrong" }]);
  await sender.close();
});

test(
  "a page without WebCodecs goes live by WHIP, is watched, ends, and learns that its key is revoked",
  TIMEOUT,
  async () => {
    const { key, id } = await node.issueKey("fallback");
    const page = await browser.newPage();
    await page.addInitScript("delete globalThis.VideoEncoder");
    await page.goto(`${edge.url}/golive/fallback#key=${key}`);
    await page.locator("#start:not(:disabled)").click();
    await page.locator('body[data-phase="live"]').waitFor();
    const watch = await browser.newPage();
    await watch.goto(`${edge.url}/watch/fallback`);
    const isPlaying = ({ state, currentTime }: { readonly state: string; readonly currentTime: number }): boolean =>
      state === "live" && currentTime > 3;
    await waitForStats(watch, isPlaying, 30_000, "playing");
    await watch.close();
    // "All is well", or that a machine under load is busy.
    await page.locator(".health li").first().waitFor();
    await page.locator("#end").click();
    await page.locator('body[data-phase="ended"]').waitFor();
    await waitUntil("the sender has ended", () => node.origin.output.includes("fallback: the sender said goodbye"));
    await page.locator("#start:not(:disabled)").click();
    await page.locator('body[data-phase="live"]').waitFor();
    const taken = (): number => (node.origin.output.match(/fallback: a primary sender is connected/g) ?? []).length;
    await waitUntil("it is taken again", () => taken() === 2);
    await node.revokeKey("fallback", id);
    await page.getByText("The stream key is refused.").waitFor({ timeout: 10_000 });
    await page.close();
  },
);
