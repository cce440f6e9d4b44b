/**
 * Set-up of a fresh machine: packages of the lockfile, a recent Node, FFmpeg, and for tests Chromium, Firefox and a
 * font. Prints its steps; does nothing, offline and in milliseconds, if everything is installed. Plain JavaScript for Node 18
 * and later, without dependencies.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { withLock } from "./lock.mjs";
import { findTool, formatInstallCommand, PACKAGE_MANAGERS, SYSTEM_TOOLS } from "./tools.mjs";

/** @typedef {import("./tools.mjs").ToolName} ToolName */

/** The oldest Node with SQLite that the pinned wrangler, miniflare and vitest support. */
const MIN_NODE_VERSION = [22, 13];
/** npm continues without an optional package that it failed to load; installation is tried this many times. */
const MAX_INSTALL_ATTEMPTS = 3;
/** Interval of progress messages during a long step. */
const PROGRESS_MS = 10_000;

/** An instruction for the user before a program can run: one sentence, and the exit code. */
export class SetupError extends Error {
  /**
   * @param {string} message
   * @param {number} [exitCode]
   */
  constructor(message, exitCode = 1) {
    super(message);
    this.name = "SetupError";
    this.exitCode = exitCode;
  }
}

/**
 * The tools that a program of this project needs from the system.
 * @param {string} program path from the project's root
 * @param {readonly string[]} args the program's arguments
 * @returns {readonly ToolName[]}
 */
export function listRequiredTools(program, args) {
  const onlyAsks = args.some((arg) => ["--help", "-h", "--version"].includes(arg));
  if (onlyAsks) return [];
  switch (program) {
    case "origin/main.ts":
      return ["ffmpeg", "font"];
    case "tests/conformance/main.ts":
    case "tests/sources/main.ts":
    case "tests/soak/main.ts":
      return ["ffmpeg"];
    case "scripts/test.ts":
      return ["ffmpeg", "font", "chromium", "firefox"];
    case "tests/attacks/main.ts":
    case "tests/visual/main.ts":
      return ["ffmpeg", "font", "chromium"];
    case "bench/main.ts":
      return ["ffmpeg", "font", "chromium", "wrk", "nginx"];
    default:
      return [];
  }
}

/**
 * Makes the machine ready; throws `SetupError` if the user must act.
 * @param {string} root the project's folder
 * @param {readonly ToolName[]} needs
 */
export async function prepareMachine(root, needs) {
  const missing = () => needs.filter((tool) => findTool(tool) === null);
  if (packagesAreInstalled(root) && missing().length === 0) return;
  await withLock(join(root, ".corral", "setup.lock"), log, async () => {
    if (!packagesAreInstalled(root)) await installPackages(root);
    const tools = missing();
    if (tools.length > 0) await installTools(tools);
  });
}

/**
 * Command and flags that run TypeScript on this machine: this Node if it is recent enough, else the one from
 * the packages.
 * @param {string} root
 * @returns {[string, ...string[]]}
 */
export function selectNodeCommand(root) {
  const quiet = "--disable-warning=ExperimentalWarning";
  if (isNewEnough(process.versions.node)) {
    const strips = Boolean(/** @type {{ typescript?: unknown }} */ (process.features).typescript);
    return strips ? [process.execPath, quiet] : [process.execPath, "--experimental-strip-types", quiet];
  }
  const carried = join(root, "node_modules", ".bin", "node");
  const version = existsSync(carried) ? spawnSync(carried, ["--version"], { encoding: "utf8" }).stdout : null;
  if (version !== null && isNewEnough(version.trim().replace(/^v/, ""))) return [carried, quiet];
  throw new SetupError(
    `this needs Node ${MIN_NODE_VERSION.join(".")} or later, but runs on ${process.versions.node}, and there is none to ` +
      `install for ${process.platform} ${process.arch}, or it could not be loaded: install one from https://nodejs.org ` +
      "and run the command again.",
  );
}

/**
 * @param {string} version e.g. `22.12.0`
 * @returns {boolean}
 */
export function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = MIN_NODE_VERSION;
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
}

/**
 * Whether `node_modules` matches the lockfile. npm writes its own lockfile last,
 * so an interrupted installation counts as none.
 * @param {string} root
 * @returns {boolean}
 */
export function packagesAreInstalled(root) {
  const installed = readPackages(join(root, "node_modules", ".package-lock.json"));
  const wanted = readPackages(join(root, "package-lock.json"));
  if (wanted === null) throw new SetupError("package-lock.json cannot be read: restore it with git and try again.");
  return installed !== null && hasSamePackages(wanted, installed);
}

/**
 * @typedef {{ version?: string, optional?: boolean, devOptional?: boolean, peer?: boolean,
 *   os?: string | string[], cpu?: string | string[], libc?: string | string[] }} Package
 */
/** @typedef {Record<string, Package>} Packages */

/**
 * @param {Packages} wanted of `package-lock.json`
 * @param {Packages} installed of `node_modules/.package-lock.json`
 * @returns {boolean} whether everything wanted, and nothing else, is installed; other platforms' packages may lack
 */
export function hasSamePackages(wanted, installed) {
  for (const [path, { version }] of Object.entries(installed)) {
    if (wanted[path]?.version !== version) return false;
  }
  return Object.entries(wanted).every(
    ([path, one]) => path === "" || path in installed || ((one.optional || one.devOptional) && !isForThisPlatform(one)),
  );
}

/** @returns {string} */
function detectLibc() {
  if (process.platform !== "linux") return "";
  const report = /** @type {{ header?: { glibcVersionRuntime?: string } }} */ (process.report?.getReport() ?? {});
  return report.header?.glibcVersionRuntime === undefined ? "musl" : "glibc";
}

/**
 * Whether a package is this platform's part of another: npm treats it as optional, and continues without it if it could not
 * be loaded, but the other does not work without it.
 * @param {Package} one
 * @param {{ os: string, cpu: string, libc: string }} [here]
 * @returns {boolean}
 */
export function isForThisPlatform(
  { os, cpu, libc },
  here = { os: process.platform, cpu: process.arch, libc: detectLibc() },
) {
  if (os === undefined || cpu === undefined) return false;
  const has = (/** @type {string | string[]} */ list, /** @type {string} */ value) => [list].flat().includes(value);
  return has(os, here.os) && has(cpu, here.cpu) && (libc === undefined || has(libc, here.libc));
}

/**
 * @param {string} path
 * @returns {Packages | null}
 */
function readPackages(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8")).packages ?? null;
  } catch {
    return null;
  }
}

/** @param {string} root */
async function installPackages(root) {
  log("installing the packages of package-lock.json (about a minute on a fresh machine)…");
  const args = ["ci", "--include=dev", "--include=optional", "--no-audit", "--no-fund", "--loglevel=error"];
  const cli = process.env.npm_execpath;
  const viaNode = cli !== undefined && /npm-cli\.c?js$/.test(cli);
  for (let attempt = 1; attempt <= MAX_INSTALL_ATTEMPTS; attempt += 1) {
    const code = viaNode ? await runStep(root, process.execPath, [cli, ...args]) : await runStep(root, "npm", args);
    if (code !== 0) {
      throw new SetupError(
        "`npm ci` failed with the message above: check the network (or free disk space) and run the command again.",
      );
    }
    if (packagesAreInstalled(root)) return;
    if (attempt < MAX_INSTALL_ATTEMPTS)
      log("npm failed to load a package of this platform and continued without it: retrying…");
  }
}

/** @param {readonly ToolName[]} tools missing ones */
async function installTools(tools) {
  const names = tools.map((tool) => SYSTEM_TOOLS[tool].title).join(", ");
  const manager = PACKAGE_MANAGERS.find(({ command }) => isOnPath(command));
  const command = manager && formatInstallCommand(manager, tools);
  const prefix = manager?.unattended ? rootPrefix() : null;
  if (prefix !== null) {
    log(`installing ${names} from the system's packages…`);
    const apt = [...prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-o", "DPkg::Lock::Timeout=600"];
    const packages = tools.flatMap((tool) => SYSTEM_TOOLS[tool].packages["apt-get"]);
    const [program = "env", ...rest] = apt;
    // A stale list of one source must not stop an installation that another source can serve.
    await runStep("/", program, [...rest, "update"]);
    await runStep("/", program, [...rest, "install", "-y", "--no-install-recommends", ...packages]);
  }
  const missing = tools.filter((tool) => findTool(tool) === null);
  const needed = missing.filter((tool) => !SYSTEM_TOOLS[tool].optional);
  const advice = command ? `install with \`${command}\`` : "install from your system's packages";
  const titles = (/** @type {readonly ToolName[]} */ list) => list.map((tool) => SYSTEM_TOOLS[tool].title).join(", ");
  if (needed.length > 0) {
    const why = prefix === null ? "not installed, and not installable without your permission" : "still not installed";
    throw new SetupError(`${titles(missing)}: ${why}; ${advice} and run the command again.`);
  }
  if (missing.length > 0) log(`continuing without ${titles(missing)}; ${advice} for a better picture.`);
}

/**
 * The prefix of a command to run it as root without asking, or null if that is not possible.
 * @returns {string[] | null}
 */
function rootPrefix() {
  if (process.getuid?.() === 0) return [];
  if (!isOnPath("sudo")) return null;
  return spawnSync("sudo", ["-n", "true"], { stdio: "ignore" }).status === 0 ? ["sudo", "-n"] : null;
}

/**
 * @param {string} command
 * @returns {boolean}
 */
function isOnPath(command) {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => existsSync(join(folder, command)));
}

/**
 * Runs one long step with its own output and progress messages.
 * @param {string} cwd
 * @param {string} command
 * @param {readonly string[]} args
 * @returns {Promise<number>} exit code; 127 where the command cannot be started
 */
async function runStep(cwd, command, args) {
  const started = performance.now();
  const seconds = () => Math.round((performance.now() - started) / 1000);
  const progress = setInterval(() => log(`still running (${seconds()} s)…`), PROGRESS_MS);
  try {
    return await new Promise((resolve) => {
      const child = spawn(command, args, { cwd, stdio: ["ignore", "inherit", "inherit"] });
      child.once("error", () => resolve(127));
      child.once("exit", (code) => resolve(code ?? 1));
    });
  } finally {
    clearInterval(progress);
  }
}

/**
 * Set-up logs to stderr, so that a program's own output stays clean.
 * @param {string} text
 */
function log(text) {
  console.error(`corral: ${text}`);
}
