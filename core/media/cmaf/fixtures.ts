/** Test material: synthetic fMP4 pipes, and parsed packager output. */

import type { PartMeta } from "../../broadcast/broadcast-log.ts";
import { concatBytes } from "../../kit/bytes.ts";
import { parseTrackName, type TrackName } from "../../kit/ids.ts";
import { type BoxSpan, forEachBox, readU32 } from "./bytes.ts";
import { writeFragment } from "./fragment.ts";
import { FragmentReader } from "./fragment-reader.ts";
import type { CodedFrame } from "./frame.ts";
import type { PackagerConfig, PackagerOutput } from "./packager.ts";

/** A valid track name. */
export function testTrackName(text: string): TrackName {
  const name = parseTrackName(text);
  if (name === null) throw new Error(`${text} is no track name`);
  return name;
}

/** A box of `type` around `parts` (numbers are bytes). */
export function makeBox(type: string, ...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  const size = parts.reduce((sum, part) => sum + part.length, 8);
  const bytes = new Uint8Array(size);
  new DataView(bytes.buffer).setUint32(0, size);
  bytes.set(new TextEncoder().encode(type), 4);
  let at = 8;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Big-endian words. */
export function bigEndianWords(...values: readonly number[]): number[] {
  return values.flatMap((v) => [(v >>> 24) & 255, (v >>> 16) & 255, (v >>> 8) & 255, v & 255]);
}

const zeros = (count: number): number[] => new Array<number>(count).fill(0);

/** `avcC` of High profile, level 3.1. */
export const AVC_CONFIG: Uint8Array = makeBox("avcC", [1, 0x64, 0x00, 0x1f, 0xff, 0xe0, 0]);
/** `esds` of AAC-LC, 48 kHz stereo. */
export const AAC_CONFIG: Uint8Array = makeBox("esds", [
  ...bigEndianWords(0),
  3,
  0x19,
  0,
  1,
  0,
  4,
  0x11,
  0x40,
  0x15,
  0,
  0,
  0,
  ...bigEndianWords(128000, 128000),
  5,
  2,
  0x11,
  0x90,
  6,
  1,
  2,
]);

/** A video sample entry of 640×360. */
export function videoEntry(type: string, config: Uint8Array): Uint8Array {
  return makeBox(type, zeros(24), [640 >> 8, 640 & 255, 360 >> 8, 360 & 255], zeros(50), config);
}

/** A stereo 48 kHz audio sample entry. */
export function audioEntry(type: string, config: Uint8Array): Uint8Array {
  return makeBox(type, zeros(16), [0, 2, 0, 16], zeros(4), bigEndianWords(48000 * 65536), config);
}

/** `ftyp` + `moov` of one track with this sample entry. */
export function makeInitSection(timescale: number, entry: Uint8Array, handler = "vide"): Uint8Array {
  const tables = ["stts", "stsc", "stco"].map((type) => makeBox(type, bigEndianWords(0, 0)));
  const stbl = makeBox(
    "stbl",
    makeBox("stsd", bigEndianWords(0, 1), entry),
    ...tables,
    makeBox("stsz", bigEndianWords(0, 0, 0)),
  );
  const hdlr = makeBox("hdlr", bigEndianWords(0, 0), new TextEncoder().encode(handler), zeros(13));
  const mdhd = makeBox("mdhd", bigEndianWords(0, 0, 0, timescale, 0, 0x55c40000));
  const mdia = makeBox("mdia", mdhd, hdlr, makeBox("minf", stbl));
  const trak = makeBox("trak", makeBox("tkhd", bigEndianWords(3, 0, 0, 1), zeros(68)), mdia);
  const mvhd = makeBox("mvhd", bigEndianWords(0, 0, 0, 1000, 0, 0x10000), zeros(72), bigEndianWords(2));
  const moov = makeBox("moov", mvhd, trak, makeBox("mvex", makeBox("trex", bigEndianWords(0, 1, 1, 0, 0, 0))));
  const ftyp = makeBox("ftyp", new TextEncoder().encode("iso5"), bigEndianWords(512));
  return concatBytes([ftyp, moov]);
}

/** The init section of H.264 or AAC. */
export function testInit(kind: "video" | "audio", timescale: number): Uint8Array {
  return kind === "video"
    ? makeInitSection(timescale, videoEntry("avc1", AVC_CONFIG))
    : makeInitSection(timescale, audioEntry("mp4a", AAC_CONFIG), "soun");
}

/** A pipe as FFmpeg writes it: one fragment per frame. */
export function fmp4Pipe(init: Uint8Array, frames: readonly CodedFrame[]): Uint8Array {
  return concatBytes([
    init,
    ...frames.map((frame, i) => writeFragment(i + 1, [{ trackId: 1, decodeTicks: frame.dts, samples: [frame] }]).bytes),
  ]);
}

/** A part with its samples, parsed from its bytes. */
export interface PartReadBack {
  readonly meta: PartMeta;
  readonly bytes: Uint8Array;
  readonly frames: readonly CodedFrame[];
}

/** The parts of one track, parsed: the frames of `trackId`, which `init` numbers 1. */
export function readPartsBack(
  outputs: readonly PackagerOutput[],
  track: TrackName,
  init: Uint8Array,
  trackId = 1,
): PartReadBack[] {
  const reader = new FragmentReader(track);
  reader.push(init);
  const parts: PartReadBack[] = [];
  for (const output of outputs) {
    if (output.kind !== "part" || output.track !== track) continue;
    const own = fragmentOf(output.bytes, trackId);
    const frames = reader.push(own).flatMap((event) => (event.kind === "frame" ? [event.frame] : []));
    parts.push({ meta: output.meta, bytes: output.bytes, frames });
  }
  reader.end();
  return parts;
}

/** A part with the other tracks' `traf` hidden, and its own track's id set to 1; empty if the track is not in it. */
function fragmentOf(part: Uint8Array, trackId: number): Uint8Array {
  const bytes = part.slice();
  const view = new DataView(bytes.buffer);
  let found = false;
  const visit = (type: string, child: BoxSpan): void => {
    if (type === "moof") forEachBox(child, child.bodyStart, visit);
    if (type !== "traf") return;
    const at = child.bodyStart + 12;
    if (readU32(child, at) === trackId) {
      found = true;
      view.setUint32(at, 1);
    } else bytes.set(new TextEncoder().encode("free"), child.boxStart + 4);
  };
  forEachBox(
    { bytes, boxStart: 0, bodyStart: 0, end: bytes.length, path: "part", input: "part", inputOffset: 0 },
    0,
    visit,
  );
  return found ? bytes : new Uint8Array(0);
}

/** Four bytes of this number: distinct frame data. */
export function frameData(id: number): Uint8Array {
  return new Uint8Array(bigEndianWords(id));
}

/** The number that `dataOf` encoded. */
export function frameId(data: Uint8Array): number {
  return new DataView(data.buffer, data.byteOffset, data.byteLength).getUint32(0);
}

/** A timeline's init sections for all tracks of `config`. */
export function testInits(
  config: PackagerConfig,
): Parameters<import("./packager.ts").Packager["beginTimeline"]>[0]["inits"] {
  return new Map(
    config.tracks.map(({ name, kind, timescale }) => {
      const bytes = testInit(kind, timescale);
      const codecs = kind === "video" ? "avc1.64001f" : "mp4a.40.2";
      return [name, { info: { kind, codecs, timescale }, bytes }];
    }),
  );
}
