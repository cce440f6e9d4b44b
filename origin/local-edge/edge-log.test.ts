import { expect, test } from "vitest";
import { EdgeLog } from "./edge-log.ts";

test("a full disk is logged once a minute, and other lines are logged as they come", () => {
  let nowMs = 0;
  const said: string[] = [];
  const log = new EdgeLog(
    "/data",
    () => nowMs,
    (_, text) => said.push(text),
  );
  const full = "e = rust/worker/ffi.rs:110: overloaded: No space left on device (os error 28)\nstack: workerd@28a3c60";
  for (; nowMs < 59_000; nowMs += 1_000) {
    log.logWorkerLine("error", full);
    log.logWorkerLine("warn", "R2 refused segment a/video/1; trying again");
    log.error(new Error("internal error; reference = abc"));
    log.logWorkerLine("error", "the room doesn't answer Error: database or disk is full: SQLITE_FULL");
  }
  expect(said).toEqual(["corral: The disk of /data is full; new data stays in memory until there is space."]);
  log.logWorkerLine("warn", "a broadcast was abandoned");
  expect(said.at(-1)).toBe("a broadcast was abandoned");
  nowMs += 2_000;
  log.logWorkerLine("error", full);
  expect(said).toHaveLength(3);
  nowMs += 20_000;
  log.logWorkerLine("warn", "R2 refused segment a/video/1; trying again");
  expect(said.at(-1)).toMatch(/^R2 refused/);
});
