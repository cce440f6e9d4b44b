import { expect, test } from "vitest";
import { parseTileDetails } from "./overview-requests.ts";

const NOW = Date.parse("2026-12-01T12:00:00Z");

test("the title, the poster and the next announced broadcast are read from a stream's details", () => {
  const schedule = [{ startsAt: "2026-11-01T12:00:00Z" }, { startsAt: "2026-12-05T12:00:00Z", title: "x" }, 5];
  const body = { title: "Show", host: "Ann", poster: { path: "/p", isGenerated: true }, schedule };
  expect(parseTileDetails(body, NOW)).toEqual({
    ...{ title: "Show", host: "Ann", poster: "/p", startsMs: Date.parse("2026-12-05T12:00:00Z") },
  });
  expect(parseTileDetails({ ...body, title: "", schedule: [] }, NOW)).toMatchObject({ title: "Ann", startsMs: null });
  for (const other of [null, "x", {}, { ...body, poster: "/p" }, { ...body, title: 1 }])
    expect(parseTileDetails(other, NOW)).toBeNull();
});
