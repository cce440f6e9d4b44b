/**
 * `npm run check`: all static checks of the source. Each step runs even if one
 * before it failed; exits non-zero if any did.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildPages } from "../origin/local-edge/build-pages.ts";
import { writePageFolder } from "../origin/local-edge/page-folders.ts";
import { listBundledPackages, NOTICES_FILE, renderNotices } from "./notices.ts";
import { findTrackedSecrets } from "./secret-scan.ts";
import { findUnlicensedPackages, findUnpinnedPackages, type LockedPackages, parsePackageName } from "./supply-chain.ts";
import { findUntidiness, readBacklog, readProduct } from "./tidy.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Folders with a `tsconfig.json`, each checked with the types of its platform. */
const TYPE_CHECKS = [".", "core", "workers", "web", "tests", "loadtest", "scripts", "deploy/cloudflare"];

/** Folders covered by the import rules of `.dependency-cruiser.cjs`. */
const SOURCES = ["core", "origin", "workers", "durable-objects", "web", "loadtest", "bench", "scripts", "tests"];

/** A step returns whether it passed, and prints its errors itself. */
const STEPS: readonly (readonly [name: string, step: () => boolean | Promise<boolean>])[] = [
  ["format and lint", () => runTool("biome", "check", "--error-on-warnings", ".")],
  ...TYPE_CHECKS.map((folder) => [`types: ${folder}`, () => runTool("tsc", "--noEmit", "--project", folder)] as const),
  ["arrows between domains", () => runTool("depcruise", ...SOURCES)],
  ["tidiness", () => reportComplaints(findUntidiness(readProduct(root), readBacklog(root)))],
  ["dead exports", () => runTool("knip", "--no-progress")],
  ["lock file", () => reportComplaints(findUnpinnedPackages(lockedPackages()))],
  ["licences and notices", checkLicences],
  ["secrets", async () => reportComplaints(await findTrackedSecrets(root))],
  ["SBOM", checkSbom],
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
function runTool(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] }).status === 0;
}

/** Prints complaints; passes if there are none. */
function reportComplaints(complaints: readonly string[]): boolean {
  for (const line of complaints) console.error(line);
  return complaints.length === 0;
}

function lockedPackages(): LockedPackages {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as { packages: LockedPackages };
  return lock.packages;
}

async function checkLicences(): Promise<boolean> {
  const bundled = await listBundledPackages();
  const isOld = readFileSync(join(root, NOTICES_FILE), "utf8") !== renderNotices(bundled);
  const complaints = findUnlicensedPackages(lockedPackages(), new Set(bundled));
  return reportComplaints(
    isOld ? [...complaints, `${NOTICES_FILE} is out of date: run \`npm run notices\` and commit it`] : complaints,
  );
}

/** Whether `npm run sbom` lists every package of the lock file. */
function checkSbom(): boolean {
  const { stdout } = spawnSync("npm", ["run", "--silent", "sbom"], { cwd: root, encoding: "utf8", maxBuffer: 2 ** 26 });
  const bom = JSON.parse(stdout || "{}") as { bomFormat?: string; components?: { name: string; version: string }[] };
  const names = new Set(bom.components?.map(({ name, version }) => `${name}@${version}`));
  const missing = Object.entries(lockedPackages())
    .map(([path, { version }]) => (path === "" ? "" : `${parsePackageName(path)}@${version}`))
    .filter((name) => name !== "" && !names.has(name));
  return reportComplaints(
    bom.bomFormat === "CycloneDX" ? missing.map((name) => `the SBOM lacks ${name}`) : ["there is no SBOM"],
  );
}

/** Builds the pages and bundles the Worker like a deployment; needs no network and no login. */
async function dryRunDeploy(): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), "corral-deploy-"));
  try {
    const pages = await writePageFolder(folder, await buildPages());
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
