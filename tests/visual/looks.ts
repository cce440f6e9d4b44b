/** How people see the pages: windows and the settings of their systems. */
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";

/** A window with the settings of a system. */
export interface Look {
  readonly name: string;
  readonly context: BrowserContextOptions;
  /** Prepares a page whose document stands. */
  readonly prepare?: (page: Page) => Promise<void>;
}

const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true } as const;
const DESKTOP = { viewport: { width: 1280, height: 800 } } as const;

/** All looks; the first two are what most people have. */
export const LOOKS: readonly Look[] = [
  { name: "desktop", context: { ...DESKTOP, colorScheme: "dark" } },
  { name: "phone", context: { ...PHONE, colorScheme: "dark" } },
  { name: "desktop-light", context: { ...DESKTOP, colorScheme: "light" } },
  { name: "phone-light", context: { ...PHONE, colorScheme: "light" } },
  { name: "phone-landscape", context: { ...PHONE, viewport: { width: 844, height: 390 } } },
  { name: "reduced-motion", context: { ...DESKTOP, reducedMotion: "reduce" } },
  { name: "high-contrast", context: { ...DESKTOP, forcedColors: "active", contrast: "more" } },
  // 1280 by 800 at 200 %.
  { name: "zoom-200", context: { viewport: { width: 640, height: 400 }, deviceScaleFactor: 2 } },
  {
    name: "right-to-left",
    context: DESKTOP,
    prepare: (page) => page.evaluate(() => document.documentElement.setAttribute("dir", "rtl")),
  },
];

/** A page of a person of its own with this look. */
export async function openLook(browser: Browser, { context }: Look): Promise<{ context: BrowserContext; page: Page }> {
  const opened = await browser.newContext({ ...context, locale: "en-GB", timezoneId: "UTC" });
  return { context: opened, page: await opened.newPage() };
}
