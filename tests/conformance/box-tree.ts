/** Walks ISO BMFF boxes. */

/** A box's place: `body` is the offset after its header. */
export interface BoxRange {
  readonly type: string;
  readonly start: number;
  readonly body: number;
  readonly end: number;
}

/** The four characters at an offset. */
export const fourccAt = (view: DataView, at: number): string =>
  String.fromCharCode(...[0, 1, 2, 3].map((offset) => view.getUint8(at + offset)));

/** The boxes between two offsets; stops at the first that doesn't fit. */
export function* walkBoxes(view: DataView, start = 0, end: number = view.byteLength): Generator<BoxRange> {
  let at = start;
  while (at + 8 <= end) {
    let size = view.getUint32(at);
    let head = 8;
    if (size === 1 && at + 16 <= end) {
      size = Number(view.getBigUint64(at + 8));
      head = 16;
    } else if (size === 0) size = end - at;
    if (size < head) return;
    yield { type: fourccAt(view, at + 4), start: at, body: at + head, end: Math.min(at + size, end) };
    at += size;
  }
}

/** The first box at `path` between two offsets. */
export function findBox(
  view: DataView,
  path: readonly string[],
  start = 0,
  end: number = view.byteLength,
): BoxRange | null {
  const [type, ...rest] = path;
  for (const box of walkBoxes(view, start, end)) {
    if (box.type !== type) continue;
    return rest.length === 0 ? box : findBox(view, rest, box.body, box.end);
  }
  return null;
}

/** The bytes as a view. */
export const dataViewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
