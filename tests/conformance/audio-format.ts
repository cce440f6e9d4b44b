/** The duration of a codec's audio frame, from the sample entry or the frame itself. */
import { type BoxRange, findBox, fourccAt, walkBoxes } from "./box-tree.ts";

/** Properties of an audio track in its sample entry. */
export interface AudioFormat {
  /** Name for people. */
  readonly codec: string;
  /** Samples per second of `frameSamples`: for HE-AAC the core's, half of the output's. */
  readonly sampleRate: number;
  /** Samples of a frame; `"each"` if every frame has its own number; null if unknown. */
  readonly frameSamples: number | "each" | null;
  /** How the sample entry's rate contradicts the codec's configuration; null if it does not. */
  readonly rateFault: string | null;
}

/** A configuration as the codec's own box has it. */
interface CodecConfig {
  readonly codec: string;
  readonly sampleRate: number;
  readonly frameSamples: AudioFormat["frameSamples"];
  /** Output rate where it is not `sampleRate`. */
  readonly outputRate?: number;
}

/** ISO/IEC 14496-3 §1.6.3.4, by samplingFrequencyIndex; 15 is followed by the rate itself. */
const AAC_RATES = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350];
/** ETSI TS 102 366 §4.4.1.3, by fscod. */
const AC3_RATES = [48000, 44100, 32000];
/** The entry's rate has 16 bits before its point: greater ones cannot be said. */
const MAX_ENTRY_RATE = 65_535;

/** Parses the first sample entry of an `stsd`; null if it is not audio. */
export function readAudioFormat(view: DataView, stsd: BoxRange): AudioFormat | null {
  const entry = walkBoxes(view, stsd.body + 8, stsd.end).next().value;
  if (entry === undefined || entry.end < entry.body + 28) return null;
  const frma = entry.type === "enca" ? findBox(view, ["sinf", "frma"], entry.body + 28, entry.end) : null;
  const type = frma === null ? entry.type : fourccAt(view, frma.body);
  const child = (name: string): BoxRange | null => findBox(view, [name], entry.body + 28, entry.end);
  const entryRate = view.getUint32(entry.body + 24) >>> 16;
  const read = CONFIG_READERS[type];
  const box = read === undefined ? null : child(read.box);
  const config = read === undefined || box === null ? null : configOf(read, view, box, entryRate);
  if (config === null) return { codec: type, sampleRate: entryRate, frameSamples: null, rateFault: null };
  const { codec, sampleRate, outputRate = sampleRate } = config;
  // An encrypted frame hides its length.
  const frameSamples = config.frameSamples === "each" && entry.type === "enca" ? null : config.frameSamples;
  const said = entryRate === 0 || entryRate === sampleRate || entryRate === outputRate || outputRate > MAX_ENTRY_RATE;
  const rateFault = said ? null : `the sample entry says ${entryRate} Hz, its ${read?.box} ${sampleRate} Hz`;
  return { codec, sampleRate, frameSamples, rateFault };
}

/** Null also for a truncated box. */
function configOf(read: ConfigReader, view: DataView, box: BoxRange, entryRate: number): CodecConfig | null {
  try {
    // Bytes after the box are not read.
    return read.config(new DataView(view.buffer, view.byteOffset, box.end), box, entryRate);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

interface ConfigReader {
  readonly box: string;
  readonly config: (view: DataView, box: BoxRange, entryRate: number) => CodecConfig | null;
}

const CONFIG_READERS: Readonly<Record<string, ConfigReader>> = {
  mp4a: { box: "esds", config: readEsds },
  // RFC 7845 §4: Opus counts in samples of 48 kHz whatever its input's rate was.
  Opus: { box: "dOps", config: () => ({ codec: "Opus", sampleRate: 48_000, frameSamples: "each" }) },
  // ETSI TS 102 366 annex F: a sample is one AC-3 frame, or the E-AC-3 frames of six blocks; a block has 256 samples.
  "ac-3": { box: "dac3", config: (view, { body }) => ac3("AC-3", view.getUint8(body) >>> 6) },
  "ec-3": { box: "dec3", config: (view, { body }) => ac3("E-AC-3", view.getUint8(body + 2) >>> 6) },
  fLaC: { box: "dfLa", config: readFlac },
};

function ac3(codec: string, fscod: number): CodecConfig | null {
  const sampleRate = AC3_RATES[fscod];
  return sampleRate === undefined ? null : { codec, sampleRate, frameSamples: 1536 };
}

/** RFC 9639 §8.2: STREAMINFO begins with the smallest and the largest block; alike, they are every block's. */
function readFlac(view: DataView, { body }: BoxRange): CodecConfig {
  const info = body + 8;
  const [least, most] = [view.getUint16(info), view.getUint16(info + 2)];
  return {
    codec: "FLAC",
    sampleRate: view.getUint32(info + 10) >>> 12,
    frameSamples: least === most && most > 0 ? most : null,
  };
}

/** ISO/IEC 14496-1 §7.2.6: ES_Descriptor (3) holds DecoderConfigDescriptor (4) holds DecoderSpecificInfo (5). */
function readEsds(view: DataView, box: BoxRange, entryRate: number): CodecConfig | null {
  const es = descriptor(view, box.body + 4, 3);
  if (es === null) return null;
  const flags = view.getUint8(es + 2);
  let at = es + 3;
  if (flags & 0x80) at += 2;
  if (flags & 0x40) at += 1 + view.getUint8(at);
  if (flags & 0x20) at += 2;
  const decoder = descriptor(view, at, 4);
  if (decoder === null) return null;
  const kind = view.getUint8(decoder);
  // ISO/IEC 13818-3 (0x69) and 11172-3 (0x6b), layer III: 1,152 samples, or 576 at MPEG-2's low rates.
  if (kind === 0x69 || kind === 0x6b) {
    return { codec: "MP3", sampleRate: entryRate, frameSamples: entryRate >= 32_000 ? 1152 : 576 };
  }
  const specific = descriptor(view, decoder + 13, 5);
  return specific === null ? null : readAudioSpecificConfig(view, specific);
}

/** Where the body of the descriptor at `at` begins; null where another one stands there. */
function descriptor(view: DataView, at: number, tag: number): number | null {
  if (view.getUint8(at) !== tag) return null;
  for (let i = 1; i <= 4; i++) if ((view.getUint8(at + i) & 0x80) === 0) return at + i + 1;
  return null;
}

/** ISO/IEC 14496-3 §1.6.2.1. */
function readAudioSpecificConfig(view: DataView, start: number): CodecConfig | null {
  let bit = 8 * start;
  const take = (count: number): number => {
    let value = 0;
    for (let i = 0; i < count; i++, bit++) value = 2 * value + ((view.getUint8(bit >>> 3) >>> (7 - (bit & 7))) & 1);
    return value;
  };
  const objectType = (): number => {
    const type = take(5);
    return type === 31 ? 32 + take(6) : type;
  };
  const rate = (): number => {
    const index = take(4);
    return index === 15 ? take(24) : (AAC_RATES[index] ?? 0);
  };
  let type = objectType();
  const sampleRate = rate();
  take(4);
  if (sampleRate === 0) return null;
  if (type !== 5 && type !== 29)
    return { ...aacFrame(type, take(1)), sampleRate, outputRate: implicitRate(sampleRate) };
  const outputRate = rate();
  type = objectType();
  return { ...aacFrame(type, take(1)), codec: "HE-AAC", sampleRate, outputRate };
}

/** §1.6.5: SBR may be signalled by nothing but the stream itself, and then doubles rates up to 24 kHz. */
const implicitRate = (sampleRate: number): number => (sampleRate <= 24_000 ? 2 * sampleRate : sampleRate);

/** ISO/IEC 14496-3 §4.5.1.1 (frameLengthFlag): 1,024 samples, or 960; 512 or 480 for the low-delay types. */
function aacFrame(type: number, short: number): { codec: string; frameSamples: number | null } {
  if (type >= 1 && type <= 4) return { codec: type === 2 ? "AAC-LC" : "AAC", frameSamples: short ? 960 : 1024 };
  if (type === 23 || type === 39) return { codec: "AAC-LD", frameSamples: short ? 480 : 512 };
  return { codec: `MPEG-4 audio object type ${type}`, frameSamples: null };
}

/** Samples at 48 kHz of an Opus packet of `size` bytes at `at` (RFC 6716 §3.1 and §3.2); null where it holds none. */
export function opusSamples(view: DataView, at: number, size: number): number | null {
  if (size < 1 || at + size > view.byteLength) return null;
  const toc = view.getUint8(at);
  const config = toc >>> 3;
  const silk = [480, 960, 1920, 2880][config & 3] ?? 0;
  const hybrid = (config & 1) === 0 ? 480 : 960;
  const frame = config < 12 ? silk : config < 16 ? hybrid : 120 << (config & 3);
  const code = toc & 3;
  if (code < 3) return frame * (code === 0 ? 1 : 2);
  return size < 2 ? null : frame * (view.getUint8(at + 1) & 0x3f);
}
