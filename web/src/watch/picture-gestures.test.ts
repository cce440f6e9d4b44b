import { expect, test } from "vitest";
import { type FingerEvent, type PictureGesture, PictureGestures } from "./picture-gestures.ts";

type Touch = [type: FingerEvent["type"], pointerId: number, x: number, y: number, atMs: number];

/** What a row of events completes. */
function gesturesOf(...touches: Touch[]): PictureGesture[] {
  const gestures = new PictureGestures();
  return touches.flatMap(([type, pointerId, x, y, atMs]) => gestures.accept({ type, pointerId, x, y, atMs }) ?? []);
}

const tap = (x: number, y: number, atMs: number): [Touch, Touch] => [
  ["down", 1, x, y, atMs],
  ["up", 1, x, y, atMs + 60],
];

test("two taps at one place like there, a third likes again, and one alone is nothing", () => {
  expect(gesturesOf(...tap(100, 200, 0))).toEqual([]);
  expect(gesturesOf(...tap(100, 200, 0), ...tap(110, 205, 200))).toEqual([{ kind: "like", x: 110, y: 205 }]);
  expect(gesturesOf(...tap(9, 9, 0), ...tap(9, 9, 200), ...tap(9, 9, 400))).toHaveLength(2);
});

test("taps far apart in place or time do not like, nor does a long press", () => {
  expect(gesturesOf(...tap(100, 200, 0), ...tap(300, 200, 200))).toEqual([]);
  expect(gesturesOf(...tap(100, 200, 0), ...tap(100, 200, 600))).toEqual([]);
  expect(gesturesOf(...tap(100, 200, 0), ["down", 1, 100, 200, 100], ["up", 1, 100, 200, 700])).toEqual([]);
});

test("a swipe up is the next stream and one down the previous; slow, short and slanted ones are nothing", () => {
  const swipe = (x: number, y: number, ms: number): PictureGesture[] =>
    gesturesOf(["down", 1, 200, 400, 0], ["up", 1, 200 + x, 400 + y, ms]);
  expect(swipe(10, -200, 200)).toEqual([{ kind: "next" }]);
  expect(swipe(-10, 200, 200)).toEqual([{ kind: "previous" }]);
  expect(swipe(0, -200, 900)).toEqual([]);
  expect(swipe(0, -60, 200)).toEqual([]);
  expect(swipe(150, -200, 200)).toEqual([]);
});

test("two fingers and a movement that the browser takes over are nothing", () => {
  expect(
    gesturesOf(["down", 1, 200, 400, 0], ["down", 2, 220, 400, 10], ["up", 1, 200, 100, 200], ["up", 2, 220, 100, 210]),
  ).toEqual([]);
  expect(gesturesOf(["down", 1, 200, 400, 0], ["cancel", 1, 200, 100, 200])).toEqual([]);
});
