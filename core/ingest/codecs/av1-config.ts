/** AV1: the AV1CodecConfigurationRecord (AV1 in ISOBMFF §2.3) and its sequence header (AV1 specification §5.5). */
import { type Rational, reduceRational } from "../../kit/rational.ts";
import { BitFieldReader } from "./bit-field-reader.ts";
import { CODEC_CONFIG_LIMITS, CodecConfigError } from "./codec-error.ts";
import { checkPictureSize } from "./picture-size.ts";
import type { VideoTrackDescription } from "./track-description.ts";

const SEQUENCE_HEADER = 1;

/** Reads the body of an `av1C` box, which must hold the sequence header. Throws `CodecConfigError`. */
export function parseAv1Config(record: Uint8Array): VideoTrackDescription {
  if (record.length < 4) throw new CodecConfigError("truncated", "av1C ends before its fields");
  if (record[0] !== 0x81) throw new CodecConfigError("invalid", "av1C has no marker or another version");
  const second = record[1] ?? 0;
  const third = record[2] ?? 0;
  const isHigh = (third & 0x40) !== 0;
  const chromaFormat = (third & 0x10) !== 0 ? 0 : (third & 0x0c) === 0x0c ? 1 : (third & 0x08) !== 0 ? 2 : 3;
  return {
    media: "video",
    codec: "av1",
    record,
    ...parseSequenceHeader(findSequenceHeader(record.subarray(4))),
    pixelAspect: { num: 1, den: 1 },
    profile: second >>> 5,
    level: second & 0x1f,
    chromaFormat,
    bitDepth: isHigh ? ((third & 0x20) !== 0 ? 12 : 10) : 8,
    isInterlaced: false,
    colour: null,
  };
}

/** The body of the first sequence header among `units` (AV1 specification §5.3, with sizes). */
function findSequenceHeader(units: Uint8Array): Uint8Array {
  let at = 0;
  for (let count = 0; at < units.length; count += 1) {
    if (count > CODEC_CONFIG_LIMITS.parameterSets) throw new CodecConfigError("limit", `av1C has ${count} units`);
    const header = units[at] ?? 0;
    at += (header & 4) !== 0 ? 2 : 1;
    let length = units.length - at;
    if ((header & 2) !== 0) {
      length = 0;
      for (let shift = 0; ; shift += 7, at += 1) {
        if (shift > 28 || at >= units.length) throw new CodecConfigError("truncated", "av1C ends within a unit");
        length += ((units[at] ?? 0) & 0x7f) * 2 ** shift;
        if (((units[at] ?? 0) & 0x80) === 0) break;
      }
      at += 1;
    }
    if (at + length > units.length) throw new CodecConfigError("truncated", "av1C ends within a unit");
    if (((header >>> 3) & 0xf) === SEQUENCE_HEADER) return units.subarray(at, at + length);
    at += length;
  }
  throw new CodecConfigError("invalid", "av1C has no sequence header");
}

function parseSequenceHeader(body: Uint8Array): Pick<VideoTrackDescription, "width" | "height" | "frameRate"> {
  const reader = new BitFieldReader(body, "the sequence header");
  reader.skip(4);
  let frameRate: Rational | null = null;
  if (reader.flag()) reader.skip(5);
  else frameRate = readOperatingPoints(reader);
  const widthBits = reader.bits(4) + 1;
  const heightBits = reader.bits(4) + 1;
  const width = reader.bits(widthBits) + 1;
  const height = reader.bits(heightBits) + 1;
  checkPictureSize(width, height);
  return { width, height, frameRate };
}

/** Skips the operating points; returns the frame rate if pictures are equally spaced. */
function readOperatingPoints(reader: BitFieldReader): Rational | null {
  let frameRate: Rational | null = null;
  let delayBits = 0;
  const hasTiming = reader.flag();
  if (hasTiming) {
    const units = reader.bits(32);
    const scale = reader.bits(32);
    const ticks = reader.flag() ? reader.ue() + 1 : 0;
    if (units > 0 && scale > 0 && ticks > 0 && units * ticks <= Number.MAX_SAFE_INTEGER)
      frameRate = reduceRational({ num: scale, den: units * ticks });
    if (reader.flag()) {
      delayBits = reader.bits(5) + 1;
      reader.skip(42);
    }
  }
  const hasDisplayDelay = reader.flag();
  const points = reader.bits(5) + 1;
  for (let i = 0; i < points; i += 1) {
    reader.skip(12);
    if (reader.bits(5) > 7) reader.skip(1);
    if (delayBits > 0 && reader.flag()) reader.skip(2 * delayBits + 1);
    if (hasDisplayDelay && reader.flag()) reader.skip(4);
  }
  return frameRate;
}
