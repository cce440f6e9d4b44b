/** Pages against their references: `npm run screenshots -- --compare`, and `--update`, which makes the references anew. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { errorMessage } from "../../origin/kit/errors.ts";
import { openLook } from "./looks.ts";
import { type Photograph, photograph } from "./photograph.ts";
import { comparePictures, encodePng, type PictureDifference } from "./picture.ts";
import { listStrayReferences, readReference, removeReference, type View, writeReference } from "./references.ts";
import type { Stage } from "./stage.ts";

/** Pages that are open at once: most of their time they wait for the network or a timer. */
const PAGES_AT_ONCE = 3;
/** A page that differs is looked at again, for it may not be complete: counts and the first line of the chat come late. */
const PATIENCE_MS = 8_000;
const LOOK_AGAIN_MS = 300;
/** A reference is taken of a page that has not changed for this long. */
const STEADY_MS = 2_500;

/** The share of a scene's pixels that may differ. */
export const DEFAULT_TOLERANCE = 0.003;

/** Compares `views` with their references; each fault is a line. Pictures of what differs go to `folder`, which is emptied first. */
export async function compareViews(stage: Stage, views: readonly View[], folder: string): Promise<string[]> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const faults = await inTurns(views, (view) => visit(stage, view, (take) => compareView(take, view, folder)));
  for (const name of await listStrayReferences()) faults.push(`${name}: a reference of no page`);
  return faults;
}

/** Makes references of `views`; `areAll`: there are no other views. */
export async function updateReferences(stage: Stage, views: readonly View[], areAll: boolean): Promise<string[]> {
  if (areAll) for (const name of await listStrayReferences()) await removeReference(name);
  return inTurns(views, (view) =>
    visit(stage, view, async (take) => {
      await writeReference(view.name, (await takeSteady(take)).small);
      return null;
    }),
  );
}

type Take = () => Promise<Photograph>;

/** Opens a view's page and hands it over. A page that cannot be reached is a fault. */
async function visit(
  { edge, browser }: Stage,
  { name, scene, look }: View,
  judge: (take: Take) => Promise<string | null>,
): Promise<string | null> {
  const { context, page } = await openLook(browser, look);
  try {
    await page.goto(`${edge.url}${scene.path}`);
    await look.prepare?.(page);
    await scene.reach(page);
    return await judge(() => photograph(page));
  } catch (error) {
    return `${name}: not reached: ${errorMessage(error).split("\n")[0] ?? ""}`;
  } finally {
    await context.close();
  }
}

async function compareView(take: Take, { name, scene }: View, folder: string): Promise<string | null> {
  const reference = await readReference(name);
  const tolerance = scene.tolerance ?? DEFAULT_TOLERANCE;
  const untilMs = performance.now() + PATIENCE_MS;
  let taken = await take();
  if (reference === null) {
    await writeFile(join(folder, `${name}.actual.png`), taken.whole);
    return `${name}: there is no reference; npm run screenshots -- --update makes it`;
  }
  let difference = comparePictures(taken.small, reference);
  while (difference.share > tolerance && performance.now() < untilMs) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    taken = await take();
    difference = comparePictures(taken.small, reference);
  }
  if (difference.share <= tolerance) return null;
  const { share, picture }: PictureDifference = difference;
  await writeFile(join(folder, `${name}.actual.png`), taken.whole);
  await writeFile(join(folder, `${name}.reference.png`), encodePng(reference));
  await writeFile(join(folder, `${name}.difference.png`), encodePng(picture));
  const where = relative(process.cwd(), join(folder, `${name}.difference.png`));
  return `${name}: ${formatShare(share)} of the picture differs, ${formatShare(tolerance)} may: ${where}`;
}

const formatShare = (share: number): string => `${(100 * share).toFixed(2)} %`;

/** A photograph of a page that has come to rest. */
async function takeSteady(take: Take): Promise<Photograph> {
  let taken = await take();
  let sinceMs = performance.now();
  const untilMs = sinceMs + PATIENCE_MS;
  while (performance.now() - sinceMs < STEADY_MS && performance.now() < untilMs) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    const next = await take();
    if (comparePictures(next.small, taken.small).share > 0) sinceMs = performance.now();
    taken = next;
  }
  return taken;
}

/** What `judge` says of all views, some at once. */
async function inTurns(views: readonly View[], judge: (view: View) => Promise<string | null>): Promise<string[]> {
  const waiting = [...views];
  const said: string[] = [];
  const work = async (): Promise<void> => {
    for (let view = waiting.shift(); view !== undefined; view = waiting.shift()) {
      const fault = await judge(view);
      if (fault !== null) said.push(fault);
    }
  };
  await Promise.all(Array.from({ length: PAGES_AT_ONCE }, work));
  return said;
}
