/** The chunk stream, receiving side: bytes in any pieces to whole messages (RTMP 1.0, section 5.3). */
import { RTMP_LIMITS } from "./limits.ts";
import { RtmpError } from "./rtmp-error.ts";

/** One RTMP message. */
export interface RtmpMessage {
  readonly type: number;
  readonly streamId: number;
  /** Milliseconds, modulo 2^32. */
  readonly timestamp: number;
  /** Owned by the receiver: shares no memory with the input. */
  readonly payload: Uint8Array;
}

/** Types of messages (sections 5.4 and 7.1). */
export const MESSAGE_TYPES = {
  setChunkSize: 1,
  abort: 2,
  acknowledgement: 3,
  userControl: 4,
  windowAckSize: 5,
  setPeerBandwidth: 6,
  audio: 8,
  video: 9,
  dataAmf3: 15,
  commandAmf3: 17,
  dataAmf0: 18,
  commandAmf0: 20,
} as const;

/** Chunk size of both sides until they set another. */
export const DEFAULT_CHUNK_BYTES = 128;
/** A timestamp field with this value is followed by an extended timestamp. */
export const EXTENDED_TIMESTAMP = 0xffffff;

/** First allocation for a message: a length alone reserves no more. */
const FIRST_ALLOCATION_BYTES = 1_024;
/** Bytes of the message header by chunk type. */
const MESSAGE_HEADER_BYTES: readonly number[] = [11, 7, 3, 0];
/** 3 of the basic header, 11 of the message header, 4 of the extended timestamp. */
const MAX_HEADER_BYTES = 18;

/** The state of a chunk stream: its last header, and the message under way. */
interface ChunkStream {
  /** Timestamp or delta of the last header that has one. */
  timestampField: number;
  isExtended: boolean;
  timestamp: number;
  length: number;
  type: number;
  streamId: number;
  /** Null between messages. */
  partial: Uint8Array | null;
  received: number;
}

/** Reads chunks. Throws `RtmpError` on input that is invalid or exceeds `RTMP_LIMITS`, and must not be used afterwards. */
export class ChunkReader {
  /** Bytes that one message may have. */
  maxMessageBytes: number = RTMP_LIMITS.commandBytes;
  readonly #streams = new Map<number, ChunkStream>();
  readonly #header = new Uint8Array(MAX_HEADER_BYTES);
  #headerLength = 0;
  #chunkBytes = DEFAULT_CHUNK_BYTES;
  /** The chunk stream whose chunk payload is being read, null within headers. */
  #current: ChunkStream | null = null;
  #chunkLeft = 0;
  #partialBytes = 0;

  /** Bytes allocated for incomplete messages. */
  get partialBytes(): number {
    return this.#partialBytes;
  }

  /** Reads the next bytes; yields the messages that become complete, except those that concern this layer alone. */
  *read(bytes: Uint8Array): Generator<RtmpMessage, void, undefined> {
    for (let at = 0; at < bytes.length; ) {
      if (this.#current === null) {
        this.#header[this.#headerLength++] = bytes[at++] ?? 0;
        const payload = this.#readHeader();
        if (payload !== null) yield* this.read(payload);
      } else {
        const end = Math.min(bytes.length, at + this.#chunkLeft);
        this.#append(this.#current, bytes.subarray(at, end));
        this.#chunkLeft -= end - at;
        at = end;
      }
      if (this.#current !== null && this.#chunkLeft === 0) {
        const message = this.#endChunk(this.#current);
        this.#current = null;
        if (message !== null) yield message;
      }
    }
  }

  /** Begins a chunk once its header is complete. Returns bytes that turned out to be payload, or null. */
  #readHeader(): Uint8Array | null {
    const header = this.#header;
    const format = (header[0] ?? 0) >> 6;
    const shortId = (header[0] ?? 0) & 63;
    // "Chunk stream IDs 64-319 may be represented in the 2-byte form"; 1 in the low bits announces the 3-byte form.
    const basicBytes = shortId === 0 ? 2 : shortId === 1 ? 3 : 1;
    const fieldsEnd = basicBytes + (MESSAGE_HEADER_BYTES[format] ?? 0);
    if (this.#headerLength < fieldsEnd) return null;
    const id = shortId > 1 ? shortId : 64 + (header[1] ?? 0) + (shortId === 1 ? (header[2] ?? 0) * 256 : 0);
    const known = this.#streams.get(id);
    const field = format === 3 ? known?.timestampField : this.#headerNumber(basicBytes, 3);
    const isExtended = format === 3 ? known?.isExtended === true : field === EXTENDED_TIMESTAMP;
    if (this.#headerLength < fieldsEnd + (isExtended ? 4 : 0)) return null;

    const stream = known ?? this.#open(id, format);
    const extended = isExtended ? this.#headerNumber(fieldsEnd, 4) : null;
    this.#headerLength = 0;
    if (stream.partial !== null) {
      if (format !== 3) throw new RtmpError("A message begins within another of its chunk stream.");
      // "This field is present in Type 3 chunks when the most recent Type 0, 1, or 2 chunk … indicated" it. Some
      // encoders leave it out: then these bytes are payload.
      const isRepeated = extended === null || extended === stream.timestampField || extended === stream.timestamp;
      this.#begin(stream);
      return isRepeated ? null : header.slice(fieldsEnd, fieldsEnd + 4);
    }
    stream.isExtended = isExtended;
    stream.timestampField = extended ?? field ?? 0;
    stream.timestamp = format === 0 ? stream.timestampField : (stream.timestamp + stream.timestampField) % 2 ** 32;
    if (format < 2) {
      stream.length = this.#headerNumber(basicBytes + 3, 3);
      stream.type = header[basicBytes + 6] ?? 0;
    }
    // The only little-endian field.
    if (format === 0) stream.streamId = new DataView(header.buffer).getUint32(basicBytes + 7, true);
    if (stream.length > this.maxMessageBytes) {
      throw new RtmpError(`A message of ${stream.length} bytes exceeds the limit of ${this.maxMessageBytes}.`);
    }
    stream.partial = new Uint8Array(0);
    stream.received = 0;
    this.#begin(stream);
    return null;
  }

  #headerNumber(at: number, length: number): number {
    let value = 0;
    for (let i = at; i < at + length; i++) value = value * 256 + (this.#header[i] ?? 0);
    return value;
  }

  #open(id: number, format: number): ChunkStream {
    // librtmp begins the control stream with type 1, whose stream id is then 0.
    if (format > 1) throw new RtmpError("A chunk stream begins without a message header.");
    if (this.#streams.size === RTMP_LIMITS.chunkStreams) {
      throw new RtmpError(`More than ${RTMP_LIMITS.chunkStreams} chunk streams are in use.`);
    }
    const stream: ChunkStream = {
      timestampField: 0,
      isExtended: false,
      timestamp: 0,
      length: 0,
      type: 0,
      streamId: 0,
      partial: null,
      received: 0,
    };
    this.#streams.set(id, stream);
    return stream;
  }

  #begin(stream: ChunkStream): void {
    this.#current = stream;
    this.#chunkLeft = Math.min(this.#chunkBytes, stream.length - stream.received);
  }

  #append(stream: ChunkStream, bytes: Uint8Array): void {
    const old = stream.partial ?? new Uint8Array(0);
    const needed = stream.received + bytes.length;
    if (needed > old.length) {
      const capacity = Math.min(stream.length, Math.max(needed, 2 * old.length, FIRST_ALLOCATION_BYTES));
      this.#partialBytes += capacity - old.length;
      if (this.#partialBytes > RTMP_LIMITS.partialBytes) {
        throw new RtmpError(`Incomplete messages exceed the limit of ${RTMP_LIMITS.partialBytes} bytes.`);
      }
      stream.partial = new Uint8Array(capacity);
      stream.partial.set(old.subarray(0, stream.received));
    }
    stream.partial?.set(bytes, stream.received);
    stream.received = needed;
  }

  /** The message that the chunk completes, or null. */
  #endChunk(stream: ChunkStream): RtmpMessage | null {
    if (stream.received < stream.length) return null;
    const { type, streamId, timestamp, partial } = stream;
    const payload = partial ?? new Uint8Array(0);
    this.#drop(stream);
    if (type === MESSAGE_TYPES.setChunkSize) this.#setChunkSize(controlNumber(payload));
    else if (type === MESSAGE_TYPES.abort) this.#abort(controlNumber(payload));
    else return { type, streamId, timestamp, payload };
    return null;
  }

  #drop(stream: ChunkStream): void {
    this.#partialBytes -= stream.partial?.length ?? 0;
    stream.partial = null;
    stream.received = 0;
  }

  #setChunkSize(bytes: number): void {
    // "The first bit MUST be zero."
    if (bytes < RTMP_LIMITS.minChunkBytes || bytes >= 2 ** 31) {
      throw new RtmpError(`A chunk size of ${bytes} bytes is outside ${RTMP_LIMITS.minChunkBytes} to 2147483647.`);
    }
    this.#chunkBytes = Math.min(bytes, RTMP_LIMITS.maxChunkBytes);
  }

  /** "Abort Message … to discard the partially received message over a chunk stream". */
  #abort(id: number): void {
    const stream = this.#streams.get(id);
    if (stream !== undefined) this.#drop(stream);
  }
}

/** The 32 bits of a protocol control message. */
export function controlNumber(payload: Uint8Array): number {
  if (payload.length < 4) throw new RtmpError("A protocol control message has fewer than 4 bytes.");
  return new DataView(payload.buffer, payload.byteOffset, 4).getUint32(0);
}
