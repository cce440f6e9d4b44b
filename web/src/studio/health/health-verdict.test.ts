import { expect, test } from "vitest";
import type { HealthAnswer, ShownHealthCheck } from "./health-answer.ts";
import { parseHealthAnswer } from "./health-answer.ts";
import { describeVerdict } from "./health-verdict.ts";

const check = (severity: ShownHealthCheck["severity"]): ShownHealthCheck => ({
  ...{ id: "starved", severity, sinceMs: 1, say: "Said.", fix: "Fixed." },
});
const verdict = (state: HealthAnswer["state"], checks: readonly ShownHealthCheck[], reportedMs: number | null = 1) =>
  describeVerdict({ state, checks, reportedMs, samples: [] }, true);

test("each state has a word and a sentence", () => {
  expect(verdict("good", [])).toEqual({ word: "Good", sentence: "The encoder’s media arrives as it should." });
  expect(verdict("good", [check("info")]).sentence).toMatch(/1 hint below\.$/);
  expect(verdict("fair", [check("warning")]).sentence).toBe("One warning below costs quality or delay.");
  expect(verdict("bad", [check("error"), check("error")]).sentence).toBe("2 errors below harm what viewers see.");
  expect(verdict("no-data", []).sentence).toBe("No encoder is connected.");
  expect(verdict("revoked", [check("error")]).word).toBe("Revoked");
});

test("a stream that no node measures says so, live or not", () => {
  const answer: HealthAnswer = { state: "no-data", checks: [], reportedMs: null, samples: [] };
  expect(describeVerdict(answer, true).sentence).toContain("npm start -- INPUT");
  expect(describeVerdict(answer, false).sentence).toContain("No encoder is connected");
});

test("an answer is parsed without what is unknown, and another body is none", () => {
  const sample = { atMs: 5, bitsPerSecond: 6e6, framesPerSecond: "30", later: 1 };
  const parsed = parseHealthAnswer({
    ...{ state: "fair", reportedMs: 5, samples: [sample, { atMs: null }] },
    checks: [check("warning"), { id: "later", severity: "fatal" }, null],
  });
  expect(parsed?.checks).toEqual([check("warning")]);
  expect(parsed?.samples).toMatchObject([{ atMs: 5, bitsPerSecond: 6e6, framesPerSecond: null, delayMs: null }]);
  for (const body of [null, [], {}, { state: "fine", checks: [], samples: [] }, { state: "good", checks: [] }]) {
    expect(parseHealthAnswer(body)).toBeNull();
  }
});
