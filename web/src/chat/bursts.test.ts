import { expect, test } from "vitest";
import { NO_COUNTS } from "../../../protocol/room/events.ts";
import { freshTaps, HEART } from "./bursts.ts";

test("what is new in the totals rises, each by itself", () => {
  const before = { ...NO_COUNTS, likes: 3, reactions: { "🔥": 1 } };
  const now = { ...NO_COUNTS, likes: 5, reactions: { "🔥": 1, "👏": 4 } };
  expect(freshTaps(before, now, new Map())).toEqual([
    [HEART, 2],
    ["👏", 4],
  ]);
});

test("one's own taps rose when they were made, and don't rise again", () => {
  const own = new Map([[HEART, 3]]);
  expect(freshTaps(NO_COUNTS, { ...NO_COUNTS, likes: 2 }, own)).toEqual([]);
  expect(freshTaps({ ...NO_COUNTS, likes: 2 }, { ...NO_COUNTS, likes: 7 }, own)).toEqual([[HEART, 4]]);
});

test("totals that fall, as those of another room object do, make nothing rise", () => {
  expect(freshTaps({ ...NO_COUNTS, likes: 9 }, NO_COUNTS, new Map())).toEqual([]);
});
