/** Leading pictures: pictures that are decoded after a keyframe and shown before it. */
import type { IngestVideoCodec } from "../media-event.ts";

/** NAL units that are looked at: parameter sets and messages come before the picture. */
const MAX_UNITS = 64;

/** Whether leading pictures of this keyframe can be decoded from it: HEVC's IDR_W_RADL (ITU-T H.265 table 7-1). */
export function hasDecodableLeading(codec: IngestVideoCodec, data: Uint8Array): boolean {
  if (codec !== "hevc") return false;
  for (let at = 0, units = 0; at + 5 <= data.length && units < MAX_UNITS; units += 1) {
    const length =
      (data[at] ?? 0) * 2 ** 24 + (((data[at + 1] ?? 0) << 16) | ((data[at + 2] ?? 0) << 8) | (data[at + 3] ?? 0));
    const type = ((data[at + 4] ?? 0) >>> 1) & 0x3f;
    if (type < 32) return type === 19;
    at += 4 + length;
  }
  return false;
}
