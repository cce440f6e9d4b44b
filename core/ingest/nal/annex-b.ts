/** Annex B byte streams and NAL units with lengths, of H.264 and HEVC. */
import { concatBytes } from "../../kit/bytes.ts";

/** Bytes of the length before each NAL unit in fMP4. */
const LENGTH_BYTES = 4;

/**
 * The NAL units of an Annex B byte stream, as views without start codes and trailing zeros; bytes before the first start
 * code are left out. At most `maxUnits`: the rest is left out.
 */
export function splitAnnexB(bytes: Uint8Array, maxUnits: number): Uint8Array[] {
  const units: Uint8Array[] = [];
  let start = -1;
  for (let at = bytes.indexOf(1, 2); at !== -1 && units.length < maxUnits; at = bytes.indexOf(1, at + 1)) {
    if (bytes[at - 1] !== 0 || bytes[at - 2] !== 0) continue;
    if (start !== -1) pushUnit(units, bytes, start, at - 2);
    start = at + 1;
  }
  if (start !== -1 && units.length < maxUnits) pushUnit(units, bytes, start, bytes.byteLength);
  return units;
}

/** "trailing_zero_8bits" and the zero byte of a longer start code belong to no unit. */
function pushUnit(units: Uint8Array[], bytes: Uint8Array, start: number, limit: number): void {
  let end = limit;
  while (end > start && bytes[end - 1] === 0) end -= 1;
  if (end > start) units.push(bytes.subarray(start, end));
}

/** The units in one piece, each with its length in 4 bytes before it. */
export function joinWithLengths(units: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return concatBytes(
    units.flatMap((unit) => {
      const length = new Uint8Array(LENGTH_BYTES);
      new DataView(length.buffer).setUint32(0, unit.byteLength);
      return [length, unit];
    }),
  );
}

/** The payload of a NAL unit without its emulation-prevention bytes: 3 after two zeros. At most `maxBytes` of it. */
export function unescapeNal(unit: Uint8Array, maxBytes: number): Uint8Array {
  const bytes = new Uint8Array(Math.min(unit.byteLength, maxBytes));
  let length = 0;
  let zeros = 0;
  for (const byte of unit) {
    if (length === bytes.byteLength) break;
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    bytes[length] = byte;
    length += 1;
  }
  return bytes.subarray(0, length);
}
