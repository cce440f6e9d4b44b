/** The pages in each of their states. */
import type { Page } from "playwright-core";
import { STUDIO_TABS } from "../../web/src/studio/studio-tabs.ts";
import { PAGE_TIMEOUT_MS } from "../support/room-pages.ts";
import { ENDED, FROM_BROWSER, GATED, IDLE, LIVE, SCHEDULED, STOPPED } from "./stage.ts";

/** The streams that a creator of the scenes has opened on this device. */
const OWN = [ENDED, IDLE, SCHEDULED, GATED, LIVE].join(" ");

/** A page in a state. */
export interface Scene {
  readonly name: string;
  readonly path: string;
  /** Waits until the state is shown, and does what leads to it. */
  readonly reach: (page: Page) => Promise<void>;
  /** The share of its picture that may differ from the reference, where the common one does not suit. */
  readonly tolerance?: number;
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
  { name: "landing", path: "/", reach: shows("a[href*='/watch/']") },
  {
    name: "live",
    path: `/watch/${LIVE}`,
    reach: async (page) => {
      await plays(page);
      await shows(".chat-row")(page);
    },
  },
  {
    name: "live-shortcuts",
    path: `/watch/${LIVE}`,
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
    reach: async (page) => {
      await plays(page);
      await shows(".chat-row")(page);
      await page.context().setOffline(true);
      await card(/Reconnecting/)(page);
    },
  },
  { name: "scheduled", path: `/watch/${SCHEDULED}`, reach: card(/Starts/) },
  { name: "waiting", path: `/watch/${IDLE}`, reach: card(/isn’t live yet/) },
  { name: "ended", path: `/watch/${ENDED}`, reach: card(/ended/i) },
  {
    name: "ended-past",
    path: `/watch/${ENDED}`,
    reach: async (page) => {
      await card(/ended/i)(page);
      // On a phone among what it has no room for.
      if (await page.getByRole("button", { name: "More", exact: true }).isVisible())
        await page.getByRole("button", { name: "More", exact: true }).click();
      await page.getByRole("button", { name: "Past broadcasts" }).locator("visible=true").click();
      await shows(".past-list a")(page);
    },
  },
  { name: "gated", path: `/watch/${GATED}`, reach: card(/./) },
  { name: "stopped", path: `/watch/${STOPPED}`, reach: card(/./) },
  { name: "unknown", path: "/watch/nobody-has-this", reach: card(/No such stream/) },
  { name: "embed", path: `/embed/${LIVE}`, reach: plays },
  { name: "embed-waiting", path: `/embed/${IDLE}`, reach: card(/isn’t live yet/) },
  ...STUDIO_TABS.map((tab): Scene => {
    const reach = async (page: Page): Promise<void> => {
      await shows(".badge-live")(page);
      await shows(`#panel-${tab}`)(page);
    };
    return { name: `studio-${tab}`, path: `/studio/${LIVE}?tab=${tab}`, reach };
  }),
  { name: "studio-streams-empty", path: "/studio", reach: shows(".overview-empty") },
  {
    name: "studio-streams",
    path: "/studio",
    reach: async (page) => {
      await page.evaluate((names) => localStorage.setItem("corral.own-streams", names), OWN);
      await page.reload();
      await shows(".stream-good .badge-live")(page);
      await shows(".stream-line", /^Starts /)(page);
    },
  },
  {
    name: "studio-invitation",
    path: `/studio/${LIVE}?tab=room#invite=${"s".repeat(43)}`,
    reach: shows(".invitation", /Say first who you are/),
  },
  { name: "studio-idle", path: `/studio/${IDLE}`, reach: shows("#panel-golive") },
  { name: "golive", path: `/golive/${FROM_BROWSER}`, reach: shows("#player, main", /camera/i) },
  { name: "not-found", path: "/nowhere", reach: shows("h1") },
];
