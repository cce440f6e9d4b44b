/**
 * A gzip body of separately compressed pieces: deflate blocks (RFC 1951) are independent if none refers back beyond its
 * piece, so the unchanged pieces of a long playlist are compressed once and joined with the few new ones.
 */
import { constants, crc32, deflateRawSync } from "node:zlib";

/** A compressed piece, which ends at a byte boundary and without a final block. */
export interface DeflatedPiece {
  readonly blocks: Uint8Array;
  /** Of the uncompressed bytes. */
  readonly crc: number;
  readonly byteLength: number;
}

/** RFC 1952 §2.3: deflate, no name, no time, unknown system. */
const GZIP_HEADER = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
/** RFC 1951 §3.2.6: an empty final block. */
const LAST_BLOCK = [3, 0];
const TRAILER_BYTES = 8;

/** A piece, compressed. */
export function compressPiece(bytes: Uint8Array, level: number): DeflatedPiece {
  const blocks = deflateRawSync(bytes, { level, finishFlush: constants.Z_SYNC_FLUSH });
  return { blocks, crc: crc32(bytes), byteLength: bytes.byteLength };
}

/** The gzip body of consecutive pieces. */
export function joinGzipPieces(pieces: readonly DeflatedPiece[]): Uint8Array {
  const blocksBytes = pieces.reduce((sum, { blocks }) => sum + blocks.byteLength, 0);
  const body = new Uint8Array(GZIP_HEADER.length + blocksBytes + LAST_BLOCK.length + TRAILER_BYTES);
  body.set(GZIP_HEADER);
  let at = GZIP_HEADER.length;
  let [crc, byteLength] = [0, 0];
  for (const piece of pieces) {
    body.set(piece.blocks, at);
    at += piece.blocks.byteLength;
    crc = combineCrc32(crc, piece.crc, piece.byteLength);
    byteLength += piece.byteLength;
  }
  body.set(LAST_BLOCK, at);
  const trailer = new DataView(body.buffer, at + LAST_BLOCK.length);
  trailer.setUint32(0, crc, true);
  trailer.setUint32(4, byteLength, true);
  return body;
}

/** CRC-32's polynomial and the powers 0 and 8 of x, each with its highest power in the lowest bit. */
const POLYNOMIAL = 0xedb8_8320;
const POLYNOMIAL_ONE = 0x8000_0000;
const POLYNOMIAL_X8 = 0x0080_0000;

/** The CRC-32 of two concatenated runs of bytes from their CRCs; the second has `byteLength`. */
function combineCrc32(first: number, second: number, byteLength: number): number {
  let shift = POLYNOMIAL_ONE;
  for (let [left, power] = [byteLength, POLYNOMIAL_X8]; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) shift = multiplyPolynomials(shift, power);
    power = multiplyPolynomials(power, power);
  }
  return (multiplyPolynomials(first, shift) ^ second) >>> 0;
}

/** The product modulo the polynomial. */
function multiplyPolynomials(a: number, b: number): number {
  let product = 0;
  let shifted = b;
  for (let bit = 31; bit >= 0; bit -= 1) {
    if ((a >>> bit) & 1) product ^= shifted;
    shifted = shifted & 1 ? (shifted >>> 1) ^ POLYNOMIAL : shifted >>> 1;
  }
  return product >>> 0;
}
