/** SRT packets: header and content of data and control packets. */
import { SRT_LIMITS } from "./limits.ts";

/** Control types of the protocol. */
export const SRT_CONTROL = {
  handshake: 0,
  keepAlive: 1,
  acknowledge: 2,
  lossReport: 3,
  shutdown: 5,
  acknowledgeReceipt: 6,
  dropRequest: 7,
  userDefined: 0x7fff,
} as const;

/** A data packet; `payload` is a view of the datagram. */
export interface SrtDataPacket {
  readonly kind: "data";
  /** 31 bits. */
  readonly sequence: number;
  /** The key that encrypts the payload: 0 none, 1 even, 2 odd; 3 is not defined. */
  readonly keyFlags: number;
  readonly isRetransmission: boolean;
  /** 32 bits, microseconds since the sender's start. */
  readonly timestampUs: number;
  /** The receiver's socket id. */
  readonly socketId: number;
  readonly payload: Uint8Array;
}

/** A control packet; `body` is a view of the datagram. */
export interface SrtControlPacket {
  readonly kind: "control";
  readonly type: number;
  readonly subtype: number;
  /** The type-specific field: number of an acknowledgement, message of a drop request. */
  readonly info: number;
  readonly timestampUs: number;
  readonly socketId: number;
  readonly body: Uint8Array;
}

/** A packet of either kind. */
export type SrtPacket = SrtDataPacket | SrtControlPacket;

/** A view of bytes for reading and writing of their words. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The packet of one datagram, or null if its size cannot be one. */
export function parseSrtPacket(bytes: Uint8Array): SrtPacket | null {
  if (bytes.byteLength < SRT_LIMITS.headerBytes || bytes.byteLength > SRT_LIMITS.packetBytes) return null;
  const view = viewOf(bytes);
  const first = view.getUint32(0);
  const second = view.getUint32(4);
  const timestampUs = view.getUint32(8);
  const socketId = view.getUint32(12);
  const content = bytes.subarray(SRT_LIMITS.headerBytes);
  if (first >>> 31 === 1) {
    const type = (first >>> 16) & 0x7fff;
    return { kind: "control", type, subtype: first & 0xffff, info: second, timestampUs, socketId, body: content };
  }
  return {
    kind: "data",
    sequence: first,
    keyFlags: (second >>> 27) & 3,
    isRetransmission: ((second >>> 26) & 1) === 1,
    timestampUs,
    socketId,
    payload: content,
  };
}

/** The datagram of a control packet. `timestampUs` may exceed 32 bits; it wraps. */
export function encodeControlPacket(packet: Omit<SrtControlPacket, "kind">): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(SRT_LIMITS.headerBytes + packet.body.byteLength);
  const view = viewOf(bytes);
  view.setUint32(0, 2 ** 31 + packet.type * 2 ** 16 + packet.subtype);
  view.setUint32(4, packet.info);
  view.setUint32(8, packet.timestampUs);
  view.setUint32(12, packet.socketId);
  bytes.set(packet.body, SRT_LIMITS.headerBytes);
  return bytes;
}
