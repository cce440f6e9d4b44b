/** Video messages: legacy tags (Adobe FLV 10.1, E.4.3) and extended ones (Enhanced RTMP v2). */
import type { IngestVideoCodec } from "../media-event.ts";
import { EX_PACKET_TYPES, type ExTrack, type FlvPacket, readExTracks, readModEx } from "./flv-packet.ts";
import { PayloadReader } from "./payload-reader.ts";
import { RtmpError } from "./rtmp-error.ts";

/** Packet types of extended video beside those that audio has too. */
const VIDEO_PACKET_TYPES = { ...EX_PACKET_TYPES, codedFramesX: 3, metadata: 4, multitrack: 6 } as const;
/** Frame types. */
const FRAME_TYPES = { key: 1, generatedKey: 4, command: 5 } as const;

/**
 * Legacy codec ids with the layout of AVC packets. 12 is HEVC by convention of CDNs; 8 (H.263 of RealNetworks, which no
 * encoder sends) is what GStreamer declares for HEVC.
 */
const LEGACY_CODECS: ReadonlyMap<number, IngestVideoCodec> = new Map([
  [7, "h264"],
  [8, "hevc"],
  [12, "hevc"],
]);
const FOUR_CC_CODECS: ReadonlyMap<string, IngestVideoCodec> = new Map([
  ["avc1", "h264"],
  ["hvc1", "hevc"],
  ["av01", "av1"],
]);
/** Video codecs that are accepted by their extended names. */
export const VIDEO_FOUR_CCS: readonly string[] = [...FOUR_CC_CODECS.keys()];

/** Fields of an AVC packet before its data: packet type and composition time. */
const AVC_HEADER_BYTES = 4;

/** Decodes a video message. Throws `RtmpError` on malformed input and on codecs that are not supported. */
export function decodeVideoMessage(payload: Uint8Array): FlvPacket[] {
  if (payload.length === 0) return [];
  const reader = new PayloadReader(payload, "A video message");
  const first = reader.u8();
  if (first < 0x80) return decodeLegacy(reader, first);
  const frameType = (first >> 4) & 7;
  const { packetType, presentationOffsetMs } = readModEx(reader, first & 15);
  // Colour information; its frame type is to be ignored.
  if (packetType === VIDEO_PACKET_TYPES.metadata) return [];
  if (frameType === FRAME_TYPES.command) return [];
  const sync = isSync(frameType);
  return readExTracks(reader, packetType, VIDEO_PACKET_TYPES.multitrack).flatMap((track) =>
    decodeTrack(track, sync, presentationOffsetMs),
  );
}

function isSync(frameType: number): boolean {
  return frameType === FRAME_TYPES.key || frameType === FRAME_TYPES.generatedKey;
}

function decodeLegacy(reader: PayloadReader, first: number): FlvPacket[] {
  const frameType = first >> 4;
  if (frameType === FRAME_TYPES.command) return [];
  const codec = LEGACY_CODECS.get(first & 15);
  if (codec === undefined) {
    throw new RtmpError(`Video codec ${first & 15} is not supported. Set the encoder to H.264.`);
  }
  // An end of sequence may lack its composition time.
  if (reader.left < AVC_HEADER_BYTES) return [];
  const packetType = reader.u8();
  const ctsOffset = reader.i24();
  return packetOf(packetType, { codec, track: 0, ctsOffset, sync: isSync(frameType), data: reader.rest() });
}

function decodeTrack({ packetType, fourCc, track, body }: ExTrack, sync: boolean, offsetMs: number): FlvPacket[] {
  const codec = FOUR_CC_CODECS.get(fourCc);
  if (codec === undefined) {
    throw new RtmpError(`Video codec "${printable(fourCc)}" is not supported. Set the encoder to H.264, HEVC or AV1.`);
  }
  const reader = new PayloadReader(body, "A video message");
  const hasOffset = packetType === VIDEO_PACKET_TYPES.codedFrames && codec !== "av1";
  const ctsOffset = Math.round((hasOffset ? reader.i24() : 0) + offsetMs);
  const type = packetType === VIDEO_PACKET_TYPES.codedFramesX ? VIDEO_PACKET_TYPES.codedFrames : packetType;
  return packetOf(type, { codec, track, ctsOffset, sync, data: reader.rest() });
}

interface VideoPacketFields {
  readonly codec: IngestVideoCodec;
  readonly track: number;
  readonly ctsOffset: number;
  readonly sync: boolean;
  readonly data: Uint8Array;
}

function packetOf(packetType: number, { codec, track, ctsOffset, sync, data }: VideoPacketFields): FlvPacket[] {
  if (data.length === 0) return [];
  if (packetType === EX_PACKET_TYPES.sequenceStart) return [{ kind: "config", track, codec, record: data }];
  if (packetType === EX_PACKET_TYPES.codedFrames) return [{ kind: "frame", track, codec, ctsOffset, sync, data }];
  return [];
}

/** A FourCC for a message: unprintable characters as `?`. */
export function printable(fourCc: string): string {
  return fourCc.replaceAll(/[^ -~]/g, "?");
}
