/**
 * `npm run build`: the pages in `web/dist`, which `wrangler deploy` uploads and tests of the Worker read. The folder is whole
 * at every moment. Edges of this machine have pages in folders of their own.
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
 * Makes `folder` hold `pages` and nothing else. Whoever reads it meanwhile, or after this was interrupted, finds each page
 * with all that it asks for. Of several processes one does so at a time.
 */
export async function replacePageFiles(folder: string, pages: PageFiles): Promise<void> {
  const beside = join(dirname(folder), `.${basename(folder)}`);
  const say = (): void => console.error("corral: another build of the pages is running; waiting for it…");
  await withLock(`${beside}.lock`, say, async () => {
    const building = `${beside}.building`;
    await rm(building, { recursive: true, force: true });
    await writePageFiles(building, pages);
    // Names of assets tell their contents, so both builds' stand side by side; a page comes after what it asks for.
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
