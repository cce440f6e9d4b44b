import { expect, test } from "vitest";
import { benignSamples, type CorpusHalf, categoryScores, corpusRates, evasionSamples } from "./testing.ts";

const tuned = corpusRates("tuned");
const heldOut = corpusRates("held-out");

test("the corpus has enough evasions and benign texts, and no duplicates", () => {
  const hidden = [...evasionSamples("tuned"), ...evasionSamples("held-out")].map(({ text }) => text);
  const harmless = [...benignSamples("tuned"), ...benignSamples("held-out")].map(({ text }) => text);
  expect(hidden.length).toBeGreaterThanOrEqual(300);
  expect(harmless.length).toBeGreaterThanOrEqual(300);
  expect(new Set([...hidden, ...harmless]).size).toBe(hidden.length + harmless.length);
});

test("at least 98 percent of the evasions are caught in their category, in each half", () => {
  expect(tuned.caught).toBeGreaterThanOrEqual(0.98);
  expect(heldOut.caught).toBeGreaterThanOrEqual(0.98);
});

test.each<CorpusHalf>(["tuned", "held-out"])(
  "no category has a much lower detection rate than the others: %s half",
  (half) => {
    for (const { category, caught, evasions } of categoryScores(half)) {
      expect(caught / evasions, category).toBeGreaterThanOrEqual(0.95);
    }
  },
);

test("at most 1 percent of the benign traps are flagged, in each half", () => {
  expect(tuned.flagged).toBeLessThanOrEqual(0.01);
  expect(heldOut.flagged).toBeLessThanOrEqual(0.01);
});
