/**
 * Reads NUT, the container in which FFmpeg outputs decoded pictures and audio: of all formats that it writes to a pipe, the
 * only one that marks the end of raw frames of any size and emits each at once. Format: nut.txt of FFmpeg's
 * documentation. Its timestamps are not read: FFmpeg forces them to increase, and the source's may go back.
 */
import { concatBytes } from "../../kit/bytes.ts";

/** Limits of a pipe's content, beyond which a `NutError` is thrown. */
const NUT_LIMITS = {
  /** Bytes of a header packet: FFmpeg's are below 1 KiB. */
  headerBytes: 65_536,
  /** Bytes of one frame: a raw 8K picture in 4:2:0 has 50 MB. */
  frameBytes: 134_217_728,
  streams: 16,
} as const;

/** The pipe contains something other than NUT, or exceeds `NUT_LIMITS`. */
export class NutError extends Error {
  override readonly name: string = "NutError";
}

/** One frame. */
export interface NutFrame {
  readonly stream: number;
  readonly bytes: Uint8Array;
}

/** Flags of a frame header. */
const FRAME_FLAGS = {
  codedPts: 8,
  streamId: 16,
  sizeMsb: 32,
  checksum: 64,
  reserved: 128,
  sideData: 256,
  headerIndex: 1024,
  matchTime: 2048,
  coded: 4096,
  invalid: 8192,
} as const;

const FILE_ID = "nut/multimedia container\0";
const STARTCODE_BYTE = 0x4e;
/** The second byte of each startcode. */
const PACKET_BYTES = { main: 0x4d, stream: 0x53, syncpoint: 0x4b, index: 0x58, info: 0x49 } as const;
/** Startcodes of packets that are skipped. */
const SKIPPED_PACKETS: ReadonlySet<number> = new Set([
  PACKET_BYTES.stream,
  PACKET_BYTES.syncpoint,
  PACKET_BYTES.index,
  PACKET_BYTES.info,
]);

interface FrameCode {
  readonly flags: number;
  readonly stream: number;
  readonly sizeMul: number;
  readonly sizeLsb: number;
  readonly reserved: number;
  readonly header: number;
}

/** Thrown internally if a header is incomplete. */
const INCOMPLETE = new Error("incomplete");

/** Reads numbers from bytes. */
class NutCursor {
  at: number;
  readonly end: number;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, at: number, end: number = bytes.length) {
    this.#bytes = bytes;
    this.at = at;
    this.end = end;
  }

  readByte(): number {
    const value = this.at < this.end ? this.#bytes[this.at] : undefined;
    if (value === undefined) throw INCOMPLETE;
    this.at += 1;
    return value;
  }

  /** A number in groups of seven bits, the highest first. */
  readVarint(): number {
    let value = 0;
    for (;;) {
      const byte = this.readByte();
      value = value * 128 + (byte & 127);
      if (value > Number.MAX_SAFE_INTEGER) throw new NutError("a number beyond 2^53");
      if (byte < 128) return value;
    }
  }

  /** A signed number. */
  readSignedVarint(): number {
    const value = this.readVarint() + 1;
    return value % 2 === 1 ? -Math.floor(value / 2) : Math.floor(value / 2);
  }

  skip(count: number): void {
    if (this.at + count > this.end) throw INCOMPLETE;
    this.at += count;
  }

  readBytes(count: number): Uint8Array {
    this.skip(count);
    return this.#bytes.slice(this.at - count, this.at);
  }
}

/** The reader of one pipe. It buffers only the current frame. */
export class NutReader {
  /** Bytes of an incomplete header. */
  #partialHeader: Uint8Array = new Uint8Array(0);
  #hasFileId = false;
  #codes: (FrameCode | null)[] = [];
  /** Elided frame headers, by index. */
  #elided: Uint8Array[] = [new Uint8Array(0)];
  #streams = 0;
  #frame: NutFrame | null = null;
  #filled = 0;
  readonly #allocate: (size: number) => Uint8Array;

  /** `allocate` returns the memory that a frame is written to. */
  constructor(allocate: (size: number) => Uint8Array = (size) => new Uint8Array(size)) {
    this.#allocate = allocate;
  }

  /** The frames that `chunk` completes; the caller may reuse `chunk`. Throws `NutError`. */
  push(chunk: Uint8Array): NutFrame[] {
    const frames: NutFrame[] = [];
    let bytes = chunk;
    let at = 0;
    for (;;) {
      if (this.#frame !== null) {
        const { bytes: into } = this.#frame;
        const count = Math.min(into.length - this.#filled, bytes.length - at);
        into.set(bytes.subarray(at, at + count), this.#filled);
        at += count;
        this.#filled += count;
        if (this.#filled < into.length) return frames;
        frames.push(this.#frame);
        this.#frame = null;
        continue;
      }
      if (at >= bytes.length) return frames;
      if (this.#partialHeader.length > 0) {
        bytes = concatBytes([this.#partialHeader, bytes.subarray(at)]);
        at = 0;
        this.#partialHeader = new Uint8Array(0);
      }
      const cursor = new NutCursor(bytes, at);
      try {
        this.#readHeader(cursor);
      } catch (error) {
        if (error !== INCOMPLETE) throw error;
        if (bytes.length - at > NUT_LIMITS.headerBytes) throw new NutError("a header that does not end");
        this.#partialHeader = bytes.slice(at);
        return frames;
      }
      at = cursor.at;
    }
  }

  /** One packet's header, and the whole packet if it is not a frame. */
  #readHeader(cursor: NutCursor): void {
    if (!this.#hasFileId) {
      const id = String.fromCharCode(...cursor.readBytes(FILE_ID.length));
      if (id !== FILE_ID) throw new NutError("the NUT file id is missing");
      this.#hasFileId = true;
      return;
    }
    const code = cursor.readByte();
    if (code === STARTCODE_BYTE) this.#readPacket(cursor);
    else this.#readFrame(cursor, code);
  }

  #readPacket(cursor: NutCursor): void {
    const kind = cursor.readByte();
    cursor.skip(6);
    const size = cursor.readVarint();
    if (size > NUT_LIMITS.headerBytes) throw new NutError(`a header of ${size} bytes`);
    if (size > 4096) cursor.skip(4);
    // The last four bytes are a checksum: a pipe between two local processes corrupts nothing.
    const start = cursor.at;
    const body = new NutCursor(cursor.readBytes(size), 0, size - 4);
    try {
      if (kind === PACKET_BYTES.main) this.#readMain(body);
      else if (!SKIPPED_PACKETS.has(kind)) throw new NutError("an unknown packet");
    } catch (error) {
      throw error === INCOMPLETE ? new NutError(`a truncated header at ${start}`) : error;
    }
  }

  #readMain(body: NutCursor): void {
    const version = body.readVarint();
    if (version < 2 || version > 4) throw new NutError(`unsupported NUT version ${version}`);
    if (version > 3) body.readVarint();
    this.#streams = body.readVarint();
    if (this.#streams > NUT_LIMITS.streams) throw new NutError(`${this.#streams} streams`);
    body.readVarint();
    const bases = body.readVarint();
    if (bases > NUT_LIMITS.streams) throw new NutError(`${bases} time bases`);
    for (let i = 0; i < 2 * bases; i++) body.readVarint();
    this.#codes = readFrameCodes(body);
    this.#elided = [new Uint8Array(0)];
    const elided = body.at < body.end ? body.readVarint() : 0;
    if (elided > 127) throw new NutError(`${elided} elided headers`);
    for (let i = 0; i < elided; i++) this.#elided.push(body.readBytes(body.readVarint()));
  }

  #readFrame(cursor: NutCursor, index: number): void {
    const code = this.#codes[index];
    if (code === null || code === undefined) throw new NutError(`undefined frame code ${index}`);
    let { flags, stream: id, reserved, header } = code;
    if ((flags & FRAME_FLAGS.coded) !== 0) flags ^= cursor.readVarint();
    if ((flags & FRAME_FLAGS.streamId) !== 0) id = cursor.readVarint();
    if (id >= this.#streams || (flags & FRAME_FLAGS.invalid) !== 0) throw new NutError("a frame of an unknown stream");
    if ((flags & FRAME_FLAGS.codedPts) !== 0) cursor.readVarint();
    const size = code.sizeLsb + ((flags & FRAME_FLAGS.sizeMsb) !== 0 ? code.sizeMul * cursor.readVarint() : 0);
    if ((flags & FRAME_FLAGS.matchTime) !== 0) cursor.readSignedVarint();
    if ((flags & FRAME_FLAGS.headerIndex) !== 0) header = cursor.readVarint();
    if ((flags & FRAME_FLAGS.reserved) !== 0) reserved = cursor.readVarint();
    for (let i = 0; i < reserved; i++) cursor.readVarint();
    if ((flags & FRAME_FLAGS.checksum) !== 0) cursor.skip(4);
    const start = size > 4096 ? this.#elided[0] : this.#elided[header];
    if (start === undefined || size < start.length) throw new NutError("a frame with an invalid header");
    if (size > NUT_LIMITS.frameBytes) throw new NutError(`a frame of ${size} bytes`);
    let payload = size - start.length;
    if ((flags & FRAME_FLAGS.sideData) !== 0) {
      const before = cursor.at;
      skipSideData(cursor);
      skipSideData(cursor);
      payload -= cursor.at - before;
      if (payload < 0) throw new NutError("side data larger than its frame");
    }
    const bytes = this.#allocate(start.length + payload);
    bytes.set(start);
    this.#frame = { stream: id, bytes };
    this.#filled = start.length;
  }
}

/** The table of frame codes, by the first byte of a frame. */
function readFrameCodes(body: NutCursor): (FrameCode | null)[] {
  const codes: (FrameCode | null)[] = [];
  let [sizeMul, stream, header] = [1, 0, 0];
  while (codes.length < 256) {
    const flags = body.readVarint();
    const fields = body.readVarint();
    if (fields > 0) body.readSignedVarint();
    if (fields > 1) sizeMul = body.readVarint();
    if (fields > 2) stream = body.readVarint();
    const sizeLsb = fields > 3 ? body.readVarint() : 0;
    const reserved = fields > 4 ? body.readVarint() : 0;
    const count = fields > 5 ? body.readVarint() : sizeMul - sizeLsb;
    if (fields > 6) body.readSignedVarint();
    if (fields > 7) header = body.readVarint();
    for (let i = 8; i < fields; i++) body.readVarint();
    if (count <= 0 || count > 256) throw new NutError("a broken table of frame codes");
    for (let j = 0; j < count && codes.length < 256; j++) {
      if (codes.length === STARTCODE_BYTE) codes.push(null);
      codes.push({ flags, stream, sizeMul, sizeLsb: sizeLsb + j, reserved, header });
    }
  }
  return codes;
}

/** A frame's side data, which is skipped. */
function skipSideData(cursor: NutCursor): void {
  const count = cursor.readVarint();
  for (let i = 0; i < count; i++) {
    cursor.skip(cursor.readVarint());
    const type = cursor.readSignedVarint();
    if (type === -1) cursor.skip(cursor.readVarint());
    else if (type === -2) {
      cursor.skip(cursor.readVarint());
      cursor.skip(cursor.readVarint());
    } else if (type === -3 || type < -4) cursor.readSignedVarint();
    else if (type === -4) cursor.readVarint();
  }
}
