/** Writes the CMAF init section of one track: `ftyp` + `moov` (ISO/IEC 14496-12, 14496-15, 23000-19). */
import { concatBytes } from "../../kit/bytes.ts";
import { FragmentReader } from "../../media/cmaf/fragment-reader.ts";
import type { InitInfo } from "../../media/cmaf/frame.ts";
import { CodecConfigError } from "./codec-error.ts";
import type { AudioTrackDescription, TrackDescription, VideoTrackDescription } from "./track-description.ts";

/** An init section with what the packager's reader finds in it. */
export interface WrittenInit {
  readonly info: InitInfo;
  readonly bytes: Uint8Array;
}

type BoxPart = Uint8Array | readonly number[];

const TRACK_ID = 1;
const MATRIX = [0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000];
/** `und`, packed. */
const LANGUAGE = 0x55c40000;

/** The init section of `track`, with `timescale` ticks per second. */
export function writeInitSection(track: TrackDescription, timescale: number): WrittenInit {
  const isVideo = track.media === "video";
  const entry = isVideo ? videoSampleEntry(track) : audioSampleEntry(track);
  const tables = [
    fullBox("stsd", 0, words(1), entry),
    ...["stts", "stsc", "stco"].map((type) => fullBox(type, 0, words(0))),
    fullBox("stsz", 0, words(0, 0)),
  ];
  const mediaHeader = isVideo ? fullBox("vmhd", 1, words(0, 0)) : fullBox("smhd", 0, words(0));
  const reference = box("dinf", fullBox("dref", 0, words(1), fullBox("url ", 1)));
  const handler = fullBox("hdlr", 0, words(0), text(isVideo ? "vide" : "soun"), words(0, 0, 0), [0]);
  const media = box(
    "mdia",
    fullBox("mdhd", 0, words(0, 0, timescale, 0, LANGUAGE)),
    handler,
    box("minf", mediaHeader, reference, box("stbl", ...tables)),
  );
  const [width, height] = isVideo ? [track.width, track.height] : [0, 0];
  const volume = isVideo ? 0 : 0x01000000;
  const size = words(width * 0x10000, height * 0x10000);
  const header = fullBox("tkhd", 3, words(0, 0, TRACK_ID, 0, 0, 0, 0, 0, volume, ...MATRIX), size);
  const movie = fullBox(
    "mvhd",
    0,
    words(0, 0, 1000, 0, 0x10000, 0x01000000, 0, 0, ...MATRIX),
    words(0, 0, 0, 0, 0, 0, 2),
  );
  const defaults = box("mvex", fullBox("trex", 0, words(TRACK_ID, 1, 0, 0, 0)));
  const bytes = concatBytes([
    box("ftyp", text("iso6"), words(0), text("iso6cmfcmp41")),
    box("moov", movie, box("trak", header, media), defaults),
  ]);
  return { info: readBack(bytes), bytes };
}

/** The properties that the packager's own reader finds. */
function readBack(bytes: Uint8Array): InitInfo {
  const [event] = new FragmentReader("init").push(bytes);
  if (event?.kind !== "init") throw new CodecConfigError("invalid", "the init section has no track");
  return event.info;
}

function videoSampleEntry(track: VideoTrackDescription): Uint8Array {
  const [type, config] = { h264: ["avc1", "avcC"], hevc: ["hvc1", "hvcC"], av1: ["av01", "av1C"] }[track.codec] as [
    string,
    string,
  ];
  const { num, den } = track.pixelAspect;
  return box(
    type,
    [...zeros(6), 0, 1, ...zeros(16), ...halves(track.width, track.height)],
    words(0x00480000, 0x00480000, 0),
    [0, 1, ...zeros(32), 0, 0x18, 0xff, 0xff],
    box(config, track.record),
    ...(num === den ? [] : [box("pasp", words(num, den))]),
  );
}

function audioSampleEntry(track: AudioTrackDescription): Uint8Array {
  // The field has 16 bits; for other rates the configuration alone says it.
  const rate = track.sampleRate < 65_536 ? track.sampleRate : 0;
  return box(
    track.codec === "aac" ? "mp4a" : "Opus",
    [...zeros(6), 0, 1, ...zeros(8), ...halves(track.channels, 16), ...zeros(4)],
    words(rate * 0x10000),
    track.codec === "aac" ? elementaryStream(track.record) : opusSpecific(track.record),
  );
}

/** ISO/IEC 14496-1 §7.2.6: ES_Descriptor, DecoderConfigDescriptor, DecoderSpecificInfo and SLConfigDescriptor. */
function elementaryStream(record: Uint8Array): Uint8Array {
  const specific = descriptor(5, record);
  const decoder = descriptor(4, [0x40, 0x15, 0, 0, 0], words(0, 0), specific);
  return fullBox("esds", 0, descriptor(3, [0, TRACK_ID, 0], decoder, descriptor(6, [2])));
}

function descriptor(tag: number, ...parts: readonly BoxPart[]): Uint8Array {
  const body = concatBytes(parts.map((part) => Uint8Array.from(part)));
  const length = [21, 14, 7].map((shift) => ((body.length >>> shift) & 0x7f) | 0x80);
  return concatBytes([Uint8Array.of(tag, ...length, body.length & 0x7f), body]);
}

/** Opus in ISOBMFF §4.3.2: the identification header with big-endian fields. */
function opusSpecific(record: Uint8Array): Uint8Array {
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  const channels = record[9] ?? 2;
  const mapping = record[18] === 0 ? new Uint8Array(0) : record.subarray(19, 21 + channels);
  return box(
    "dOps",
    [0, channels, ...halves(view.getUint16(10, true))],
    words(view.getUint32(12, true)),
    [...halves(view.getUint16(16, true)), record[18] ?? 0],
    mapping,
  );
}

function box(type: string, ...parts: readonly BoxPart[]): Uint8Array {
  const size = parts.reduce((sum, part) => sum + part.length, 8);
  const bytes = new Uint8Array(size);
  new DataView(bytes.buffer).setUint32(0, size);
  bytes.set(text(type), 4);
  let at = 8;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** A box with version 0 and `flags`. */
function fullBox(type: string, flags: number, ...parts: readonly BoxPart[]): Uint8Array {
  return box(type, words(flags), ...parts);
}

function text(value: string): Uint8Array {
  return Uint8Array.from(value, (letter) => letter.charCodeAt(0));
}

function words(...values: readonly number[]): number[] {
  return values.flatMap((value) => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]);
}

function halves(...values: readonly number[]): number[] {
  return values.flatMap((value) => [(value >>> 8) & 255, value & 255]);
}

function zeros(count: number): number[] {
  return new Array<number>(count).fill(0);
}
