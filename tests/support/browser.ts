/** The system's Chromium, driven by playwright-core. */
import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";
import type { PlaybackStats } from "../../web/src/player/stats.ts";

const PATHS = [process.env["CHROMIUM"], "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Switches of a Chromium whose camera and microphone are made up, and whose pages get them unasked. */
export const FAKE_DEVICES = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"] as const;

/** What every Chromium is started with: nothing is fetched but pages, which may play with sound. */
export const BROWSER_SWITCHES = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
  "--autoplay-policy=no-user-gesture-required",
] as const;

/** The path of Chromium. Throws if there is none. */
export function browserPath(): string {
  const found = PATHS.find((path) => path !== undefined && existsSync(path));
  if (found === undefined) throw new Error("No Chromium here; install it (Debian: apt-get install chromium).");
  return found;
}

/** Starts headless Chromium, with further `switches`. Throws if there is none. */
export function launchBrowser(switches: readonly string[] = []): Promise<Browser> {
  return chromium.launch({
    executablePath: browserPath(),
    args: [...BROWSER_SWITCHES, ...switches],
  });
}

/** Current `window.corral.stats()`; null before the page has started. */
export function readPageStats(page: Page): Promise<PlaybackStats | null> {
  return page.evaluate(() => {
    const handle = (globalThis as { corral?: { stats(): unknown } }).corral;
    return (handle?.stats() ?? null) as never;
  });
}

/** Waits until the page's statistics satisfy `wanted`. Throws, with the last ones, after `ms`. */
export async function waitForStats(
  page: Page,
  wanted: (stats: PlaybackStats) => boolean,
  ms: number,
  what: string,
): Promise<PlaybackStats> {
  const untilMs = Date.now() + ms;
  for (;;) {
    const now = await readPageStats(page);
    if (now !== null && wanted(now)) return now;
    if (Date.now() > untilMs) throw new Error(`after ${ms} ms not ${what}: ${JSON.stringify(now)}`);
    await page.waitForTimeout(50);
  }
}
