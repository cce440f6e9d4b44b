import { expect, test } from "vitest";
import { parseDirectoryPage } from "./directory-client.ts";

const CARD = {
  ...{ stream: "show", title: "Night ride", host: "Ann", poster: "/p", avatar: "/a", viewers: 12 },
  at: "2026-12-01T10:00:00.000Z",
};

test("a page of the directory is parsed; a card without its stream or pictures is left out", () => {
  const { at, ...texts } = CARD;
  const body = { live: [CARD, { title: "x" }, null], upcoming: [], replays: [], next: "12.show" };
  expect(parseDirectoryPage(body)).toEqual({
    live: [{ ...texts, atMs: Date.parse(at) }],
    upcoming: [],
    replays: [],
    next: "12.show",
  });
});

test("anything else is no page", () => {
  for (const body of [null, "x", {}, { live: [], upcoming: [] }, { live: {}, upcoming: [], replays: [] }]) {
    expect(parseDirectoryPage(body)).toBeNull();
  }
});
