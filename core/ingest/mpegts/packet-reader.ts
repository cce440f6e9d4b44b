/** Transport packets from a byte stream: synchronization and headers. */
import { concatBytes } from "../../kit/bytes.ts";
import { MPEG_TS_LIMITS } from "./limits.ts";

const SYNC_BYTE = 0x47;
const { packetBytes } = MPEG_TS_LIMITS;
const EMPTY = new Uint8Array(0);

/** One transport packet; `payload` is a view. */
export interface TransportPacket {
  readonly pid: number;
  readonly startsUnit: boolean;
  readonly continuityCounter: number;
  /** The counter may jump here. */
  readonly isDiscontinuity: boolean;
  /** Whether bytes were filled up, as in the last packet of a PES packet. */
  readonly isStuffed: boolean;
  /** Empty if the packet has none, is damaged or scrambled. */
  readonly payload: Uint8Array;
}

/** Finds packets in a byte stream that is split anywhere. */
export class TransportPacketReader {
  #rest: Uint8Array = EMPTY;
  #isInSync = false;
  #skippedBytes = 0;

  /** Bytes that were no packet. */
  get skippedBytes(): number {
    return this.#skippedBytes;
  }

  /** The packets that are complete with `bytes`. They are views of it, or of a copy. */
  *read(bytes: Uint8Array): Generator<TransportPacket> {
    const input = this.#rest.byteLength === 0 ? bytes : concatBytes([this.#rest, bytes]);
    let at = 0;
    for (;;) {
      if (!this.#isInSync) {
        const found = findSync(input, at);
        this.#skippedBytes += found.at - at;
        at = found.at;
        if (!found.isSure) break;
        this.#isInSync = true;
      }
      if (at + packetBytes > input.byteLength) break;
      if (input[at] !== SYNC_BYTE) {
        this.#isInSync = false;
        continue;
      }
      yield parsePacket(input.subarray(at, at + packetBytes));
      at += packetBytes;
    }
    this.#rest = input.slice(at);
  }
}

/**
 * The first offset with two sync bytes a packet apart, which is sure; else the first one that may still become so with
 * more bytes.
 */
function findSync(input: Uint8Array, from: number): { readonly at: number; readonly isSure: boolean } {
  for (let at = input.indexOf(SYNC_BYTE, from); at !== -1; at = input.indexOf(SYNC_BYTE, at + 1)) {
    if (at + packetBytes >= input.byteLength) return { at, isSure: false };
    if (input[at + packetBytes] === SYNC_BYTE) return { at, isSure: true };
  }
  return { at: input.byteLength, isSure: false };
}

function parsePacket(packet: Uint8Array): TransportPacket {
  const [, second = 0, third = 0, fourth = 0, adaptationBytes = 0, flags = 0] = packet;
  const hasAdaptation = (fourth & 0x20) !== 0;
  const hasPayload = (fourth & 0x10) !== 0;
  const start = hasAdaptation ? 5 + adaptationBytes : 4;
  const isUnusable = (second & 0x80) !== 0 || (fourth & 0xc0) !== 0;
  return {
    pid: ((second & 0x1f) << 8) | third,
    startsUnit: (second & 0x40) !== 0,
    continuityCounter: fourth & 15,
    isDiscontinuity: hasAdaptation && adaptationBytes > 0 && (flags & 0x80) !== 0,
    isStuffed: hasAdaptation && isStuffedField(adaptationBytes, flags),
    payload: hasPayload && !isUnusable && start < packetBytes ? packet.subarray(start) : EMPTY,
  };
}

/** Whether an adaptation field is longer than its flags and what they announce: clocks of 6 bytes, a splice countdown of 1. */
function isStuffedField(byteLength: number, flags: number): boolean {
  if (byteLength === 0) return true;
  const hasPrivateData = (flags & 0x03) !== 0;
  const announced = ((flags & 0x10) === 0 ? 0 : 6) + ((flags & 0x08) === 0 ? 0 : 6) + ((flags & 0x04) === 0 ? 0 : 1);
  return !hasPrivateData && byteLength > 1 + announced;
}
