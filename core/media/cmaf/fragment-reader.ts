/** Reads one FFmpeg fMP4 pipe (`ftyp moov (moof mdat)*`, one track) as frames. */

import { BoxSplitter, type TopLevelBox } from "./box-splitter.ts";
import { type BoxSpan, boxError, forEachBox, readU8, readU32, readU64 } from "./bytes.ts";
import { CmafError } from "./errors.ts";
import type { CodedFrame, InitInfo } from "./frame.ts";
import { type MovieBox, readMovieBox } from "./init.ts";
import { CMAF_LIMITS } from "./limits.ts";

/** The content of a pipe: its init section once, then frames. */
export type FragmentReaderEvent =
  | { readonly kind: "init"; readonly info: InitInfo; readonly bytes: Uint8Array }
  | { readonly kind: "frame"; readonly frame: CodedFrame };

interface SampleLocation {
  readonly dts: number;
  readonly durationTicks: number;
  readonly ctsOffset: number;
  readonly sync: boolean;
  /** From the first byte of the `moof`. */
  readonly position: number;
  readonly size: number;
}

/** The reader of one pipe. It buffers only the current box. */
export class FragmentReader {
  readonly #input: string;
  readonly #splitter: BoxSplitter;
  #ftyp: Uint8Array = new Uint8Array(0);
  #movie: MovieBox | null = null;
  /** The `moof` whose `mdat` has not arrived. */
  #fragment: { readonly samples: readonly SampleLocation[]; readonly moofBytes: number } | null = null;
  #lastDurationTicks = 0;

  /** `input` names the pipe in errors. */
  constructor(input: string) {
    this.#input = input;
    this.#splitter = new BoxSplitter(input);
  }

  /** The items that `chunk` completes. Throws `CmafError`; the reader must not be used afterwards. */
  push(chunk: Uint8Array): FragmentReaderEvent[] {
    const events: FragmentReaderEvent[] = [];
    for (const box of this.#splitter.push(chunk)) this.#readBox(box, events);
    return events;
  }

  /** Throws `CmafError` if the pipe ended within a box or between `moof` and `mdat`. */
  end(): void {
    this.#splitter.end();
    if (this.#fragment !== null) {
      throw new CmafError("box-truncated", "the stream ended before the last fragment's mdat", {
        input: this.#input,
        box: "mdat",
      });
    }
  }

  #readBox(box: TopLevelBox, events: FragmentReaderEvent[]): void {
    const { bytes, type, headerBytes, offset } = box;
    const span: BoxSpan = {
      bytes,
      boxStart: 0,
      bodyStart: headerBytes,
      end: bytes.length,
      path: type,
      input: this.#input,
      inputOffset: offset,
    };
    if (type === "ftyp") this.#ftyp = bytes;
    else if (type === "moov") {
      if (this.#movie !== null) throw boxError(span, "a second moov in one stream", "box-unexpected");
      this.#movie = readMovieBox(span);
      const init = new Uint8Array(this.#ftyp.length + bytes.length);
      init.set(this.#ftyp);
      init.set(bytes, this.#ftyp.length);
      events.push({ kind: "init", info: this.#movie.info, bytes: init });
    } else if (type === "moof") {
      if (this.#movie === null) throw boxError(span, "a fragment before the moov", "box-unexpected");
      if (this.#fragment !== null) throw boxError(span, "the fragment before it has no mdat", "box-unexpected");
      this.#fragment = { samples: readFragment(span, this.#movie), moofBytes: bytes.length };
    } else if (type === "mdat" && this.#fragment !== null) {
      const { samples, moofBytes } = this.#fragment;
      this.#fragment = null;
      for (const sample of samples) events.push({ kind: "frame", frame: this.#toFrame(sample, moofBytes, span) });
    } else if (type === "mdat") throw boxError(span, "media without a moof", "box-unexpected");
  }

  #toFrame(sample: SampleLocation, moofBytes: number, mdat: BoxSpan): CodedFrame {
    const start = sample.position - moofBytes;
    if (start < mdat.bodyStart || start + sample.size > mdat.end) {
      throw boxError(mdat, `a sample of ${sample.size} bytes at ${start} lies outside it`);
    }
    // FFmpeg writes 0 for the very last frame where the source gives no duration.
    const durationTicks = sample.durationTicks || this.#lastDurationTicks;
    this.#lastDurationTicks = durationTicks;
    const { dts, ctsOffset, sync } = sample;
    return { dts, ctsOffset, durationTicks, sync, data: mdat.bytes.subarray(start, start + sample.size) };
  }
}

/** Samples of `moof` (its span begins after the header), in order. */
function readFragment(moof: BoxSpan, movie: MovieBox): SampleLocation[] {
  let samples: SampleLocation[] | null = null;
  forEachBox(moof, moof.bodyStart, (type, child) => {
    if (type !== "traf") return;
    if (samples !== null) throw boxError(child, "a second traf in a stream of one track", "box-unexpected");
    samples = readTrackFragment(child, movie);
  });
  if (samples === null) throw boxError(moof, "it has no traf");
  return samples;
}

interface SampleDefaults {
  base: number;
  duration: number;
  size: number;
  flags: number;
}

function readTrackFragment(traf: BoxSpan, movie: MovieBox): SampleLocation[] {
  const samples: SampleLocation[] = [];
  let defaults: SampleDefaults | null = null;
  let time: number | null = null;
  forEachBox(traf, traf.bodyStart, (type, child) => {
    if (type === "tfhd") defaults = readTrackFragmentHeader(child, movie);
    else if (type === "tfdt")
      time =
        readU8(child, child.bodyStart) === 1
          ? readU64(child, child.bodyStart + 4)
          : readU32(child, child.bodyStart + 4);
    else if (type === "trun") {
      if (defaults === null || time === null) throw boxError(child, "it stands before tfhd or tfdt", "box-unexpected");
      time = readTrackRun(child, defaults, time, samples);
    }
  });
  if (samples.length === 0) throw boxError(traf, "it has no samples");
  return samples;
}

function readTrackFragmentHeader(tfhd: BoxSpan, movie: MovieBox): SampleDefaults {
  const flags = readU32(tfhd, tfhd.bodyStart);
  const trackId = readU32(tfhd, tfhd.bodyStart + 4);
  if (trackId !== movie.trackId) throw boxError(tfhd, `track ${trackId} is not in the moov`);
  let at = tfhd.bodyStart + 8;
  const optional = (bit: number, fallback: number): number => {
    if ((flags & bit) === 0) return fallback;
    at += 4;
    return readU32(tfhd, at - 4);
  };
  let base = 0;
  if ((flags & 0x01) !== 0) {
    base = readU64(tfhd, at) - tfhd.inputOffset;
    at += 8;
  }
  optional(0x02, 1);
  const duration = optional(0x08, movie.defaultDuration);
  const size = optional(0x10, movie.defaultSize);
  return { base, duration, size, flags: optional(0x20, movie.defaultFlags) };
}

/** Appends the samples of `trun` to `samples`; returns the decode time after them. */
function readTrackRun(trun: BoxSpan, defaults: SampleDefaults, startTime: number, samples: SampleLocation[]): number {
  const head = readU32(trun, trun.bodyStart);
  const count = readU32(trun, trun.bodyStart + 4);
  if (count + samples.length > CMAF_LIMITS.samplesPerFragment)
    throw boxError(trun, `${count} samples in one fragment`, "limit");
  let at = trun.bodyStart + 8;
  const next = (): number => {
    at += 4;
    return readU32(trun, at - 4);
  };
  const previous = samples.at(-1);
  let position = previous === undefined ? defaults.base : previous.position + previous.size;
  if ((head & 0x001) !== 0) position = defaults.base + (next() | 0);
  const firstFlags = (head & 0x004) !== 0 ? next() : null;
  let dts = startTime;
  for (let i = 0; i < count; i++) {
    const durationTicks = (head & 0x100) !== 0 ? next() : defaults.duration;
    const size = (head & 0x200) !== 0 ? next() : defaults.size;
    let flags = (head & 0x400) !== 0 ? next() : defaults.flags;
    if (i === 0 && firstFlags !== null) flags = firstFlags;
    // ISO/IEC 14496-12 §8.8.8.2: the offset is signed in version 1. FFmpeg uses signed values in version 0 too.
    const ctsOffset = (head & 0x800) !== 0 ? next() | 0 : 0;
    samples.push({ dts, durationTicks, ctsOffset, sync: (flags & 0x10000) === 0, position, size });
    dts += durationTicks;
    position += size;
  }
  if (dts > CMAF_LIMITS.ticks) throw boxError(trun, `its decode time ${dts} is beyond 2^53`, "timestamp-invalid");
  return dts;
}
