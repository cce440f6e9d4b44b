/** Sample entries to RFC 6381 codec strings. */
import { boxError, eachBox, fourcc, need, type Span, u8, u16, u32 } from "./bytes.ts";

const hex = (value: number, width = 0): string => value.toString(16).padStart(width, "0");
const decimal2 = (value: number): string => value.toString().padStart(2, "0");

/** What a sample entry says of its track. */
export interface SampleEntry {
  readonly kind: "video" | "audio";
  readonly codecs: string;
  readonly width?: number;
  readonly height?: number;
  readonly sampleRate?: number;
  readonly channels?: number;
}

type Config = (box: Span, entry: string) => string;

/** Configuration box and reader for each sample entry. */
const VIDEO: ReadonlyMap<string, readonly [box: string, codecs: Config]> = new Map([
  ["avc1", ["avcC", avc]],
  ["avc3", ["avcC", avc]],
  ["hvc1", ["hvcC", hevc]],
  ["hev1", ["hvcC", hevc]],
  ["av01", ["av1C", av1]],
]);
const AUDIO: ReadonlyMap<string, readonly [box: string, codecs: Config]> = new Map([
  ["mp4a", ["esds", mpeg4]],
  ["Opus", ["dOps", () => "opus"]],
  ["ac-3", ["dac3", () => "ac-3"]],
  ["ec-3", ["dec3", () => "ec-3"]],
  ["fLaC", ["dfLa", () => "flac"]],
]);

/** Reads the sample entry `type` that spans `entry`; throws `CmafError` on a codec that HLS in fMP4 does not carry. */
export function readSampleEntry(type: string, entry: Span): SampleEntry {
  const video = VIDEO.get(type);
  if (video !== undefined) {
    need(entry, entry.start, 78);
    const codecs = readConfig(entry, entry.start + 78, video, type);
    return { kind: "video", codecs, width: u16(entry, entry.start + 24), height: u16(entry, entry.start + 26) };
  }
  const audio = AUDIO.get(type);
  if (audio !== undefined) {
    need(entry, entry.start, 28);
    const codecs = readConfig(entry, entry.start + 28, audio, type);
    const rate = u32(entry, entry.start + 24) / 65536;
    return { kind: "audio", codecs, channels: u16(entry, entry.start + 16), sampleRate: Math.floor(rate) };
  }
  throw boxError(
    entry,
    "a codec that is not supported (H.264, HEVC, AV1, AAC, Opus, AC-3, E-AC-3, FLAC are)",
    "codec-unsupported",
  );
}

function readConfig(entry: Span, offset: number, [box, codecs]: readonly [string, Config], type: string): string {
  let found: string | null = null;
  eachBox(entry, offset, (name, child) => {
    if (name === box) found = codecs(child, type);
  });
  if (found === null) throw boxError(entry, `it has no ${box}`);
  return found;
}

/** RFC 6381 §3.3: profile, constraint flags and level of the AVCDecoderConfigurationRecord. */
function avc(box: Span, entry: string): string {
  return `${entry}.${[1, 2, 3].map((i) => hex(u8(box, box.start + i), 2)).join("")}`;
}

/** ISO/IEC 14496-15 annex E.3. */
function hevc(box: Span, entry: string): string {
  const at = box.start;
  need(box, at, 13);
  const general = u8(box, at + 1);
  const space = ["", "A", "B", "C"][general >>> 6] ?? "";
  let reversed = 0;
  for (let bit = 0, flags = u32(box, at + 2); bit < 32; bit++, flags >>>= 1) reversed = (reversed << 1) | (flags & 1);
  const constraints = [6, 7, 8, 9, 10, 11].map((i) => u8(box, at + i));
  while (constraints.length > 0 && constraints.at(-1) === 0) constraints.pop();
  const tier = (general & 0x20) !== 0 ? "H" : "L";
  const parts = [entry, `${space}${general & 0x1f}`, hex(reversed >>> 0), `${tier}${u8(box, at + 12)}`];
  return [...parts, ...constraints.map((value) => hex(value).toUpperCase())]
    .join(".")
    .replace(/^(\w+\.\w+\.)(\w+)/, upperCompatibility);
}

function upperCompatibility(_match: string, head: string, flags: string): string {
  return head + flags.toUpperCase();
}

/** AV1 in ISOBMFF §5: profile, level and tier, bit depth. */
function av1(box: Span, entry: string): string {
  const second = u8(box, box.start + 1);
  const third = u8(box, box.start + 2);
  const profile = second >>> 5;
  const depth = (third & 0x40) === 0 ? 8 : profile === 2 && (third & 0x20) !== 0 ? 12 : 10;
  return `${entry}.${profile}.${decimal2(second & 0x1f)}${(third & 0x80) !== 0 ? "H" : "M"}.${decimal2(depth)}`;
}

/** ISO/IEC 14496-1 §7.2.6: descends ES_Descriptor (3), DecoderConfigDescriptor (4), DecoderSpecificInfo (5). */
function mpeg4(box: Span, entry: string): string {
  const es = descriptor(box, box.start + 4, 3);
  const flags = u8(box, es + 2);
  let at = es + 3;
  if ((flags & 0x80) !== 0) at += 2;
  if ((flags & 0x40) !== 0) at += 1 + u8(box, at);
  if ((flags & 0x20) !== 0) at += 2;
  const config = descriptor(box, at, 4);
  const objectType = u8(box, config);
  if (objectType !== 0x40) return `${entry}.${hex(objectType, 2)}`;
  const specific = descriptor(box, config + 13, 5);
  const first = u8(box, specific);
  const kind = first >>> 3;
  // ISO/IEC 14496-3 §1.6.2.1: 31 escapes to 32 + the next six bits.
  return `${entry}.40.${kind === 31 ? 32 + (((first & 7) << 3) | (u8(box, specific + 1) >>> 5)) : kind}`;
}

/** Where the body of the descriptor at `offset` begins. */
function descriptor(box: Span, offset: number, tag: number): number {
  if (u8(box, offset) !== tag) throw boxError(box, `descriptor ${tag} is missing`);
  let at = offset + 1;
  for (let i = 0; i < 4; i++, at++) {
    if ((u8(box, at) & 0x80) === 0) return at + 1;
  }
  throw boxError(box, "a descriptor's length runs over four bytes");
}

/** Reads the one sample entry of `stsd`. */
export function readSampleDescription(stsd: Span): SampleEntry {
  let entry: SampleEntry | null = null;
  eachBox(stsd, stsd.start + 8, (type, child) => {
    entry ??= readSampleEntry(type, child);
  });
  if (entry === null)
    throw boxError(stsd, `it has no sample entry${stsd.end - stsd.start >= 8 ? "" : fourcc(stsd, stsd.start)}`);
  return entry;
}
