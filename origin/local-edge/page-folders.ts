/**
 * Built pages on disk. Nothing that runs reads a folder that another process writes: each edge has a folder of its own,
 * and the one for deployments is changed so that it is whole at every moment.
 */
import { rmSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join, sep } from "node:path";
import { withLock } from "./lock.mjs";

/** The files of the pages: paths below their folder, and contents. */
export type PageFiles = ReadonlyMap<string, Uint8Array>;

/** Pages in a folder that one process alone has. */
export interface PageFolder {
  readonly directory: string;
  /** Takes the folder away. */
  remove(): Promise<void>;
}

/** Folders of this machine: processes of another one, or of another container, can't be asked whether they still run. */
const FOLDER_PREFIX = `pages-${hostname()}-`;

/**
 * Writes `pages` to a new folder in `parent`, which goes with this process at the latest. What killed processes left
 * there is cleared away.
 */
export async function writePageFolder(parent: string, pages: PageFiles): Promise<PageFolder> {
  await mkdir(parent, { recursive: true });
  await clearLeftovers(parent);
  const directory = await mkdtemp(join(parent, `${FOLDER_PREFIX}${process.pid}-`));
  const removeNow = (): void => rmSync(directory, { recursive: true, force: true });
  process.once("exit", removeNow);
  const remove = async (): Promise<void> => {
    await rm(directory, { recursive: true, force: true });
    process.off("exit", removeNow);
  };
  try {
    await writePageFiles(directory, pages);
  } catch (error) {
    await remove();
    throw error;
  }
  return { directory, remove };
}

/**
 * Makes `folder` hold `pages` and nothing else. Whoever reads it meanwhile, or after this was interrupted, finds each page
 * with all that it asks for. Of several processes one does so at a time.
 */
export async function replacePageFiles(folder: string, pages: PageFiles): Promise<void> {
  const beside = join(dirname(folder), `.${basename(folder)}`);
  const say = (): void => console.error("corral: another build of the pages is under way; waiting for it…");
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

async function writePageFiles(folder: string, pages: PageFiles): Promise<void> {
  for (const [path, contents] of pages) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), contents);
  }
}

const isAsset = (path: string): boolean => path.startsWith(`assets${sep}`);

async function listFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

/** Removes the folders whose process has ended. */
async function clearLeftovers(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    if (!name.startsWith(FOLDER_PREFIX)) continue;
    const pid = Number.parseInt(name.slice(FOLDER_PREFIX.length), 10);
    if (!isRunning(pid)) await rm(join(parent, name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
