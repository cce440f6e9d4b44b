import fc from "fast-check";
import { expect, test } from "vitest";
import { concatBytes } from "../../kit/bytes.ts";
import { BoxSplitter } from "./box-splitter.ts";
import { CmafError } from "./errors.ts";
import { bigEndianWords, makeBox } from "./fixtures.ts";
import { CMAF_LIMITS } from "./limits.ts";

const STREAM = concatBytes([
  makeBox("ftyp", bigEndianWords(1, 2)),
  makeBox("free"),
  concatBytes(
    [bigEndianWords(1), new TextEncoder().encode("mdat"), bigEndianWords(0, 20), [1, 2, 3, 4]].map(
      (part) => new Uint8Array(part),
    ),
  ),
  makeBox("moof", new Uint8Array(3000).fill(7)),
]);

function split(chunks: readonly Uint8Array[]): { type: string; bytes: number; offset: number }[] {
  const splitter = new BoxSplitter("pipe");
  const boxes = chunks.flatMap((chunk) => splitter.push(chunk));
  splitter.end();
  return boxes.map(({ type, bytes, offset }) => ({ type, bytes: bytes.length, offset }));
}

test("any chunking of a stream gives the same boxes", () => {
  const whole = split([STREAM]);
  expect(whole).toEqual([
    { type: "ftyp", bytes: 16, offset: 0 },
    { type: "free", bytes: 8, offset: 16 },
    { type: "mdat", bytes: 20, offset: 24 },
    { type: "moof", bytes: 3008, offset: 44 },
  ]);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1 }), (sizes) => {
      const chunks: Uint8Array[] = [];
      for (let at = 0, i = 0; at < STREAM.length; i++) {
        const size = sizes[i % sizes.length] ?? 1;
        chunks.push(STREAM.subarray(at, at + size));
        at += size;
      }
      expect(split(chunks)).toEqual(whole);
    }),
  );
});

test("a box that arrives byte by byte costs time and memory in proportion to its size", () => {
  const bytes = makeBox("mdat", new Uint8Array(200_000));
  const splitter = new BoxSplitter();
  let boxes = 0;
  for (let i = 0; i < bytes.length; i++) boxes += splitter.push(bytes.subarray(i, i + 1)).length;
  expect(boxes).toBe(1);
});

test("a returned box is a copy: later bytes of the stream do not change it", () => {
  const chunk = makeBox("free", [1, 2, 3]);
  const splitter = new BoxSplitter();
  const [first] = splitter.push(chunk);
  chunk.fill(9);
  splitter.push(makeBox("free", [4, 5, 6]));
  expect(first?.bytes).toEqual(makeBox("free", [1, 2, 3]));
});

const BAD: readonly (readonly [name: string, bytes: Uint8Array, message: string])[] = [
  ["a type that no stream has", makeBox("evil"), "pipe, box evil, at byte 8: no such box"],
  ["a type of no characters", makeBox("\0\0\0\0"), "box ????"],
  [
    "a size below the header",
    new Uint8Array([...bigEndianWords(7), ...new TextEncoder().encode("moof")]),
    "its size 7 is below",
  ],
  [
    "a box to the end of the file",
    new Uint8Array([...bigEndianWords(0), ...new TextEncoder().encode("mdat")]),
    "without a size",
  ],
  [
    "a 64-bit size beyond the limit",
    new Uint8Array([...bigEndianWords(1), ...new TextEncoder().encode("mdat"), ...bigEndianWords(1, 0)]),
    `its size 4294967296 is over the limit of ${CMAF_LIMITS.mdatBytes}`,
  ],
  [
    "a moof as large as media",
    new Uint8Array([...bigEndianWords(CMAF_LIMITS.boxBytes + 1), ...new TextEncoder().encode("moof")]),
    "over the limit",
  ],
];

test.each(BAD)("%s is refused with the input, the box and its offset", (_name, bytes, message) => {
  const splitter = new BoxSplitter("pipe");
  splitter.push(makeBox("free"));
  expect(() => splitter.push(bytes)).toThrow(CmafError);
  expect(() => {
    const again = new BoxSplitter("pipe");
    again.push(makeBox("free"));
    again.push(bytes);
  }).toThrow(message);
});

test("a stream that ends within a box or its header is truncated, and the error states the missing bytes", () => {
  for (const [length, message] of [
    [20, "pipe, box header, at byte 16: the stream ended after 4 of 8 bytes"],
    [STREAM.length - 1, "pipe, box moof, at byte 44: the stream ended after 3007 of 3008 bytes"],
  ] as const) {
    const splitter = new BoxSplitter("pipe");
    splitter.push(STREAM.subarray(0, length));
    expect(() => splitter.end()).toThrow(message);
  }
});
