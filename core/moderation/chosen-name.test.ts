import { expect, test } from "vitest";
import { parseChosenName } from "./chosen-name.ts";

test("a name is taken as it was written, but for white space around it", () => {
  expect(parseChosenName(" Zoë 🐎 ", 64)).toBe("Zoë 🐎");
  expect(parseChosenName("x".repeat(64), 64)).toBe("x".repeat(64));
});

test("what cannot be read as a name, or claims a function, is none", () => {
  const refused = ["", "  ", "\u200b\u2060", "x".repeat(65), "\ud800", 7, null, undefined, {}, ["Zoe"]];
  for (const value of refused) expect(parseChosenName(value, 64), String(value)).toBeNull();
  for (const name of ["Moderator", "аdmin", "The Admin", "H0st"]) expect(parseChosenName(name, 64), name).toBeNull();
});
