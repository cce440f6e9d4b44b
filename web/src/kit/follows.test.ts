import { expect, test } from "vitest";
import { MAX_FOLLOWS, withFollow } from "./follows.ts";

test("a stream is followed once, the latest last, and no more than the limit", () => {
  expect(withFollow(["a", "b"], "a", true)).toEqual(["b", "a"]);
  expect(withFollow(["a", "b"], "a", false)).toEqual(["b"]);
  const many = Array.from({ length: MAX_FOLLOWS }, (_, index) => `s${index}`);
  const more = withFollow(many, "new", true);
  expect(more).toHaveLength(MAX_FOLLOWS);
  expect([more[0], more.at(-1)]).toEqual(["s1", "new"]);
});
