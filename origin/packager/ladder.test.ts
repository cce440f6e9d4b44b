import fc from "fast-check";
import { expect, test } from "vitest";
import type { SourceInfo } from "../ingest/source-info.ts";
import { UsageError } from "../kit/errors.ts";
import { testSourceInfo } from "../testing/source-info.ts";
import {
  bandwidthOf,
  DEFAULT_LADDER,
  frameMs,
  parseBitrate,
  parseLadderFlags,
  planRenditions,
  type VideoRendition,
} from "./ladder.ts";

const sizes = (info: SourceInfo): string[] =>
  planRenditions(info, DEFAULT_LADDER)
    .filter((rendition): rendition is VideoRendition => rendition.kind === "video")
    .map(({ name, width, height }) => `${name} ${width}x${height}`);

test("a 1080p source gets the whole default ladder and audio", () => {
  expect(sizes(testSourceInfo(1920, 1080))).toEqual(["720p 1280x720", "480p 854x480", "360p 640x360"]);
  expect(planRenditions(testSourceInfo(1920, 1080), DEFAULT_LADDER).at(-1)).toMatchObject({
    kind: "audio",
    name: "audio",
  });
});

test("a 480p source gets 480p and 360p, and a smaller one its own size", () => {
  expect(sizes(testSourceInfo(640, 480))).toEqual(["480p 640x480", "360p 480x360"]);
  expect(sizes(testSourceInfo(320, 240))).toEqual(["240p 320x240"]);
});

test("heights apply to the shorter side of portrait pictures, and odd sizes become even", () => {
  expect(sizes(testSourceInfo(1080, 1920))).toEqual(["720p 720x1280", "480p 480x854", "360p 360x640"]);
  expect(sizes(testSourceInfo(271, 481))).toEqual(["270p 270x480"]);
});

test("frame rates above 60 are divided by a whole number; missing rates become 30", () => {
  const rate = (num: number, den: number): unknown => {
    const [video] = planRenditions(testSourceInfo(640, 360, num, den), DEFAULT_LADDER);
    return video?.kind === "video" ? video.frameRate : null;
  };
  expect(rate(120, 1)).toEqual({ num: 60, den: 1 });
  expect(rate(144, 1)).toEqual({ num: 48, den: 1 });
  expect(rate(120_000, 1001)).toEqual({ num: 60_000, den: 1001 });
  expect(rate(15_359_989, 512_000)).toEqual({ num: 30, den: 1 });
  expect(rate(60_000, 1001)).toEqual({ num: 60_000, den: 1001 });
  expect(rate(90_000, 1)).toEqual({ num: 30, den: 1 });
});

test("for any source, no rendition is larger than it, odd-sized, or of another aspect ratio", () => {
  fc.assert(
    fc.property(fc.integer({ min: 64, max: 4096 }), fc.integer({ min: 64, max: 4096 }), (width, height) => {
      const videos = planRenditions(testSourceInfo(width, height), DEFAULT_LADDER).filter(
        (rendition): rendition is VideoRendition => rendition.kind === "video",
      );
      expect(videos.length).toBeGreaterThan(0);
      for (const video of videos) {
        expect(video.width % 2).toBe(0);
        expect(video.height % 2).toBe(0);
        expect(Math.min(video.width, video.height)).toBeLessThanOrEqual(Math.min(width, height));
        expect(Math.max(video.width, video.height)).toBeLessThanOrEqual(Math.max(width, height) + 1);
        expect(video.width > video.height ? width >= height : true).toBe(true);
      }
    }),
  );
});

test("sources without video or audio get the remaining track, and a source with neither is refused", () => {
  expect(planRenditions({ ...testSourceInfo(640, 360), audio: null }, DEFAULT_LADDER).map(({ kind }) => kind)).toEqual([
    "video",
  ]);
  expect(planRenditions({ ...testSourceInfo(640, 360), video: null }, DEFAULT_LADDER).map(({ kind }) => kind)).toEqual([
    "audio",
  ]);
  expect(() => planRenditions({ ...testSourceInfo(2, 2), video: null, audio: null }, DEFAULT_LADDER)).toThrow(
    UsageError,
  );
});

test("a ladder flag has height, bit rate and codec, in any order", () => {
  expect(parseLadderFlags("720p:1500k:hevc,1080:5M").video).toEqual([
    { name: "1080p", height: 1080, bitsPerSecond: 5_000_000, codec: "h264" },
    { name: "720p-hevc", height: 720, bitsPerSecond: 1_500_000, codec: "hevc" },
  ]);
});

test.each(["", "720p", "720p:fast", "720p:1k", "9p:500k", "720p:500k:vp8", "720p:1M,720p:2M"])(
  "the ladder %j is refused in a sentence",
  (text) => {
    expect(() => parseLadderFlags(text)).toThrow(UsageError);
  },
);

test("bit rates are parsed with and without units", () => {
  expect([parseBitrate("2500k"), parseBitrate("2.5M"), parseBitrate("2500000")]).toEqual([
    2_500_000, 2_500_000, 2_500_000,
  ]);
});

test("BANDWIDTH covers the rate-control bucket and stays within 125 % of the average and packaging", () => {
  for (const rendition of planRenditions(testSourceInfo(1920, 1080), DEFAULT_LADDER)) {
    const { bandwidth, averageBandwidth } = bandwidthOf(rendition, 333, 2000);
    expect(averageBandwidth).toBeGreaterThan(rendition.bitsPerSecond);
    expect(bandwidth).toBeGreaterThanOrEqual(averageBandwidth);
    expect(bandwidth).toBeLessThanOrEqual(averageBandwidth * 1.25);
  }
});

test("an AAC frame lasts 21.33 ms, and a picture the inverse of its rate", () => {
  const [video, , , audio] = planRenditions(testSourceInfo(1280, 720, 30_000, 1001), DEFAULT_LADDER);
  expect(video && frameMs(video)).toBeCloseTo(33.3667, 3);
  expect(audio && frameMs(audio)).toBeCloseTo(21.3333, 3);
});
