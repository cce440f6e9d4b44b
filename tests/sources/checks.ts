/** What is checked of a source that was aired, beyond what must hold of every one. */

import { beepTimesS, type DecodedOutput, flashTimesS, maxAvOffsetMs, trackDurationS } from "./decode-output.ts";
import type { SourceOutput } from "./package-source.ts";

/** What is wrong, a line each; false for what is right. */
export type SourceCheck = (aired: SourceOutput, watched: DecodedOutput) => (string | false)[];

/** Picture and sound are in step if no flash is further from its beep, milliseconds. */
const MAX_AV_OFFSET_MS = 40;
/** Neighbouring rows of pictures that are no combs differ less than this, by rows that are two apart. */
const MAX_COMBING_RATIO = 0.7;

/** Each flash has its beep at the same moment. */
export const hasAvSync = (_: SourceOutput, watched: DecodedOutput): (string | false)[] => {
  const worst = maxAvOffsetMs(watched);
  return [worst > MAX_AV_OFFSET_MS && `a flash is ${worst.toFixed(0)} ms from its beep`];
};

/** A track lasts so many seconds. */
export const hasDuration =
  (seconds: number, track = "90p") =>
  (aired: SourceOutput): (string | false)[] => {
    const got = trackDurationS(aired, track);
    return [Math.abs(got - seconds) > 0.15 && `${track} lasts ${got.toFixed(2)} s, not ${seconds}`];
  };

/** Pictures have this rate. */
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

/** Colours are tagged as what everything becomes. */
export const hasBt709Tags = (_: SourceOutput, { tags }: DecodedOutput): (string | false)[] => {
  const { color_space, color_transfer, color_primaries, color_range } = tags;
  const all = [color_space, color_transfer, color_primaries, color_range].join(" ");
  return [all !== "bt709 bt709 bt709 tv" && `it is tagged ${all}`];
};

/** Bars at both sides, or above and below: how wide the picture between them is, by how high. */
function visibleAspectRatio({ luma, width, height }: DecodedOutput): number {
  const isDark = (values: readonly number[]): boolean => values.every((value) => value < 40);
  const column = (x: number): number[] => Array.from({ length: height }, (_, y) => luma[y * width + x] ?? 0);
  const row = (y: number): number[] => Array.from(luma.subarray(y * width, (y + 1) * width));
  const wide = Array.from({ length: width }, (_, x) => x).filter((x) => !isDark(column(x))).length;
  const high = Array.from({ length: height }, (_, y) => y).filter((y) => !isDark(row(y))).length;
  return wide / high;
}

/** The picture between the bars has this shape, width by height. */
export const hasAspectRatio =
  (ratio: number) =>
  (_: SourceOutput, watched: DecodedOutput): (string | false)[] => {
    const got = visibleAspectRatio(watched);
    return [Math.abs(got / ratio - 1) > 0.06 && `its shape is ${got.toFixed(2)}, not ${ratio.toFixed(2)}`];
  };

/** So many beeps are heard. */
export const hasBeepCount =
  (count: number) =>
  (_: SourceOutput, watched: DecodedOutput): (string | false)[] => [
    beepTimesS(watched).length !== count && `${beepTimesS(watched).length} beeps, not ${count}`,
  ];

/** So many flashes are seen. */
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

/** How much more neighbouring rows differ than rows two apart: fields of two moments make combs. */
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

/** Fields of two moments in one picture. */
export const hasNoCombing: SourceCheck = (_, watched) => {
  const got = combingRatio(watched);
  return [got > MAX_COMBING_RATIO && `it has combs: ${got.toFixed(2)}`];
};
