import { expect, test } from "vitest";
import { encodeTrack } from "../../../origin/testing/encoded-track.ts";
import { pictureWithMessages } from "../obs/testing.ts";
import { readKeyframeSettings } from "./encoder-settings.ts";

const SOURCE = "-f lavfi -i testsrc2=size=96x64:rate=30 -t 0.2";

const firstPicture = (options: string): Uint8Array =>
  encodeTrack(`${SOURCE} ${options}`).frames[0]?.data ?? new Uint8Array(0);
const message = (text: string): Uint8Array => pictureWithMessages("h264", [new TextEncoder().encode(text)]);

test.each([
  ["-c:v libx264", { longestFrames: 250, isOpen: false }],
  ["-c:v libx264 -g 60 -x264-params open-gop=1:bframes=2", { longestFrames: 60, isOpen: true }],
  ["-c:v libx264 -x264-params keyint=infinite", { longestFrames: Number.POSITIVE_INFINITY, isOpen: false }],
  ["-c:v libx264 -g 60 -x264-params intra-refresh=1", { longestFrames: 60, isOpen: true }],
] as const)("x264's settings are read from its first picture: %s", (options, expected) => {
  expect(readKeyframeSettings("h264", firstPicture(options))).toEqual(expected);
});

test("x265's settings are read where it writes them into the picture", () => {
  const picture = firstPicture(
    "-c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=48:open-gop=0:repeat-headers=1",
  );
  expect(readKeyframeSettings("hevc", picture)).toEqual({ longestFrames: 48, isOpen: false });
});

test("other texts and pictures without any have no settings", () => {
  const id = "0123456789abcdef";
  const text = `${id}x264 - core 164 - options: a=1`;
  expect(readKeyframeSettings("h264", message(`${text} keyint=90 b=1`))).toEqual({ longestFrames: 90, isOpen: false });
  for (const other of [text, `${text} keyint=`, `${text} keyint=x`, `${text} keyint_min=25`, `${id}other keyint=90`])
    expect(readKeyframeSettings("h264", message(other)), other).toBeNull();
  expect(readKeyframeSettings("h264", new Uint8Array(0))).toBeNull();
  expect(readKeyframeSettings("h264", pictureWithMessages("h264", []))).toBeNull();
});
