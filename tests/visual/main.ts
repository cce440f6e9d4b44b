/**
 * `npm run screenshots`: every page in each of its states, with the windows and settings of many people: a folder of pictures
 * with a contact sheet. With `--axe`, also what axe-core says about each. With `--compare`, the pages are compared with the pictures in
 * `tests/visual/reference/`, which `--update` makes anew. Exits non-zero if a state cannot be reached, on a violation, or if a page
 * differs; with 3 if nothing was compared, because this machine has other fonts.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type ArgsDef, defineCommand, runMain } from "citty";
import { escapeHtml } from "../../core/kit/escape-html.ts";
import { describeOptionError } from "../../origin/cli/option-errors.ts";
import { errorMessage } from "../../origin/kit/errors.ts";
import { findAxeViolations } from "./axe-audit.ts";
import { compareViews, updateReferences } from "./comparison.ts";
import { areReferenceFonts, measureFonts, writeReferenceFonts } from "./fonts.ts";
import { LOOKS, type Look, openLook } from "./looks.ts";
import { COMPARED_VIEWS } from "./references.ts";
import { SCENES, type Scene } from "./scenes.ts";
import { openStage, type Stage } from "./stage.ts";

/** The pages of the README are as large as its pictures show. */
const LADDER = "720p:2500k";
/** Pages that are compared show no picture. */
const SMALL_LADDER = "180p:200k";
/** What appears late, such as counts and the first line of the chat. */
const SETTLE_MS = 1_500;
/** Exit code of a comparison that did not take place. */
const OTHER_FONTS = 3;
/** Width of a picture on the contact sheet, pixels. */
const THUMB_PX = 320;

const ARGS = {
  out: { type: "string", default: "screenshots", valueHint: "DIR", description: "folder of the pictures" },
  scene: { type: "string", valueHint: "WORD", description: "only scenes whose name has this word" },
  look: {
    type: "string",
    valueHint: "WORD",
    description: "only windows and settings whose name has this word",
  },
  axe: { type: "boolean", default: false, description: "audit each page with axe-core" },
  compare: { type: "boolean", default: false, description: "compare the pages with the reference pictures" },
  update: { type: "boolean", default: false, description: "make the reference pictures anew" },
} as const satisfies ArgsDef;

interface Shot {
  readonly scene: Scene;
  readonly look: Look;
  readonly file: string;
  readonly faults: readonly string[];
}

const command = defineCommand({
  meta: { name: "npm run screenshots --", description: "Takes a picture of every page in each of its states." },
  args: ARGS,
  async run({ args }) {
    const scenes = SCENES.filter(({ name }) => name.includes(args.scene ?? ""));
    const looks = LOOKS.filter(({ name }) => name.includes(args.look ?? ""));
    const complaint =
      describeOptionError(args, ARGS) ??
      (scenes.length === 0 ? `No scene is called ${args.scene}: ${names(SCENES)}.` : null) ??
      (looks.length === 0 ? `No look is called ${args.look}: ${names(LOOKS)}.` : null) ??
      (Number(args.compare) + Number(args.update) + Number(args.axe) > 1
        ? "--compare, --update and --axe exclude each other."
        : null);
    if (complaint !== null) {
      console.error(complaint);
      process.exitCode = 2;
      return;
    }
    const folder = resolve(args.out);
    if (args.compare || args.update) {
      await meetReferences(scenes, looks, args.update, join(folder, "differences"));
      return;
    }
    await mkdir(folder, { recursive: true });
    const stage = await openStage(LADDER);
    try {
      const shots: Shot[] = [];
      for (const scene of scenes) {
        for (const look of looks) {
          const shot = await takeShot(stage, scene, look, folder, args.axe);
          shots.push(shot);
          console.log(`${shot.file}${shot.faults.map((fault) => `\n  ${fault}`).join("")}`);
        }
      }
      await writeFile(join(folder, "index.html"), renderSheet(shots, looks));
      const faults = shots.reduce((sum, shot) => sum + shot.faults.length, 0);
      console.log(`${shots.length} pictures, ${faults} faults: ${join(folder, "index.html")}`);
      if (faults > 0) process.exitCode = 1;
    } finally {
      await stage.close();
    }
  },
});
await runMain(command);
process.exit();

/** Compares the pages with their references, or makes these anew. */
async function meetReferences(
  scenes: readonly Scene[],
  looks: readonly Look[],
  isUpdate: boolean,
  folder: string,
): Promise<void> {
  const views = COMPARED_VIEWS.filter(({ scene, look }) => scenes.includes(scene) && looks.includes(look));
  const stage = await openStage(SMALL_LADDER);
  try {
    const beganMs = performance.now();
    const fonts = await measureFonts(stage.browser);
    if (isUpdate) await writeReferenceFonts(fonts);
    else if (!(await areReferenceFonts(fonts))) {
      console.error(`Nothing is compared: this machine draws text with other fonts than the references (${JSON.stringify(fonts)}).
Install fonts-dejavu-core and fonts-liberation, or make the references anew with --update.`);
      process.exitCode = OTHER_FONTS;
      return;
    }
    const faults = isUpdate
      ? await updateReferences(stage, views, views.length === COMPARED_VIEWS.length)
      : await compareViews(stage, views, folder);
    for (const fault of faults) console.log(fault);
    const did = isUpdate ? "made anew" : "compared";
    const seconds = Math.round((performance.now() - beganMs) / 1_000);
    console.log(`${views.length} pictures ${did} in ${seconds} s, ${faults.length} faults`);
    if (faults.length > 0) process.exitCode = 1;
  } finally {
    await stage.close();
  }
}

function names(of: readonly { readonly name: string }[]): string {
  return of.map(({ name }) => name).join(", ");
}

async function takeShot(
  { edge, browser }: Stage,
  scene: Scene,
  look: Look,
  folder: string,
  isAudited: boolean,
): Promise<Shot> {
  const file = `${scene.name}--${look.name}.png`;
  const { context, page } = await openLook(browser, look);
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
  try {
    await page.goto(`${edge.url}${scene.path}`);
    await look.prepare?.(page);
    await scene.reach(page);
    await page.waitForTimeout(SETTLE_MS);
    await page.screenshot({ path: join(folder, file) });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    if (wide > 0) faults.push(`${wide} px wider than the window`);
    if (isAudited) faults.push(...(await findAxeViolations(page)));
  } catch (error) {
    faults.push(`not reached: ${errorMessage(error).split("\n")[0] ?? ""}`);
    await page.screenshot({ path: join(folder, file) });
  } finally {
    await context.close();
  }
  return { scene, look, file, faults };
}

/** The contact sheet: a row for each scene, a column for each look. */
function renderSheet(shots: readonly Shot[], looks: readonly Look[]): string {
  const rows = [...new Set(shots.map(({ scene }) => scene))].map((scene) => {
    const cells = looks.map((look) => {
      const shot = shots.find((each) => each.scene === scene && each.look === look);
      if (shot === undefined) return "<td></td>";
      const faults = shot.faults.map((fault) => `<p>${escapeHtml(fault)}</p>`).join("");
      return `<td><a href="${shot.file}"><img loading="lazy" width="${THUMB_PX}" src="${shot.file}" alt=""></a>${faults}</td>`;
    });
    return `<tr><th>${scene.name}</th>${cells.join("")}</tr>`;
  });
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Corral: pages</title>
<style>body{font:14px system-ui;background:#222;color:#eee}td{vertical-align:top;padding:8px}p{color:#f88;max-width:${THUMB_PX}px}th{text-align:left}</style>
<table><tr><th></th>${looks.map(({ name }) => `<th>${name}</th>`).join("")}</tr>${rows.join("")}</table></html>
`;
}
