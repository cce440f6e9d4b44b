/** HEVC: the HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 §8.3.3.1) and its sequence parameter set (ITU-T H.265 §7.3.2.2). */
import { unescapeNal } from "../nal/annex-b.ts";
import { BitFieldReader } from "./bit-field-reader.ts";
import { CODEC_CONFIG_LIMITS, CodecConfigError } from "./codec-error.ts";
import { checkPictureSize } from "./picture-size.ts";
import type { VideoTrackDescription } from "./track-description.ts";

const PARAMETER_SET = 33;
/** Bytes before the arrays. */
const HEADER_BYTES = 23;

/** Reads the body of an `hvcC` box. Throws `CodecConfigError`. */
export function parseHevcConfig(record: Uint8Array): VideoTrackDescription {
  if (record.length < HEADER_BYTES) throw new CodecConfigError("truncated", "hvcC ends before its fields");
  if (record[0] !== 1) throw new CodecConfigError("invalid", `hvcC has version ${record[0]}`);
  if (((record[21] ?? 0) & 3) !== 3) throw new CodecConfigError("unsupported", "hvcC has no 4-byte NAL unit lengths");
  const set = findParameterSet(record);
  const size = parseHevcParameterSet(unescapeNal(set, set.byteLength).subarray(2));
  return {
    media: "video",
    codec: "hevc",
    record,
    ...size,
    pixelAspect: { num: 1, den: 1 },
    profile: (record[1] ?? 0) & 0x1f,
    level: record[12] ?? 0,
    // general_progressive_source_flag and general_interlaced_source_flag.
    isInterlaced: ((record[6] ?? 0) & 0xc0) === 0x40,
    frameRate: null,
    colour: null,
  };
}

/** The first sequence parameter set of the record's arrays. */
function findParameterSet(record: Uint8Array): Uint8Array {
  let at = HEADER_BYTES;
  let sets = 0;
  for (let left = record[HEADER_BYTES - 1] ?? 0; left > 0; left -= 1) {
    if (at + 3 > record.length) throw new CodecConfigError("truncated", "hvcC ends within its arrays");
    const type = (record[at] ?? 0) & 0x3f;
    const count = ((record[at + 1] ?? 0) << 8) | (record[at + 2] ?? 0);
    at += 3;
    for (let i = 0; i < count; i += 1) {
      sets += 1;
      if (sets > CODEC_CONFIG_LIMITS.parameterSets) throw new CodecConfigError("limit", `hvcC has ${sets} units`);
      const length = ((record[at] ?? 0) << 8) | (record[at + 1] ?? 0);
      if (at + 2 + length > record.length) throw new CodecConfigError("truncated", "hvcC ends within a unit");
      if (type === PARAMETER_SET) return record.subarray(at + 2, at + 2 + length);
      at += 2 + length;
    }
  }
  throw new CodecConfigError("invalid", "hvcC has no sequence parameter set");
}

function parseHevcParameterSet(
  payload: Uint8Array,
): Pick<VideoTrackDescription, "width" | "height" | "chromaFormat" | "bitDepth"> {
  const reader = new BitFieldReader(payload, "the sequence parameter set");
  reader.skip(4);
  const subLayers = reader.bits(3);
  reader.skip(1);
  skipProfileAndLevels(reader, subLayers);
  reader.ue();
  const chromaFormat = reader.ue();
  if (chromaFormat > 3) throw new CodecConfigError("invalid", `chroma_format_idc is ${chromaFormat}`);
  const isSeparate = chromaFormat === 3 && reader.flag();
  const codedWidth = reader.ue();
  const codedHeight = reader.ue();
  const crop = reader.flag() ? [reader.ue(), reader.ue(), reader.ue(), reader.ue()] : [0, 0, 0, 0];
  const [left = 0, right = 0, top = 0, bottom = 0] = crop;
  const isPlanar = chromaFormat === 0 || isSeparate;
  const width = codedWidth - (left + right) * (!isPlanar && chromaFormat < 3 ? 2 : 1);
  const height = codedHeight - (top + bottom) * (!isPlanar && chromaFormat === 1 ? 2 : 1);
  checkPictureSize(width, height);
  const bitDepth = 8 + reader.ue();
  if (bitDepth > 16) throw new CodecConfigError("invalid", `a bit depth of ${bitDepth}`);
  return { width, height, chromaFormat, bitDepth };
}

/** ITU-T H.265 §7.3.3. */
function skipProfileAndLevels(reader: BitFieldReader, subLayers: number): void {
  reader.skip(96);
  const present = Array.from({ length: subLayers }, () => ({ profile: reader.flag(), level: reader.flag() }));
  if (subLayers > 0) reader.skip(2 * (8 - subLayers));
  for (const { profile, level } of present) reader.skip((profile ? 88 : 0) + (level ? 8 : 0));
}
