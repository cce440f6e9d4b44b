/** Every page in each of its states, on a phone and in a wide window: accessible by axe-core, and not wider than the window. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { findAxeViolations } from "../visual/axe-audit.ts";
import { LOOKS, openLook } from "../visual/looks.ts";
import { SCENES } from "../visual/scenes.ts";
import { openStage, type Stage } from "../visual/stage.ts";

let stage: Stage;

beforeAll(async () => {
  stage = await openStage("180p:200k");
});

afterAll(() => stage?.close());

test.each(SCENES)("$name", async ({ path, reach }) => {
  // The others have the same documents; `npm run screenshots -- --axe` audits all.
  for (const look of LOOKS.filter(({ name }) => name === "desktop" || name === "phone")) {
    const { context, page } = await openLook(stage.browser, look);
    await page.goto(`${stage.edge.url}${path}`);
    await reach(page);
    expect(await findAxeViolations(page), look.name).toEqual([]);
    const width = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(width, look.name).toBeLessThanOrEqual(0);
    await context.close();
  }
});
