/** Built pages on disk for one edge. Each edge has its own folder: nothing reads a folder that another process writes. */
import { rmSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";

/** The files of the pages: paths below their folder, and contents. */
export type PageFiles = ReadonlyMap<string, Uint8Array>;

/** Pages in a folder of one process. */
export interface PageFolder {
  readonly directory: string;
  /** Removes the folder. */
  remove(): Promise<void>;
}

/** Folders of this machine: processes of another machine or container cannot be checked. */
const FOLDER_PREFIX = `pages-${hostname()}-`;

/**
 * Writes `pages` to a new folder in `parent`, which is removed with this process at the latest. Folders of killed
 * processes are removed.
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

/** Writes each page to its path below `folder`. */
export async function writePageFiles(folder: string, pages: PageFiles): Promise<void> {
  for (const [path, contents] of pages) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), contents);
  }
}

/** Removes the folders whose process has exited. */
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
