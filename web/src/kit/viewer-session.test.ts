import { expect, test } from "vitest";
import { splitTokenFragment } from "./viewer-session.ts";

test("a token is removed from the fragment, and the rest of the fragment stays", () => {
  expect(splitTokenFragment("#token=a.b.c")).toEqual({ token: "a.b.c", rest: "" });
  expect(splitTokenFragment("#t=12&token=a.b.c")).toEqual({ token: "a.b.c", rest: "#t=12" });
});

test("a fragment without a token is unchanged", () => {
  expect(splitTokenFragment("")).toEqual({ token: null, rest: "" });
  expect(splitTokenFragment("#chat")).toEqual({ token: null, rest: "#chat" });
});

test("empty and overlong tokens are dropped and removed from the address", () => {
  expect(splitTokenFragment("#token=")).toEqual({ token: null, rest: "" });
  expect(splitTokenFragment(`#token=${"a".repeat(5_000)}`)).toEqual({ token: null, rest: "" });
});
