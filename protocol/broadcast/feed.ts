/**
 * The feed's wire format: frames of `u32 header bytes, u32 body bytes, header (JSON), body`, big-endian. A feed begins
 * with `hello`; then come `entry` frames in order, `bytes` of parts that the subscriber lacks, and a `beat` now and then.
 */
import type { Access } from "../access.ts";
import type { TrackName } from "../ids.ts";
import type { StreamStatus } from "../status.ts";
import { LIMITS } from "./limits.ts";
import type { Entry } from "./log.ts";
import type { Snapshot } from "./replica.ts";

/** One frame's header. */
export type FeedHeader =
  /**
   * First frame. With a snapshot (body: init sections) the subscriber starts anew, else it goes on from `offset`. That
   * may be later than what it asked for: what lies between has gone into its earlier feed, which ends with it.
   */
  | {
      readonly kind: "hello";
      readonly epoch: string;
      readonly offset: number;
      readonly access: Access;
      readonly snapshot?: Snapshot;
    }
  /** Entry number `offset`; body: its bytes, or empty where the subscriber doesn't take that track's bytes. */
  | { readonly kind: "entry"; readonly offset: number; readonly entry: Entry }
  /** A part from before the feed began. */
  | { readonly kind: "bytes"; readonly track: TrackName; readonly msn: number; readonly part: number }
  /** All that the subscriber lacked has been sent; later: the feed is alive though nothing happens. */
  | { readonly kind: "beat" }
  /** The stream's state and counters, as the Live object sees them; sent now and then. */
  | { readonly kind: "status"; readonly status: StreamStatus }
  /** Who may watch has changed. */
  | { readonly kind: "access"; readonly access: Access }
  /** Another broadcast took this one's place, or the sender must go: subscribe again. */
  | { readonly kind: "bye" };

/** A frame as read. */
export interface FeedFrame {
  readonly header: FeedHeader;
  readonly body: Uint8Array;
}

/** A feed that breaks the format or a limit; subscribe again. */
export class FeedError extends Error {
  override readonly name = "FeedError";
}

const PREFIX = 8;
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const EMPTY = new Uint8Array(0);

/** A frame's bytes. */
export function encodeFrame(header: FeedHeader, body: Uint8Array = EMPTY): Uint8Array {
  const head = encoder.encode(JSON.stringify(header));
  const frame = new Uint8Array(PREFIX + head.byteLength + body.byteLength);
  const view = new DataView(frame.buffer);
  view.setUint32(0, head.byteLength);
  view.setUint32(4, body.byteLength);
  frame.set(head, PREFIX);
  frame.set(body, PREFIX + head.byteLength);
  return frame;
}

/** Cuts a byte stream into frames, whatever its chunks are. */
export class FeedReader {
  #chunks: Uint8Array[] = [];
  #held = 0;

  /** The frames that are whole now. Throws `FeedError`. */
  push(chunk: Uint8Array): FeedFrame[] {
    this.#chunks.push(chunk);
    this.#held += chunk.byteLength;
    const frames: FeedFrame[] = [];
    for (let frame = this.#next(); frame !== null; frame = this.#next()) frames.push(frame);
    return frames;
  }

  /** Whether the stream could end here without losing a frame. */
  get atBoundary(): boolean {
    return this.#held === 0;
  }

  #next(): FeedFrame | null {
    if (this.#held < PREFIX) return null;
    const prefix = this.#peek(PREFIX);
    const view = new DataView(prefix.buffer, prefix.byteOffset, PREFIX);
    const headBytes = view.getUint32(0);
    const bodyBytes = view.getUint32(4);
    if (headBytes > LIMITS.feedHeaderBytes) throw new FeedError(`frame header of ${headBytes} bytes`);
    if (bodyBytes > LIMITS.feedBodyBytes) throw new FeedError(`frame body of ${bodyBytes} bytes`);
    const total = PREFIX + headBytes + bodyBytes;
    if (this.#held < total) return null;
    const frame = this.#peek(total);
    this.#skip(total);
    return {
      header: parseHeader(frame.subarray(PREFIX, PREFIX + headBytes)),
      // A copy of its own, so that a kept part doesn't hold the whole chunk.
      body: frame.slice(PREFIX + headBytes),
    };
  }

  /** The first `length` bytes as one array; joins chunks only where it must. */
  #peek(length: number): Uint8Array {
    const first = this.#chunks[0] ?? EMPTY;
    if (first.byteLength >= length) return first.subarray(0, length);
    const joined = new Uint8Array(this.#held);
    let at = 0;
    for (const chunk of this.#chunks) {
      joined.set(chunk, at);
      at += chunk.byteLength;
    }
    this.#chunks = [joined];
    return joined.subarray(0, length);
  }

  #skip(length: number): void {
    const first = this.#chunks[0] ?? EMPTY;
    this.#held -= length;
    if (first.byteLength === length) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(length);
  }
}

const KINDS: ReadonlySet<unknown> = new Set(["hello", "entry", "bytes", "beat", "status", "access", "bye"]);

/** Feeds come only from our own objects: the shape is trusted once it is JSON of a known kind. */
function parseHeader(bytes: Uint8Array): FeedHeader {
  let header: unknown;
  try {
    header = JSON.parse(decoder.decode(bytes));
  } catch (cause) {
    throw new FeedError("frame header is not JSON", { cause });
  }
  if (typeof header !== "object" || header === null || !KINDS.has((header as { kind?: unknown }).kind)) {
    throw new FeedError("frame of an unknown kind");
  }
  return header as FeedHeader;
}
