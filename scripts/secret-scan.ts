/** A search for secrets in the files that git tracks, with secretlint's recommended rules and one for this project's keys. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { lintSource } from "@secretlint/core";
import { creator } from "@secretlint/secretlint-rule-preset-recommend";

const RULES = { rules: [{ id: "@secretlint/secretlint-rule-preset-recommend", rule: creator }] };

/** A stream key, with an id or, from earlier releases, without. */
const STREAM_KEY = /\bcorral_([0-9a-z]{10}_)?[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])/;

/** One line per secret in a text file; the secret itself is not shown. */
export async function findSecrets(path: string, content: string): Promise<string[]> {
  const { messages } = await lintSource({
    source: { content, filePath: path, ext: extname(path), contentType: "text" },
    options: { config: RULES, maskSecrets: true },
  });
  const found = messages.map(({ loc, message }) => `${path}:${loc.start.line}: ${message}`);
  const keys = content
    .split("\n")
    .flatMap((line, index) => (STREAM_KEY.test(line) ? [`${path}:${index + 1}: a stream key`] : []));
  return [...found, ...keys];
}

/** One line per secret in the tracked files below `root`. */
export async function findTrackedSecrets(root: string): Promise<string[]> {
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  });
  const found: string[] = [];
  for (const path of new Set(listed.split("\0"))) {
    const bytes = path === "" ? null : readTrackedFile(join(root, path));
    // Pictures and media are not text.
    if (bytes === null || bytes.includes(0)) continue;
    found.push(...(await findSecrets(path, bytes.toString("utf8"))));
  }
  return found;
}

/** A tracked file may be deleted, or a link. */
function readTrackedFile(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch {
    return null;
  }
}
