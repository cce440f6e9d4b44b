/** H.264: types of NAL units and the `avcC` record from in-band parameter sets. */
import { concatBytes } from "../../kit/bytes.ts";
import { tryReadFields } from "../codecs/bit-field-reader.ts";
import { unescapeNal } from "./annex-b.ts";

/** Types of NAL units that the ingest tells apart. */
export const H264_NAL = { idr: 5, sps: 7, pps: 8, accessUnitDelimiter: 9, fillerData: 12 } as const;

/** Profiles whose record ends with chroma format and bit depths. */
const HIGH_PROFILES: readonly number[] = [100, 110, 122, 144, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];
/** Bytes of a parameter set that the fields of the record are in. */
const FIELD_BYTES = 64;

/** `nal_unit_type`. */
export function readH264NalType(unit: Uint8Array): number {
  return (unit[0] ?? 0) & 31;
}

/** The `seq_parameter_set_id` of a sequence parameter set, the `pic_parameter_set_id` of a picture parameter set; null if cut off. */
export function readH264ParameterSetId(unit: Uint8Array): number | null {
  return tryReadFields(unescapeNal(unit, FIELD_BYTES), (reader) => {
    reader.skip(readH264NalType(unit) === H264_NAL.sps ? 32 : 8);
    return reader.ue();
  });
}

/**
 * AVCDecoderConfigurationRecord of the parameter sets, NAL units without start codes, with 4-byte lengths.
 * Null if there is none of a kind, there are too many, or one is malformed.
 */
export function makeAvcRecord(spsUnits: readonly Uint8Array[], ppsUnits: readonly Uint8Array[]): Uint8Array | null {
  const [sps] = spsUnits;
  if (sps === undefined || sps.byteLength < 4 || spsUnits.length > 31) return null;
  if (ppsUnits.length === 0 || ppsUnits.length > 255) return null;
  if ([...spsUnits, ...ppsUnits].some(({ byteLength }) => byteLength > 0xffff)) return null;
  const [, profile = 0, compatibility = 0, level = 0] = sps;
  const pieces: Uint8Array[] = [
    Uint8Array.of(1, profile, compatibility, level, 0xff, 0xe0 | spsUnits.length),
    ...spsUnits.flatMap(withLength),
    Uint8Array.of(ppsUnits.length),
    ...ppsUnits.flatMap(withLength),
  ];
  if (HIGH_PROFILES.includes(profile)) {
    const format = readHighFormat(sps);
    if (format === null) return null;
    pieces.push(format);
  }
  return concatBytes(pieces);
}

/** The last fields of a high profile's record; null if the SPS is malformed. */
const readHighFormat = (sps: Uint8Array): Uint8Array | null =>
  tryReadFields(unescapeNal(sps, FIELD_BYTES), (reader) => {
    reader.skip(32);
    reader.ue();
    const chromaFormat = reader.ue();
    if (chromaFormat === 3) reader.skip(1);
    const [lumaDepth, chromaDepth] = [reader.ue(), reader.ue()];
    if (chromaFormat > 3 || lumaDepth > 6 || chromaDepth > 6) return null;
    return Uint8Array.of(0xfc | chromaFormat, 0xf8 | lumaDepth, 0xf8 | chromaDepth, 0);
  });

const withLength = (unit: Uint8Array): Uint8Array[] => [
  Uint8Array.of(unit.byteLength >> 8, unit.byteLength & 255),
  unit,
];
