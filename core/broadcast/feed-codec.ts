/**
 * The feed's wire format. Frames: `u32 bytes` (top bit: the message continues in the next frame) and this many bytes of a
 * message, 1 MiB in total at most. Messages: `u32 header bytes, u32 body bytes, header (JSON), body`. All big-endian. A feed
 * begins with `hello` and the snapshot that it may announce; `entry` messages follow in order, `bytes` of parts that the
 * subscriber lacks, `chunks` if it asked for them, and heartbeats (`beat`).
 */

import type { AccessPolicy } from "../access/access-policy.ts";
import { concatBytes } from "../kit/bytes.ts";
import type { TrackName } from "../kit/ids.ts";
import { BROADCAST_LIMITS } from "./broadcast-limits.ts";
import type { BroadcastSnapshot, ChunkMeta, LogEntry } from "./broadcast-log.ts";
import type { TrackChunk } from "./part-chunks.ts";
import { SnapshotBuilder, type SnapshotHead, type SnapshotPieceHeader } from "./snapshot-codec.ts";
import type { StreamStatus } from "./stream-status.ts";

/** The first message, with the summary of its snapshot. */
interface HelloHeader<Snap> {
  readonly kind: "hello";
  readonly epoch: string;
  readonly offset: number;
  readonly access: AccessPolicy;
  readonly snapshot?: Snap;
}

type HelloOnWire = HelloHeader<SnapshotHead>;

type UpdateHeader =
  /**
   * Entry number `offset`; body: its bytes, or empty if the subscriber does not take that track's bytes. `isChunked`: the part's
   * bytes are the chunks that this feed has brought.
   */
  | { readonly kind: "entry"; readonly offset: number; readonly entry: LogEntry; readonly isChunked?: true }
  /** Chunks that came together, in order; body: their bytes, one after another. */
  | {
      readonly kind: "chunks";
      readonly chunks: readonly { readonly track: TrackName; readonly meta: ChunkMeta; readonly byteLength: number }[];
    }
  /** A part from before the feed began. */
  | { readonly kind: "bytes"; readonly track: TrackName; readonly msn: number; readonly part: number }
  /**
   * A heartbeat; the first one states that the subscriber has caught up. `unheardMs`: time since the sender's last word of
   * the Live object; absent at the Live object itself.
   */
  | { readonly kind: "beat"; readonly unheardMs?: number }
  /** The stream's status from the Live object; sent periodically. */
  | { readonly kind: "status"; readonly status: StreamStatus }
  /** The access policy has changed: the change, or a further piece of the hello's policy. */
  | { readonly kind: "access"; readonly access: AccessPolicy }
  /** Another broadcast has replaced this one, or the sender closes: subscribe again. */
  | { readonly kind: "bye" };

/** One message's header, as sent. */
export type FeedHeader = HelloOnWire | SnapshotPieceHeader | UpdateHeader;

/**
 * A decoded message. With a snapshot in its `hello` the subscriber starts from it, else it resumes after `offset`. That may
 * be later than its cursor: its earlier feed, which ends there, has delivered the entries between.
 */
export interface FeedMessage {
  readonly header: HelloHeader<BroadcastSnapshot> | UpdateHeader;
  readonly body: Uint8Array;
}

/** A feed that violates the format or a limit: subscribe again. */
export class FeedError extends Error {
  override readonly name = "FeedError";
}

/** Bytes of a frame before its piece, and of a message's two lengths. */
const FRAME_PREFIX_BYTES = 4;
const MESSAGE_PREFIX_BYTES = 8;
/** Set in a frame's length where the next frame continues the message. */
const CONTINUATION_FLAG = 0x8000_0000;
const FRAME_PAYLOAD_BYTES = BROADCAST_LIMITS.feedFrameBytes - FRAME_PREFIX_BYTES;
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const EMPTY = new Uint8Array(0);

/** A message's frames, concatenated. Throws `RangeError` for a message that exceeds the limits. */
export function encodeFeedMessage(header: FeedHeader, body: Uint8Array = EMPTY): Uint8Array {
  const head = encoder.encode(JSON.stringify(header));
  if (head.byteLength > BROADCAST_LIMITS.feedHeaderBytes || body.byteLength > BROADCAST_LIMITS.feedBodyBytes) {
    throw new RangeError(`a message ${header.kind} of ${head.byteLength} and ${body.byteLength} bytes`);
  }
  const whole = MESSAGE_PREFIX_BYTES + head.byteLength + body.byteLength;
  const frames = Math.ceil(whole / FRAME_PAYLOAD_BYTES);
  const sent = new Uint8Array(whole + frames * FRAME_PREFIX_BYTES);
  const view = new DataView(sent.buffer);
  // Written as a single frame, then moved apart from the end: nearly every message is a single frame.
  view.setUint32(FRAME_PREFIX_BYTES, head.byteLength);
  view.setUint32(FRAME_PREFIX_BYTES + 4, body.byteLength);
  sent.set(head, FRAME_PREFIX_BYTES + MESSAGE_PREFIX_BYTES);
  sent.set(body, FRAME_PREFIX_BYTES + MESSAGE_PREFIX_BYTES + head.byteLength);
  for (let frame = frames - 1; frame >= 0; frame -= 1) {
    const from = FRAME_PREFIX_BYTES + frame * FRAME_PAYLOAD_BYTES;
    const length = Math.min(FRAME_PAYLOAD_BYTES, FRAME_PREFIX_BYTES + whole - from);
    const at = frame * BROADCAST_LIMITS.feedFrameBytes;
    if (frame > 0) sent.copyWithin(at + FRAME_PREFIX_BYTES, from, from + length);
    view.setUint32(at, frame === frames - 1 ? length : length + CONTINUATION_FLAG);
  }
  return sent;
}

/** The message of chunks that came together. */
export function encodeChunks(chunks: readonly TrackChunk[]): Uint8Array {
  const heads = chunks.map(({ track, meta, bytes }) => ({ track, meta, byteLength: bytes.byteLength }));
  return encodeFeedMessage({ kind: "chunks", chunks: heads }, concatBytes(chunks.map(({ bytes }) => bytes)));
}

/** The chunks of a message. Throws `FeedError` if its body is not theirs. */
export function decodeChunks({ chunks }: UpdateHeader & { readonly kind: "chunks" }, body: Uint8Array): TrackChunk[] {
  let at = 0;
  const decoded = chunks.map(({ track, meta, byteLength }) => {
    at += byteLength;
    return { track, meta, bytes: body.subarray(at - byteLength, at) };
  });
  if (at !== body.byteLength) throw new FeedError("chunks whose lengths differ from the body's");
  return decoded;
}

/** Splits a byte stream into messages, for any chunking. */
export class FeedDecoder {
  #chunks: Uint8Array[] = [];
  #bufferedBytes = 0;
  /** Pieces of a message that continues. */
  #pieces: Uint8Array[] = [];
  #piecesBytes = 0;
  #openSnapshot: { readonly header: HelloOnWire; readonly snapshot: SnapshotBuilder } | null = null;

  /** The messages completed by a chunk; `hello` with its snapshot once that is complete. Throws `FeedError`. */
  decode(chunk: Uint8Array): FeedMessage[] {
    this.#chunks.push(chunk);
    this.#bufferedBytes += chunk.byteLength;
    try {
      return this.#decodeMessages();
    } catch (cause) {
      throw cause instanceof FeedError ? cause : new FeedError("a malformed message", { cause });
    }
  }

  #decodeMessages(): FeedMessage[] {
    const messages: FeedMessage[] = [];
    for (let frame = this.#nextFrame(); frame !== null; frame = this.#nextFrame()) {
      const joined = this.#joinFrame(frame.piece, frame.more);
      const message = joined === null ? null : this.#assembleSnapshot(parseMessage(joined));
      if (message !== null) messages.push(message);
    }
    return messages;
  }

  /** Whether the stream is at a message boundary. */
  get atBoundary(): boolean {
    return this.#bufferedBytes === 0 && this.#piecesBytes === 0 && this.#openSnapshot === null;
  }

  #nextFrame(): { piece: Uint8Array; more: boolean } | null {
    if (this.#bufferedBytes < FRAME_PREFIX_BYTES) return null;
    const prefix = this.#peek(FRAME_PREFIX_BYTES);
    const word = new DataView(prefix.buffer, prefix.byteOffset, FRAME_PREFIX_BYTES).getUint32(0);
    const length = word % CONTINUATION_FLAG;
    if (length > FRAME_PAYLOAD_BYTES || length === 0) throw new FeedError(`a frame of ${length} bytes`);
    const total = FRAME_PREFIX_BYTES + length;
    if (this.#bufferedBytes < total) return null;
    const piece = this.#peek(total).subarray(FRAME_PREFIX_BYTES);
    this.#skip(total);
    return { piece, more: word >= CONTINUATION_FLAG };
  }

  /** The message that a piece completes, or null. */
  #joinFrame(piece: Uint8Array, more: boolean): Uint8Array | null {
    if (!more && this.#piecesBytes === 0) return piece;
    this.#pieces.push(piece);
    this.#piecesBytes += piece.byteLength;
    if (this.#piecesBytes > MESSAGE_PREFIX_BYTES + BROADCAST_LIMITS.feedHeaderBytes + BROADCAST_LIMITS.feedBodyBytes) {
      throw new FeedError(`a message of more than ${this.#piecesBytes} bytes`);
    }
    if (more) return null;
    const whole = concatBytes(this.#pieces, this.#piecesBytes);
    this.#pieces = [];
    this.#piecesBytes = 0;
    return whole;
  }

  /** Assembles a snapshot; other messages pass, except those that must follow it. */
  #assembleSnapshot({ header, body }: { header: FeedHeader; body: Uint8Array }): FeedMessage | null {
    switch (header.kind) {
      case "hello": {
        const { snapshot: head, ...hello } = header;
        if (this.#openSnapshot !== null) throw new FeedError("a second hello within a snapshot");
        if (head === undefined) return { header: hello, body };
        this.#openSnapshot = { header, snapshot: new SnapshotBuilder(head, header.offset) };
        return null;
      }
      case "init":
      case "past":
      case "tail":
        if (this.#openSnapshot?.snapshot.addPiece(header, body) !== true)
          throw new FeedError(`${header.kind} that does not fit the snapshot`);
        return null;
      case "whole": {
        const snapshot = this.#openSnapshot?.snapshot.build() ?? null;
        if (this.#openSnapshot === null || snapshot === null) throw new FeedError("an incomplete snapshot");
        const { kind, epoch, offset, access } = this.#openSnapshot.header;
        this.#openSnapshot = null;
        return { header: { kind, epoch, offset, access, snapshot }, body };
      }
      case "entry":
      case "bytes":
      case "chunks":
      case "beat":
        if (this.#openSnapshot !== null) throw new FeedError(`${header.kind} within a snapshot`);
        return { header, body };
      default:
        return { header, body };
    }
  }

  /** The first `length` bytes as one array; joins chunks only where necessary. */
  #peek(length: number): Uint8Array {
    const first = this.#chunks[0] ?? EMPTY;
    if (first.byteLength >= length) return first.subarray(0, length);
    const joined = concatBytes(this.#chunks, this.#bufferedBytes);
    this.#chunks = [joined];
    return joined.subarray(0, length);
  }

  #skip(length: number): void {
    const first = this.#chunks[0] ?? EMPTY;
    this.#bufferedBytes -= length;
    if (first.byteLength === length) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(length);
  }
}

/** A message's header and body. Throws `FeedError`. */
function parseMessage(message: Uint8Array): { header: FeedHeader; body: Uint8Array } {
  if (message.byteLength < MESSAGE_PREFIX_BYTES) throw new FeedError("a message shorter than its prefix");
  const view = new DataView(message.buffer, message.byteOffset, MESSAGE_PREFIX_BYTES);
  const [headBytes, bodyBytes] = [view.getUint32(0), view.getUint32(4)];
  if (headBytes > BROADCAST_LIMITS.feedHeaderBytes) throw new FeedError(`a header of ${headBytes} bytes`);
  if (bodyBytes > BROADCAST_LIMITS.feedBodyBytes) throw new FeedError(`a body of ${bodyBytes} bytes`);
  const bodyAt = MESSAGE_PREFIX_BYTES + headBytes;
  if (message.byteLength !== bodyAt + bodyBytes) throw new FeedError("a message whose length differs from its prefix");
  // A copy, so that a kept part does not retain the whole chunk.
  return { header: parseHeader(message.subarray(MESSAGE_PREFIX_BYTES, bodyAt)), body: message.slice(bodyAt) };
}

const HEADER_KINDS: ReadonlySet<unknown> = new Set<FeedHeader["kind"]>([
  "hello",
  "init",
  "past",
  "tail",
  "whole",
  "entry",
  "bytes",
  "chunks",
  "beat",
  "status",
  "access",
  "bye",
]);

/** Feeds come only from our own objects: valid JSON of a known kind is trusted. */
function parseHeader(bytes: Uint8Array): FeedHeader {
  let header: unknown;
  try {
    header = JSON.parse(decoder.decode(bytes));
  } catch (cause) {
    throw new FeedError("a header that is not JSON", { cause });
  }
  if (typeof header !== "object" || header === null || !HEADER_KINDS.has((header as { kind?: unknown }).kind)) {
    throw new FeedError("a message of an unknown kind");
  }
  return header as FeedHeader;
}
