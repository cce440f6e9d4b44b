/** The chunks of a replica: those of each track's next part as far as they have come, and those of the last complete parts. */
import { isSameBytes } from "../kit/bytes.ts";
import type { TrackName } from "../kit/ids.ts";
import { BROADCAST_LIMITS } from "./broadcast-limits.ts";
import type { ChunkMeta } from "./broadcast-log.ts";
import { comparePartPositions, type PartPosition } from "./track-position.ts";

/** A chunk with its bytes: `moof` and `mdat` of one track. */
export interface TrackChunk {
  readonly track: TrackName;
  readonly meta: ChunkMeta;
  readonly bytes: Uint8Array;
}

/** The first chunks of a part, without gaps. */
interface ChunkedPart extends PartPosition {
  chunks: TrackChunk[];
  frames: number;
}

interface TrackChunks {
  open: ChunkedPart | null;
  /** Complete parts, the last one last. */
  readonly complete: ChunkedPart[];
}

/** See the file's first line. */
export class PartChunks {
  readonly #tracks = new Map<TrackName, TrackChunks>();
  /** Bytes of open parts. */
  #openBytes = 0;

  /** Adds a chunk of the part `next`; false if it is another part's, is known, or does not follow the last one. */
  add(chunk: TrackChunk, next: PartPosition): boolean {
    const { track, meta, bytes } = chunk;
    if (comparePartPositions(meta, next) !== 0 || meta.frames < 1) return false;
    const open = this.#openPart(track, next);
    const [first] = open.chunks;
    // Another publisher has begun the part anew.
    if (meta.frame === 0 && first !== undefined && !isSameBytes(first.bytes, bytes)) this.#clear(open);
    if (meta.frame !== open.frames || meta.frame + meta.frames > BROADCAST_LIMITS.framesPerPart) return false;
    if (this.#openBytes + bytes.byteLength > BROADCAST_LIMITS.openChunkBytes) return false;
    open.chunks.push(chunk);
    open.frames += meta.frames;
    this.#openBytes += bytes.byteLength;
    return true;
  }

  /** The chunks of a part, from its first frame on; empty if none are held. */
  get(track: TrackName, position: PartPosition): readonly TrackChunk[] {
    const held = this.#tracks.get(track);
    if (held === undefined) return [];
    if (held.open !== null && comparePartPositions(held.open, position) === 0) return held.open.chunks;
    return held.complete.find((part) => comparePartPositions(part, position) === 0)?.chunks ?? [];
  }

  /** The part is complete; its chunks are kept for a while if they make all of it. */
  complete(track: TrackName, position: PartPosition, isWhole: boolean): void {
    const held = this.#tracks.get(track);
    if (held?.open == null) return;
    const { open } = held;
    for (const { bytes } of open.chunks) this.#openBytes -= bytes.byteLength;
    held.open = null;
    if (!isWhole || comparePartPositions(open, position) !== 0) return;
    held.complete.push(open);
    if (held.complete.length > BROADCAST_LIMITS.chunkedParts) held.complete.shift();
  }

  #openPart(track: TrackName, { msn, part }: PartPosition): ChunkedPart {
    const held = this.#tracks.get(track) ?? { open: null, complete: [] };
    this.#tracks.set(track, held);
    if (held.open !== null && comparePartPositions(held.open, { msn, part }) !== 0) this.#clear(held.open);
    if (held.open === null || held.open.msn !== msn || held.open.part !== part)
      held.open = { msn, part, chunks: [], frames: 0 };
    return held.open;
  }

  #clear(part: ChunkedPart): void {
    for (const { bytes } of part.chunks) this.#openBytes -= bytes.byteLength;
    part.chunks = [];
    part.frames = 0;
  }
}

/** The number of frames in chunks that follow each other. */
export function countChunkFrames(chunks: readonly TrackChunk[]): number {
  return chunks.reduce((sum, { meta }) => sum + meta.frames, 0);
}
