/** The data folder of a local edge: used by one edge at a time, with secrets that outlive a run. */
import { randomBytes } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** SQLite's error if another process holds the lock. */
const SQLITE_BUSY = 5;
const SECRET_BYTES = 32;

/** The folder cannot be used; `message` is a sentence for users. */
export class DataFolderError extends Error {
  override readonly name = "DataFolderError";
}

/** A folder locked by this process. */
export interface DataFolder {
  readonly path: string;
  /** The secret of this name: created at first use, constant from then on. */
  secret(name: string): string;
  /** Releases the lock. */
  close(): void;
}

/**
 * Locks the folder for this process, and creates it if missing. The lock is the kernel's, held through SQLite: it
 * is released with the process, however that ends, so it is never stale. Throws `DataFolderError`.
 */
export async function openDataFolder(path: string): Promise<DataFolder> {
  try {
    await mkdir(path, { recursive: true });
    const lock = lockFolder(path);
    try {
      // Cached responses are of an earlier run.
      await rm(join(path, "cache"), { recursive: true, force: true });
      const secrets = new Map(Object.entries(readSecrets(path)));
      const secret = (name: string): string => {
        const kept = secrets.get(name) ?? randomBytes(SECRET_BYTES).toString("base64url");
        if (!secrets.has(name)) writeSecrets(path, secrets.set(name, kept));
        return kept;
      };
      let isOpen = true;
      const close = (): void => {
        if (isOpen) lock.close();
        isOpen = false;
      };
      return { path, secret, close };
    } catch (error) {
      lock.close();
      throw error;
    }
  } catch (error) {
    throw error instanceof DataFolderError
      ? error
      : new DataFolderError(describeFolderError(path, error), { cause: error });
  }
}

/** A folder's secret, also while an edge uses the folder; null if it has none yet. Throws `DataFolderError`. */
export function readFolderSecret(path: string, name: string): string | null {
  try {
    return readSecrets(path)[name] ?? null;
  } catch (error) {
    throw new DataFolderError(describeFolderError(path, error), { cause: error });
  }
}

function lockFolder(path: string): DatabaseSync {
  const lock = new DatabaseSync(join(path, "lock"));
  try {
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock.close();
    if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
    const message = `Another edge uses ${path}; stop it, or choose another folder with --data.`;
    throw new DataFolderError(message, { cause: error });
  }
}

/** A folder's error as a sentence; a full disk is named. */
export function describeFolderError(path: string, error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENOSPC" || /database or disk is full|No space left/i.test(message)) {
    return `The disk of ${path} is full; free some space, or choose another folder with --data.`;
  }
  return `The data folder ${path} cannot be used: ${message.replace(/\.$/, "")}.`;
}

function readSecrets(path: string): Record<string, string> {
  try {
    return JSON.parse(readFileSync(join(path, "secrets.json"), "utf8")) as Record<string, string>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw error;
  }
}

/** Written atomically, and readable only by this user. */
function writeSecrets(path: string, secrets: ReadonlyMap<string, string>): void {
  const file = join(path, "secrets.json");
  writeFileSync(`${file}.new`, JSON.stringify(Object.fromEntries(secrets)), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
