import { expect, test } from "vitest";
import { EMPTY_ROOM_COUNTS } from "../../../core/room/events.ts";
import { LIKE_EMOJI, newReactions } from "./reaction-bursts.ts";

test("new reactions in the totals are counted by emoji", () => {
  const before = { ...EMPTY_ROOM_COUNTS, likes: 3, reactions: { "🔥": 1 } };
  const now = { ...EMPTY_ROOM_COUNTS, likes: 5, reactions: { "🔥": 1, "👏": 4 } };
  expect(newReactions(before, now, new Map())).toEqual([
    [LIKE_EMOJI, 2],
    ["👏", 4],
  ]);
});

test("own reactions are not counted again", () => {
  const own = new Map([[LIKE_EMOJI, 3]]);
  expect(newReactions(EMPTY_ROOM_COUNTS, { ...EMPTY_ROOM_COUNTS, likes: 2 }, own)).toEqual([]);
  expect(newReactions({ ...EMPTY_ROOM_COUNTS, likes: 2 }, { ...EMPTY_ROOM_COUNTS, likes: 7 }, own)).toEqual([
    [LIKE_EMOJI, 4],
  ]);
});

test("falling totals, as of another room object, give no reactions", () => {
  expect(newReactions({ ...EMPTY_ROOM_COUNTS, likes: 9 }, EMPTY_ROOM_COUNTS, new Map())).toEqual([]);
});
