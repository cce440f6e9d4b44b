/** The operator's secrets of a deployment, in files of the user's configuration folder: never in the checkout. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { UsageError } from "../kit/errors.ts";
import type { SetupSecret } from "./setup-plan.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The folder of the files of an account's Worker `name`. Throws `UsageError` if it is in the checkout. */
export function secretsFolder(
  accountId: string,
  name: string,
  env: Readonly<Record<string, string | undefined>>,
): string {
  const base = env["XDG_CONFIG_HOME"] || join(homedir(), ".config");
  const folder = join(base, "corral", accountId, name);
  if (!relative(ROOT, folder).startsWith(".."))
    throw new UsageError(`Secrets are not kept in the checkout: set XDG_CONFIG_HOME to a folder outside ${ROOT}.`);
  return folder;
}

/** The file of a secret: `admin-token`, `viewer-secret`. */
export const secretFile = (folder: string, secret: SetupSecret): string =>
  join(
    folder,
    secret
      .replace(/^CORRAL_/, "")
      .toLowerCase()
      .replaceAll("_", "-"),
  );

/** A kept secret; null if there is none. */
export function readKeptSecret(folder: string, secret: SetupSecret): string | null {
  try {
    return readFileSync(secretFile(folder, secret), "utf8").trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** Written atomically, and readable only by this user. */
export function keepSecret(folder: string, secret: SetupSecret, value: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = secretFile(folder, secret);
  writeFileSync(`${file}.new`, `${value}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
