import { expect, test } from "vitest";
import { EndAnchor, type ScrollState } from "./end-anchor.ts";

/** A list of `scrollHeight` in a box of `clientHeight`, as many pixels from its end. */
const at = (fromEnd: number, scrollHeight = 1000, clientHeight = 300): ScrollState => ({
  scrollTop: scrollHeight - clientHeight - fromEnd,
  scrollHeight,
  clientHeight,
});

test("a list is at its end until it is scrolled up, and again after it is scrolled back", () => {
  const following = new EndAnchor();
  expect([following.handleScroll(at(0)), following.atEnd]).toEqual([false, true]);
  expect([following.handleScroll(at(40)), following.atEnd]).toEqual([false, true]);
  expect([following.handleScroll(at(60)), following.atEnd]).toEqual([true, false]);
  expect([following.handleScroll(at(50)), following.atEnd]).toEqual([false, false]);
  expect([following.handleScroll(at(48)), following.atEnd]).toEqual([true, true]);
});

test("a list stays at its end when the box shrinks or rows grow", () => {
  const following = new EndAnchor();
  following.handleScroll(at(0));
  // The same position in a lower box, then over longer rows.
  following.handleScroll({ ...at(0), clientHeight: 200 });
  following.handleScroll({ ...at(0), clientHeight: 200, scrollHeight: 1500 });
  expect(following.atEnd).toBe(true);
});

test("a list that was scrolled up stays off its end when rows arrive or the box shrinks", () => {
  const following = new EndAnchor();
  following.handleScroll(at(0));
  following.handleScroll(at(200));
  following.handleScroll({ ...at(200), clientHeight: 200, scrollHeight: 1500 });
  expect(following.atEnd).toBe(false);
});
