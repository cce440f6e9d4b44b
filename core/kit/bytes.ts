/** Concatenation of bytes. */

/** The pieces concatenated in a copy; `byteLength` if the caller knows their sum. */
export function concatBytes(
  pieces: readonly Uint8Array[],
  byteLength: number = pieces.reduce((sum, piece) => sum + piece.byteLength, 0),
): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(byteLength);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.byteLength;
  }
  return whole;
}
