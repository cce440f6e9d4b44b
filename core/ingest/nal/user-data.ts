/** Unregistered user data in coded pictures: SEI messages of H.264 and HEVC, metadata units of AV1. */
import type { IngestVideoCodec } from "../media-event.ts";
import { unescapeNal } from "./annex-b.ts";
import { readH264NalType } from "./h264-nal.ts";
import { readHevcNalType } from "./hevc-nal.ts";

/** Limits, each with its reason. */
const USER_DATA_LIMITS = {
  /** Units of a picture that are looked at: encoders make under 70 slices, and some messages. */
  units: 256,
  /** Bytes of a unit's messages that are read: x265's text has 2,300, those of OBS under 200. */
  bytes: 4_096,
  /** Messages of a picture that are returned. */
  messages: 16,
} as const;

/** ITU-T H.264 table 7-1, H.265 table 7-1. */
const SEI_TYPES = { h264: [6], hevc: [39, 40] } as const;
/** "user_data_unregistered" of ITU-T H.264 §D.1 and H.265 §D.2.1. */
const UNREGISTERED_TYPE = 5;
/** AV1 specification §6.2.2 and §6.7.1: the type of the unit, and the metadata types that are "Unregistered user private". */
const AV1_METADATA = { unit: 5, firstPrivate: 6, lastPrivate: 31 } as const;

/** The payloads of a coded picture as `IngestFrame.data` has it, each from its UUID on. What is cut off is left out. */
export function readUserData(codec: IngestVideoCodec, data: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  if (codec === "av1") readMetadataUnits(data, found);
  else readSeiUnits(codec, data, found);
  return found.slice(0, USER_DATA_LIMITS.messages);
}

function readSeiUnits(codec: "h264" | "hevc", data: Uint8Array, found: Uint8Array[]): void {
  const types: readonly number[] = SEI_TYPES[codec];
  for (let at = 0, units = 0; at + 5 <= data.length && units < USER_DATA_LIMITS.units; units += 1) {
    const length = readLength(data, at);
    const unit = data.subarray(at + 4, at + 4 + length);
    const type = codec === "h264" ? readH264NalType(unit) : readHevcNalType(unit);
    if (types.includes(type)) {
      const header = codec === "h264" ? 1 : 2;
      readSeiMessages(unescapeNal(unit.subarray(header), USER_DATA_LIMITS.bytes), found);
    }
    at += 4 + length;
  }
}

/** ITU-T H.264 §7.3.2.3.1: type and size of a message are bytes of 255, and a last one that is added. */
function readSeiMessages(bytes: Uint8Array, found: Uint8Array[]): void {
  let at = 0;
  const readSum = (): number => {
    let sum = 0;
    for (; bytes[at] === 255; at += 1) sum += 255;
    sum += bytes[at] ?? 0;
    at += 1;
    return sum;
  };
  // The last byte has the stop bit of the unit.
  while (at + 2 < bytes.length) {
    const type = readSum();
    const size = readSum();
    if (type === UNREGISTERED_TYPE && at + size <= bytes.length) found.push(bytes.subarray(at, at + size));
    at += size;
  }
}

/** AV1 specification §5.3: units with their sizes. */
function readMetadataUnits(data: Uint8Array, found: Uint8Array[]): void {
  let at = 0;
  for (let units = 0; at < data.length && units < USER_DATA_LIMITS.units; units += 1) {
    const header = data[at] ?? 0;
    at += (header & 4) !== 0 ? 2 : 1;
    let length = data.length - at;
    if ((header & 2) !== 0) {
      const size = readLeb128(data, at);
      if (size === null) return;
      at = size.end;
      length = size.value;
    }
    if (((header >>> 3) & 15) === AV1_METADATA.unit) {
      const unit = data.subarray(at, at + Math.min(length, USER_DATA_LIMITS.bytes));
      const type = readLeb128(unit, 0);
      const { firstPrivate, lastPrivate } = AV1_METADATA;
      if (type !== null && type.value >= firstPrivate && type.value <= lastPrivate) found.push(unit.subarray(type.end));
    }
    at += length;
  }
}

/** AV1 specification §4.10.5. Null if it is cut off or above 32 bits. */
function readLeb128(bytes: Uint8Array, start: number): { readonly value: number; readonly end: number } | null {
  let value = 0;
  for (let i = 0; i < 5; i += 1) {
    const byte = bytes[start + i];
    if (byte === undefined) return null;
    value += (byte & 127) * 2 ** (7 * i);
    if (byte < 128) return { value, end: start + i + 1 };
  }
  return null;
}

function readLength(data: Uint8Array, at: number): number {
  return (data[at] ?? 0) * 2 ** 24 + (((data[at + 1] ?? 0) << 16) | ((data[at + 2] ?? 0) << 8) | (data[at + 3] ?? 0));
}
