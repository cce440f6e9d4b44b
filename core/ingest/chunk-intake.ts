/** What the authority of a broadcast does with a publisher's chunks: they go on to its replica in order, and make parts. */
import type { ChunkMeta, PartMeta } from "../broadcast/broadcast-log.ts";
import { countChunkFrames, type TrackChunk } from "../broadcast/part-chunks.ts";
import type { Replica } from "../broadcast/replica.ts";
import { comparePartPositions, nextPartOf } from "../broadcast/track-position.ts";
import type { TrackName } from "../kit/ids.ts";
import { assemblePart, cutChunk, describeChunk } from "../media/cmaf/chunk.ts";
import type { ChunkedPartForm } from "./chunk-bundle.ts";

/** Limits of a track's chunks that have overtaken others, each with its reason. */
const EARLY_LIMITS = {
  /** A publisher has some requests under way, each of which is a frame or a few. Beyond it the part comes whole. */
  chunks: 64,
  /** 0.2 s at 100 Mb/s. */
  bytes: 2_621_440,
} as const;

/** See the file's first line. */
export class ChunkIntake {
  readonly #replica: Replica;
  /** Chunks that have overtaken what they follow: frames of the open part, or that part. */
  readonly #early = new Map<TrackName, readonly TrackChunk[]>();

  constructor(replica: Replica) {
    this.#replica = replica;
  }

  /** Takes chunks in any order; false if one of them cannot be held: its part has to come whole. */
  receive(chunks: readonly TrackChunk[]): boolean {
    const usable = chunks.filter((chunk) => this.#hasInit(chunk));
    this.#replica.appendChunks(usable);
    for (const chunk of usable) if (!this.#isHeld(chunk)) this.#keepEarly(chunk);
    for (const track of new Set(usable.map((chunk) => chunk.track))) this.release(track);
    return usable.length === chunks.length && usable.every((chunk) => this.#isHeld(chunk) || this.#isEarly(chunk));
  }

  /** A part whose first frames are held as chunks, with the `rest` of them; null if they do not make it. */
  assemble(track: TrackName, meta: PartMeta, form: ChunkedPartForm, rest: Uint8Array): Uint8Array | null {
    const held = this.#replica.partChunks(track, meta);
    let frames = 0;
    const first = held.filter((chunk) => {
      frames += chunk.meta.frames;
      return frames <= form.frames;
    });
    if (countChunkFrames(first) !== form.frames) return null;
    const pieces = first.map(({ bytes }) => bytes);
    return assemblePart(rest.byteLength === 0 ? pieces : [...pieces, rest], form.byteLength);
  }

  /** Passes on the frames of a part, of which some are held, that are not; whether the chunks then make it. */
  completeChunks(track: TrackName, { msn, part }: PartMeta, bytes: Uint8Array): boolean {
    const frame = countChunkFrames(this.#replica.partChunks(track, { msn, part }));
    const rest = cutChunk(bytes, frame);
    if (rest === null) return true;
    const meta = { msn, part, frame, ...describeChunk(rest) };
    return this.#replica.appendChunks([{ track, meta, bytes: rest }]).length === 1;
  }

  /** Passes on chunks that came early, if what they follow has come. */
  release(track: TrackName): void {
    const early = this.#early.get(track);
    if (early === undefined) return;
    const ready = early.filter((chunk) => this.#orderOf(chunk) === 0);
    this.#replica.appendChunks(ready.toSorted((a, b) => a.meta.frame - b.meta.frame));
    const left = early.filter((chunk) => !this.#isHeld(chunk));
    if (left.length === 0) this.#early.delete(track);
    else this.#early.set(track, left);
  }

  /** Another publisher goes on: what the former one's chunks would follow does not come. */
  forgetEarly(): void {
    this.#early.clear();
  }

  #keepEarly(chunk: TrackChunk): void {
    const order = this.#orderOf(chunk);
    if (order === null || order < 0) return;
    // Of an open part without its first frame the memory was lost: the sooner the publisher knows, the sooner it comes whole.
    if (order === 0 && this.#replica.partChunks(chunk.track, chunk.meta).length === 0) return;
    const others = (this.#early.get(chunk.track) ?? []).filter(({ meta }) => !isSamePlace(meta, chunk.meta));
    const byteLength = others.reduce((sum, { bytes }) => sum + bytes.byteLength, chunk.bytes.byteLength);
    if (others.length >= EARLY_LIMITS.chunks || byteLength > EARLY_LIMITS.bytes) return;
    this.#early.set(chunk.track, [...others, chunk]);
  }

  #isEarly(chunk: TrackChunk): boolean {
    return this.#early.get(chunk.track)?.includes(chunk) === true;
  }

  #hasInit({ track, meta }: TrackChunk): boolean {
    return meta.start === undefined || this.#replica.initSection(track, meta.start.initVersion) !== null;
  }

  #orderOf({ track, meta }: TrackChunk): number | null {
    const state = this.#replica.track(track);
    return state === undefined ? null : comparePartPositions(meta, nextPartOf(state));
  }

  /** It was passed on, or its part is complete. */
  #isHeld(chunk: TrackChunk): boolean {
    const order = this.#orderOf(chunk);
    if (order === null || order > 0) return false;
    const { track, meta } = chunk;
    return order < 0 || countChunkFrames(this.#replica.partChunks(track, meta)) >= meta.frame + meta.frames;
  }
}

const isSamePlace = (a: ChunkMeta, b: ChunkMeta): boolean => a.frame === b.frame && comparePartPositions(a, b) === 0;
