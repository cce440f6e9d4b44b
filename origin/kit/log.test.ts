import { expect, test, vi } from "vitest";
import { VirtualClock } from "../../core/kit/virtual-clock.ts";
import { createLog, formatLogLine, withLogFields } from "./log.ts";

const clock = new VirtualClock();

test("log lines are plain text by default and JSON on request", () => {
  const time = new Date(2026, 0, 2, 3, 4, 5).getTime();
  expect(formatLogLine({ level: "warn", time, msg: "slow" })).toBe("03:04:05 warning: slow\n");
  const lines: string[] = [];
  createLog({ json: true, verbose: false }, { write: (text) => lines.push(text) }, clock).info("hello");
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({
    level: "info",
    event: "message",
    msg: "hello",
    time: clock.nowMs(),
  });
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

test("errors go to the other output, and leave the status line below", () => {
  const [out, err]: [string[], string[]] = [[], []];
  const terminal = { isTTY: true, write: (text: string) => out.push(text) };
  const log = createLog({ json: false, verbose: false }, terminal, clock, { write: (text) => err.push(text) });
  log.setStatus("1 s");
  log.warn("slow");
  log.error("broken");
  expect(err.join("")).toMatch(/error: broken\n$/);
  expect(err).toHaveLength(1);
  expect(out.join("").endsWith("warning: slow\n1 s\r\u001B[2K1 s")).toBe(true);
  const json: string[] = [];
  createLog({ json: true, verbose: false }, { write: () => {} }, clock, { write: (text) => json.push(text) }).error(
    "x",
  );
  expect(JSON.parse(json[0] ?? "")).toMatchObject({ level: "error", msg: "x" });
});

test("JSON records have the log's fields and their own, and text has neither", () => {
  const lines: string[] = [];
  const options = { json: true, verbose: false, fields: { stream: "show" } };
  createLog(options, { write: (text) => lines.push(text) }, clock).warn("slow", { event: "slow-edge", delayMs: 900 });
  const record = { level: "warn", time: clock.nowMs(), stream: "show", event: "slow-edge", delayMs: 900, msg: "slow" };
  expect(JSON.parse(lines[0] ?? "")).toEqual(record);
  expect(formatLogLine(record)).toMatch(/^[\d:]{8} warning: slow\n$/);
});

test("a log with fields puts them in each record, below the record's own", () => {
  const lines: string[] = [];
  const terminal = { write: (text: string) => lines.push(text) };
  const log = withLogFields(createLog({ json: true, verbose: true }, terminal, clock), {
    stream: "show",
    event: "said",
  });
  for (const level of ["debug", "info", "warn", "error"] as const) log[level]("x", { event: level });
  log.info("y");
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    ...["debug", "info", "warn", "error"].map((level) => ({ level, stream: "show", event: level, msg: "x" })),
    { level: "info", stream: "show", event: "said", msg: "y" },
  ]);
});

test.each([true, false])("a record is parsed once (as JSON: %s)", (json) => {
  const lines: string[] = [];
  const log = createLog({ json, verbose: false }, { write: (text) => lines.push(text) }, clock);
  const parse = vi.spyOn(JSON, "parse");
  try {
    log.error("broken");
    expect(parse).toHaveBeenCalledTimes(1);
  } finally {
    parse.mockRestore();
  }
  expect(lines.join("")).toContain("broken");
});
