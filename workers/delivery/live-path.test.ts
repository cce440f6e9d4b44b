import { expect, test } from "vitest";
import { isLivePath, parseLivePath } from "./live-path.ts";

test("delivery addresses are distinguished from all others", () => {
  expect(isLivePath("http://edge.test/live/demo/multivariant.m3u8")).toBe(true);
  expect(isLivePath("http://edge.test/watch/live/")).toBe(false);
  expect(isLivePath("http://edge.test/")).toBe(false);
});

test("addresses of playlists and files are parsed, with any query", () => {
  expect(parseLivePath("http://edge.test/live/demo/multivariant.m3u8?x=1")).toEqual({
    stream: "demo",
    file: { multivariantOf: null },
  });
  expect(parseLivePath("http://edge.test/live/demo/abcdefgh12/multivariant.m3u8")).toEqual({
    stream: "demo",
    file: { multivariantOf: "abcdefgh12" },
  });
  expect(parseLivePath("https://edge.test:8443/live/demo/abcdefgh12/720p/7.3.m4s")).toEqual({
    stream: "demo",
    file: { broadcast: "abcdefgh12", track: "720p", file: { kind: "part", msn: 7, part: 3 } },
  });
});

test("a query does not change the parsed path, and tokens are not cached with it", () => {
  const one = parseLivePath("https://edge.test/live/demo/abcdefgh12/720p/8.3.m4s?token=a.b.c");
  expect(one).toMatchObject({ stream: "demo", file: { file: { kind: "part", msn: 8, part: 3 } } });
  expect(parseLivePath("https://edge.test/live/demo/abcdefgh12/720p/8.3.m4s?token=d.e.f")).toBe(one);
});

test("other spellings and shapes are null", () => {
  for (const path of [
    "live/",
    "live/demo",
    "live/demo/media.m3u8",
    "live/demo/abcdefgh12/media.m3u8",
    "live/demo/NO!/multivariant.m3u8",
    "live/demo/abcdefgh12/720p",
    "live/demo/abcdefgh12/720p/7.3.m4s/",
    "live/demo/abcdefgh12/720p/7.3.m4s/more",
    "live/DEMO/multivariant.m3u8",
    "live/de%6Do/multivariant.m3u8",
    "live//multivariant.m3u8",
    "live/demo/abcdefgh12/720p/07.3.m4s",
    "live/demo/abcdefgh12/../7.3.m4s",
  ]) {
    expect(parseLivePath(`http://edge.test/${path}`), path).toBeNull();
  }
});
