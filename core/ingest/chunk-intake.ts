/** What the authority of a broadcast does with a publisher's chunks: they go on to its replica in order, and make parts. */
import type { PartMeta } from "../broadcast/broadcast-log.ts";
import { countChunkFrames, PartChunks, type TrackChunk } from "../broadcast/part-chunks.ts";
import type { Replica } from "../broadcast/replica.ts";
import { comparePartPositions, nextPartOf } from "../broadcast/track-position.ts";
import type { TrackName } from "../kit/ids.ts";
import { assemblePart, cutChunk, describeChunk } from "../media/cmaf/chunk.ts";
import type { ChunkedPartForm } from "./chunk-bundle.ts";

/** See the file's first line. */
export class ChunkIntake {
  readonly #replica: Replica;
  /** Chunks that have overtaken the part before theirs: those of one part a track. */
  #early = new PartChunks();

  constructor(replica: Replica) {
    this.#replica = replica;
  }

  /** Takes chunks; false if one of them cannot follow what is held: its part has to come whole. */
  receive(chunks: readonly TrackChunk[]): boolean {
    const usable = chunks.filter((chunk) => this.#hasInit(chunk));
    this.#replica.appendChunks(usable);
    for (const chunk of usable) {
      const order = this.#orderOf(chunk);
      if (order !== null && order > 0) this.#early.add(chunk, chunk.meta);
    }
    return usable.length === chunks.length && usable.every((chunk) => this.#isHeld(chunk));
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

  /** A part was appended: chunks that have overtaken it follow it now. */
  release(track: TrackName): void {
    const state = this.#replica.track(track);
    if (state === undefined) return;
    const next = nextPartOf(state);
    const chunks = this.#early.get(track, next);
    if (chunks.length === 0) return;
    this.#early.complete(track, next, false);
    this.#replica.appendChunks(chunks);
  }

  /** Another publisher goes on: what the former one's chunks would follow does not come. */
  forgetEarly(): void {
    this.#early = new PartChunks();
  }

  #hasInit({ track, meta }: TrackChunk): boolean {
    return meta.start === undefined || this.#replica.initSection(track, meta.start.initVersion) !== null;
  }

  #orderOf({ track, meta }: TrackChunk): number | null {
    const state = this.#replica.track(track);
    return state === undefined ? null : comparePartPositions(meta, nextPartOf(state));
  }

  #isHeld(chunk: TrackChunk): boolean {
    const order = this.#orderOf(chunk);
    if (order === null) return false;
    if (order < 0) return true;
    const { track, meta } = chunk;
    const held = order === 0 ? this.#replica.partChunks(track, meta) : this.#early.get(track, meta);
    return countChunkFrames(held) >= meta.frame + meta.frames;
  }
}
