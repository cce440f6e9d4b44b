import { expect, test } from "vitest";
import { parseSharedPlace, type SharedPlace, shareLink, WHOLE_STREAM } from "./share-link.ts";

const ORIGIN = "https://live.example";
const link = (place: Partial<SharedPlace>): string => shareLink(ORIGIN, "show", { ...WHOLE_STREAM, ...place });

test("a shared link names the stream, its recording and times in whole seconds, and nothing else", () => {
  expect(link({})).toBe("https://live.example/watch/show");
  expect(link({ startS: 83.7 })).toBe("https://live.example/watch/show?t=83");
  expect(link({ startS: 0.4 })).toBe("https://live.example/watch/show");
  expect(link({ broadcast: "abcdefgh12", startS: 83.7, endS: 113.2 })).toBe(
    "https://live.example/watch/show?broadcast=abcdefgh12&t=83&end=114",
  );
});

test("a link shows what it was made for", () => {
  for (const place of [
    WHOLE_STREAM,
    { broadcast: "abcdefgh12", startS: null, endS: null },
    { broadcast: "abcdefgh12", startS: 83, endS: 113 },
    { broadcast: null, startS: null, endS: 30 },
  ])
    expect(parseSharedPlace(new URL(link(place)).search)).toEqual(place);
});

test("what is no number of seconds, no broadcast, or ends before its start counts as absent", () => {
  for (const query of [
    "",
    "?t=",
    "?t=-1",
    "?t=1e9",
    "?t=99999999",
    "?t=4x",
    "?delay=smooth",
    "?broadcast=../x",
    "?end=0",
  ])
    expect(parseSharedPlace(query), query).toEqual(WHOLE_STREAM);
  expect(parseSharedPlace("?t=40&end=40")).toEqual({ ...WHOLE_STREAM, startS: 40 });
});
