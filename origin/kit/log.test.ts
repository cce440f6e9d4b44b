import { expect, test } from "vitest";
import { VirtualClock } from "../../core/kit/virtual-clock.ts";
import { createLog, formatLogLine } from "./log.ts";

const clock = new VirtualClock();

test("log lines are plain text by default and JSON on request", () => {
  const time = new Date(2026, 0, 2, 3, 4, 5).getTime();
  expect(formatLogLine(JSON.stringify({ level: 40, time, msg: "slow" }))).toBe("03:04:05 warning: slow\n");
  const lines: string[] = [];
  createLog({ json: true, verbose: false }, { write: (text) => lines.push(text) }, clock).info("hello");
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({ level: 30, msg: "hello", time: clock.nowMs() });
});

test("a terminal's status line stays below the log, and other outputs have none", () => {
  const texts: string[] = [];
  const log = createLog({ json: false, verbose: false }, { isTTY: true, write: (text) => texts.push(text) }, clock);
  log.setStatus("1 s");
  log.info("hello");
  expect(texts.at(-1)).toMatch(/hello\n1 s$/);
  const plain: string[] = [];
  createLog({ json: false, verbose: false }, { write: (text) => plain.push(text) }, clock).setStatus("1 s");
  expect(plain).toEqual([]);
});
