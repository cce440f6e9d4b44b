import { expect, test } from "vitest";
import { benign, evasions, type Half, shares, tallies } from "./testing.ts";

test("the corpus has enough of both sorts, and no text in both halves", () => {
  const hidden = [...evasions("tuned"), ...evasions("held-out")].map(({ text }) => text);
  const harmless = [...benign("tuned"), ...benign("held-out")].map(({ text }) => text);
  expect(hidden.length).toBeGreaterThanOrEqual(300);
  expect(harmless.length).toBeGreaterThanOrEqual(300);
  expect(new Set([...hidden, ...harmless]).size).toBe(hidden.length + harmless.length);
});

test.each<Half>(["tuned", "held-out"])(
  "at least 98 percent of the %s evasions are caught, in every category",
  (half) => {
    expect(shares(half).caught).toBeGreaterThanOrEqual(0.98);
    for (const { category, caught, evasions } of tallies(half)) {
      expect(caught / evasions, category).toBeGreaterThanOrEqual(0.95);
    }
  },
);

test.each<Half>(["tuned", "held-out"])("at most 1 percent of the %s benign traps are flagged", (half) => {
  expect(shares(half).flagged).toBeLessThanOrEqual(0.01);
});
