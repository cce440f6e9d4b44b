/** Sample entries to RFC 6381 codec strings. */
import { type BoxSpan, boxError, forEachBox, readFourcc, readU8, readU16, readU32, requireBytes } from "./bytes.ts";

const toHex = (value: number, width = 0): string => value.toString(16).padStart(width, "0");
const twoDigits = (value: number): string => value.toString().padStart(2, "0");

/** The codec data of a sample entry. */
export interface SampleEntry {
  readonly kind: "video" | "audio";
  readonly codecs: string;
  readonly width?: number;
  readonly height?: number;
  readonly sampleRate?: number;
  readonly channels?: number;
}

type CodecStringReader = (box: BoxSpan, entry: string) => string;

/** Configuration box and reader of each sample entry. */
const VIDEO_ENTRIES: ReadonlyMap<string, readonly [box: string, codecs: CodecStringReader]> = new Map([
  ["avc1", ["avcC", avcCodecString]],
  ["avc3", ["avcC", avcCodecString]],
  ["hvc1", ["hvcC", hevcCodecString]],
  ["hev1", ["hvcC", hevcCodecString]],
  ["av01", ["av1C", av1CodecString]],
]);
const AUDIO_ENTRIES: ReadonlyMap<string, readonly [box: string, codecs: CodecStringReader]> = new Map([
  ["mp4a", ["esds", mpeg4CodecString]],
  ["Opus", ["dOps", () => "opus"]],
  ["ac-3", ["dac3", () => "ac-3"]],
  ["ec-3", ["dec3", () => "ec-3"]],
  ["fLaC", ["dfLa", () => "flac"]],
]);

/** Reads the sample entry `type` that spans `entry`; throws `CmafError` on a codec that HLS in fMP4 does not carry. */
function readSampleEntry(type: string, entry: BoxSpan): SampleEntry {
  const video = VIDEO_ENTRIES.get(type);
  if (video !== undefined) {
    requireBytes(entry, entry.bodyStart, 78);
    const codecs = readCodecString(entry, entry.bodyStart + 78, video, type);
    return {
      kind: "video",
      codecs,
      width: readU16(entry, entry.bodyStart + 24),
      height: readU16(entry, entry.bodyStart + 26),
    };
  }
  const audio = AUDIO_ENTRIES.get(type);
  if (audio !== undefined) {
    requireBytes(entry, entry.bodyStart, 28);
    const codecs = readCodecString(entry, entry.bodyStart + 28, audio, type);
    const rate = readU32(entry, entry.bodyStart + 24) / 65536;
    return { kind: "audio", codecs, channels: readU16(entry, entry.bodyStart + 16), sampleRate: Math.floor(rate) };
  }
  throw boxError(
    entry,
    "a codec that is not supported (H.264, HEVC, AV1, AAC, Opus, AC-3, E-AC-3, FLAC are)",
    "codec-unsupported",
  );
}

function readCodecString(
  entry: BoxSpan,
  offset: number,
  [box, codecs]: readonly [string, CodecStringReader],
  type: string,
): string {
  let found: string | null = null;
  forEachBox(entry, offset, (name, child) => {
    if (name === box) found = codecs(child, type);
  });
  if (found === null) throw boxError(entry, `it has no ${box}`);
  return found;
}

/** RFC 6381 §3.3: profile, constraint flags and level of the AVCDecoderConfigurationRecord. */
function avcCodecString(box: BoxSpan, entry: string): string {
  return `${entry}.${[1, 2, 3].map((i) => toHex(readU8(box, box.bodyStart + i), 2)).join("")}`;
}

/** ISO/IEC 14496-15 annex E.3. */
function hevcCodecString(box: BoxSpan, entry: string): string {
  const at = box.bodyStart;
  requireBytes(box, at, 13);
  const general = readU8(box, at + 1);
  const space = ["", "A", "B", "C"][general >>> 6] ?? "";
  let reversed = 0;
  for (let bit = 0, flags = readU32(box, at + 2); bit < 32; bit++, flags >>>= 1)
    reversed = (reversed << 1) | (flags & 1);
  const constraints = [6, 7, 8, 9, 10, 11].map((i) => readU8(box, at + i));
  while (constraints.length > 0 && constraints.at(-1) === 0) constraints.pop();
  const tier = (general & 0x20) !== 0 ? "H" : "L";
  const parts = [entry, `${space}${general & 0x1f}`, toHex(reversed >>> 0), `${tier}${readU8(box, at + 12)}`];
  return [...parts, ...constraints.map((value) => toHex(value).toUpperCase())]
    .join(".")
    .replace(/^(\w+\.\w+\.)(\w+)/, upperCaseFlags);
}

function upperCaseFlags(_match: string, head: string, flags: string): string {
  return head + flags.toUpperCase();
}

/** AV1 in ISOBMFF §5: profile, level and tier, bit depth. */
function av1CodecString(box: BoxSpan, entry: string): string {
  const second = readU8(box, box.bodyStart + 1);
  const third = readU8(box, box.bodyStart + 2);
  const profile = second >>> 5;
  const depth = (third & 0x40) === 0 ? 8 : profile === 2 && (third & 0x20) !== 0 ? 12 : 10;
  return `${entry}.${profile}.${twoDigits(second & 0x1f)}${(third & 0x80) !== 0 ? "H" : "M"}.${twoDigits(depth)}`;
}

/** ISO/IEC 14496-1 §7.2.6: descends ES_Descriptor (3), DecoderConfigDescriptor (4), DecoderSpecificInfo (5). */
function mpeg4CodecString(box: BoxSpan, entry: string): string {
  const es = descriptorBody(box, box.bodyStart + 4, 3);
  const flags = readU8(box, es + 2);
  let at = es + 3;
  if ((flags & 0x80) !== 0) at += 2;
  if ((flags & 0x40) !== 0) at += 1 + readU8(box, at);
  if ((flags & 0x20) !== 0) at += 2;
  const config = descriptorBody(box, at, 4);
  const objectType = readU8(box, config);
  if (objectType !== 0x40) return `${entry}.${toHex(objectType, 2)}`;
  const specific = descriptorBody(box, config + 13, 5);
  const first = readU8(box, specific);
  const kind = first >>> 3;
  // ISO/IEC 14496-3 §1.6.2.1: 31 escapes to 32 + the next six bits.
  return `${entry}.40.${kind === 31 ? 32 + (((first & 7) << 3) | (readU8(box, specific + 1) >>> 5)) : kind}`;
}

/** Offset of the body of the descriptor at `offset`. */
function descriptorBody(box: BoxSpan, offset: number, tag: number): number {
  if (readU8(box, offset) !== tag) throw boxError(box, `descriptor ${tag} is missing`);
  let at = offset + 1;
  for (let i = 0; i < 4; i++, at++) {
    if ((readU8(box, at) & 0x80) === 0) return at + 1;
  }
  throw boxError(box, "a descriptor's length runs over four bytes");
}

/** Reads the only sample entry of `stsd`. */
export function readSampleDescription(stsd: BoxSpan): SampleEntry {
  let entry: SampleEntry | null = null;
  forEachBox(stsd, stsd.bodyStart + 8, (type, child) => {
    entry ??= readSampleEntry(type, child);
  });
  if (entry === null)
    throw boxError(
      stsd,
      `it has no sample entry${stsd.end - stsd.bodyStart >= 8 ? "" : readFourcc(stsd, stsd.bodyStart)}`,
    );
  return entry;
}
