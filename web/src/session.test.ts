import { expect, test } from "vitest";
import { takeToken } from "./session.ts";

test("a token is taken out of the fragment, and what else stood there stays", () => {
  expect(takeToken("#token=a.b.c")).toEqual({ token: "a.b.c", rest: "" });
  expect(takeToken("#t=12&token=a.b.c")).toEqual({ token: "a.b.c", rest: "#t=12" });
});

test("a fragment without a token is left as it is", () => {
  expect(takeToken("")).toEqual({ token: null, rest: "" });
  expect(takeToken("#chat")).toEqual({ token: null, rest: "#chat" });
});

test("an empty token and one that is too long are dropped, and don't stay in the address", () => {
  expect(takeToken("#token=")).toEqual({ token: null, rest: "" });
  expect(takeToken(`#token=${"a".repeat(5_000)}`)).toEqual({ token: null, rest: "" });
});
