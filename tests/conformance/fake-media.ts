/** Minimal fMP4 for the checker: init sections and fragments with synthetic samples. */

const encoder = new TextEncoder();

function concat(chunks: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(chunks));
}

function box(type: string, ...content: readonly Uint8Array[]): Uint8Array {
  const body = concat(content);
  return concat([u32(body.byteLength + 8), encoder.encode(type), body]);
}

function u32(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) view.setUint32(4 * i, value);
  return bytes;
}

function u64(value: number): Uint8Array {
  return u32(Math.floor(value / 2 ** 32), value >>> 0);
}

function u16(...values: readonly number[]): Uint8Array {
  return new Uint8Array(values.flatMap((value) => [value >>> 8, value & 0xff]));
}

/** A synthetic track in its init section. */
export interface FakeMediaTrack {
  readonly kind: "video" | "audio";
  readonly timescale: number;
  /** The content of the sample entry. */
  readonly sampleRate?: number;
  /** ISO/IEC 14496-3 AudioSpecificConfig: AAC-LC of 48,000 Hz in stereo unless given. */
  readonly audioConfig?: readonly number[];
}

const AAC_LC_48K = [0x11, 0x90] as const;

/** An init section of tracks, numbered from 1. */
export function fakeInit(tracks: readonly FakeMediaTrack[]): Uint8Array {
  const traks = tracks.map((track, i) => {
    const mdhd = box("mdhd", u32(0, 0, 0, track.timescale, 0, 0));
    const hdlr = box("hdlr", u32(0, 0), encoder.encode(track.kind === "video" ? "vide" : "soun"), u32(0, 0, 0));
    const entry = track.kind === "video" ? box("avc1", new Uint8Array(78)) : mp4a(track);
    const stbl = box("stbl", box("stsd", u32(0, 1), entry));
    return box("trak", box("tkhd", u32(0, 0, 0, i + 1)), box("mdia", mdhd, hdlr, box("minf", stbl)));
  });
  const trexes = tracks.map((_, i) => box("trex", u32(0, i + 1, 1, 0, 0, 0)));
  return concat([box("ftyp", encoder.encode("iso6"), u32(0)), box("moov", ...traks, box("mvex", ...trexes))]);
}

function mp4a({ sampleRate = 48_000, audioConfig = AAC_LC_48K }: FakeMediaTrack): Uint8Array {
  const specific = new Uint8Array([5, audioConfig.length, ...audioConfig]);
  const decoder = new Uint8Array([4, 13 + specific.length, 0x40, ...new Uint8Array(12), ...specific]);
  const es = new Uint8Array([3, 3 + decoder.length, 0, 1, 0, ...decoder]);
  const entry = concat([u32(0), u16(0, 1), u32(0, 0), u16(2, 16), u32(0), u16(sampleRate, 0)]);
  return box("mp4a", entry, box("esds", u32(0), es));
}

/** A fragment's synthetic media. */
export interface FakeFragment extends FakeSamples {
  /** Muxed audio. */
  readonly audio?: FakeSamples;
}

/** The synthetic samples of one track. */
export interface FakeSamples {
  readonly baseTicks: number;
  readonly sampleTicks: number;
  readonly samples: number;
  readonly sampleBytes: number;
  /** Whether all samples are independent, only the first, or none. */
  readonly sync: "all" | "first" | "none";
  /** Declared sample duration, if it differs from `sampleTicks`. */
  readonly durations?: readonly number[];
}

const NON_SYNC = 0x10000;

/** A `moof` and its `mdat`. */
export function fakeFragment(fragment: FakeFragment): Uint8Array {
  const runs = fragment.audio === undefined ? [fragment] : [fragment, fragment.audio];
  const bytesOf = ({ samples, sampleBytes }: FakeSamples): number => samples * sampleBytes;
  const moof = (dataOffset: number): Uint8Array => {
    const trafs = runs.map((run, i) => fakeTraf(run, i + 1, dataOffset + (i === 0 ? 0 : bytesOf(fragment))));
    return box("moof", box("mfhd", u32(0, 1)), ...trafs);
  };
  const offset = moof(0).byteLength + 8;
  return concat([moof(offset), box("mdat", new Uint8Array(runs.reduce((sum, run) => sum + bytesOf(run), 0)))]);
}

function fakeTraf(run: FakeSamples, trackId: number, dataOffset: number): Uint8Array {
  const { baseTicks, sampleTicks, samples, sampleBytes, sync, durations } = run;
  const flags = (i: number): number => (sync === "all" || (sync === "first" && i === 0) ? 0 : NON_SYNC);
  const rows = Array.from({ length: samples }, (_, i) => u32(durations?.[i] ?? sampleTicks, sampleBytes, flags(i)));
  const tfhd = box("tfhd", u32(0x020000, trackId));
  const tfdt = box("tfdt", u32(0x01000000), u64(baseTicks));
  return box("traf", tfhd, tfdt, box("trun", u32(0x000701, samples, dataOffset), ...rows));
}

/** Bytes of a fragment up to the end of its first sample. */
export function fakeFirstSampleEnd(fragment: Uint8Array, sampleBytes: number): number {
  return new DataView(fragment.buffer, fragment.byteOffset).getUint32(0) + 8 + sampleBytes;
}
