/**
 * `npm run build`: the pages in `web/dist`, which `wrangler deploy` uploads and tests of the Worker read. The folder is complete
 * at every moment. Local edges have pages in their own folders.
 */
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { buildPages } from "../origin/local-edge/build-pages.ts";
import { type PageFiles, writePageFiles } from "../origin/local-edge/page-folders.ts";
import { withLock } from "./lock.mjs";

/** Builds the pages into `web/dist`. Vitest calls it by this name before the tests of the Worker. */
export async function setup(): Promise<void> {
  await replacePageFiles(fileURLToPath(new URL("../web/dist", import.meta.url)), await buildPages());
}

/**
 * Replaces the content of `folder` with `pages`. A concurrent reader, or one after an interruption, finds each page
 * with all its assets. Concurrent processes do so one at a time.
 */
export async function replacePageFiles(folder: string, pages: PageFiles): Promise<void> {
  const beside = join(dirname(folder), `.${basename(folder)}`);
  const say = (): void => console.error("corral: another build of the pages is running; waiting for it…");
  await withLock(`${beside}.lock`, say, async () => {
    const building = `${beside}.building`;
    await rm(building, { recursive: true, force: true });
    await writePageFiles(building, pages);
    // Asset names contain hashes, so both builds' assets coexist; a page is written after its assets.
    const paths = [...pages.keys()].sort((a, b) => Number(isAsset(b)) - Number(isAsset(a)));
    for (const path of paths) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await rename(join(building, path), join(folder, path));
    }
    for (const file of await listFiles(folder)) {
      if (!pages.has(file)) await rm(join(folder, file), { force: true });
    }
    await rm(building, { recursive: true, force: true });
  });
}

const isAsset = (path: string): boolean => path.startsWith(`assets${sep}`);

async function listFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

if (import.meta.main) await setup();
