import { expect, test } from "vitest";
import { keyboardInsetPx } from "./keyboard-inset.ts";

test("the keyboard covers what the visual viewport lacks at the foot", () => {
  expect(keyboardInsetPx(844, { height: 844, offsetTop: 0, scale: 1 })).toBe(0);
  expect(keyboardInsetPx(844, { height: 508, offsetTop: 0, scale: 1 })).toBe(336);
  // iOS moves the visual viewport too.
  expect(keyboardInsetPx(844, { height: 508, offsetTop: 200, scale: 1 })).toBe(136);
});

test("a pinched page has no keyboard", () => {
  expect(keyboardInsetPx(844, { height: 422, offsetTop: 100, scale: 2 })).toBe(0);
});
