import { expect, test } from "vitest";
import { type Backlog, type FileFacts, findUntidiness, readFacts, shortenBacklog } from "./tidy.ts";

const EMPTY: Backlog = { platformUses: {}, longFiles: {} };

const usesIn = (text: string): readonly string[] => readFacts("core/a.ts", text).platformUses;
const exportsIn = (text: string): readonly string[] => readFacts("core/a.ts", text).exportedNames;

function facts(path: string, some: Partial<FileFacts> = {}): FileFacts {
  return { path, lines: 10, platformUses: [], exportedNames: [], ...some };
}

test.each([
  ["const now = Date.now();", ["Date.now"]],
  ["call(Date.now);", ["Date.now"]],
  ["const { now } = Date;", ["Date"]],
  ['Date["now"]();', ["Date.now"]],
  ["Date[key]();", ["Date.…"]],
  ["new Date();", ["new Date()"]],
  ["Date();", ["Date"]],
  ["const clock = Date;", ["Date"]],
  ["new Date(Date.now());", ["Date.now"]],
  ["performance.now() + performance.timeOrigin;", ["performance.now", "performance.timeOrigin"]],
  ["const { random } = Math;", ["Math"]],
  ["Math.floor(Math.random() * 6);", ["Math.random"]],
  ["setTimeout(f, 1); globalThis.setInterval(f, 1);", ["setTimeout", "setInterval"]],
  ["const start = setTimeout;", ["setTimeout"]],
  ["const o = { setTimeout };", ["setTimeout"]],
  ["await scheduler.wait(1);", ["scheduler"]],
  ["window.performance.now();", ["performance.now"]],
  ["crypto.randomUUID();", ["crypto.randomUUID"]],
  ['import { setTimeout as sleep } from "node:timers/promises";', ["node:timers/promises setTimeout"]],
  ['import { createHash, randomUUID } from "node:crypto";', ["node:crypto randomUUID"]],
  ['import * as timers from "node:timers";', ["node:timers timers"]],
  ["const x = (Date.now() as number)!;", ["Date.now"]],
  ["class A { #at: number = Date.now(); }", ["Date.now"]],
  ["const f = (nowMs = Date.now()) => nowMs;", ["Date.now"]],
])("a use of the platform is found: %s", (text, uses) => {
  expect(usesIn(text)).toEqual(uses);
});

test.each([
  "new Date(0).toISOString(); Date.parse(text); Date.UTC(2020, 1);",
  "value instanceof Date;",
  "Math.max(1, 2); crypto.subtle; crypto.getRandomValues(bytes); performance.getEntries();",
  "clearTimeout(timer);",
  "let timer: ReturnType<typeof setTimeout>; let at: Date;",
  "const f = (setTimeout: () => void) => setTimeout();",
  'import { Date } from "./dates.ts"; Date.now();',
  "clock.Date.now(); clock.setTimeout(f, 1);",
  '"Date.now()"; // Math.random()',
])("other members, types and local names are no use of the platform: %s", (text) => {
  expect(usesIn(text)).toEqual([]);
});

test("exported names of every kind of declaration are found", () => {
  expect(exportsIn("export const a = 1, b = 2; export function f() {} export class C {} export type T = 1;")).toEqual([
    ...["a", "b", "f", "C", "T"],
  ]);
  expect(exportsIn("export interface I {} export enum E {} const x = 1; export { x as y };")).toEqual(["I", "E", "y"]);
  expect(exportsIn('export { Live } from "./live.ts"; const hidden = 1;')).toEqual([]);
});

test("a name exported by two files is reported, and a type and a value of one file are not", () => {
  const files = [facts("core/a.ts", { exportedNames: ["X", "X"] }), facts("web/src/b.ts", { exportedNames: ["Y"] })];
  expect(findUntidiness(files, EMPTY)).toEqual([]);
  const repeated = [...files, facts("origin/c.ts", { exportedNames: ["Y"] })];
  expect(findUntidiness(repeated, EMPTY)).toEqual([expect.stringContaining("web/src/b.ts and origin/c.ts")]);
});

test("exports with a replaced name are reported", () => {
  expect(
    findUntidiness([facts("core/a.ts", { exportedNames: ["Door", "toProgrammeMs", "DoorHandle"] })], EMPTY),
  ).toHaveLength(2);
});

test("a count may neither exceed the backlog nor fall below it", () => {
  const files = [facts("core/a.ts", { platformUses: ["Date.now", "Date.now"] }), facts("core/b.ts", { lines: 401 })];
  const listed = (uses: number, lines: number): Backlog => ({
    platformUses: { "core/a.ts": uses },
    longFiles: { "core/b.ts": lines },
  });
  expect(findUntidiness(files, listed(2, 401))).toEqual([]);
  expect(findUntidiness(files, EMPTY)).toHaveLength(2);
  expect(findUntidiness(files, listed(1, 400))).toHaveLength(2);
  expect(findUntidiness(files, listed(3, 402))).toHaveLength(2);
  expect(findUntidiness([], listed(3, 402))).toHaveLength(2);
});

test("the backlog is lowered to the current counts and never raised", () => {
  const files = [
    facts("core/a.ts", { platformUses: ["Date.now"] }),
    facts("core/b.ts", { platformUses: ["Date.now", "Date.now"], lines: 401 }),
  ];
  const backlog = {
    platformUses: { "core/a.ts": 3, "core/b.ts": 1, "core/gone.ts": 4 },
    longFiles: { "core/a.ts": 500 },
  };
  expect(shortenBacklog(files, backlog)).toEqual({ platformUses: { "core/a.ts": 1, "core/b.ts": 1 }, longFiles: {} });
});

test("the system platform may use the platform's clock", () => {
  expect(findUntidiness([facts("core/kit/system-platform.ts", { platformUses: ["Date.now"] })], EMPTY)).toEqual([]);
});
