import { expect, test } from "vitest";
import { announceChange, CLEARED_SHOWN_MS, listChecks } from "./check-list.ts";
import type { ShownHealthCheck } from "./health-answer.ts";

const check = (id: string, severity: ShownHealthCheck["severity"], sinceMs: number): ShownHealthCheck => ({
  ...{ id, severity, sinceMs, say: `${id} is raised.`, fix: "Do something." },
});
const ids = (list: ReturnType<typeof listChecks>): string[] =>
  list.map(({ check: { id }, clearedMs }) => (clearedMs === null ? id : `(${id})`));

const OLD = check("starved", "error", 1_000);
const NEW = check("no-data", "error", 5_000);
const HINT = check("b-frames", "info", 9_000);

test("the worst come first, then the newest, and those that are over stay for a while", () => {
  const first = listChecks([], [HINT, OLD, NEW], 10_000);
  expect(ids(first)).toEqual(["no-data", "starved", "b-frames"]);
  const second = listChecks(first, [OLD], 12_000);
  expect(ids(second)).toEqual(["starved", "(no-data)", "(b-frames)"]);
  const third = listChecks(second, [], 20_000);
  expect(ids(third)).toEqual(["(starved)", "(no-data)", "(b-frames)"]);
  expect(ids(listChecks(third, [], 12_000 + CLEARED_SHOWN_MS))).toEqual(["(starved)"]);
  expect(ids(listChecks(third, [HINT], 21_000))).toEqual(["b-frames", "(starved)", "(no-data)"]);
});

test("a new check is announced once, and the end of all", () => {
  const first = listChecks([], [HINT], 10_000);
  expect(announceChange([], first)).toBe("Hint: b-frames is raised.");
  expect(announceChange(first, listChecks(first, [HINT], 12_000))).toBeNull();
  const worse = listChecks(first, [HINT, OLD], 14_000);
  expect(announceChange(first, worse)).toBe("Error: starved is raised.");
  expect(announceChange(worse, listChecks(worse, [HINT], 16_000))).toBeNull();
  const over = listChecks(worse, [], 16_000);
  expect(announceChange(worse, over)).toBe("All checks are over.");
  expect(announceChange(over, listChecks(over, [], 18_000))).toBeNull();
});
