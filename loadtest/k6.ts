/** The k6 program: found, or built with Go where Go is there. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** Where a k6 that was built here is kept, one for all checkouts of a user. */
const KEPT = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "corral");
const PLACES = [process.env["K6"], join(KEPT, "k6"), "/usr/bin/k6", "/usr/local/bin/k6", join(homedir(), "go/bin/k6")];
const GOS = ["go", "/usr/local/go/bin/go"];

/** k6 can't be had here; `message` says how to get it. */
export class NoK6 extends Error {
  override readonly name = "NoK6";
}

/** The path of k6. Builds it the first time, which takes a minute or two. Throws `NoK6`. */
export function findK6(): string {
  const found = PLACES.find((path) => path !== undefined && existsSync(path));
  if (found !== undefined) return found;
  const onPath = spawnSync("k6", ["version"]);
  if (onPath.status === 0) return "k6";
  const go = GOS.find((command) => spawnSync(command, ["version"]).status === 0);
  if (go === undefined) {
    throw new NoK6(
      "k6 is missing, and so is Go to build it: install k6 (https://grafana.com/docs/k6), or set K6 to its path.",
    );
  }
  console.error("building k6 with `go install go.k6.io/k6@latest`; this takes a minute or two, once …");
  const { status } = spawnSync(go, ["install", "go.k6.io/k6@latest"], {
    env: { ...process.env, GOBIN: KEPT },
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (status !== 0) throw new NoK6("`go install go.k6.io/k6@latest` failed: see above, or set K6 to the path of a k6.");
  return join(KEPT, "k6");
}
