import { expect, test } from "vitest";
import { parseStartTime, shareLink } from "./share-link.ts";

test("a shared link names the stream and a time in whole seconds, and nothing else", () => {
  expect(shareLink("https://live.example", "show", null)).toBe("https://live.example/watch/show");
  expect(shareLink("https://live.example", "show", 83.7)).toBe("https://live.example/watch/show?t=83");
  expect(shareLink("https://live.example", "show", 0.4)).toBe("https://live.example/watch/show");
  expect(parseStartTime(new URL(shareLink("https://live.example", "show", 83.7)).search)).toBe(83);
});

test("what is no number of seconds is no start", () => {
  for (const query of ["", "?t=", "?t=-1", "?t=1e9", "?t=99999999", "?t=4x", "?delay=smooth"]) {
    expect(parseStartTime(query), query).toBeNull();
  }
});
