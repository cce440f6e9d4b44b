/** Reads the `moov` of a one-track fMP4 pipe. */
import { type BoxSpan, boxError, forEachBox, readU8, readU32 } from "./bytes.ts";
import { readSampleDescription, type SampleEntry } from "./codecs.ts";
import type { InitInfo } from "./frame.ts";

/** Data of the `moov` that later fragments need, besides the track's properties. */
export interface MovieBox {
  readonly info: InitInfo;
  readonly trackId: number;
  /** `trex`: defaults for fragments. */
  readonly defaultDuration: number;
  readonly defaultSize: number;
  readonly defaultFlags: number;
}

/** Largest timescale: 2^53 ticks are then 104 days of epoch-based time beyond any clock in use. */
const MAX_TIMESCALE = 10_000_000;

/** Paths of boxes whose children are read: a box nested in its own type is not followed. */
const CONTAINER_PATHS: ReadonlySet<string> = new Set([
  "moov/trak/mdia",
  "moov/trak/mdia/minf",
  "moov/trak/mdia/minf/stbl",
]);

/** Reads `moov` (its span begins after the header). Throws `CmafError` on anything but one supported track. */
export function readMovieBox(moov: BoxSpan): MovieBox {
  const tracks: { trackId: number; timescale: number; entry: SampleEntry }[] = [];
  const defaults = { trackId: 0, duration: 0, size: 0, flags: 0 };
  forEachBox(moov, moov.bodyStart, (type, child) => {
    if (type === "trak") tracks.push(readTrack(child));
    if (type !== "mvex") return;
    forEachBox(child, child.bodyStart, (name, trex) => {
      if (name !== "trex") return;
      defaults.trackId = readU32(trex, trex.bodyStart + 4);
      defaults.duration = readU32(trex, trex.bodyStart + 12);
      defaults.size = readU32(trex, trex.bodyStart + 16);
      defaults.flags = readU32(trex, trex.bodyStart + 20);
    });
  });
  const [track] = tracks;
  if (track === undefined || tracks.length > 1) throw boxError(moov, `one track is expected, not ${tracks.length}`);
  if (defaults.trackId !== track.trackId)
    throw boxError(moov, "it has no mvex/trex for its track, so it is not fragmented");
  return {
    info: { ...track.entry, timescale: track.timescale },
    trackId: track.trackId,
    defaultDuration: defaults.duration,
    defaultSize: defaults.size,
    defaultFlags: defaults.flags,
  };
}

function readTrack(trak: BoxSpan): { trackId: number; timescale: number; entry: SampleEntry } {
  const found: { trackId?: number; timescale?: number; entry?: SampleEntry } = {};
  const visit = (type: string, child: BoxSpan): void => {
    if (CONTAINER_PATHS.has(child.path)) forEachBox(child, child.bodyStart, visit);
    else if (type === "tkhd") found.trackId = readU32(child, trackIdOffset(child));
    else if (type === "mdhd")
      found.timescale = readU32(child, child.bodyStart + (readU8(child, child.bodyStart) === 1 ? 20 : 12));
    else if (type === "stsd") found.entry = readSampleDescription(child);
  };
  forEachBox(trak, trak.bodyStart, visit);
  const { trackId, timescale, entry } = found;
  if (trackId === undefined || timescale === undefined || entry === undefined) {
    throw boxError(trak, `it has no ${trackId === undefined ? "tkhd" : timescale === undefined ? "mdhd" : "stsd"}`);
  }
  if (timescale === 0 || timescale > MAX_TIMESCALE) throw boxError(trak, `its timescale is ${timescale}`);
  return { trackId, timescale, entry };
}

/** Track ids of an init section, in order. */
export function trackIdsOf(init: Uint8Array): number[] {
  const trackIds: number[] = [];
  const visit = (type: string, child: BoxSpan): void => {
    if (child.path === "init/moov" || child.path === "init/moov/trak") forEachBox(child, child.bodyStart, visit);
    else if (type === "tkhd") trackIds.push(readU32(child, trackIdOffset(child)));
  };
  const span = initSpan(init);
  forEachBox(span, 0, visit);
  return trackIds;
}

/** Offset of the track id in a `tkhd`: times have 64 bits in version 1. */
export function trackIdOffset(tkhd: BoxSpan): number {
  return tkhd.bodyStart + (readU8(tkhd, tkhd.bodyStart) === 1 ? 20 : 12);
}

/** An init section as one span. */
export function initSpan(bytes: Uint8Array): BoxSpan {
  return { bytes, boxStart: 0, bodyStart: 0, end: bytes.length, path: "init", input: "init", inputOffset: 0 };
}
