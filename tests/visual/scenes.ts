/** The pages in each of their states. */
import type { Page } from "playwright-core";
import { PAGE_TIMEOUT_MS } from "../support/room-pages.ts";
import { ENDED, GATED, IDLE, LIVE, SCHEDULED, STOPPED } from "./stage.ts";

/** A page in a state. */
export interface Scene {
  readonly name: string;
  readonly path: string;
  /** Waits until the state is shown, and does what leads to it. */
  readonly reach: (page: Page) => Promise<void>;
  /** Without a picture that goes on: two screenshots of it are the same. */
  readonly isStill: boolean;
}

const shows =
  (selector: string, text?: string | RegExp) =>
  (page: Page): Promise<void> =>
    page
      .locator(selector, text === undefined ? {} : { hasText: text })
      .first()
      .waitFor({ timeout: PAGE_TIMEOUT_MS });

/** The picture is on the page and moves. */
async function plays(page: Page): Promise<void> {
  await page.waitForFunction(() => (document.querySelector("video")?.currentTime ?? 0) > 0.5, undefined, {
    timeout: PAGE_TIMEOUT_MS,
  });
}

const card = (text: string | RegExp): ((page: Page) => Promise<void>) => shows(".overlay .card", text);

/** All scenes. */
export const SCENES: readonly Scene[] = [
  { name: "landing", path: "/", reach: shows("a[href*='/watch/']"), isStill: false },
  {
    name: "live",
    path: `/watch/${LIVE}`,
    isStill: false,
    reach: async (page) => {
      await plays(page);
      await shows(".chat-row")(page);
    },
  },
  {
    name: "live-shortcuts",
    path: `/watch/${LIVE}`,
    isStill: false,
    reach: async (page) => {
      await plays(page);
      await shows(".chat-row")(page);
      await page.keyboard.press("?");
      await shows("dialog[open]")(page);
    },
  },
  {
    name: "live-share",
    path: `/watch/${LIVE}`,
    isStill: false,
    reach: async (page) => {
      await plays(page);
      await page.getByRole("button", { name: "Share" }).locator("visible=true").first().click();
      await shows("dialog[open], .sheet")(page);
    },
  },
  {
    name: "offline",
    // A response that has begun is not cut by the browser's setting, so it is not by flow.
    path: `/watch/${LIVE}?delay=smooth`,
    isStill: false,
    reach: async (page) => {
      await plays(page);
      await shows(".chat-row")(page);
      await page.context().setOffline(true);
      await card(/Reconnecting/)(page);
    },
  },
  { name: "scheduled", path: `/watch/${SCHEDULED}`, reach: card(/Starts/), isStill: true },
  { name: "waiting", path: `/watch/${IDLE}`, reach: card(/isn’t live yet/), isStill: true },
  { name: "ended", path: `/watch/${ENDED}`, reach: card(/ended/i), isStill: true },
  { name: "gated", path: `/watch/${GATED}`, reach: card(/./), isStill: true },
  { name: "stopped", path: `/watch/${STOPPED}`, reach: card(/./), isStill: true },
  { name: "unknown", path: "/watch/nobody-has-this", reach: card(/No such stream/), isStill: true },
  { name: "embed", path: `/embed/${LIVE}`, reach: plays, isStill: false },
  { name: "embed-waiting", path: `/embed/${IDLE}`, reach: card(/isn’t live yet/), isStill: true },
  { name: "studio-live", path: `/studio/${LIVE}`, reach: shows(".badge-live"), isStill: false },
  { name: "studio-idle", path: `/studio/${IDLE}`, reach: shows("#tab-review"), isStill: false },
  { name: "golive", path: `/golive/${IDLE}`, reach: shows("#player, main", /camera/i), isStill: true },
  { name: "not-found", path: "/nowhere", reach: shows("h1"), isStill: true },
];
