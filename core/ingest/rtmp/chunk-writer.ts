/** The chunk stream, sending side, and the protocol control messages (RTMP 1.0, sections 5.3, 5.4 and 7.1.7). */
import { concatBytes } from "../../kit/bytes.ts";
import { DEFAULT_CHUNK_BYTES, EXTENDED_TIMESTAMP, MESSAGE_TYPES, type RtmpMessage } from "./chunk-reader.ts";

/** User control events that are sent or answered. */
export const USER_CONTROL_EVENTS = { streamBegin: 0, pingRequest: 6, pingResponse: 7 } as const;

/** Limit type of Set Peer Bandwidth: "Dynamic". */
const DYNAMIC_LIMIT = 2;

/** Writes messages as chunks, each with a full header. */
export class ChunkWriter {
  #chunkBytes = DEFAULT_CHUNK_BYTES;

  /** The message's chunks on `chunkStreamId` (2–63). A Set Chunk Size message applies to those after it. */
  write(chunkStreamId: number, { type, streamId, timestamp, payload }: RtmpMessage): Uint8Array<ArrayBuffer> {
    const isExtended = timestamp >= EXTENDED_TIMESTAMP;
    const field = isExtended ? EXTENDED_TIMESTAMP : timestamp;
    const extended = isExtended ? u32(timestamp) : [];
    const message = [...u32(field).slice(1), ...u32(payload.length).slice(1), type, ...u32(streamId).reverse()];
    const pieces = [new Uint8Array([chunkStreamId, ...message, ...extended]), payload.subarray(0, this.#chunkBytes)];
    const continuation = new Uint8Array([0xc0 | chunkStreamId, ...extended]);
    for (let at = this.#chunkBytes; at < payload.length; at += this.#chunkBytes) {
      pieces.push(continuation, payload.subarray(at, at + this.#chunkBytes));
    }
    if (type === MESSAGE_TYPES.setChunkSize) this.#chunkBytes = new DataView(payload.buffer).getUint32(0);
    return concatBytes(pieces);
  }
}

/** A message whose payload is one number of 32 bits: Set Chunk Size, Acknowledgement, Window Acknowledgement Size. */
export function controlMessage(type: "setChunkSize" | "acknowledgement" | "windowAckSize", value: number): RtmpMessage {
  return { type: MESSAGE_TYPES[type], streamId: 0, timestamp: 0, payload: new Uint8Array(u32(value)) };
}

/** Set Peer Bandwidth. */
export function peerBandwidthMessage(windowBytes: number): RtmpMessage {
  const payload = new Uint8Array([...u32(windowBytes), DYNAMIC_LIMIT]);
  return { type: MESSAGE_TYPES.setPeerBandwidth, streamId: 0, timestamp: 0, payload };
}

/** A user control event with a number of 32 bits. */
export function userControlMessage(event: keyof typeof USER_CONTROL_EVENTS, value: number): RtmpMessage {
  const payload = new Uint8Array([0, USER_CONTROL_EVENTS[event], ...u32(value)]);
  return { type: MESSAGE_TYPES.userControl, streamId: 0, timestamp: 0, payload };
}

function u32(value: number): number[] {
  return [(value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}
