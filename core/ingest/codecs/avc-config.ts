/** H.264: the AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1) and its sequence parameter set (ITU-T H.264 §7.3.2.1). */
import { type Rational, reduceRational } from "../../kit/rational.ts";
import { unescapeNal } from "../nal/annex-b.ts";
import { BitFieldReader } from "./bit-field-reader.ts";
import { CODEC_CONFIG_LIMITS, CodecConfigError } from "./codec-error.ts";
import { checkPictureSize, pixelAspectOf } from "./picture-size.ts";
import type { VideoTrackDescription } from "./track-description.ts";

/** `profile_idc` of profiles whose parameter set has chroma and bit depth. */
const HIGH_PROFILES: ReadonlySet<number> = new Set([44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244]);
const SQUARE_PIXELS: Rational = { num: 1, den: 1 };

/** Reads the body of an `avcC` box. Throws `CodecConfigError`. */
export function parseAvcConfig(record: Uint8Array): VideoTrackDescription {
  if (record.length < 7) throw new CodecConfigError("truncated", "avcC ends before its fields");
  if (record[0] !== 1) throw new CodecConfigError("invalid", `avcC has version ${record[0]}`);
  // Frames of a session carry NAL units with 4-byte lengths.
  if (((record[4] ?? 0) & 3) !== 3) throw new CodecConfigError("unsupported", "avcC has no 4-byte NAL unit lengths");
  const count = (record[5] ?? 0) & 0x1f;
  if (count === 0) throw new CodecConfigError("invalid", "avcC has no sequence parameter set");
  const length = ((record[6] ?? 0) << 8) | (record[7] ?? 0);
  if (8 + length > record.length) throw new CodecConfigError("truncated", "avcC ends within its parameter set");
  const set = record.subarray(8, 8 + length);
  if (((set[0] ?? 0) & 0x1f) !== 7) throw new CodecConfigError("invalid", "avcC's first unit is no parameter set");
  return {
    media: "video",
    codec: "h264",
    record,
    ...parseAvcParameterSet(unescapeNal(set, set.byteLength).subarray(1)),
  };
}

function parseAvcParameterSet(payload: Uint8Array): Omit<VideoTrackDescription, "media" | "codec" | "record"> {
  const reader = new BitFieldReader(payload, "the sequence parameter set");
  const profile = reader.bits(8);
  reader.skip(8);
  const level = reader.bits(8);
  reader.ue();
  const { chromaFormat, bitDepth, isSeparate } = HIGH_PROFILES.has(profile)
    ? readChroma(reader)
    : { chromaFormat: 1, bitDepth: 8, isSeparate: false };
  skipFrameNumbers(reader);
  const widthBlocks = reader.ue() + 1;
  const heightUnits = reader.ue() + 1;
  const isInterlaced = !reader.flag();
  reader.skip(isInterlaced ? 2 : 1);
  const crop = reader.flag() ? [reader.ue(), reader.ue(), reader.ue(), reader.ue()] : [0, 0, 0, 0];
  const [left = 0, right = 0, top = 0, bottom = 0] = crop;
  const fields = isInterlaced ? 2 : 1;
  const isPlanar = chromaFormat === 0 || isSeparate;
  const cropX = !isPlanar && chromaFormat < 3 ? 2 : 1;
  const cropY = (!isPlanar && chromaFormat === 1 ? 2 : 1) * fields;
  const width = widthBlocks * 16 - (left + right) * cropX;
  const height = heightUnits * 16 * fields - (top + bottom) * cropY;
  checkPictureSize(width, height);
  const usability = reader.flag()
    ? readUsability(reader)
    : { pixelAspect: SQUARE_PIXELS, frameRate: null, colour: null };
  return { width, height, profile, level, chromaFormat, bitDepth, isInterlaced, ...usability };
}

function readChroma(reader: BitFieldReader): { chromaFormat: number; bitDepth: number; isSeparate: boolean } {
  const chromaFormat = reader.ue();
  if (chromaFormat > 3) throw new CodecConfigError("invalid", `chroma_format_idc is ${chromaFormat}`);
  const isSeparate = chromaFormat === 3 && reader.flag();
  const bitDepth = 8 + reader.ue();
  reader.ue();
  if (bitDepth > 14) throw new CodecConfigError("invalid", `a bit depth of ${bitDepth}`);
  reader.skip(1);
  if (reader.flag()) {
    for (let list = 0; list < (chromaFormat === 3 ? 12 : 8); list += 1)
      if (reader.flag()) skipScalingList(reader, list < 6 ? 16 : 64);
  }
  return { chromaFormat, bitDepth, isSeparate };
}

/** ITU-T H.264 §7.3.2.1.1.1. */
function skipScalingList(reader: BitFieldReader, size: number): void {
  let last = 8;
  for (let i = 0; i < size; i += 1) {
    const next = (last + reader.se() + 256) % 256;
    if (next === 0) return;
    last = next;
  }
}

function skipFrameNumbers(reader: BitFieldReader): void {
  reader.ue();
  const orderType = reader.ue();
  if (orderType === 0) reader.ue();
  else if (orderType === 1) {
    reader.skip(1);
    reader.se();
    reader.se();
    const cycle = reader.ue();
    if (cycle > 255) throw new CodecConfigError("limit", `a picture order cycle of ${cycle} frames`);
    for (let i = 0; i < cycle; i += 1) reader.se();
  }
  reader.ue();
  reader.skip(1);
}

/** ITU-T H.264 annex E.1.1, up to the timing. */
function readUsability(reader: BitFieldReader): Pick<VideoTrackDescription, "pixelAspect" | "frameRate" | "colour"> {
  let pixelAspect = SQUARE_PIXELS;
  let colour: VideoTrackDescription["colour"] = null;
  if (reader.flag()) {
    const code = reader.bits(8);
    pixelAspect = code === 255 ? pixelAspectOf({ num: reader.bits(16), den: reader.bits(16) }) : pixelAspectOf(code);
  }
  if (reader.flag()) reader.skip(1);
  if (reader.flag()) {
    reader.skip(4);
    if (reader.flag()) {
      reader.skip(8);
      colour = { transfer: reader.bits(8), matrix: reader.bits(8) };
    }
  }
  if (reader.flag()) {
    reader.ue();
    reader.ue();
  }
  if (!reader.flag()) return { pixelAspect, frameRate: null, colour };
  const units = reader.bits(32);
  const scale = reader.bits(32);
  // A frame has two fields, each of which is a tick.
  const frameRate = units > 0 && scale > 0 ? reduceRational({ num: scale, den: units * 2 }) : null;
  return { pixelAspect, frameRate, colour };
}

/** Throws if `record` is longer than any real one. */
export function checkRecordLength(record: Uint8Array): void {
  if (record.length > CODEC_CONFIG_LIMITS.recordBytes)
    throw new CodecConfigError("limit", `a configuration record of ${record.length} bytes`);
}
