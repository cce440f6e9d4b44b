/** Just enough fMP4 for a checker to read: init sections and fragments with made-up samples. */

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

/** An init section of one track. */
export function fakeInit(kind: "video" | "audio", timescale: number): Uint8Array {
  const mdhd = box("mdhd", u32(0, 0, 0, timescale, 0, 0));
  const hdlr = box("hdlr", u32(0, 0), encoder.encode(kind === "video" ? "vide" : "soun"), u32(0, 0, 0));
  const trex = box("trex", u32(0, 1, 1, 0, 0, 0));
  const trak = box("trak", box("mdia", mdhd, hdlr));
  return concat([box("ftyp", encoder.encode("iso6"), u32(0)), box("moov", trak, box("mvex", trex))]);
}

/** A fragment's made-up media. */
export interface FakeFragment {
  readonly baseTicks: number;
  readonly sampleTicks: number;
  readonly samples: number;
  readonly sampleBytes: number;
  /** Whether all samples are independent, only the first, or none. */
  readonly sync: "all" | "first" | "none";
}

const NON_SYNC = 0x10000;

/** A `moof` and its `mdat`. */
export function fakeFragment({ baseTicks, sampleTicks, samples, sampleBytes, sync }: FakeFragment): Uint8Array {
  const flags = (i: number): number => (sync === "all" || (sync === "first" && i === 0) ? 0 : NON_SYNC);
  const runs = Array.from({ length: samples }, (_, i) => u32(sampleTicks, sampleBytes, flags(i)));
  const moof = (dataOffset: number): Uint8Array => {
    const tfhd = box("tfhd", u32(0x020000, 1));
    const tfdt = box("tfdt", u32(0x01000000), u64(baseTicks));
    const trun = box("trun", u32(0x000701, samples, dataOffset), ...runs);
    return box("moof", box("mfhd", u32(0, 1)), box("traf", tfhd, tfdt, trun));
  };
  const offset = moof(0).byteLength + 8;
  return concat([moof(offset), box("mdat", new Uint8Array(samples * sampleBytes))]);
}

/** Bytes of a fragment up to the end of its first sample. */
export function firstSampleEnd(fragment: Uint8Array, sampleBytes: number): number {
  return new DataView(fragment.buffer, fragment.byteOffset).getUint32(0) + 8 + sampleBytes;
}
