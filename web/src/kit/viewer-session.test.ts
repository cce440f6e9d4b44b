import { expect, test } from "vitest";
import { splitTokenFragment } from "./viewer-session.ts";

test("a token is taken out of the fragment, and what else stood there stays", () => {
  expect(splitTokenFragment("#token=a.b.c")).toEqual({ token: "a.b.c", rest: "" });
  expect(splitTokenFragment("#t=12&token=a.b.c")).toEqual({ token: "a.b.c", rest: "#t=12" });
});

test("a fragment without a token is left as it is", () => {
  expect(splitTokenFragment("")).toEqual({ token: null, rest: "" });
  expect(splitTokenFragment("#chat")).toEqual({ token: null, rest: "#chat" });
});

test("an empty token and one that is too long are dropped, and don't stay in the address", () => {
  expect(splitTokenFragment("#token=")).toEqual({ token: null, rest: "" });
  expect(splitTokenFragment(`#token=${"a".repeat(5_000)}`)).toEqual({ token: null, rest: "" });
});
