/** The operator's secrets of a deployment, in files of the user's configuration folder: never in the checkout. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { errorMessage, UsageError } from "../kit/errors.ts";
import { OPERATOR_SECRETS, type SetupSecret } from "./setup-plan.ts";

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
export const readKeptSecret = (folder: string, secret: SetupSecret): string | null =>
  readSecretFile(secretFile(folder, secret));

/** Secrets that were kept for a deployment which does not have them for certain: a run was cut off. */
export const unfinishedSecrets = (folder: string): readonly SetupSecret[] =>
  OPERATOR_SECRETS.filter((secret) => existsSync(newSecretFile(folder, secret)));

/**
 * Keeps a secret that the deployment does not have yet, readable only by this user; returns the one of a run that was cut off
 * where there is one. Throws `UsageError` if the folder cannot be written.
 */
export function keepNewSecret(folder: string, secret: SetupSecret, make: () => string): string {
  const file = newSecretFile(folder, secret);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const unfinished = readSecretFile(file);
    // An empty file was cut off while it was written.
    if (unfinished !== null && unfinished !== "") return unfinished;
    const value = make();
    writeFileSync(file, `${value}\n`, { mode: 0o600 });
    return value;
  } catch (error) {
    throw new UsageError(`Secrets cannot be kept in ${folder}: ${errorMessage(error)}`, { cause: error });
  }
}

/** The deployment has the new secret: it replaces the kept one. */
export const settleSecret = (folder: string, secret: SetupSecret): void =>
  renameSync(newSecretFile(folder, secret), secretFile(folder, secret));

const newSecretFile = (folder: string, secret: SetupSecret): string => `${secretFile(folder, secret)}.new`;

function readSecretFile(file: string): string | null {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}
