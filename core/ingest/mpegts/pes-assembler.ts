/** PES packets of one elementary stream from its transport packets. */
import { concatBytes } from "../../kit/bytes.ts";
import { MPEG_TS_LIMITS } from "./limits.ts";
import type { TransportPacket } from "./packet-reader.ts";

const FIXED_HEADER_BYTES = 9;
const EMPTY = new Uint8Array(0);

/** Times of a PES packet, 33 bits at 90 kHz. */
interface PesTimes {
  readonly pts: number;
  readonly dts: number;
}

/** The content of a PES packet, or of several of which only the first has a time. */
export interface PesUnit {
  readonly times: PesTimes | null;
  readonly data: Uint8Array;
}

interface OpenUnit {
  readonly times: PesTimes | null;
  readonly pieces: Uint8Array[];
  bytes: number;
  /** Bytes that the header announces; null: up to the next packet. */
  readonly expectedBytes: number | null;
}

/** Reassembles one elementary stream. Units of which a packet is missing are left out. */
export class PesAssembler {
  /** The beginning of a PES packet whose header is not complete. */
  #header: Uint8Array | null = null;
  #unit: OpenUnit | null = null;
  #isLastStuffed = false;
  #droppedUnits = 0;

  /** Units that were damaged, malformed or too large. */
  get droppedUnits(): number {
    return this.#droppedUnits;
  }

  /** The units that are complete with a packet. */
  read({ payload, startsUnit, isStuffed }: TransportPacket): PesUnit[] {
    const units: PesUnit[] = [];
    this.#isLastStuffed = isStuffed;
    if (startsUnit) this.#header = EMPTY;
    if (this.#header === null) this.#append(payload, units);
    else this.#readHeader(concatBytes([this.#header, payload]), units);
    return units;
  }

  /**
   * The open unit if it is whole, at the end of the stream or where packets are missing: one without a length is whole if its
   * last packet was filled up. Else it is dropped.
   */
  close(): PesUnit[] {
    const units: PesUnit[] = [];
    if (this.#header !== null || (this.#unit?.expectedBytes === null && !this.#isLastStuffed)) this.#drop();
    else this.#finish(units);
    return units;
  }

  #drop(): void {
    this.#droppedUnits += 1;
    this.#unit = null;
    this.#header = null;
  }

  #readHeader(bytes: Uint8Array, units: PesUnit[]): void {
    if (bytes.byteLength < FIXED_HEADER_BYTES) {
      this.#header = bytes;
      return;
    }
    const dataStart = FIXED_HEADER_BYTES + (bytes[8] ?? 0);
    const isPes = bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 1 && ((bytes[6] ?? 0) & 0xc0) === 0x80;
    if (isPes && bytes.byteLength < dataStart) {
      this.#header = bytes;
      return;
    }
    this.#header = null;
    if (!isPes) {
      this.#finish(units);
      this.#droppedUnits += 1;
      return;
    }
    const times = readTimes(bytes, dataStart);
    const isContinued = times === null && this.#unit !== null;
    if (!isContinued) {
      this.#finish(units);
      const length = ((bytes[4] ?? 0) << 8) | (bytes[5] ?? 0);
      // "PES_packet_length": bytes that follow the field; 0 is allowed for video only: the length is not known.
      const expectedBytes = length === 0 ? null : Math.max(0, 6 + length - dataStart);
      this.#unit = { times, pieces: [], bytes: 0, expectedBytes };
    }
    this.#append(bytes.subarray(dataStart), units);
  }

  #append(payload: Uint8Array, units: PesUnit[]): void {
    const unit = this.#unit;
    if (unit === null) return;
    if (unit.bytes + payload.byteLength > MPEG_TS_LIMITS.pesBytes) {
      this.#drop();
      return;
    }
    unit.pieces.push(payload);
    unit.bytes += payload.byteLength;
    const { expectedBytes } = unit;
    if (expectedBytes === null || unit.bytes < expectedBytes) return;
    // A unit longer than the length field can say goes on in the next PES packet, which has no time.
    if (expectedBytes < MPEG_TS_LIMITS.continuedPesBytes) this.#finish(units);
  }

  #finish(units: PesUnit[]): void {
    const unit = this.#unit;
    this.#unit = null;
    if (unit === null) return;
    const isComplete = unit.expectedBytes === null || unit.bytes >= unit.expectedBytes;
    if (isComplete && unit.bytes > 0) units.push({ times: unit.times, data: concatBytes(unit.pieces, unit.bytes) });
    else this.#droppedUnits += 1;
  }
}

function readTimes(bytes: Uint8Array, dataStart: number): PesTimes | null {
  const flags = (bytes[7] ?? 0) >> 6;
  if ((flags & 2) === 0 || dataStart < 14) return null;
  const pts = readTime(bytes, 9);
  return { pts, dts: flags === 3 && dataStart >= 19 ? readTime(bytes, 14) : pts };
}

/** 33 bits in five bytes, with marker bits between them. */
function readTime(bytes: Uint8Array, at: number): number {
  const [a = 0, b = 0, c = 0, d = 0, e = 0] = bytes.subarray(at, at + 5);
  return ((a >> 1) & 7) * 2 ** 30 + (b << 22) + ((c >> 1) << 15) + (d << 7) + (e >> 1);
}
