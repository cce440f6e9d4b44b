/**
 * Loaded into every program that `run.mjs` starts, which leads its own process group. Threads and forks of the
 * program load it too, and have another file descriptor 3 or none.
 *
 * File descriptor 3 is a pipe that only `run.mjs` holds open, so it ends when `run.mjs` does, even by SIGKILL. The program
 * then ends as by SIGTERM, and its group with it, instead of continuing unnoticed.
 *
 * The program itself may be killed, and `run.mjs` with it. A guard outside of the group reads a pipe that only the
 * program holds open: if that ends without a word, it kills the rest of the group at once, so that a restarted
 * program does not meet processes of the killed one.
 */
import { spawn } from "node:child_process";
import { Socket } from "node:net";
import { isMainThread } from "node:worker_threads";

if (isMainThread && process.env.CORRAL_RUN_BY === `${process.ppid}`) {
  const parent = new Socket({ fd: 3, readable: true, writable: false });
  parent.once("close", () => {
    process.once("exit", () => process.kill(-process.pid, "SIGTERM"));
    process.kill(process.pid, "SIGTERM");
  });
  parent.resume();
  parent.unref();
  startGroupGuard(process.pid);
}

/**
 * Kills the group when its leader was killed.
 * @param {number} group
 */
function startGroupGuard(group) {
  const script = `read -r word || kill -s KILL -- -${group}`;
  const guard = spawn("/bin/sh", ["-c", script], { stdio: ["pipe", "ignore", "ignore"], detached: true });
  // Without a shell the program runs unguarded.
  guard.once("error", () => {});
  guard.unref();
  const pipe = /** @type {Socket} */ (guard.stdin);
  pipe.on("error", () => {});
  pipe.unref();
  process.once("exit", () => pipe.write("ended\n"));
}
