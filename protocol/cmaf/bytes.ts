/** Bounds-checked reading of box fields. */
import { CmafError } from "./errors.ts";
import { LIMITS } from "./limits.ts";

/** A stretch of a box's bytes, with what an error about it must name. */
export interface Span {
  readonly bytes: Uint8Array;
  /** Where the box begins, with its header. */
  readonly at: number;
  /** Where its fields begin. */
  readonly start: number;
  readonly end: number;
  /** e.g. `moof/traf/trun`. */
  readonly path: string;
  readonly input: string;
  /** Bytes of the input before `bytes[0]`. */
  readonly base: number;
}

/** A fault in `span`'s box. */
export function boxError(span: Span, what: string, code: CmafError["code"] = "box-invalid"): CmafError {
  return new CmafError(code, what, { input: span.input, box: span.path, byteOffset: span.base + span.at });
}

/** Throws unless `span` has `length` bytes from `offset` on. */
export function need(span: Span, offset: number, length: number): void {
  if (offset + length > span.end) throw boxError(span, "the box ends before its fields", "box-truncated");
}

/** One byte at `offset` of `span.bytes`. */
export function u8(span: Span, offset: number): number {
  need(span, offset, 1);
  return span.bytes[offset] ?? 0;
}

/** Big-endian 16 bits. */
export function u16(span: Span, offset: number): number {
  need(span, offset, 2);
  return ((span.bytes[offset] ?? 0) << 8) | (span.bytes[offset + 1] ?? 0);
}

/** Big-endian 32 bits, unsigned. */
export function u32(span: Span, offset: number): number {
  need(span, offset, 4);
  const b = span.bytes;
  return (
    (((b[offset] ?? 0) << 24) | ((b[offset + 1] ?? 0) << 16) | ((b[offset + 2] ?? 0) << 8) | (b[offset + 3] ?? 0)) >>> 0
  );
}

/** Big-endian 64 bits, unsigned; throws beyond 2^53. */
export function u64(span: Span, offset: number): number {
  const value = u32(span, offset) * 2 ** 32 + u32(span, offset + 4);
  if (value > LIMITS.ticks) throw boxError(span, `a 64-bit field is ${value}, beyond 2^53`);
  return value;
}

/** Four characters at `offset`. */
export function fourcc(span: Span, offset: number): string {
  const v = u32(span, offset);
  return String.fromCharCode(v >>> 24, (v >>> 16) & 255, (v >>> 8) & 255, v & 255);
}

/** The type as an error shows it: what is not printable as `?`. */
export function printable(type: string): string {
  return type.replaceAll(/[^ -~]/g, "?");
}

/** Calls `visit` with each box in `span` from `offset` on; the child's span begins after its header. */
export function eachBox(span: Span, offset: number, visit: (type: string, child: Span) => void): void {
  let at = offset;
  for (let count = 0; at < span.end; count++) {
    if (count === LIMITS.boxesPerContainer) throw boxError(span, `more than ${count} boxes in it`, "limit");
    const type = fourcc(span, at + 4);
    let size = u32(span, at);
    let header = 8;
    if (size === 1) {
      size = u64(span, at + 8);
      header = 16;
    }
    if (size < header || at + size > span.end) {
      throw boxError({ ...span, at, path: `${span.path}/${printable(type)}` }, `its size ${size} does not fit`);
    }
    visit(type, { ...span, at, start: at + header, end: at + size, path: `${span.path}/${printable(type)}` });
    at += size;
  }
}
