/** What a media message holds after its tag headers, and the extended headers that audio and video share. */
import type { IngestAudioCodec, IngestVideoCodec } from "../media-event.ts";
import { RTMP_LIMITS } from "./limits.ts";
import type { PayloadReader } from "./payload-reader.ts";
import { RtmpError } from "./rtmp-error.ts";

/** One track's part of a media message. */
export type FlvPacket =
  | {
      readonly kind: "config";
      readonly track: number;
      readonly codec: IngestVideoCodec | IngestAudioCodec;
      readonly record: Uint8Array;
    }
  | {
      readonly kind: "frame";
      readonly track: number;
      readonly codec: IngestVideoCodec | IngestAudioCodec;
      /** Presentation time minus the message's timestamp, whole milliseconds. */
      readonly ctsOffset: number;
      readonly sync: boolean;
      readonly data: Uint8Array;
    };

/** Packet types that extended audio and video headers share (Enhanced RTMP v2). */
export const EX_PACKET_TYPES = { sequenceStart: 0, codedFrames: 1, sequenceEnd: 2, modEx: 7 } as const;

/** Kinds of multitrack messages. */
const MULTITRACK_TYPES = { oneTrack: 0, manyTracks: 1, manyTracksManyCodecs: 2 } as const;
/** The only kind of ModEx: nanoseconds to add to the presentation time. */
const TIMESTAMP_OFFSET_NANO = 0;
const NANOS_PER_MS = 1_000_000;

/** What precedes the tracks of an extended message. */
export interface ExHeader {
  readonly packetType: number;
  /** Milliseconds to add to the presentation time, below 1.05. */
  readonly presentationOffsetMs: number;
}

/** One track of an extended message. */
export interface ExTrack {
  readonly packetType: number;
  readonly fourCc: string;
  readonly track: number;
  readonly body: Uint8Array;
}

/** Reads the ModEx packets that follow a header with `packetType`. */
export function readModEx(reader: PayloadReader, packetType: number): ExHeader {
  let type = packetType;
  let presentationOffsetMs = 0;
  while (type === EX_PACKET_TYPES.modEx) {
    // "modExDataSize = UI8 + 1", and if that is 256, "UI16 + 1".
    let length = reader.u8() + 1;
    if (length === 256) length = reader.u16() + 1;
    const data = reader.take(length);
    const next = reader.u8();
    if (next >> 4 === TIMESTAMP_OFFSET_NANO && length >= 3) {
      const nanos = ((data[0] ?? 0) << 16) | ((data[1] ?? 0) << 8) | (data[2] ?? 0);
      presentationOffsetMs = Math.min(nanos, NANOS_PER_MS) / NANOS_PER_MS;
    }
    type = next & 15;
  }
  return { packetType: type, presentationOffsetMs };
}

/** Reads the tracks of an extended message, one unless its packet type is `multitrackType`. */
export function readExTracks(reader: PayloadReader, packetType: number, multitrackType: number): ExTrack[] {
  if (packetType !== multitrackType) {
    const fourCc = reader.fourCc();
    return [{ packetType, fourCc, track: 0, body: reader.rest() }];
  }
  const kinds = reader.u8();
  const kind = kinds >> 4;
  const innerType = kinds & 15;
  if (innerType === multitrackType || innerType === EX_PACKET_TYPES.modEx) {
    throw new RtmpError("A multitrack message contains another header.");
  }
  if (kind > MULTITRACK_TYPES.manyTracksManyCodecs) throw new RtmpError(`Multitrack type ${kind} is not supported.`);
  const isMixed = kind === MULTITRACK_TYPES.manyTracksManyCodecs;
  const sharedFourCc = isMixed ? "" : reader.fourCc();
  const tracks: ExTrack[] = [];
  do {
    if (tracks.length === RTMP_LIMITS.tracksPerMedia) {
      throw new RtmpError(`A message has more than ${RTMP_LIMITS.tracksPerMedia} tracks.`);
    }
    const fourCc = isMixed ? reader.fourCc() : sharedFourCc;
    const track = reader.u8();
    const body = kind === MULTITRACK_TYPES.oneTrack ? reader.rest() : reader.take(reader.u24());
    tracks.push({ packetType: innerType, fourCc, track, body });
  } while (reader.left > 0);
  return tracks;
}
