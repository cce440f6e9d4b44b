import { expect, test } from "vitest";
import { clockOffsetMs, narrowClockOffset, UNBOUNDED_OFFSET } from "./clock-offset.ts";

/** A response of a server clock that is `offset` ahead, requested at `sentMs` and received 40 ms later. */
const answer = (bounds: typeof UNBOUNDED_OFFSET, offset: number, sentMs: number): typeof UNBOUNDED_OFFSET =>
  narrowClockOffset(bounds, Math.floor((sentMs + 20 + offset) / 1000) * 1000, sentMs, sentMs + 40);

test("a correct clock is left alone", () => {
  expect(clockOffsetMs([100, 3400, 7900].reduce((bounds, at) => answer(bounds, 0, at), UNBOUNDED_OFFSET))).toBe(0);
});

test("a clock that is minutes off is corrected within half a second by one response, and closer by more", () => {
  const offset = -183_250;
  const one = answer(UNBOUNDED_OFFSET, offset, 1_000_000);
  expect(Math.abs(clockOffsetMs(one) - offset)).toBeLessThanOrEqual(540);
  const times = Array.from({ length: 20 }, (_, i) => 1_000_000 + i * 2370);
  const many = times.reduce((bounds, at) => answer(bounds, offset, at), one);
  expect(Math.abs(clockOffsetMs(many) - offset)).toBeLessThan(120);
});

test("a response without a date changes nothing", () => {
  expect(narrowClockOffset(UNBOUNDED_OFFSET, Number.NaN, 0, 10)).toBe(UNBOUNDED_OFFSET);
});

test("a clock that was set while the page was open is measured again", () => {
  const before = answer(UNBOUNDED_OFFSET, 0, 1_000_000);
  expect(Math.abs(clockOffsetMs(answer(before, 90_000, 2_000_000)) - 90_000)).toBeLessThanOrEqual(540);
});
