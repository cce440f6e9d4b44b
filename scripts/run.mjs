/**
 * Runs a TypeScript program of this project: `node scripts/run.mjs PROGRAM [ARGUMENT…]`. First installs what the program
 * needs, then starts it with a recent Node. Plain JavaScript for Node 18 and later, without dependencies.
 *
 * The program leads its own session: it receives each signal once (a terminal signals the whole group, and npm
 * forwards to its child again), and its remaining processes are ended with it. It ends with npm, and with this
 * process, even if those are killed (`end-with-parent.mjs`).
 */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { listNodeFlags } from "./node-flags.mjs";
import { listRequiredTools, prepareMachine, SetupError, selectNodeCommand } from "./setup.mjs";

/** The same signal again within this time is the terminal's and npm's copy of one key press. */
const SAME_SIGNAL_MS = 500;
/** Remaining processes of a program get this long between SIGTERM and SIGKILL. */
const LEFTOVER_GRACE_MS = 2000;
/** Interval of checks whether npm is alive. */
const NPM_WATCH_MS = 250;

const root = fileURLToPath(new URL("..", import.meta.url));
const [program, ...args] = process.argv.slice(2);
const startedBy = process.ppid;

if (program === undefined) {
  console.error("Usage: node scripts/run.mjs PROGRAM [ARGUMENT…]");
  process.exit(2);
}

try {
  await prepareMachine(root, listRequiredTools(program, args));
  process.exitCode = await run(program, args);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`corral: ${error.message}`);
  process.exitCode = error.exitCode;
}

/**
 * Runs the program to its end and returns its exit code.
 * @param {string} program
 * @param {string[]} args
 * @returns {Promise<number>}
 */
async function run(program, args) {
  const [node, ...flags] = selectNodeCommand(root);
  const preload = new URL("./end-with-parent.mjs", import.meta.url).href;
  const child = spawn(node, [...flags, ...listNodeFlags(program), "--import", preload, join(root, program), ...args], {
    stdio: ["inherit", "inherit", "inherit", "pipe"],
    detached: true,
    env: {
      ...process.env,
      CORRAL_RUN_BY: `${process.pid}`,
      PATH: `${join(root, "node_modules", ".bin")}${delimiter}${process.env.PATH ?? ""}`,
    },
  });
  forwardSignals(child);
  endWithNpm(child);
  const code = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
  if (child.pid !== undefined) await endGroup(child.pid);
  return code;
}

/** @param {import("node:child_process").ChildProcess} child */
function forwardSignals(child) {
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
    let last = Number.NEGATIVE_INFINITY;
    process.on(signal, () => {
      const now = performance.now();
      if (now - last < SAME_SIGNAL_MS) return;
      last = now;
      child.kill(signal);
    });
  }
}

/**
 * npm forwards signals, but not its own SIGKILL: the system then gives its children another parent.
 * @param {import("node:child_process").ChildProcess} child
 */
function endWithNpm(child) {
  if (process.env.npm_lifecycle_event === undefined) return;
  const watch = setInterval(() => {
    if (process.ppid === startedBy) return;
    clearInterval(watch);
    child.kill("SIGTERM");
  }, NPM_WATCH_MS);
  watch.unref();
}

/**
 * Ends the remaining processes of a group whose leader has exited.
 * @param {number} group
 */
async function endGroup(group) {
  const deadline = performance.now() + LEFTOVER_GRACE_MS;
  let left = signalGroup(group, "SIGTERM");
  while (left && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    left = signalGroup(group, 0);
  }
  if (left) signalGroup(group, "SIGKILL");
}

/**
 * @param {number} group
 * @param {NodeJS.Signals | 0} signal
 * @returns {boolean} whether the group has a member
 */
function signalGroup(group, signal) {
  try {
    process.kill(-group, signal);
    return true;
  } catch {
    return false;
  }
}
