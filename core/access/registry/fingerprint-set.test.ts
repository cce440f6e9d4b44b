import fc from "fast-check";
import { expect, test } from "vitest";
import { FingerprintSet } from "./fingerprint-set.ts";

const names = fc.array(fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,63}$/), { maxLength: 200 });
const salt = fc.integer({ min: 0, max: 0xffff_ffff });

test("every added name is found, also in the transferred copy", () => {
  fc.assert(
    fc.property(names, salt, (all, bits) => {
      const copy = FingerprintSet.decode(FingerprintSet.fromNames(all, bits).encode());
      expect(all.every((name) => copy.has(name))).toBe(true);
    }),
  );
});

test("at most two of 100,000 unknown names match a set of 10,000", () => {
  const set = FingerprintSet.fromNames(
    Array.from({ length: 10_000 }, (_, i) => `stream-${i}`),
    0x1234_5678,
  );
  const found = Array.from({ length: 100_000 }, (_, i) => `invented-${i}`).filter((name) => set.has(name));
  expect(found.length).toBeLessThanOrEqual(2);
});

test("an empty set matches nothing, and malformed bytes are refused", () => {
  expect(FingerprintSet.decode(FingerprintSet.fromNames([], 7).encode()).has("any")).toBe(false);
  for (const length of [0, 4, 11]) expect(() => FingerprintSet.decode(new Uint8Array(length))).toThrow(RangeError);
});

test("an open set matches every name, also in the transferred copy", () => {
  expect(FingerprintSet.decode(FingerprintSet.fromNames([], 7, true).encode()).has("any")).toBe(true);
});
