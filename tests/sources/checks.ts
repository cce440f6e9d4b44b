/** Checks of an aired source beyond those of every source. */

import { beepTimesS, type DecodedOutput, flashTimesS, maxAvOffsetMs, trackDurationS } from "./decode-output.ts";
import type { SourceOutput } from "./package-source.ts";

/** Returns the errors, one per line; false for no error. */
export type SourceCheck = (aired: SourceOutput, watched: DecodedOutput) => (string | false)[];

/** Video and audio are in sync if no flash is further from its beep, milliseconds. */
const MAX_AV_OFFSET_MS = 40;
/** Adjacent rows of progressive pictures differ less than this, relative to rows two apart. */
const MAX_COMBING_RATIO = 0.7;

/** Each flash has its beep at the same moment. */
export const hasAvSync = (_: SourceOutput, watched: DecodedOutput): (string | false)[] => {
  const worst = maxAvOffsetMs(watched);
  return [worst > MAX_AV_OFFSET_MS && `a flash is ${worst.toFixed(0)} ms from its beep`];
};

/** Duration of a track in seconds. */
export const hasDuration =
  (seconds: number, track = "90p") =>
  (aired: SourceOutput): (string | false)[] => {
    const got = trackDurationS(aired, track);
    return [Math.abs(got - seconds) > 0.15 && `${track} lasts ${got.toFixed(2)} s, not ${seconds}`];
  };

/** Frame rate of the video. */
export const hasFrameRate =
  (num: number, den = 1) =>
  ({ schedule }: SourceOutput): (string | false)[] => {
    const { frameRate } = schedule ?? {};
    return [(frameRate?.num !== num || frameRate.den !== den) && `its rate is ${frameRate?.num}/${frameRate?.den}`];
  };

/** The colour in the middle of picture `at`. */
export const hasColor =
  (yuv: readonly [number, number, number], at = 0) =>
  (_: SourceOutput, { pictures }: DecodedOutput): (string | false)[] => {
    const got = pictures[at]?.yuv ?? [0, 0, 0];
    const off = Math.max(...got.map((value, i) => Math.abs(value - (yuv[i] ?? 0))));
    return [off > 6 && `its colour is ${got.map(Math.round).join(" ")}, not ${yuv.join(" ")}`];
  };

/** Colours are tagged as BT.709. */
export const hasBt709Tags = (_: SourceOutput, { tags }: DecodedOutput): (string | false)[] => {
  const { color_space, color_transfer, color_primaries, color_range } = tags;
  const all = [color_space, color_transfer, color_primaries, color_range].join(" ");
  return [all !== "bt709 bt709 bt709 tv" && `it is tagged ${all}`];
};

/** Pillarbox or letterbox: width and height of the picture between the bars. */
function visibleAspectRatio({ luma, width, height }: DecodedOutput): number {
  const isDark = (values: readonly number[]): boolean => values.every((value) => value < 40);
  const column = (x: number): number[] => Array.from({ length: height }, (_, y) => luma[y * width + x] ?? 0);
  const row = (y: number): number[] => Array.from(luma.subarray(y * width, (y + 1) * width));
  const wide = Array.from({ length: width }, (_, x) => x).filter((x) => !isDark(column(x))).length;
  const high = Array.from({ length: height }, (_, y) => y).filter((y) => !isDark(row(y))).length;
  return wide / high;
}

/** Aspect ratio of the picture between the bars. */
export const hasAspectRatio =
  (ratio: number) =>
  (_: SourceOutput, watched: DecodedOutput): (string | false)[] => {
    const got = visibleAspectRatio(watched);
    return [Math.abs(got / ratio - 1) > 0.06 && `its shape is ${got.toFixed(2)}, not ${ratio.toFixed(2)}`];
  };

/** Number of audible beeps. */
export const hasBeepCount =
  (count: number) =>
  (_: SourceOutput, watched: DecodedOutput): (string | false)[] => [
    beepTimesS(watched).length !== count && `${beepTimesS(watched).length} beeps, not ${count}`,
  ];

/** Number of visible flashes. */
export const hasFlashCount =
  (count: number) =>
  (_: SourceOutput, watched: DecodedOutput): (string | false)[] => [
    flashTimesS(watched).length !== count && `${flashTimesS(watched).length} flashes, not ${count}`,
  ];

/** All of `checks`. */
export const allChecks =
  (...checks: readonly SourceCheck[]): SourceCheck =>
  (aired, watched) =>
    checks.flatMap((check) => check(aired, watched));

/** How much more adjacent rows differ than rows two apart: interlaced fields cause combing. */
function combingRatio({ luma, width, height }: DecodedOutput): number {
  let [near, far] = [0, 0];
  for (let y = 2; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      near += Math.abs((luma[at] ?? 0) - (luma[at - width] ?? 0));
      far += Math.abs((luma[at] ?? 0) - (luma[at - 2 * width] ?? 0));
    }
  }
  return near / Math.max(1, far);
}

/** Two fields of different moments in one picture. */
export const hasNoCombing: SourceCheck = (_, watched) => {
  const got = combingRatio(watched);
  return [got > MAX_COMBING_RATIO && `it has combs: ${got.toFixed(2)}`];
};
