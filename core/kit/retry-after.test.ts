import { expect, test } from "vitest";
import { retryAfterMs } from "./retry-after.ts";

test("Retry-After is parsed in seconds, up to a bound", () => {
  const values = ["2", "60", undefined, "soon"];
  expect(values.map((value) => retryAfterMs(value, 5000))).toEqual([2000, 5000, null, null]);
});
