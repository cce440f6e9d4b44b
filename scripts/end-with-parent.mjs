/**
 * Loaded into every program that `run.mjs` starts: file descriptor 3 is a pipe that only `run.mjs` holds open, so it
 * ends when `run.mjs` does, even by SIGKILL. The program then ends as by SIGTERM, and its group with it, instead of
 * going on unseen. Threads and forks of the program load it too, and have another file descriptor 3 or none.
 */
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
}
