/**
 * `npm run check`: everything about the source that can be known without running it. Each step is run even if one
 * before it failed; ends non-zero if any did.
 */
import { spawnSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildPages } from "./build-web.ts";
import { crossings, LAYERS } from "./layers.ts";
import { writeOwnPages } from "./pages.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Folders with a `tsconfig.json`, each checked with the types of the platform that its code runs on. */
const TYPE_CHECKS = [".", "protocol", "workers", "web", "tests", "loadtest", "scripts"];

/** A step gives whether it passed, and prints what is wrong itself. */
const STEPS: readonly (readonly [name: string, step: () => boolean | Promise<boolean>])[] = [
  ["format and lint", () => run("biome", "check", "--error-on-warnings", ".")],
  ...TYPE_CHECKS.map((folder) => [`types: ${folder}`, () => run("tsc", "--noEmit", "--project", folder)] as const),
  ["layers", checkLayers],
  ["pages, deploy --dry-run", dryRunDeploy],
];

const failed: string[] = [];
for (const [name, step] of STEPS) {
  const started = performance.now();
  const passed = await step();
  console.log(`${passed ? "ok    " : "FAILED"} ${name} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  if (!passed) failed.push(name);
}
console.log(failed.length === 0 ? "check: all held" : `check: failed: ${failed.join(", ")}`);
process.exitCode = failed.length === 0 ? 0 : 1;

/** Runs a program of `node_modules/.bin`, which `run.mjs` puts first in the PATH. */
function run(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] }).status === 0;
}

function checkLayers(): boolean {
  const files = globSync(`{${LAYERS.join(",")}}/**/*.{ts,tsx}`, { cwd: root });
  const found = files.flatMap((path) => crossings(path, readFileSync(join(root, path), "utf8")));
  for (const line of found) console.error(line);
  return found.length === 0;
}

/** Builds the pages and bundles the Worker as a deployment would; needs no network and no login. */
async function dryRunDeploy(): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), "corral-deploy-"));
  try {
    const pages = await writeOwnPages(folder, await buildPages());
    return runWrangler(folder, "deploy", "--dry-run", "--outdir", join(folder, "worker"), "--assets", pages.directory);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs wrangler with its log in `folder`. Its output is shown only if it fails. */
function runWrangler(folder: string, ...args: string[]): boolean {
  const { status, stdout, stderr } = spawnSync("wrangler", args, {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, WRANGLER_SEND_METRICS: "false", WRANGLER_LOG_PATH: folder },
  });
  if (status !== 0) console.error(`${stdout}${stderr}`);
  return status === 0;
}
