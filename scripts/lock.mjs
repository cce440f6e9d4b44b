/** A lock between processes as a file: valid while its owner rewrites it, so a crashed owner blocks others only briefly. */
import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** Interval at which the owner rewrites the file. */
const HEARTBEAT_MS = 1000;
/** A lock that is unchanged in this many checks, one per `HEARTBEAT_MS`, has lost its owner. */
const CHECKS_BEFORE_TAKEOVER = 10;

/**
 * Runs `work` while no other process runs under the same lock.
 * @template T
 * @param {string} path the lock's file; its folder is made
 * @param {(text: string) => void} log called once if there is a wait
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(path, log, work) {
  mkdirSync(dirname(path), { recursive: true });
  const owner = randomUUID();
  await acquireLock(path, owner, log);
  let beat = 0;
  const beating = setInterval(() => writeFileSync(path, `${owner} ${++beat}`), HEARTBEAT_MS);
  const release = () => rmSync(path, { force: true });
  const releaseAndEnd = (/** @type {NodeJS.Signals} */ signal) => process.exit(signal === "SIGINT" ? 130 : 143);
  process.once("exit", release);
  process.once("SIGINT", releaseAndEnd).once("SIGTERM", releaseAndEnd);
  try {
    return await work();
  } finally {
    clearInterval(beating);
    process.off("exit", release).off("SIGINT", releaseAndEnd).off("SIGTERM", releaseAndEnd);
    release();
  }
}

/**
 * @param {string} path
 * @param {string} owner
 * @param {(text: string) => void} log
 */
async function acquireLock(path, owner, log) {
  let seen = "";
  let looks = 0;
  for (let waits = 0; !tryAcquireLock(path, owner); waits++) {
    if (waits === 0) log("another set-up of this folder is running; waiting for it…");
    const content = readLock(path);
    looks = content === seen ? looks + 1 : 0;
    seen = content;
    if (looks >= CHECKS_BEFORE_TAKEOVER) {
      rmSync(path, { force: true });
      looks = 0;
    } else {
      await new Promise((resolve) => setTimeout(resolve, HEARTBEAT_MS));
    }
  }
}

/**
 * @param {string} path
 * @param {string} owner
 * @returns {boolean}
 */
function tryAcquireLock(path, owner) {
  try {
    writeFileSync(path, `${owner} 0`, { flag: "wx" });
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === "EEXIST") return false;
    throw error;
  }
}

/**
 * @param {string} path
 * @returns {string}
 */
function readLock(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
