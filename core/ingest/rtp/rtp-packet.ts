/** RTP packets (RFC 3550 §5.1), their header extensions (RFC 8285), and retransmissions (RFC 4588). */

/** A packet. The payload is a view of its datagram. */
export interface RtpPacket {
  readonly payloadType: number;
  readonly marker: boolean;
  /** 16 bits. */
  readonly sequence: number;
  /** 32 bits. */
  readonly timestamp: number;
  readonly ssrc: number;
  readonly payload: Uint8Array;
  /** The transport-wide sequence number, 16 bits; null without the extension. */
  readonly transportSequence: number | null;
}

/** Numbers of RFC 3550 and of the extensions of RFC 8285. */
const RTP = {
  fixedHeaderBytes: 12,
  oneByteProfile: 0xbede,
  /** RFC 8285 §4.3: "appbits" are any. */
  twoByteProfile: 0x1000,
} as const;

/** Reads a packet; null if it is malformed. `transportExtension`: id of the extension with transport-wide numbers, 0: none. */
export function parseRtpPacket(bytes: Uint8Array, transportExtension: number): RtpPacket | null {
  const [first = 0, second = 0] = bytes;
  if (bytes.byteLength < RTP.fixedHeaderBytes || first >> 6 !== 2) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = RTP.fixedHeaderBytes + 4 * (first & 15);
  let transportSequence: number | null = null;
  if ((first & 0x10) !== 0) {
    if (at + 4 > bytes.byteLength) return null;
    const extensions = bytes.subarray(at + 4, at + 4 + 4 * view.getUint16(at + 2));
    transportSequence = findExtension(view.getUint16(at), extensions, transportExtension);
    at += 4 + 4 * view.getUint16(at + 2);
  }
  const padding = (first & 0x20) === 0 ? 0 : (bytes.at(-1) ?? 0);
  const end = bytes.byteLength - padding;
  if (at > end) return null;
  return {
    payloadType: second & 0x7f,
    marker: second >> 7 === 1,
    sequence: view.getUint16(2),
    timestamp: view.getUint32(4),
    ssrc: view.getUint32(8),
    payload: bytes.subarray(at, end),
    transportSequence,
  };
}

/** The 16-bit value of an extension; null without it. */
function findExtension(profile: number, bytes: Uint8Array, id: number): number | null {
  const isLong = (profile & 0xfff0) === RTP.twoByteProfile;
  if (id === 0 || (!isLong && profile !== RTP.oneByteProfile)) return null;
  let at = 0;
  while (at < bytes.byteLength) {
    const head = bytes[at] ?? 0;
    // "ID value 0 … padding".
    if (head === 0) {
      at += 1;
      continue;
    }
    const found = isLong ? head : head >> 4;
    // "ID value 15 … processing … MUST … terminate".
    if (!isLong && found === 15) return null;
    const length = isLong ? (bytes[at + 1] ?? 0) : (head & 15) + 1;
    const start = at + (isLong ? 2 : 1);
    if (found === id && length === 2 && start + 2 <= bytes.byteLength)
      return ((bytes[start] ?? 0) << 8) | (bytes[start + 1] ?? 0);
    at = start + length;
  }
  return null;
}

/** The packet that a retransmission repeats; null for the padding that senders probe the link with. */
export function unwrapRetransmission(
  { payload, marker, timestamp, transportSequence }: RtpPacket,
  { payloadType, ssrc }: { readonly payloadType: number; readonly ssrc: number },
): RtpPacket | null {
  const [high, low] = payload;
  if (high === undefined || low === undefined || payload.byteLength === 2) return null;
  const sequence = (high << 8) | low;
  return { payloadType, marker, sequence, timestamp, ssrc, payload: payload.subarray(2), transportSequence };
}

/** How far the 16-bit number `to` is ahead of `from`: −2^15 to 2^15 − 1. */
export function sequenceDistance16(from: number, to: number): number {
  return ((to - from) << 16) >> 16;
}

/** Unwraps 32-bit timestamps: each is taken nearest to the one before. */
export class TimestampUnwrapper32 {
  #last: number | null = null;

  unwrap(timestamp: number): number {
    this.#last = this.#last === null ? timestamp : this.peek(timestamp);
    return this.#last;
  }

  /** As `unwrap`, without moving the reference. */
  peek(timestamp: number): number {
    return this.#last === null ? timestamp : this.#last + ((timestamp - this.#last) | 0);
  }
}
