import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeCompositeKey } from "./composite-key.ts";

/** Parts that a joined key would confuse: short, of separators and digits. */
const part = fc.string({ unit: fc.constantFrom("a", "l", "x", " ", "/", ":", "1", "2", "0"), maxLength: 6 });
const parts = fc.array(part, { minLength: 1, maxLength: 4 });

test("two composite keys are equal only where all parts are", () => {
  fc.assert(
    fc.property(parts, parts, (one, other) => {
      expect(encodeCompositeKey(...one) === encodeCompositeKey(...other)).toBe(
        JSON.stringify(one) === JSON.stringify(other),
      );
    }),
    { numRuns: 2_000 },
  );
});

test("a space in a name does not produce another person's key", () => {
  expect(encodeCompositeKey("al x", "1")).not.toBe(encodeCompositeKey("al", "x 1"));
  expect(encodeCompositeKey("al/x", "1")).not.toBe(encodeCompositeKey("al", "x/1"));
});
