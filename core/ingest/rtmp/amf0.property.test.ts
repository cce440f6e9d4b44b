import fc from "fast-check";
import { expect, test } from "vitest";
import { Amf0Reader, type AmfValue, encodeAmf0 } from "./amf0.ts";
import { RTMP_LIMITS } from "./limits.ts";
import { testBytes } from "./testing.ts";

const text = fc.string({ unit: "binary", maxLength: 40 });
const { value } = fc.letrec<{ value: AmfValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", maxDepth: RTMP_LIMITS.amfDepth },
    fc.double(),
    fc.boolean(),
    text,
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 4 }),
    fc
      .array(fc.tuple(fc.string({ unit: "binary", minLength: 1, maxLength: 20 }), tie("value")), { maxLength: 4 })
      .map((properties) => new Map(properties)),
  ),
}));

test("values are decoded as they were encoded", () => {
  fc.assert(
    fc.property(fc.array(value, { maxLength: 4 }), (values) => {
      const reader = new Amf0Reader(encodeAmf0(...values));
      expect(values.map(() => reader.value())).toEqual(values);
      expect(reader.isAtEnd).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});

test("any bytes give values or an RtmpError", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.array(fc.nat(17)), (bytes, markers) => {
      // Markers among them, so that values nest.
      for (const [at, marker] of markers.entries()) bytes.fill(marker, at * 3, at * 3 + 1);
      const reader = new Amf0Reader(bytes);
      try {
        while (!reader.isAtEnd) reader.value();
      } catch (error) {
        expect(error).toMatchObject({ name: "RtmpError" });
      }
    }),
    { numRuns: 5_000 },
  );
});

test("ECMA arrays, typed objects, dates, long strings and undefined are read", () => {
  const end = testBytes(0, 0, 9);
  const property = testBytes(0, 1, "a", 1, 1);
  const read = (...parts: (number | string | Uint8Array)[]) => new Amf0Reader(testBytes(...parts)).value();
  expect(read(8, 0, 0, 0, 9, property, end)).toEqual(new Map([["a", true]]));
  expect(read(16, 0, 1, "T", property, end)).toEqual(new Map([["a", true]]));
  expect(read(11, encodeAmf0(7).subarray(1), 0, 0)).toBe(7);
  expect(read(12, 0, 0, 0, 2, "hi")).toBe("hi");
  expect(read(6)).toBeNull();
});

test("bombs are refused: depth, count, announced lengths, references", () => {
  const nest = (levels: number) => testBytes(...Array(levels).fill(testBytes(10, 0, 0, 0, 1)), 5);
  expect(new Amf0Reader(nest(RTMP_LIMITS.amfDepth)).value()).toBeInstanceOf(Array);
  expect(() => new Amf0Reader(nest(RTMP_LIMITS.amfDepth + 1)).value()).toThrow(/nested deeper/);
  expect(() => new Amf0Reader(testBytes(10, 255, 255, 255, 255, 5)).value()).toThrow(/array of 4294967295 values/);
  expect(() => new Amf0Reader(testBytes(12, 127, 255, 255, 255, "x")).value()).toThrow(/string of 2147483647 bytes/);
  // Arrays that each fit multiply beyond the count.
  const wide = testBytes(10, 0, 0, 0, 40, ...Array(40).fill(testBytes(10, 0, 0, 0, 40, new Uint8Array(40).fill(5))));
  expect(() => new Amf0Reader(wide).value()).toThrow(/exceeds the limit|more than 1024/);
  const reader = new Amf0Reader(new Uint8Array(2_000).fill(5));
  expect(() => {
    while (!reader.isAtEnd) reader.value();
  }).toThrow(/more than 1024 AMF values/);
  expect(() => new Amf0Reader(testBytes(7, 0, 0)).value()).toThrow(/type 7 is not supported/);
});
