/**
 * Loaded into every program that `run.mjs` starts: file descriptor 3 is a pipe that only `run.mjs` holds open, so it
 * ends when `run.mjs` does, even by SIGKILL. The program then ends as by SIGTERM, and its group with it, instead of
 * going on unseen.
 */
import { Socket } from "node:net";

const parent = new Socket({ fd: 3, readable: true, writable: false });
parent.once("close", () => {
  process.once("exit", () => process.kill(-process.pid, "SIGTERM"));
  process.kill(process.pid, "SIGTERM");
});
parent.resume();
parent.unref();
