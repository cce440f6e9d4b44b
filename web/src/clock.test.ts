import { expect, test } from "vitest";
import { narrow, offsetMs, UNBOUNDED } from "./clock.ts";

/** What an answer shows of a server clock that is `offset` ahead, asked at `sentMs` and answered 40 ms later. */
const answer = (bounds: typeof UNBOUNDED, offset: number, sentMs: number): typeof UNBOUNDED =>
  narrow(bounds, Math.floor((sentMs + 20 + offset) / 1000) * 1000, sentMs, sentMs + 40);

test("a right clock is left alone", () => {
  expect(offsetMs([100, 3400, 7900].reduce((bounds, at) => answer(bounds, 0, at), UNBOUNDED))).toBe(0);
});

test("a clock that is minutes off is corrected within half a second by one answer, and closer by more", () => {
  const offset = -183_250;
  const one = answer(UNBOUNDED, offset, 1_000_000);
  expect(Math.abs(offsetMs(one) - offset)).toBeLessThanOrEqual(540);
  const times = Array.from({ length: 20 }, (_, i) => 1_000_000 + i * 2370);
  const many = times.reduce((bounds, at) => answer(bounds, offset, at), one);
  expect(Math.abs(offsetMs(many) - offset)).toBeLessThan(120);
});

test("an answer without a date changes nothing", () => {
  expect(narrow(UNBOUNDED, Number.NaN, 0, 10)).toBe(UNBOUNDED);
});

test("a clock that was set while the page was open is believed anew", () => {
  const before = answer(UNBOUNDED, 0, 1_000_000);
  expect(Math.abs(offsetMs(answer(before, 90_000, 2_000_000)) - 90_000)).toBeLessThanOrEqual(540);
});
