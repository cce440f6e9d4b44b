/** The page "Go live" in Chromium with its fake camera: from the button to the edge. */
import type { LocalEdge } from "../../origin/local-edge/edge.ts";
import { FAKE_DEVICES, launchBrowser } from "../../tests/support/browser.ts";
import { type BenchFigure, formatFixed, median } from "../stats.ts";

const STARTS = 5;

/** Button pressed → the edge has accepted the first part, as the page sees it. */
export async function measurePageStart(edge: LocalEdge): Promise<BenchFigure> {
  const browser = await launchBrowser(FAKE_DEVICES);
  const times: number[] = [];
  try {
    for (let i = 0; i < STARTS; i += 1) {
      const page = await browser.newPage();
      await page.goto(`${edge.url}/golive/bench-page-${i}`);
      await page.locator("#start:not(:disabled)").click();
      await page.locator('body[data-phase="live"]').waitFor();
      times.push(Number(await page.locator("body").getAttribute("data-first-part-ms")) / 1000);
      await page.locator("#end").click();
      await page.locator('body[data-phase="ended"]').waitFor();
      await page.close();
    }
  } finally {
    await browser.close();
  }
  const p50 = median(times);
  return {
    figure: `page “Go live”: button → first part at the edge, 720p and 360p by Chromium, median of ${STARTS}`,
    goal: "≤ 1 s",
    measured: `${formatFixed(p50)} s (worst ${formatFixed(Math.max(...times))} s)`,
    met: p50 <= 1,
    values: { p50S: p50, worstS: Math.max(...times), starts: STARTS },
  };
}
