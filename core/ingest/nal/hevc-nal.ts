/** HEVC: types of NAL units and the `hvcC` record from in-band parameter sets. */
import { concatBytes } from "../../kit/bytes.ts";
import { type BitFieldReader, tryReadFields } from "../codecs/bit-field-reader.ts";
import { unescapeNal } from "./annex-b.ts";

/** Types of NAL units that the ingest tells apart; IRAP pictures have a range of types. */
export const HEVC_NAL = {
  firstIrap: 16,
  lastIrap: 23,
  vps: 32,
  sps: 33,
  pps: 34,
  accessUnitDelimiter: 35,
  fillerData: 38,
} as const;

/** Bytes that the record is made from. */
const RECORD_BYTES = {
  /** Bytes of a parameter set that the fields of the record are in: 7 sub-layers take 150. */
  fields: 256,
  /** Bytes of the general profile, tier and level that the record copies. */
  profile: 12,
} as const;

/** `nal_unit_type`. */
export function readHevcNalType(unit: Uint8Array): number {
  return ((unit[0] ?? 0) >> 1) & 63;
}

/** The id of a video, sequence or picture parameter set; null if it is cut off. */
export function readHevcParameterSetId(unit: Uint8Array): number | null {
  const type = readHevcNalType(unit);
  return tryReadFields(unescapeNal(unit, RECORD_BYTES.fields), (reader) => {
    reader.skip(16);
    if (type === HEVC_NAL.vps) return reader.bits(4);
    if (type === HEVC_NAL.sps) skipToSequenceId(reader);
    return reader.ue();
  });
}

/** Reads `sps_max_sub_layers_minus1` and skips what is before `sps_seq_parameter_set_id`. */
function skipToSequenceId(reader: BitFieldReader): {
  readonly subLayers: number;
  readonly isTemporalIdNested: boolean;
} {
  reader.skip(4);
  const subLayersMinus1 = reader.bits(3);
  const isTemporalIdNested = reader.flag();
  reader.skip(8 * RECORD_BYTES.profile);
  const flags = Array.from({ length: subLayersMinus1 }, () => reader.bits(2));
  if (subLayersMinus1 > 0) reader.skip(2 * (8 - subLayersMinus1));
  // sub_layer_profile_present_flag: 88 bits; sub_layer_level_present_flag: 8 bits.
  for (const flag of flags) reader.skip(((flag & 2) === 0 ? 0 : 88) + ((flag & 1) === 0 ? 0 : 8));
  return { subLayers: subLayersMinus1 + 1, isTemporalIdNested };
}

/** Parameter sets of each kind, NAL units without start codes. */
export interface HevcParameterSets {
  readonly vps: readonly Uint8Array[];
  readonly sps: readonly Uint8Array[];
  readonly pps: readonly Uint8Array[];
}

/** HEVCDecoderConfigurationRecord with 4-byte lengths. Null if a kind is missing or the first SPS is malformed. */
export function makeHevcRecord({ vps, sps, pps }: HevcParameterSets): Uint8Array | null {
  const [firstSps] = sps;
  if (firstSps === undefined || vps.length === 0 || pps.length === 0) return null;
  if ([...vps, ...sps, ...pps].some(({ byteLength }) => byteLength > 0xffff)) return null;
  const fields = readSequenceFields(firstSps);
  if (fields === null) return null;
  const { profile, chromaFormat, lumaDepth, chromaDepth, subLayers, isTemporalIdNested } = fields;
  return concatBytes([
    Uint8Array.of(1),
    profile,
    // min_spatial_segmentation_idc and parallelismType: unknown.
    Uint8Array.of(0xf0, 0, 0xfc, 0xfc | chromaFormat, 0xf8 | lumaDepth, 0xf8 | chromaDepth),
    // avgFrameRate unknown, constantFrameRate unknown, lengthSizeMinusOne 3, three arrays.
    Uint8Array.of(0, 0, (subLayers << 3) | (isTemporalIdNested ? 4 : 0) | 3, 3),
    ...makeArray(HEVC_NAL.vps, vps),
    ...makeArray(HEVC_NAL.sps, sps),
    ...makeArray(HEVC_NAL.pps, pps),
  ]);
}

function readSequenceFields(sps: Uint8Array) {
  const bytes = unescapeNal(sps, RECORD_BYTES.fields);
  // Two bytes of header and one with sub-layers come before the profile.
  const profile = bytes.subarray(3, 3 + RECORD_BYTES.profile);
  return tryReadFields(bytes, (reader) => {
    reader.skip(16);
    const layers = skipToSequenceId(reader);
    reader.ue();
    const chromaFormat = reader.ue();
    if (chromaFormat === 3) reader.skip(1);
    reader.ue();
    reader.ue();
    if (reader.flag()) for (let edge = 0; edge < 4; edge += 1) reader.ue();
    const [lumaDepth, chromaDepth] = [reader.ue(), reader.ue()];
    if (chromaFormat > 3 || lumaDepth > 7 || chromaDepth > 7) return null;
    return { profile, chromaFormat, lumaDepth, chromaDepth, ...layers };
  });
}

/** One array of the record; its parameter sets are complete: they are not in the samples. */
function makeArray(type: number, units: readonly Uint8Array[]): Uint8Array[] {
  const header = Uint8Array.of(0x80 | type, units.length >> 8, units.length & 255);
  return [header, ...units.flatMap((unit) => [Uint8Array.of(unit.byteLength >> 8, unit.byteLength & 255), unit])];
}
