/** What one viewer by flow gets, against what was published: every byte, and the order of the parts. */

/** Longest line of a part's text. */
const LINE_BYTES = 128;

/** A part's name, as its first line says. */
export interface PublishedPart {
  readonly track: string;
  /** Number of the part since the beginning of the broadcast. */
  readonly index: number;
}

/** What a check reports. */
export interface FlowCheckHandler {
  /** The text that was published as this part. */
  textOf(part: PublishedPart): Buffer;
  /** The part has come whole, after this many that were left out; -1: it is its track's first. */
  partCame(part: PublishedPart, skipped: number): void;
  wrongBytes(count: number): void;
}

/** Reads the boxes of a response, and compares each `mdat` with the part that it names. */
export class FlowCheck {
  readonly #partsPerSegment: number;
  readonly #handler: FlowCheckHandler;
  #head: Buffer = Buffer.alloc(0);
  /** Bytes of the current box that are to come. */
  #left = 0;
  #body: Buffer[] | null = null;
  readonly #last = new Map<string, number>();

  constructor(partsPerSegment: number, handler: FlowCheckHandler) {
    this.#partsPerSegment = partsPerSegment;
    this.#handler = handler;
  }

  /** Takes the next bytes of the response, in any pieces. */
  take(chunk: Buffer): void {
    let bytes = chunk;
    while (bytes.length > 0) bytes = this.#left === 0 ? this.#readHeader(bytes) : this.#readBody(bytes);
  }

  #readHeader(bytes: Buffer): Buffer {
    const missing = 8 - this.#head.length;
    this.#head = Buffer.concat([this.#head, bytes.subarray(0, missing)]);
    if (this.#head.length < 8) return bytes.subarray(missing);
    this.#left = this.#head.readUInt32BE(0) - 8;
    this.#body = this.#head.toString("latin1", 4, 8) === "mdat" ? [] : null;
    this.#head = Buffer.alloc(0);
    return bytes.subarray(missing);
  }

  #readBody(bytes: Buffer): Buffer {
    const piece = bytes.subarray(0, this.#left);
    this.#left -= piece.length;
    this.#body?.push(piece);
    if (this.#left === 0 && this.#body !== null) this.#compare(this.#body);
    return bytes.subarray(piece.length);
  }

  #compare(pieces: readonly Buffer[]): void {
    const [first = Buffer.alloc(0)] = pieces;
    const head = first.length >= LINE_BYTES ? first : Buffer.concat(pieces);
    const part = this.#nameOf(head);
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    if (part === null) {
      this.#handler.wrongBytes(length);
      return;
    }
    const text = this.#handler.textOf(part);
    let at = 0;
    for (const piece of pieces) {
      if (!text.subarray(at, at + piece.length).equals(piece)) this.#handler.wrongBytes(piece.length);
      at += piece.length;
    }
    if (at !== text.length) this.#handler.wrongBytes(Math.abs(at - text.length));
    const last = this.#last.get(part.track);
    this.#last.set(part.track, part.index);
    this.#handler.partCame(part, last === undefined ? -1 : part.index - last - 1);
  }

  #nameOf(head: Buffer): PublishedPart | null {
    const line = head.toString("latin1", 0, LINE_BYTES);
    const [, track, msn, part] = /^corral (\S+) (\d+)\.(\d+) /.exec(line) ?? [];
    return track === undefined ? null : { track, index: Number(msn) * this.#partsPerSegment + Number(part) };
  }
}
