/** Splits a byte stream into its top-level boxes. */
import { printableType } from "./bytes.ts";
import { CmafError } from "./errors.ts";
import { CMAF_LIMITS } from "./limits.ts";

/** One whole top-level box. */
export interface TopLevelBox {
  readonly type: string;
  /** The box with its header; a copy that the caller owns. */
  readonly bytes: Uint8Array;
  /** 8 or 16. */
  readonly headerBytes: number;
  /** Offset in the stream. */
  readonly offset: number;
}

const TOP_LEVEL_TYPES: ReadonlySet<string> = new Set([
  ...["ftyp", "styp", "moov", "moof", "mdat", "mfra"],
  ...["sidx", "free", "skip", "emsg", "prft", "uuid"],
]);

/** Incremental splitter: time and memory are linear in the input, and memory is bounded by `LIMITS`. */
export class BoxSplitter {
  readonly #input: string;
  /** Bytes of the current box; grows by doubling, so a size field alone reserves nothing. */
  #buffer: Uint8Array = new Uint8Array(1024);
  #length = 0;
  /** Size of the current box; 0 while its header is incomplete. */
  #size = 0;
  #headerBytes = 0;
  #type = "";
  #offset = 0;

  /** `input` names the stream in errors. */
  constructor(input = "input") {
    this.#input = input;
  }

  /** The boxes that `chunk` completes. Throws `CmafError` on a box that is too large, malformed or of an unknown type. */
  push(chunk: Uint8Array): TopLevelBox[] {
    const boxes: TopLevelBox[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (this.#size === 0) {
        const wanted = this.#headerBytes === 16 ? 16 : 8;
        at += this.#fillBuffer(chunk, at, wanted);
        if (this.#length < wanted) break;
        this.#readHeader();
      } else {
        at += this.#fillBuffer(chunk, at, this.#size);
      }
      if (this.#size !== 0 && this.#length === this.#size) boxes.push(this.#completeBox());
    }
    return boxes;
  }

  /** Throws if the stream ends within a box. */
  end(): void {
    if (this.#length === 0) return;
    const box = this.#size === 0 ? "header" : this.#type;
    const what = `the stream ended after ${this.#length} of ${this.#size || "8"} bytes`;
    throw this.#error("box-truncated", what, box);
  }

  #fillBuffer(chunk: Uint8Array, at: number, until: number): number {
    const count = Math.min(until - this.#length, chunk.length - at);
    const length = this.#length + count;
    if (length > this.#buffer.length) {
      const larger = new Uint8Array(Math.min(Math.max(length, this.#buffer.length * 2), Math.max(until, length)));
      larger.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = larger;
    }
    this.#buffer.set(chunk.subarray(at, at + count), this.#length);
    this.#length = length;
    return count;
  }

  #readHeader(): void {
    const view = new DataView(this.#buffer.buffer);
    const raw = String.fromCharCode(...this.#buffer.subarray(4, 8));
    this.#type = printableType(raw);
    if (!TOP_LEVEL_TYPES.has(raw)) throw this.#error("box-unexpected", "no such box belongs here", this.#type);
    let size = view.getUint32(0);
    if (size === 1) {
      if (this.#length < 16) {
        this.#headerBytes = 16;
        return;
      }
      size = view.getUint32(8) * 2 ** 32 + view.getUint32(12);
    } else this.#headerBytes = 8;
    if (size === 0) throw this.#error("box-invalid", "a box without a size cannot end in a live stream", this.#type);
    if (size < this.#headerBytes) throw this.#error("box-invalid", `its size ${size} is below its header`, this.#type);
    const limit = raw === "mdat" ? CMAF_LIMITS.mdatBytes : CMAF_LIMITS.boxBytes;
    if (size > limit) throw this.#error("box-too-large", `its size ${size} is over the limit of ${limit}`, this.#type);
    this.#size = size;
  }

  #completeBox(): TopLevelBox {
    const bytes = this.#buffer.slice(0, this.#size);
    const box: TopLevelBox = { type: this.#type, bytes, headerBytes: this.#headerBytes, offset: this.#offset };
    this.#offset += this.#size;
    this.#length = 0;
    this.#size = 0;
    this.#headerBytes = 0;
    return box;
  }

  #error(code: CmafError["code"], what: string, box: string): CmafError {
    return new CmafError(code, what, { input: this.#input, box, byteOffset: this.#offset });
  }
}
