/** Audio messages: legacy tags (Adobe FLV 10.1, E.4.2) and extended ones (Enhanced RTMP v2). */
import type { IngestAudioCodec } from "../media-event.ts";
import { EX_PACKET_TYPES, type FlvPacket, readExTracks, readModEx } from "./flv-packet.ts";
import { printable } from "./flv-video.ts";
import { PayloadReader } from "./payload-reader.ts";
import { RtmpError } from "./rtmp-error.ts";

/** Packet type of multitrack audio. */
const AUDIO_MULTITRACK = 5;
/** Sound formats. */
const SOUND_FORMATS = { extended: 9, aac: 10 } as const;
/** Names of legacy sound formats, for messages. */
const SOUND_FORMAT_NAMES: ReadonlyMap<number, string> = new Map([
  [2, "MP3"],
  [11, "Speex"],
  [14, "MP3"],
]);
const FOUR_CC_CODECS: ReadonlyMap<string, IngestAudioCodec> = new Map([
  ["mp4a", "aac"],
  ["Opus", "opus"],
]);
/** Audio codecs that are accepted by their extended names. */
export const AUDIO_FOUR_CCS: readonly string[] = [...FOUR_CC_CODECS.keys()];

/** Decodes an audio message. Throws `RtmpError` on malformed input and on codecs that are not supported. */
export function decodeAudioMessage(payload: Uint8Array): FlvPacket[] {
  // A header alone carries nothing.
  if (payload.length < 2) return [];
  const reader = new PayloadReader(payload, "An audio message");
  const first = reader.u8();
  const format = first >> 4;
  if (format === SOUND_FORMATS.aac) return packetOf(reader.u8(), "aac", 0, 0, reader.rest());
  if (format !== SOUND_FORMATS.extended) {
    const name = SOUND_FORMAT_NAMES.get(format) ?? `format ${format}`;
    throw new RtmpError(`Audio codec ${name} is not supported. Set the encoder to AAC.`);
  }
  const { packetType, presentationOffsetMs } = readModEx(reader, first & 15);
  return readExTracks(reader, packetType, AUDIO_MULTITRACK).flatMap(({ packetType: type, fourCc, track, body }) => {
    const codec = FOUR_CC_CODECS.get(fourCc);
    if (codec === undefined) {
      throw new RtmpError(`Audio codec "${printable(fourCc)}" is not supported. Set the encoder to AAC or Opus.`);
    }
    return packetOf(type, codec, track, Math.round(presentationOffsetMs), body);
  });
}

function packetOf(
  packetType: number,
  codec: IngestAudioCodec,
  track: number,
  ctsOffset: number,
  data: Uint8Array,
): FlvPacket[] {
  if (packetType === EX_PACKET_TYPES.sequenceStart && (data.length > 0 || codec === "opus")) {
    return [{ kind: "config", track, codec, record: data }];
  }
  if (packetType !== EX_PACKET_TYPES.codedFrames || data.length === 0) return [];
  return [{ kind: "frame", track, codec, ctsOffset, sync: true, data }];
}
