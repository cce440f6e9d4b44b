/** Redundant audio (RFC 2198): packets that repeat the frames before theirs, by which lost ones are repaired. */
import type { RtpPacket } from "./rtp-packet.ts";

/** Repeated frames of one packet that are used: browsers send one. */
const MAX_BLOCKS = 4;
const BLOCK_HEADER_BYTES = 4;

/** The packets that one holds, the repeated ones first; empty if it is malformed. `payloadType`: that of all frames. */
export function unwrapRedundancy(packet: RtpPacket, payloadType: number): RtpPacket[] {
  const { payload } = packet;
  const blocks: { readonly offset: number; readonly length: number }[] = [];
  let at = 0;
  // "F: 1 bit … indicates whether another header block follows".
  while (((payload[at] ?? 0) & 0x80) !== 0) {
    const [head = 0, high = 0, middle = 0, low = 0] = payload.subarray(at, at + BLOCK_HEADER_BYTES);
    if ((head & 0x7f) !== payloadType || blocks.length >= MAX_BLOCKS) return [];
    // "timestamp offset: 14 bits … block length: 10 bits".
    blocks.push({ offset: (high << 6) | (middle >> 2), length: ((middle & 3) << 8) | low });
    at += BLOCK_HEADER_BYTES;
  }
  if (payload[at] !== payloadType) return [];
  at += 1;
  const packets: RtpPacket[] = [];
  for (const [i, { offset, length }] of blocks.entries()) {
    const sequence = (packet.sequence - blocks.length + i) & 0xffff;
    const timestamp = (packet.timestamp - offset) >>> 0;
    if (at + length > payload.byteLength) return [];
    if (length > 0)
      packets.push({ ...packet, payloadType, sequence, timestamp, payload: payload.subarray(at, at + length) });
    at += length;
  }
  packets.push({ ...packet, payloadType, payload: payload.subarray(at) });
  return packets;
}
