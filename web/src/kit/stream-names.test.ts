import { expect, test } from "vitest";
import { parseStreamNames } from "./stream-names.ts";

test("what was stored is read back, without anything that is no stream's name", () => {
  expect(parseStreamNames(null)).toEqual([]);
  expect(parseStreamNames("")).toEqual([]);
  expect(parseStreamNames(["show", "<b>", "No Name", "other"].join(" "))).toEqual(["show", "other"]);
});
