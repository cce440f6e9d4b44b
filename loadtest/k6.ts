/** Finds k6, or builds it with Go. */
import { spawnSync } from "node:child_process";
import { homedir } from "node:os";
import { join } from "node:path";

/** The measured version; figures of another version are not comparable. */
const K6_VERSION = "v1.8.1";

/** Folder of a k6 built here, shared by all checkouts of a user. */
const CACHE_FOLDER = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "corral");
const K6_PATHS = [join(CACHE_FOLDER, "k6"), "/usr/bin/k6", "/usr/local/bin/k6", join(homedir(), "go/bin/k6"), "k6"];
const GO_COMMANDS = ["go", "/usr/local/go/bin/go"];

/** k6 is not available; `message` says how to get it. */
export class K6MissingError extends Error {
  override readonly name = "NoK6";
}

/** The path of k6: that of `K6`, or a build of `K6_VERSION`, which takes a minute or two at first. Throws `K6MissingError`. */
export function findK6(): string {
  const chosen = process.env["K6"];
  if (chosen !== undefined) return chosen;
  const found = K6_PATHS.find((path) => versionOf(path) === K6_VERSION);
  if (found !== undefined) return found;
  const go = GO_COMMANDS.find((command) => spawnSync(command, ["version"]).status === 0);
  if (go === undefined) {
    throw new K6MissingError(
      `k6 ${K6_VERSION} is missing, and so is Go to build it: install it (https://grafana.com/docs/k6), or set K6 to the path of another.`,
    );
  }
  const source = `go.k6.io/k6@${K6_VERSION}`;
  console.error(`building k6 with \`go install ${source}\`; this takes a minute or two, once …`);
  const { status } = spawnSync(go, ["install", source], {
    env: { ...process.env, GOBIN: CACHE_FOLDER },
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (status !== 0)
    throw new K6MissingError(`\`go install ${source}\` failed: see above, or set K6 to the path of a k6.`);
  return join(CACHE_FOLDER, "k6");
}

/** The version that a k6 reports; null if there is none. */
function versionOf(path: string): string | null {
  const { status, stdout } = spawnSync(path, ["version"], { encoding: "utf8" });
  return status === 0 ? (/\bv\d+\.\d+\.\d+\b/.exec(stdout)?.[0] ?? null) : null;
}
