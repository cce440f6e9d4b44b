/** Bounds-checked reading of box fields. */
import { CmafError } from "./errors.ts";
import { CMAF_LIMITS } from "./limits.ts";

/** A range of a box's bytes, with the context of its errors. */
export interface BoxSpan {
  readonly bytes: Uint8Array;
  /** Offset of the box, header included. */
  readonly boxStart: number;
  /** Offset of its fields. */
  readonly bodyStart: number;
  readonly end: number;
  /** e.g. `moof/traf/trun`. */
  readonly path: string;
  readonly input: string;
  /** Bytes of the input before `bytes[0]`. */
  readonly inputOffset: number;
}

/** An error in `span`'s box. */
export function boxError(span: BoxSpan, what: string, code: CmafError["code"] = "box-invalid"): CmafError {
  return new CmafError(code, what, { input: span.input, box: span.path, byteOffset: span.inputOffset + span.boxStart });
}

/** Throws unless `span` has `length` bytes from `offset` on. */
export function requireBytes(span: BoxSpan, offset: number, length: number): void {
  if (offset + length > span.end) throw boxError(span, "the box ends before its fields", "box-truncated");
}

/** One byte at `offset` of `span.bytes`. */
export function readU8(span: BoxSpan, offset: number): number {
  requireBytes(span, offset, 1);
  return span.bytes[offset] ?? 0;
}

/** Big-endian 16 bits. */
export function readU16(span: BoxSpan, offset: number): number {
  requireBytes(span, offset, 2);
  return ((span.bytes[offset] ?? 0) << 8) | (span.bytes[offset + 1] ?? 0);
}

/** Big-endian 32 bits, unsigned. */
export function readU32(span: BoxSpan, offset: number): number {
  requireBytes(span, offset, 4);
  const b = span.bytes;
  return (
    (((b[offset] ?? 0) << 24) | ((b[offset + 1] ?? 0) << 16) | ((b[offset + 2] ?? 0) << 8) | (b[offset + 3] ?? 0)) >>> 0
  );
}

/** Big-endian 64 bits, unsigned; throws beyond 2^53. */
export function readU64(span: BoxSpan, offset: number): number {
  const value = readU32(span, offset) * 2 ** 32 + readU32(span, offset + 4);
  if (value > CMAF_LIMITS.ticks) throw boxError(span, `a 64-bit field is ${value}, beyond 2^53`);
  return value;
}

/** Four characters at `offset`. */
export function readFourcc(span: BoxSpan, offset: number): string {
  const v = readU32(span, offset);
  return String.fromCharCode(v >>> 24, (v >>> 16) & 255, (v >>> 8) & 255, v & 255);
}

/** The type for an error message: unprintable characters as `?`. */
export function printableType(type: string): string {
  return type.replaceAll(/[^ -~]/g, "?");
}

/** Calls `visit` with each box in `span` from `offset` on; the child's span begins after its header. */
export function forEachBox(span: BoxSpan, offset: number, visit: (type: string, child: BoxSpan) => void): void {
  let at = offset;
  for (let count = 0; at < span.end; count++) {
    if (count === CMAF_LIMITS.boxesPerContainer) throw boxError(span, `more than ${count} boxes in it`, "limit");
    const type = readFourcc(span, at + 4);
    let size = readU32(span, at);
    let header = 8;
    if (size === 1) {
      size = readU64(span, at + 8);
      header = 16;
    }
    if (size < header || at + size > span.end) {
      throw boxError(
        { ...span, boxStart: at, path: `${span.path}/${printableType(type)}` },
        `its size ${size} does not fit`,
      );
    }
    visit(type, {
      ...span,
      boxStart: at,
      bodyStart: at + header,
      end: at + size,
      path: `${span.path}/${printableType(type)}`,
    });
    at += size;
  }
}
