/** PSI sections: reassembly, the program association table and the program map table. */
import { concatBytes } from "../../kit/bytes.ts";
import { MPEG_TS_LIMITS } from "./limits.ts";
import type { TransportPacket } from "./packet-reader.ts";

const PAT_TABLE = 0;
const PMT_TABLE = 2;
const CRC_BYTES = 4;
const STUFFING = 0xff;
const EMPTY = new Uint8Array(0);

/** An elementary stream that a program map lists. */
export interface ElementaryStream {
  readonly pid: number;
  readonly streamType: number;
  /** Its descriptors by tag; of several with one tag the last. */
  readonly descriptors: ReadonlyMap<number, Uint8Array>;
}

/** Puts the sections of one PID together. */
export class SectionAssembler {
  #bytes: Uint8Array | null = null;

  /** The sections that are complete with the packet; their checksums are right. */
  *read(packet: TransportPacket): Generator<Uint8Array> {
    let { payload } = packet;
    if (packet.startsUnit) {
      const start = 1 + (payload[0] ?? 0);
      if (this.#bytes !== null) yield* this.#append(payload.subarray(1, start));
      // "pointer_field … the number of bytes … until the first byte of the first section"
      payload = payload.subarray(start);
      this.#bytes = EMPTY;
    }
    if (this.#bytes !== null) yield* this.#append(payload);
  }

  /** Forgets a section of which a packet is missing. */
  reset(): void {
    this.#bytes = null;
  }

  *#append(payload: Uint8Array): Generator<Uint8Array> {
    let bytes = concatBytes([this.#bytes ?? EMPTY, payload]);
    while (bytes.byteLength >= 3 && bytes[0] !== STUFFING) {
      const length = 3 + ((((bytes[1] ?? 0) & 15) << 8) | (bytes[2] ?? 0));
      if (length > MPEG_TS_LIMITS.sectionBytes) break;
      if (bytes.byteLength < length) {
        this.#bytes = bytes;
        return;
      }
      const section = bytes.subarray(0, length);
      if (computeCrc32(section) === 0) yield section;
      bytes = bytes.subarray(length);
    }
    this.#bytes = bytes.byteLength < 3 ? bytes : null;
  }
}

/** PID of the program map of the first program in an association section; null if it has none. */
export function parseProgramAssociation(section: Uint8Array): number | null {
  if (section[0] !== PAT_TABLE || !isCurrent(section)) return null;
  for (let at = 8; at + 4 <= section.byteLength - CRC_BYTES; at += 4) {
    const program = readU16(section, at);
    if (program !== 0) return readU16(section, at + 2) & 0x1fff;
  }
  return null;
}

/** The elementary streams of a program map section; null if it is another table or malformed. */
export function parseProgramMap(section: Uint8Array): ElementaryStream[] | null {
  const end = section.byteLength - CRC_BYTES;
  if (section[0] !== PMT_TABLE || !isCurrent(section) || end < 12) return null;
  const streams: ElementaryStream[] = [];
  let at = 12 + (readU16(section, 10) & 0x0fff);
  while (at + 5 <= end) {
    const descriptorsEnd = at + 5 + (readU16(section, at + 3) & 0x0fff);
    if (descriptorsEnd > end) return null;
    streams.push({
      streamType: section[at] ?? 0,
      pid: readU16(section, at + 1) & 0x1fff,
      descriptors: parseDescriptors(section.subarray(at + 5, descriptorsEnd)),
    });
    at = descriptorsEnd;
  }
  return streams;
}

function parseDescriptors(bytes: Uint8Array): Map<number, Uint8Array> {
  const descriptors = new Map<number, Uint8Array>();
  for (let at = 0; at + 2 <= bytes.byteLength; ) {
    const end = at + 2 + (bytes[at + 1] ?? 0);
    descriptors.set(bytes[at] ?? 0, bytes.slice(at + 2, end));
    at = end;
  }
  return descriptors;
}

/** `current_next_indicator` of a section with a header of its kind. */
const isCurrent = (section: Uint8Array): boolean => section.byteLength >= 12 && ((section[5] ?? 0) & 1) === 1;

const readU16 = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc << 1) ^ (crc < 0 ? 0x04c1_1db7 : 0);
  return crc >>> 0;
});

/** The CRC of sections; 0 over a section with its checksum. */
export function computeCrc32(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) crc = ((crc << 8) ^ (CRC_TABLE[(crc >>> 24) ^ byte] ?? 0)) >>> 0;
  return crc;
}
