/** Checks and tables that the video codecs share. */
import { type Rational, reduceRational } from "../../kit/rational.ts";
import { CODEC_CONFIG_LIMITS, CodecConfigError } from "./codec-error.ts";

/** ITU-T H.264 table E-1 and H.265 table E.1: `aspect_ratio_idc`. */
const PIXEL_ASPECTS: readonly (readonly [number, number])[] = [
  ...([
    [1, 1],
    [1, 1],
    [12, 11],
    [10, 11],
    [16, 11],
    [40, 33],
    [24, 11],
    [20, 11],
    [32, 11],
  ] as const),
  ...([
    [80, 33],
    [18, 11],
    [15, 11],
    [64, 33],
    [160, 99],
    [4, 3],
    [3, 2],
    [2, 1],
  ] as const),
];

/** The shape of a pixel: by its code, or in its own numbers; square if it is unknown. */
export function pixelAspectOf(value: number | Rational): Rational {
  const [num, den] = typeof value === "number" ? (PIXEL_ASPECTS[value] ?? [1, 1]) : [value.num, value.den];
  return num > 0 && den > 0 ? reduceRational({ num, den }) : { num: 1, den: 1 };
}

/** Throws `CodecConfigError` unless both sides are possible. */
export function checkPictureSize(width: number, height: number): void {
  const { side } = CODEC_CONFIG_LIMITS;
  if (!(width > 0 && height > 0)) throw new CodecConfigError("invalid", `a picture of ${width}×${height}`);
  if (width > side || height > side) throw new CodecConfigError("limit", `a picture of ${width}×${height}`);
}
