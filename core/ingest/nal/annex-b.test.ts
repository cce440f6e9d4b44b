import fc from "fast-check";
import { expect, test } from "vitest";
import { concatBytes } from "../../kit/bytes.ts";
import { joinWithLengths, splitAnnexB, unescapeNal } from "./annex-b.ts";

test("NAL units are split at start codes of both lengths, without zeros around them", () => {
  const stream = Uint8Array.of(9, 0, 0, 0, 1, 103, 1, 0, 0, 0, 0, 1, 104, 0, 2, 0, 0, 1, 101, 0, 0, 3, 1, 0, 0);
  expect(splitAnnexB(stream, 10).map((unit) => [...unit])).toEqual([
    [103, 1],
    [104, 0, 2],
    [101, 0, 0, 3, 1],
  ]);
  expect(splitAnnexB(stream, 2)).toHaveLength(2);
  expect(splitAnnexB(Uint8Array.of(0, 0, 2, 1), 10)).toEqual([]);
  expect(splitAnnexB(Uint8Array.of(0, 0, 1, 0, 0, 1, 0, 0, 0), 10)).toEqual([]);
});

test("units without start codes in them come back from a byte stream", () => {
  const byte = fc.oneof(fc.constantFrom(0, 1, 3), fc.nat(255));
  const unit = fc
    .array(byte, { minLength: 1, maxLength: 40 })
    // An encoder escapes what looks like a start code, and never ends a unit with a zero.
    .filter((bytes) => bytes.at(-1) !== 0 && !/,0,0,[0-2],/.test(`,${bytes.join(",")},`));
  fc.assert(
    fc.property(fc.array(fc.tuple(unit, fc.integer({ min: 2, max: 4 })), { maxLength: 8 }), (units) => {
      const stream = concatBytes(
        units.flatMap(([bytes, zeros]) => [new Uint8Array(zeros), Uint8Array.of(1, ...bytes)]),
      );
      expect(splitAnnexB(stream, 100).map((bytes) => [...bytes])).toEqual(units.map(([bytes]) => bytes));
    }),
  );
});

test("units are joined with their lengths in four bytes", () => {
  expect([...joinWithLengths([Uint8Array.of(1, 2), new Uint8Array(258)]).subarray(0, 11)]).toEqual([
    ...[0, 0, 0, 2, 1, 2],
    ...[0, 0, 1, 2, 0],
  ]);
});

test("emulation prevention is removed, up to the limit", () => {
  const unit = Uint8Array.of(1, 0, 0, 3, 0, 0, 3, 1, 0, 3, 0, 0, 3);
  expect([...unescapeNal(unit, 100)]).toEqual([1, 0, 0, 0, 0, 1, 0, 3, 0, 0]);
  expect([...unescapeNal(unit, 4)]).toEqual([1, 0, 0, 0]);
});
