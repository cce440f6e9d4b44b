/**
 * A chunk is a `moof` and `mdat` of one track with some consecutive frames of one part. The chunks of a part, merged in order,
 * are the part as `writeFragment` writes it, byte for byte; so a node that has them needs no bytes of the part. Only fragments of
 * one track are cut and merged: a part that carries its audio has no chunks.
 */
import type { ChunkMeta } from "../../broadcast/broadcast-log.ts";
import { type BoxSpan, boxError, forEachBox, readU8, readU32, readU64 } from "./bytes.ts";
import { CmafError } from "./errors.ts";
import { type FragmentSample, isSyncFlags, TFHD, TRUN, type TrackRun, writeFragment } from "./fragment.ts";
import { initSpan } from "./init.ts";
import { CMAF_LIMITS } from "./limits.ts";

/** A fragment of one track. */
interface ParsedFragment {
  readonly sequence: number;
  readonly run: TrackRun;
}

/**
 * The part that `chunks` (at least one, in order) make: their samples at the decode time and with the sequence number of the
 * first. Throws `CmafError` for one that `writeFragment` has not written, and for chunks of different tracks.
 */
export function mergeChunks(chunks: readonly Uint8Array[]): Uint8Array {
  const parsed = chunks.map(parseFragment);
  const [first] = parsed;
  if (first === undefined) throw new CmafError("state", "there is nothing to merge");
  if (parsed.some(({ run }) => run.trackId !== first.run.trackId))
    throw new CmafError("box-invalid", "chunks of different tracks", { input: "chunk" });
  const samples = parsed.flatMap(({ run }) => run.samples);
  return writeFragment(first.sequence, [{ ...first.run, samples }]).bytes;
}

/** The part of `byteLength` bytes that its chunks make; null if they make another one, or none. */
export function assemblePart(chunks: readonly Uint8Array[], byteLength: number): Uint8Array | null {
  try {
    const part = mergeChunks(chunks);
    return part.byteLength === byteLength ? part : null;
  } catch (error) {
    if (error instanceof CmafError) return null;
    throw error;
  }
}

/** The frames of a part from number `frame` on as a chunk; null if it has no more. Throws `CmafError` as `mergeChunks`. */
export function cutChunk(part: Uint8Array, frame: number): Uint8Array | null {
  const { sequence, run } = parseFragment(part);
  const samples = run.samples.slice(frame);
  if (samples.length === 0) return null;
  let decodeTicks = run.decodeTicks;
  for (const { durationTicks } of run.samples.slice(0, frame)) decodeTicks += durationTicks;
  return writeFragment(sequence, [{ ...run, decodeTicks, samples }]).bytes;
}

/** The frames of a chunk. Throws `CmafError` as `mergeChunks`. */
export function describeChunk(chunk: Uint8Array): Pick<ChunkMeta, "frames" | "key" | "durationTicks"> {
  const { samples } = parseFragment(chunk).run;
  const durationTicks = samples.reduce((sum, sample) => sum + sample.durationTicks, 0);
  return { frames: samples.length, key: samples[0]?.sync === true, durationTicks };
}

interface ReadState {
  sequence: number;
  trackId: number;
  decodeTicks: number;
  durationTicks: number;
  sampleBytes: number;
  sampleFlags: number;
  samples: FragmentSample[] | null;
}

function parseFragment(bytes: Uint8Array): ParsedFragment {
  const state: ReadState = {
    ...{ sequence: 0, trackId: 0, decodeTicks: 0, durationTicks: 0, sampleBytes: 0, sampleFlags: 0, samples: null },
  };
  const visit = (type: string, box: BoxSpan): void => {
    if (type === "mfhd") state.sequence = readU32(box, box.bodyStart + 4);
    else if (type === "traf") forEachBox(box, box.bodyStart, visit);
    else if (type === "tfhd") readTrackHeader(box, state);
    else if (type === "tfdt" && readU8(box, box.bodyStart) === 1) state.decodeTicks = readU64(box, box.bodyStart + 4);
    else if (type === "trun") readSamples(box, state, bytes);
    else throw boxError(box, "a chunk has no such box", "box-unexpected");
  };
  const span = initSpan(bytes);
  forEachBox(span, 0, (type, box) => {
    if (type === "moof") forEachBox(box, box.bodyStart, visit);
    else if (type !== "mdat") throw boxError(box, "a chunk is a moof and an mdat", "box-unexpected");
  });
  const { sequence, trackId, decodeTicks, samples } = state;
  if (samples === null) throw boxError(span, "a chunk has samples");
  return { sequence, run: { trackId, decodeTicks, samples } };
}

function readTrackHeader(tfhd: BoxSpan, state: ReadState): void {
  const flags = readU32(tfhd, tfhd.bodyStart);
  const known = TFHD.baseIsMoof | TFHD.duration | TFHD.size | TFHD.flags;
  if ((flags & TFHD.baseIsMoof) === 0 || (flags & ~known) !== 0) throw boxError(tfhd, "it was not written here");
  let at = tfhd.bodyStart + 8;
  const optional = (bit: number): number => {
    if ((flags & bit) === 0) return 0;
    at += 4;
    return readU32(tfhd, at - 4);
  };
  state.trackId = readU32(tfhd, tfhd.bodyStart + 4);
  state.durationTicks = optional(TFHD.duration);
  state.sampleBytes = optional(TFHD.size);
  state.sampleFlags = optional(TFHD.flags);
}

function readSamples(trun: BoxSpan, state: ReadState, bytes: Uint8Array): void {
  const flags = readU32(trun, trun.bodyStart) & 0xffffff;
  const count = readU32(trun, trun.bodyStart + 4);
  if (state.samples !== null || count === 0) throw boxError(trun, "a chunk has one run of samples");
  if (count > CMAF_LIMITS.samplesPerFragment) throw boxError(trun, `${count} samples in one fragment`, "limit");
  let at = trun.bodyStart + 8;
  const field = (bit: number, absent: number): number => {
    if ((flags & bit) === 0) return absent;
    at += 4;
    return readU32(trun, at - 4);
  };
  let dataAt = field(TRUN.dataOffset, 0);
  const firstFlags = field(TRUN.firstFlags, state.sampleFlags);
  const samples: FragmentSample[] = [];
  for (let i = 0; i < count; i += 1) {
    const durationTicks = field(TRUN.duration, state.durationTicks);
    const size = field(TRUN.size, state.sampleBytes);
    const sampleFlags = field(TRUN.flags, i === 0 ? firstFlags : state.sampleFlags);
    const ctsOffset = field(TRUN.cts, 0) | 0;
    if (dataAt + size > bytes.byteLength) throw boxError(trun, "its data is not in the chunk");
    samples.push({
      durationTicks,
      ctsOffset,
      sync: isSyncFlags(sampleFlags),
      data: bytes.subarray(dataAt, dataAt + size),
    });
    dataAt += size;
  }
  state.samples = samples;
}
