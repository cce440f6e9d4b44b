/** What moves on a page, as the web's metric CLS counts it: without what follows a press. */
import type { Page } from "playwright-core";

/** More of it in an opening is a fault; web.dev calls ten times as much good. */
export const MAX_LAYOUT_SHIFT = 0.01;

interface LayoutShifts {
  readonly total: number;
  /** When, how much, and what: `256 ms 0.181 about`. */
  readonly shifts: readonly string[];
}

/** Has every document of `page` note what moves. */
export async function noteLayoutShifts(page: Page): Promise<void> {
  await page.addInitScript(() => {
    interface LayoutShift extends PerformanceEntry {
      readonly value: number;
      readonly hadRecentInput: boolean;
      readonly sources: readonly { readonly node: Node | null }[];
    }
    const noted = { total: 0, shifts: [] as string[] };
    const nameOf = (node: Node | null): string =>
      node instanceof Element ? node.id || node.className.toString() || node.localName : (node?.nodeName ?? "?");
    const note = (entries: readonly PerformanceEntry[]): void => {
      for (const { value, hadRecentInput, startTime, sources } of entries as LayoutShift[]) {
        if (hadRecentInput) continue;
        noted.total += value;
        const moved = sources.map(({ node }) => nameOf(node)).join("+");
        noted.shifts.push(`${Math.round(startTime)} ms ${value.toFixed(3)} ${moved}`);
      }
    };
    const observer = new PerformanceObserver((list) => note(list.getEntries()));
    observer.observe({ type: "layout-shift", buffered: true });
    const read = (): typeof noted => {
      note(observer.takeRecords());
      return noted;
    };
    Object.assign(globalThis, { layoutShifts: { read } });
  });
}

/** What has moved until now, with all that is drawn. */
export async function readLayoutShifts(page: Page): Promise<LayoutShifts> {
  await waitForFrames(page);
  return page.evaluate(() => (globalThis as unknown as { layoutShifts: { read(): LayoutShifts } }).layoutShifts.read());
}

/** Waits until what the page has now is drawn. */
export const waitForFrames = (page: Page): Promise<void> =>
  page.evaluate(async () => {
    for (let frames = 0; frames < 3; frames += 1) await new Promise((resolve) => requestAnimationFrame(resolve));
  });
