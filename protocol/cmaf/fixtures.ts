/** Test material: synthetic fMP4 pipes, and packager output taken apart again. */
import type { PartMeta } from "../broadcast/log.ts";
import { parseTrackName, type TrackName } from "../ids.ts";
import { eachBox, type Span, u32 } from "./bytes.ts";
import { writeFragment } from "./fragment.ts";
import type { Frame } from "./frame.ts";
import type { Output, PackagerConfig } from "./packager.ts";
import { FragmentReader } from "./reader.ts";

/** A track name that is known to be one. */
export function trackName(text: string): TrackName {
  const name = parseTrackName(text);
  if (name === null) throw new Error(`${text} is no track name`);
  return name;
}

/** A box of `type` around `parts` (numbers are bytes). */
export function box(type: string, ...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
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
export function words(...values: readonly number[]): number[] {
  return values.flatMap((v) => [(v >>> 24) & 255, (v >>> 16) & 255, (v >>> 8) & 255, v & 255]);
}

const zeros = (count: number): number[] => new Array<number>(count).fill(0);

/** `avcC` of High profile, level 3.1. */
export const AVC_CONFIG: Uint8Array = box("avcC", [1, 0x64, 0x00, 0x1f, 0xff, 0xe0, 0]);
/** `esds` of AAC-LC, 48 kHz stereo. */
export const AAC_CONFIG: Uint8Array = box("esds", [
  ...words(0),
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
  ...words(128000, 128000),
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
  return box(type, zeros(24), [640 >> 8, 640 & 255, 360 >> 8, 360 & 255], zeros(50), config);
}

/** A stereo 48 kHz audio sample entry. */
export function audioEntry(type: string, config: Uint8Array): Uint8Array {
  return box(type, zeros(16), [0, 2, 0, 16], zeros(4), words(48000 * 65536), config);
}

/** `ftyp` + `moov` of one track with this sample entry. */
export function initSection(timescale: number, entry: Uint8Array, handler = "vide"): Uint8Array {
  const tables = ["stts", "stsc", "stco"].map((type) => box(type, words(0, 0)));
  const stbl = box("stbl", box("stsd", words(0, 1), entry), ...tables, box("stsz", words(0, 0, 0)));
  const hdlr = box("hdlr", words(0, 0), new TextEncoder().encode(handler), zeros(13));
  const mdhd = box("mdhd", words(0, 0, 0, timescale, 0, 0x55c40000));
  const mdia = box("mdia", mdhd, hdlr, box("minf", stbl));
  const trak = box("trak", box("tkhd", words(3, 0, 0, 1), zeros(68)), mdia);
  const mvhd = box("mvhd", words(0, 0, 0, 1000, 0, 0x10000), zeros(72), words(2));
  const moov = box("moov", mvhd, trak, box("mvex", box("trex", words(0, 1, 1, 0, 0, 0))));
  const ftyp = box("ftyp", new TextEncoder().encode("iso5"), words(512));
  return concat([ftyp, moov]);
}

/** The init section of H.264 or AAC. */
export function initOf(kind: "video" | "audio", timescale: number): Uint8Array {
  return kind === "video"
    ? initSection(timescale, videoEntry("avc1", AVC_CONFIG))
    : initSection(timescale, audioEntry("mp4a", AAC_CONFIG), "soun");
}

/** A pipe as FFmpeg writes it: a fragment a frame. */
export function pipeOf(init: Uint8Array, frames: readonly Frame[]): Uint8Array {
  return concat([
    init,
    ...frames.map((frame, i) => writeFragment(i + 1, [{ trackId: 1, decodeTicks: frame.dts, samples: [frame] }]).bytes),
  ]);
}

/** All of `parts` in a row. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** A part with its samples, read back from its bytes. */
export interface ReadPart {
  readonly meta: PartMeta;
  readonly bytes: Uint8Array;
  readonly frames: readonly Frame[];
}

/** The parts of one track, read back: of their frames those of `trackId`, which `init` calls 1. */
export function readBack(outputs: readonly Output[], track: TrackName, init: Uint8Array, trackId = 1): ReadPart[] {
  const reader = new FragmentReader(track);
  reader.push(init);
  const parts: ReadPart[] = [];
  for (const output of outputs) {
    if (output.kind !== "part" || output.track !== track) continue;
    const own = fragmentOf(output.bytes, trackId);
    const frames = reader.push(own).flatMap((event) => (event.kind === "frame" ? [event.frame] : []));
    parts.push({ meta: output.meta, bytes: output.bytes, frames });
  }
  reader.end();
  return parts;
}

/** A part with the other tracks' `traf` hidden, and its own track's id 1; empty where that track has none in it. */
function fragmentOf(part: Uint8Array, trackId: number): Uint8Array {
  const bytes = part.slice();
  const view = new DataView(bytes.buffer);
  let found = false;
  const visit = (type: string, child: Span): void => {
    if (type === "moof") eachBox(child, child.start, visit);
    if (type !== "traf") return;
    const at = child.start + 12;
    if (u32(child, at) === trackId) {
      found = true;
      view.setUint32(at, 1);
    } else bytes.set(new TextEncoder().encode("free"), child.at + 4);
  };
  eachBox({ bytes, at: 0, start: 0, end: bytes.length, path: "part", input: "part", base: 0 }, 0, visit);
  return found ? bytes : new Uint8Array(0);
}

/** Four bytes that are this number: frame data that can be told apart. */
export function dataOf(id: number): Uint8Array {
  return new Uint8Array(words(id));
}

/** The number that `dataOf` made. */
export function idOf(data: Uint8Array): number {
  return new DataView(data.buffer, data.byteOffset, data.byteLength).getUint32(0);
}

/** A run's init sections for all tracks of `config`. */
export function initsOf(config: PackagerConfig): Parameters<import("./packager.ts").Packager["beginRun"]>[0]["inits"] {
  return new Map(
    config.tracks.map(({ name, kind, timescale }) => {
      const bytes = initOf(kind, timescale);
      const codecs = kind === "video" ? "avc1.64001f" : "mp4a.40.2";
      return [name, { info: { kind, codecs, timescale }, bytes }];
    }),
  );
}
