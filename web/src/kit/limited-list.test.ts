import { expect, test } from "vitest";
import { withItem } from "./limited-list.ts";

test("an item is in a list once, the latest last, and no more than the limit", () => {
  expect(withItem(["a", "b"], "a", true, 3)).toEqual(["b", "a"]);
  expect(withItem(["a", "b"], "a", false, 3)).toEqual(["b"]);
  expect(withItem(["a", "b"], "new", false, 3)).toEqual(["a", "b"]);
  expect(withItem(["a", "b", "c"], "new", true, 3)).toEqual(["b", "c", "new"]);
});
