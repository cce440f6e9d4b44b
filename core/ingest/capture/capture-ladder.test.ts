import { expect, test } from "vitest";
import { type CaptureRendition, chooseCaptureLadder, gridRateOf } from "./capture-ladder.ts";

const CAMERA = { width: 1920, height: 1080, frameRate: 30 };
const isSoftware = ({ acceleration }: CaptureRendition): boolean => acceleration === "no-preference";
const describe = (ladder: readonly CaptureRendition[]): string[] =>
  ladder.map(({ width, height, codec, framesPerSecond }) => `${width}x${height}@${framesPerSecond} ${codec}`);

test("a hardware encoder gets 1080p and 480p, and without one 720p and 360p are encoded", async () => {
  expect(describe(await chooseCaptureLadder(CAMERA, async () => true))).toEqual([
    "1920x1080@30 avc1.640028",
    "854x480@30 avc1.64001f",
  ]);
  expect(describe(await chooseCaptureLadder(CAMERA, async (rendition) => isSoftware(rendition)))).toEqual([
    "1280x720@30 avc1.64001f",
    "640x360@30 avc1.64001e",
  ]);
});

test("a ladder whose largest rendition cannot be encoded is not taken in part", async () => {
  const small = await chooseCaptureLadder(CAMERA, async ({ height }) => height <= 480);
  expect(describe(small).map((each) => each.split("@")[0])).toEqual(["854x480", "426x240"]);
  expect(await chooseCaptureLadder(CAMERA, async () => false)).toEqual([]);
});

test("another profile is tried before another size", async () => {
  const ladder = await chooseCaptureLadder(CAMERA, async (each) => isSoftware(each) && each.codec.includes("42e0"));
  expect(describe(ladder)).toEqual(["1280x720@30 avc1.42e01f", "640x360@30 avc1.42e01e"]);
});

test("an upright picture stays upright, no picture is enlarged, and sizes are even", async () => {
  const upright = await chooseCaptureLadder({ width: 720, height: 1280, frameRate: 24 }, async () => true);
  expect(describe(upright).map((each) => each.split(" ")[0])).toEqual(["720x1280@24", "360x640@24"]);
  const tiny = await chooseCaptureLadder({ width: 161, height: 121, frameRate: 15 }, async () => true);
  expect(tiny.map(({ width, height }) => [width, height])).toEqual([[162, 122]]);
  const wide = await chooseCaptureLadder({ width: 1366, height: 768, frameRate: 30 }, async () => true);
  for (const { width, height } of wide) expect([width % 2, height % 2]).toEqual([0, 0]);
});

test("pictures are placed on the source's own rate, at most 30 a second", () => {
  expect([60, 50, 30, 29.97, 25, 24, 20, 10, 0, Number.NaN].map(gridRateOf)).toEqual([
    30, 25, 30, 30, 25, 24, 20, 15, 30, 30,
  ]);
});
