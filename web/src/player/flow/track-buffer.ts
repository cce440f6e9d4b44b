/** A SourceBuffer with a queue: it takes one operation at a time. */
import { concatBytes, isSameBytes } from "../../../../core/kit/bytes.ts";

/** Limits of a buffer, each with its reason. */
const TRACK_BUFFER_LIMITS = {
  /** Media further behind the playhead is removed, in steps: each removal costs a pass over the buffer. */
  keepS: 10,
  stepS: 5,
  /** What is kept when the browser's quota is reached. */
  leastS: 2,
  /** Bytes that wait: some seconds of the largest rendition. More means that the browser does not take them. */
  queuedBytes: 64_000_000,
} as const;

type BufferTask =
  | { readonly kind: "append"; readonly bytes: Uint8Array }
  | { readonly kind: "type"; readonly mime: string }
  | { readonly kind: "remove"; readonly untilS: number };

/** See the file's first line. */
export class TrackBuffer {
  readonly #buffer: SourceBuffer;
  readonly #playheadS: () => number;
  readonly #onFailure: () => void;
  #queue: BufferTask[] = [];
  #queuedBytes = 0;
  #mime: string;
  #init: Uint8Array | null = null;
  #isOverQuota = false;
  #isClosed = false;

  /** `onFailure`: the browser refuses the media. */
  constructor(buffer: SourceBuffer, mime: string, playheadS: () => number, onFailure: () => void) {
    this.#buffer = buffer;
    this.#mime = mime;
    this.#playheadS = playheadS;
    this.#onFailure = onFailure;
    buffer.addEventListener("updateend", () => this.#run());
    buffer.addEventListener("error", () => this.#fail());
  }

  /** Whether everything has been appended. */
  get isIdle(): boolean {
    return this.#queue.length === 0 && !this.#buffer.updating;
  }

  /** The init section of the media that follows; nothing if it is the same as before. */
  useInit(mime: string, bytes: Uint8Array): void {
    if (this.#init !== null && this.#mime === mime && isSameBytes(this.#init, bytes)) return;
    if (this.#mime !== mime) this.#queue.push({ kind: "type", mime });
    this.#mime = mime;
    this.#init = bytes;
    this.append(bytes);
  }

  /** Appends a part. */
  append(bytes: Uint8Array): void {
    this.#queuedBytes += bytes.byteLength;
    if (this.#queuedBytes > TRACK_BUFFER_LIMITS.queuedBytes) {
      this.#fail();
      return;
    }
    this.#queue.push({ kind: "append", bytes });
    this.#run();
  }

  /** Removes what lies far behind the playhead. */
  evict(): void {
    const { keepS, stepS } = TRACK_BUFFER_LIMITS;
    const { buffered } = this.#buffer;
    const untilS = this.#playheadS() - keepS;
    if (buffered.length === 0 || buffered.start(0) > untilS - stepS || this.#queue.length > 0) return;
    this.#queue.push({ kind: "remove", untilS });
    this.#run();
  }

  /** Nothing is called back or appended any more. */
  close(): void {
    this.#isClosed = true;
    this.#queue = [];
  }

  #run(): void {
    if (this.#isClosed || this.#buffer.updating) return;
    const task = this.#queue[0];
    if (task === undefined) return;
    try {
      if (task.kind === "type") {
        this.#buffer.changeType(task.mime);
        this.#queue.shift();
        this.#run();
      } else if (task.kind === "remove") {
        this.#queue.shift();
        this.#buffer.remove(0, task.untilS);
      } else this.#append();
    } catch (error) {
      this.#onError(error);
    }
  }

  /** Appends all parts that wait, at once. */
  #append(): void {
    const end = this.#queue.findIndex(({ kind }) => kind !== "append");
    const parts = this.#queue.slice(0, end === -1 ? this.#queue.length : end);
    const bytes = concatBytes(parts.flatMap((part) => (part.kind === "append" ? [part.bytes] : [])));
    this.#buffer.appendBuffer(bytes);
    this.#queue.splice(0, parts.length);
    this.#queuedBytes -= bytes.byteLength;
    this.#isOverQuota = false;
  }

  #onError(error: unknown): void {
    const isFull = error instanceof DOMException && error.name === "QuotaExceededError";
    const untilS = this.#playheadS() - TRACK_BUFFER_LIMITS.leastS;
    if (!isFull || this.#isOverQuota || untilS <= 0) {
      this.#fail();
      return;
    }
    this.#isOverQuota = true;
    this.#queue.unshift({ kind: "remove", untilS });
    this.#run();
  }

  #fail(): void {
    if (this.#isClosed) return;
    this.close();
    this.#onFailure();
  }
}
