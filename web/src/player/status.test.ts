import { expect, test } from "vitest";
import { renditionName } from "./renditions.ts";
import { parseWatchStatus } from "./status.ts";

test("an API response is parsed as a status", () => {
  const body = { stream: "demo", state: "live", broadcast: "b1", startedAt: 1000, viewers: { current: 3, peak: 9 } };
  const audience = { watching: 3, peak: 9 };
  expect(parseWatchStatus(body)).toEqual({
    source: { state: "live", broadcast: "b1" },
    audience,
    startedAtMs: 1000,
    stop: null,
    tracks: [],
  });
});

test("viewers are those that the room counted, whatever the request estimate", () => {
  const body = { state: "live", broadcast: "b1", startedAt: 1000, viewers: { current: 5, watching: 3, peak: 4 } };
  expect(parseWatchStatus(body)?.audience).toEqual({ watching: 3, peak: 4 });
});

test("a start written as a date is parsed too", () => {
  const body = { state: "ended", broadcast: "b1", startedAt: "1970-01-01T00:00:01Z" };
  expect(parseWatchStatus(body)).toEqual({
    source: { state: "ended", broadcast: "b1" },
    audience: null,
    startedAtMs: 1000,
    stop: null,
    tracks: [],
  });
});

test("input that is not a status is null", () => {
  for (const body of [null, 1, "live", [], {}, { state: "on", broadcast: "b" }, { state: "live" }]) {
    expect(parseWatchStatus(body)).toBeNull();
  }
});

test("a rendition is labelled with its track's name in the address, else its shorter side", () => {
  expect(renditionName("https://x/live/demo/b1/720p/media.m3u8", 1280, 720, 1)).toBe("720p");
  expect(renditionName("https://x/v/main/media.m3u8?a=1", 406, 720, 1)).toBe("406p");
  expect(renditionName("https://x/v/audio/media.m3u8", 0, 0, 128_000)).toBe("audio");
  expect(renditionName("https://x/v.m3u8", 0, 0, 128_000)).toBe("128k");
});
