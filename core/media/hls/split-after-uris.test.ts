import { expect, test } from "vitest";
import { splitAfterUris } from "./split-after-uris.ts";

const joined = (playlist: string): string => splitAfterUris(playlist).join("?token=t");

test("every kind of URI in a playlist gets the query, and nothing else changes", () => {
  const lines = [
    ["#EXTM3U", "#EXTM3U"],
    ['#EXT-X-DATERANGE:ID="a",X-URL="none"', '#EXT-X-DATERANGE:ID="a",X-URL="none"'],
    [
      '#EXT-X-MEDIA:TYPE=AUDIO,URI="b/a/media.m3u8",CHANNELS="2"',
      '#EXT-X-MEDIA:TYPE=AUDIO,URI="b/a/media.m3u8?token=t",CHANNELS="2"',
    ],
    ["#EXT-X-STREAM-INF:BANDWIDTH=1", "#EXT-X-STREAM-INF:BANDWIDTH=1"],
    ["b/v/media.m3u8", "b/v/media.m3u8?token=t"],
    ['#EXT-X-MAP:URI="init-1.mp4"', '#EXT-X-MAP:URI="init-1.mp4?token=t"'],
    [
      '#EXT-X-PART:DURATION=0.333,URI="0.0.m4s",INDEPENDENT=YES',
      '#EXT-X-PART:DURATION=0.333,URI="0.0.m4s?token=t",INDEPENDENT=YES',
    ],
    ["#EXTINF:2,", "#EXTINF:2,"],
    ["0.m4s", "0.m4s?token=t"],
    ['#EXT-X-PRELOAD-HINT:TYPE=PART,URI="1.0.m4s"', '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="1.0.m4s?token=t"'],
    [
      '#EXT-X-RENDITION-REPORT:URI="../a/media.m3u8",LAST-MSN=1',
      '#EXT-X-RENDITION-REPORT:URI="../a/media.m3u8?token=t",LAST-MSN=1',
    ],
  ];
  const text = (column: number): string => `${lines.map((line) => line[column]).join("\n")}\n`;
  expect(joined(text(0))).toBe(text(1));
  expect(splitAfterUris(text(0)).join("")).toBe(text(0));
});

test("a playlist without URIs is unchanged", () => {
  expect(joined("#EXTM3U\n")).toBe("#EXTM3U\n");
  expect(joined("")).toBe("");
});
