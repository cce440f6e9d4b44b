/** Whatever of the watch page comes late, in whatever order: nothing moves that is shown already. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { launchBrowser } from "../support/browser.ts";
import { DocumentPieces } from "../support/document-pieces.ts";
import { MAX_LAYOUT_SHIFT, noteLayoutShifts, readLayoutShifts, waitForFrames } from "../support/layout-shift.ts";
import { OriginProcess } from "../support/origin-process.ts";
import { freePort } from "../support/ports.ts";
import { PAGE_TIMEOUT_MS } from "../support/room-pages.ts";

const LIVE = "moves";
const WAITING = "still";
const DETAILS = {
  title: "Sunday concert",
  host: "Mira",
  description: "Live from the garden.",
  tags: ["music"],
  links: [{ label: "My site", url: "https://mira.example/" }],
};

const DESKTOP = { width: 1280, height: 800 } as const;
const PHONE = { width: 390, height: 844 } as const;

let dataDir: string;
let edge: LocalEdge;
let origin: OriginProcess;
let browser: Browser;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-layout-shift-"));
  edge = await startEdge({ port: await freePort(), dataDir, adminToken: ADMIN_TOKEN });
  const call = async (method: string, path: string, body?: object): Promise<Response> =>
    fetch(`${edge.url}/api/streams/${path}`, {
      ...{ method, headers: { authorization: `Bearer ${ADMIN_TOKEN}` } },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  for (const stream of [LIVE, WAITING]) await call("PUT", `${stream}/details`, DETAILS);
  await call("POST", `${WAITING}/keys`);
  const { key } = (await (await call("POST", `${LIVE}/keys`)).json()) as { key: string };
  const from = ["--edge", edge.url, "--key", key, "--stream", LIVE, "--ladder", "180p:200k", "--test-card"];
  origin = new OriginProcess(from);
  await origin.waitForOutput(`/watch/${LIVE}`);
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
  await origin?.interrupt();
  await edge?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

async function openPage(viewport: { readonly width: number; readonly height: number }): Promise<Page> {
  const isMobile = viewport.width < 500;
  // A document that the test has changed comes from no address that the browser knows, and may not connect to this machine.
  const permissions = ["local-network-access"];
  const page = await (await browser.newContext({ viewport, hasTouch: isMobile, isMobile, permissions })).newPage();
  page.setDefaultTimeout(PAGE_TIMEOUT_MS);
  await noteLayoutShifts(page);
  return page;
}

const shows =
  (selector: string) =>
  (page: Page): Promise<void> =>
    page.locator(selector).first().waitFor({ state: "attached" });
const plays = async (page: Page): Promise<void> => {
  await page.waitForFunction(() => (document.querySelector("video")?.currentTime ?? 0) > 0);
};
const showsChat = shows("#chat .composer-join");

/** An opening of the page. */
interface Opening {
  readonly name: string;
  /** The address of what comes late, and what it comes after. */
  readonly late?: { readonly address: RegExp; readonly after: (page: Page) => Promise<void> };
  /** The document, as the edge answers where it knows less. */
  readonly edit?: (html: string) => string;
  /** What an earlier visit has left in the browser. */
  readonly stored?: Readonly<Record<string, string>>;
}

const WATCH_PAGE = new RegExp(`/watch/${LIVE}$`);

const OPENINGS: readonly Opening[] = [
  { name: "everything in time" },
  {
    name: "a late style sheet",
    late: {
      address: /\/assets\/watch-[^/]*\.css$/,
      // No frame is drawn before it.
      after: async (page) => {
        await page.waitForFunction(() => document.readyState !== "loading", undefined, { polling: 20 });
      },
    },
  },
  { name: "a late script", late: { address: /\/assets\/watch-[^/]*\.js$/, after: waitForFrames } },
  {
    name: "a late status",
    late: { address: new RegExp(`/api/streams/${LIVE}$`), after: shows(".topbar") },
    edit: (html) => html.replace(/<meta name="corral-status"[^>]*>/, ""),
  },
  { name: "late media", late: { address: /\/flow\.mp4/, after: shows(".topbar") } },
  { name: "late controls", late: { address: /\/assets\/mount-(?!chat)[^/]*\.js$/, after: plays } },
  {
    name: "a late chat",
    late: {
      address: /\/assets\/mount-chat-[^/]*\.js$/,
      after: async (page) => {
        await plays(page);
        await shows(".controls")(page);
      },
    },
  },
  { name: "a late picture of the host", late: { address: /\/images\/avatar/, after: showsChat } },
  {
    name: "late details",
    late: { address: WATCH_PAGE, after: showsChat },
    edit: (html) =>
      html.replace(
        /<section id="about".*?<\/section>/s,
        '<section id="about" aria-label="About this stream" data-late="" hidden></section>',
      ),
  },
  {
    name: "a chat that the viewer has hidden, with a late script",
    late: { address: /\/assets\/watch-[^/]*\.js$/, after: waitForFrames },
    stored: { "corral.chat.hidden": "1" },
  },
  {
    name: "a picture that fills the window, with late controls",
    late: { address: /\/assets\/mount-(?!chat)[^/]*\.js$/, after: plays },
    stored: { "corral.theatre": "1" },
  },
];

test.each(OPENINGS)("with $name nothing moves", async ({ late, edit, stored = {} }) => {
  for (const viewport of [DESKTOP, PHONE]) {
    const page = await openPage(viewport);
    const arrival = Promise.withResolvers<void>();
    let isHeld = false;
    await page.addInitScript((items) => {
      for (const [key, value] of Object.entries(items)) localStorage.setItem(key, value);
    }, stored);
    if (late !== undefined) {
      await page.route(late.address, async (route) => {
        if (route.request().resourceType() === "document") return route.fallback();
        isHeld = true;
        await arrival.promise;
        await route.continue();
      });
    }
    if (edit !== undefined) {
      await page.route(WATCH_PAGE, async (route) => {
        if (route.request().resourceType() !== "document") return route.fallback();
        const response = await route.fetch();
        await route.fulfill({ response, body: edit(await response.text()) });
      });
    }
    await page.goto(`${edge.url}/watch/${LIVE}`, { waitUntil: "commit" });
    await late?.after(page);
    arrival.resolve();
    await plays(page);
    await shows(".controls")(page);
    if (stored["corral.chat.hidden"] === undefined) await showsChat(page);
    await shows(".about-head")(page);
    const { total, shifts } = await readLayoutShifts(page);
    expect(isHeld).toBe(late !== undefined);
    expect(total, `${viewport.width} px: ${shifts.join("; ")}`).toBeLessThanOrEqual(MAX_LAYOUT_SHIFT);
    await page.context().close();
  }
});

test("a document that arrives in pieces moves nothing, whatever the window", async () => {
  const pieces = new DocumentPieces(edge.url);
  const address = await pieces.listen();
  const moved: string[] = [];
  const windows = [DESKTOP, { width: 1440, height: 900 }, { width: 820, height: 1180 }, PHONE];
  for (const [path, viewports] of [
    [`/watch/${WAITING}`, windows],
    [`/embed/${WAITING}`, [DESKTOP]],
    [`/golive/${WAITING}`, [DESKTOP]],
    ["/", [DESKTOP]],
  ] as const) {
    for (const viewport of viewports) {
      const page = await openPage(viewport);
      await page.goto(address + path, { waitUntil: "commit" });
      const count = (): Promise<number> => page.evaluate(() => document.getElementsByTagName("*").length);
      for (let elements = await count(); pieces.sendNext(); elements = await count()) {
        await page.waitForFunction((before) => document.getElementsByTagName("*").length > before, elements);
        await waitForFrames(page);
      }
      const { total, shifts } = await readLayoutShifts(page);
      if (total > MAX_LAYOUT_SHIFT) moved.push(`${path} at ${viewport.width} px: ${shifts.join("; ")}`);
      pieces.sendEnd();
      await page.context().close();
    }
  }
  pieces.stop();
  expect(moved).toEqual([]);
});

test("the title stands under the picture in every wide window, also where the picture fills it", async () => {
  for (const [viewport, theatre] of [
    [DESKTOP, false],
    [{ width: 820, height: 1180 }, false],
    [{ width: 600, height: 900 }, false],
    [DESKTOP, true],
  ] as const) {
    const page = await openPage(viewport);
    await page.goto(`${edge.url}/watch/${WAITING}`);
    await shows(".topbar")(page);
    await showsChat(page);
    if (theatre) await page.keyboard.press("t");
    const tops = await page.evaluate(() =>
      ["#player", "#about", "#actions"].map((part) => document.querySelector(part)?.getBoundingClientRect()),
    );
    const [player, about, actions] = tops;
    const what = `${viewport.width} px${theatre ? ", theatre" : ""}`;
    expect(player?.bottom, what).toBeLessThanOrEqual(about?.top ?? Number.NaN);
    expect(about?.bottom, what).toBeLessThanOrEqual(actions?.top ?? Number.NaN);
    expect([about?.left, about?.right], what).not.toEqual([0, 0]);
    await page.context().close();
  }
});
