import { expect, test } from "vitest";
import { describeDelay, fallbackNote } from "./delay-text.ts";

test("at the live edge the delay has a tenth of a second, and is never negative", () => {
  expect(describeDelay(0.234, 0.2)).toBe("0.2 s");
  expect(describeDelay(1.06, 1)).toBe("1.1 s");
  expect(describeDelay(-0.02, 0.1)).toBe("0.0 s");
});

test("behind it the whole time is told", () => {
  expect(describeDelay(12.4, 11.5)).toBe("12 s behind");
  expect(describeDelay(59.6, 59)).toBe("1:00 behind");
  expect(describeDelay(754, 753)).toBe("12:34 behind");
  expect(describeDelay(3_725, 3_724)).toBe("1:02:05 behind");
});

test("a delay that is not known is not shown", () => {
  expect(describeDelay(null, 0.2)).toBe("");
  expect(describeDelay(0.2, null)).toBe("");
});

test("only a fallback that happened to the viewer has a note", () => {
  expect(fallbackNote("slow-link")).toMatch(/connection is too slow/);
  expect([null, "unsupported", "behind", "recording"].map((each) => fallbackNote(each as never))).toEqual([
    ...[null, null, null, null],
  ]);
});
