/** Checks of decoder configuration records: later stages rely on what is checked here. */
import type { IngestAudioCodec, IngestVideoCodec } from "../media-event.ts";
import { RTMP_LIMITS } from "./limits.ts";
import { RtmpError } from "./rtmp-error.ts";

const OPUS_HEAD = new TextEncoder().encode("OpusHead");
/** RFC 7845, section 5.1: version 1, two channels, no pre-skip, 48 kHz, no gain, mapping family 0. */
const STEREO_OPUS_HEAD: readonly number[] = [...OPUS_HEAD, 1, 2, 0, 0, 0x80, 0xbb, 0, 0, 0, 0, 0];

/** Fewest bytes of each record. */
const LEAST_BYTES: Readonly<Record<IngestVideoCodec | IngestAudioCodec, number>> = {
  h264: 7,
  hevc: 23,
  av1: 4,
  aac: 2,
  opus: STEREO_OPUS_HEAD.length,
};
/** Offset of the byte whose low two bits are the length of NAL unit lengths minus one. */
const LENGTH_SIZE_AT = { h264: 4, hevc: 21 } as const;

/**
 * A copy of the record that a sender declares. Throws `RtmpError` if it is no record of that codec, or declares NAL unit
 * lengths of other than 4 bytes, with which the frames could not be stored as they are.
 */
export function checkDecoderRecord(codec: IngestVideoCodec | IngestAudioCodec, declared: Uint8Array): Uint8Array {
  // "If the Opus sequence start payload is empty, … default to mono/stereo mode."
  const record = codec === "opus" && declared.length === 0 ? new Uint8Array(STEREO_OPUS_HEAD) : declared.slice();
  if (record.length < LEAST_BYTES[codec] || record.length > RTMP_LIMITS.recordBytes || !hasMark(codec, record)) {
    throw new RtmpError(`The decoder configuration for ${codec} is invalid.`);
  }
  if (codec === "h264" || codec === "hevc") {
    const lengthBytes = ((record[LENGTH_SIZE_AT[codec]] ?? 0) & 3) + 1;
    if (lengthBytes !== 4) throw new RtmpError(`NAL unit lengths of ${lengthBytes} bytes are not supported, 4 are.`);
  }
  return record;
}

function hasMark(codec: IngestVideoCodec | IngestAudioCodec, record: Uint8Array): boolean {
  switch (codec) {
    case "h264":
      return record[0] === 1;
    case "hevc":
      // Early muxers left configurationVersion at zero.
      return record[0] === 1 || record[0] === 0;
    case "av1":
      // marker and version.
      return record[0] === 0x81;
    case "opus":
      return OPUS_HEAD.every((byte, at) => record[at] === byte);
    case "aac":
      // An audio object type of zero is none.
      return (record[0] ?? 0) >> 3 !== 0;
  }
}
