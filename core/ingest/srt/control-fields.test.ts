import { expect, test } from "vitest";
import { encodeLossReports, parseDropRequest } from "./control-fields.ts";
import { viewOf } from "./packet.ts";
import { sequenceDistance, TimestampUnwrapper, unwrapSequence, wrapSequence } from "./sequence.ts";

const words = (body: Uint8Array | undefined): number[] =>
  body === undefined ? [] : Array.from({ length: body.byteLength / 4 }, (_, at) => viewOf(body).getUint32(4 * at));

test("a loss report has single packets in one word and ranges in two, also across the wraparound", () => {
  const [report] = encodeLossReports(
    [
      { first: 5, last: 5 },
      { first: 7, last: 8 },
      { first: 2 ** 31 - 1, last: 2 ** 31 + 1 },
    ],
    4,
  );
  expect(words(report)).toEqual([5, 2 ** 31 + 7, 8, 2 ** 32 - 1, 1]);
});

test("loss reports fit into packets, and what exceeds their number waits for the next ones", () => {
  const ranges = Array.from({ length: 2_000 }, (_, at) => ({ first: 10 * at, last: 10 * at + 1 }));
  const reports = encodeLossReports(ranges, 4);
  expect(reports).toHaveLength(4);
  expect(reports.every(({ byteLength }) => byteLength + 16 <= 1_472)).toBe(true);
  expect(words(reports[3]).at(-1)).toBe(10 * (4 * 182 - 1) + 1);
});

test("drop requests name first and last packet", () => {
  expect(parseDropRequest(Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 3))).toEqual({ first: 1, last: 3 });
  expect(parseDropRequest(Uint8Array.of(0, 0, 0, 1, 0, 0, 0))).toBeNull();
  expect(parseDropRequest(Uint8Array.of(128, 0, 0, 1, 0, 0, 0, 3))).toBeNull();
});

test("sequence numbers are compared and unwrapped around 2^31", () => {
  expect(sequenceDistance(2 ** 31 - 1, 0)).toBe(1);
  expect(sequenceDistance(0, 2 ** 31 - 1)).toBe(-1);
  expect(sequenceDistance(5, 5 + 2 ** 30 - 1)).toBe(2 ** 30 - 1);
  expect(sequenceDistance(5, 5 + 2 ** 30)).toBe(-(2 ** 30));
  expect(unwrapSequence(3, 2 ** 31 - 2)).toBe(2 ** 31 + 3);
  expect(unwrapSequence(2 ** 31 - 1, 2 ** 31 + 3)).toBe(2 ** 31 - 1);
  expect(wrapSequence(2 ** 31 + 3)).toBe(3);
});

test("timestamps go on where they wrap, and also back", () => {
  const timestamps = new TimestampUnwrapper(2 ** 32 - 10);
  expect([5, 2 ** 32 - 1, 2 ** 31 - 10, 2 ** 32 - 20, 3].map((timestamp) => timestamps.unwrap(timestamp))).toEqual([
    2 ** 32 + 5,
    2 ** 32 - 1,
    2 ** 32 + 2 ** 31 - 10,
    2 ** 33 - 20,
    2 ** 33 + 3,
  ]);
});
