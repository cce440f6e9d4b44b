/**
 * Chunks of any tracks in one request: `u32 header bytes`, the header (JSON: an array of `{ track, meta, byteLength }`), then
 * their bytes, one after another. Big-endian.
 */
import { BROADCAST_LIMITS } from "../broadcast/broadcast-limits.ts";
import type { ChunkMeta, PartMeta } from "../broadcast/broadcast-log.ts";
import type { TrackChunk } from "../broadcast/part-chunks.ts";
import { concatBytes } from "../kit/bytes.ts";
import { parseTrackName, type TrackName } from "../kit/ids.ts";
import { MAX_MSN, PUBLISH_LIMITS } from "./publish-limits.ts";
import {
  asJsonFields,
  isIntegerBetween,
  type JsonFields,
  parseJsonFields,
  parseSegmentStart,
} from "./publish-request.ts";

const encoder = new TextEncoder();
const PREFIX_BYTES = 4;

/** The body of a request with these chunks. */
export function encodeChunkBundle(chunks: readonly TrackChunk[]): Uint8Array {
  const heads = chunks.map(({ track, meta, bytes }) => ({ track, meta, byteLength: bytes.byteLength }));
  const head = encoder.encode(JSON.stringify(heads));
  const prefix = new Uint8Array(PREFIX_BYTES);
  new DataView(prefix.buffer).setUint32(0, head.byteLength);
  return concatBytes([prefix, head, ...chunks.map(({ bytes }) => bytes)]);
}

/** The chunks of a request's body, or a sentence with the error. Their bytes are views of the body. */
export function parseChunkBundle(body: Uint8Array): TrackChunk[] | string {
  const headBytes = body.byteLength < PREFIX_BYTES ? 0 : new DataView(body.buffer, body.byteOffset).getUint32(0);
  if (headBytes > PUBLISH_LIMITS.chunkHeaderBytes || PREFIX_BYTES + headBytes > body.byteLength)
    return `The header has at most ${PUBLISH_LIMITS.chunkHeaderBytes} bytes, and the body has all of it.`;
  let at = PREFIX_BYTES + headBytes;
  const heads = parseJsonFields(`{"chunks":${new TextDecoder().decode(body.subarray(PREFIX_BYTES, at))}}`)?.["chunks"];
  if (!Array.isArray(heads) || heads.length === 0 || heads.length > PUBLISH_LIMITS.chunksPerRequest)
    return `The header is a JSON array of 1 to ${PUBLISH_LIMITS.chunksPerRequest} chunks.`;
  const chunks: TrackChunk[] = [];
  for (const each of heads) {
    const fields = asJsonFields(each);
    const track = typeof fields?.["track"] === "string" ? parseTrackName(fields["track"]) : null;
    const meta = parseChunkMeta(asJsonFields(fields?.["meta"]));
    const byteLength = fields?.["byteLength"];
    if (track === null || meta === null || !isIntegerBetween(byteLength, 1, BROADCAST_LIMITS.partBytes))
      return "A chunk has `track`, `meta` and `byteLength`.";
    at += byteLength;
    chunks.push({ track, meta, bytes: body.subarray(at - byteLength, at) });
  }
  return at === body.byteLength ? chunks : "The chunks' lengths make the body's.";
}

function parseChunkMeta(fields: JsonFields | null): ChunkMeta | null {
  if (fields === null) return null;
  const { msn, part, frame, frames, key, durationTicks } = fields;
  const { partsPerSegment, framesPerPart } = BROADCAST_LIMITS;
  if (!isIntegerBetween(msn, 0, MAX_MSN) || !isIntegerBetween(part, 0, partsPerSegment - 1)) return null;
  if (!isIntegerBetween(frame, 0, framesPerPart - 1) || !isIntegerBetween(frames, 1, framesPerPart)) return null;
  if (typeof key !== "boolean" || !isIntegerBetween(durationTicks, 1, Number.MAX_SAFE_INTEGER)) return null;
  const start = fields["start"] === undefined ? undefined : parseSegmentStart(fields["start"]);
  if (start === null || (start !== undefined) !== (part === 0 && frame === 0)) return null;
  return { msn, part, frame, frames, key, durationTicks, ...(start === undefined ? {} : { start }) };
}

/** A part of which the edge has the first `frames` as chunks; with the rest, in the body, it has `byteLength` bytes. */
export interface ChunkedPartForm {
  readonly frames: number;
  readonly byteLength: number;
}

/** Which part it is. */
export interface ChunkedPartTarget {
  readonly track: TrackName;
  readonly meta: PartMeta;
  readonly form: ChunkedPartForm;
}

/** Such a part as it is sent; `rest`: the frames that the edge lacks. */
export interface ChunkedPart {
  readonly form: ChunkedPartForm;
  readonly rest: Uint8Array;
}

/** A `Corral-Chunks` header, or a sentence with the error. */
export function parseChunkedPartForm(text: string): ChunkedPartForm | string {
  const fields = text.length <= PUBLISH_LIMITS.partHeaderChars ? parseJsonFields(text) : null;
  const { frames, byteLength } = fields ?? {};
  if (!isIntegerBetween(frames, 1, BROADCAST_LIMITS.framesPerPart)) return "`frames` is a whole number from 1";
  if (!isIntegerBetween(byteLength, 1, BROADCAST_LIMITS.partBytes)) return "`byteLength` is the part's length";
  return { frames, byteLength };
}
