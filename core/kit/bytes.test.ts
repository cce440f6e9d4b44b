import { expect, test } from "vitest";
import { concatBytes } from "./bytes.ts";

test("pieces are concatenated in order, including empty ones and views into larger buffers", () => {
  const view = new Uint8Array([9, 3, 4, 9]).subarray(1, 3);
  const whole = concatBytes([new Uint8Array([1, 2]), new Uint8Array(0), view]);
  view[0] = 0;
  expect([...whole]).toEqual([1, 2, 3, 4]);
  expect(concatBytes([])).toHaveLength(0);
});

test("a length smaller than the pieces is refused", () => {
  expect(() => concatBytes([new Uint8Array(3)], 2)).toThrow(RangeError);
});
