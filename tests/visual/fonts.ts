/** The fonts that pages are drawn with: with others every picture differs, and a comparison says nothing. */
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";

const FILE = fileURLToPath(new URL("reference/fonts.json", import.meta.url));

/** Widths of a text in the families that pages name, in regular and bold, CSS pixels. */
type FontWidths = Readonly<Record<string, number>>;

/** Equal fonts are drawn equally wide, whatever the version of the browser. */
const MOST_APART_PX = 0.5;

/** The widths on this machine. */
export async function measureFonts(browser: Browser): Promise<FontWidths> {
  const page = await browser.newPage();
  try {
    return await page.evaluate(() => {
      const context = document.createElement("canvas").getContext("2d");
      const widths: Record<string, number> = {};
      for (const font of ["16px system-ui", "bold 16px system-ui", "16px monospace"]) {
        if (context !== null) context.font = font;
        widths[font] = context?.measureText("Quick wizards jump over 0123456789 boxes.").width ?? 0;
      }
      return widths;
    });
  } finally {
    await page.close();
  }
}

/** Whether the references were made with the fonts that have these widths. */
export async function areReferenceFonts(widths: FontWidths): Promise<boolean> {
  const known = JSON.parse(await readFile(FILE, "utf8")) as FontWidths;
  return Object.entries(known).every(([font, width]) => Math.abs(width - (widths[font] ?? 0)) <= MOST_APART_PX);
}

/** Notes that the references are made with these. */
export const writeReferenceFonts = (widths: FontWidths): Promise<void> =>
  writeFile(FILE, `${JSON.stringify(widths, null, 2)}\n`);
