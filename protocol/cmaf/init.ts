/** Reads the `moov` of a one-track fMP4 pipe. */
import { boxError, eachBox, type Span, u8, u32 } from "./bytes.ts";
import { readSampleDescription, type SampleEntry } from "./codecs.ts";
import type { InitInfo } from "./frame.ts";

/** What later fragments need of the `moov`, beside what it says of the track. */
export interface Movie {
  readonly info: InitInfo;
  readonly trackId: number;
  /** `trex`: what a fragment leaves out. */
  readonly defaultDuration: number;
  readonly defaultSize: number;
  readonly defaultFlags: number;
}

/** Largest timescale: 2^53 ticks are then 104 days of epoch-based time beyond any clock in use. */
const MAX_TIMESCALE = 10_000_000;

/** Boxes whose children matter, by their place: so a box nested in its like is not followed. */
const DESCEND: ReadonlySet<string> = new Set(["moov/trak/mdia", "moov/trak/mdia/minf", "moov/trak/mdia/minf/stbl"]);

/** Reads `moov` (its span begins after the header). Throws `CmafError` on anything but one supported track. */
export function readMovie(moov: Span): Movie {
  const tracks: { trackId: number; timescale: number; entry: SampleEntry }[] = [];
  const defaults = { trackId: 0, duration: 0, size: 0, flags: 0 };
  eachBox(moov, moov.start, (type, child) => {
    if (type === "trak") tracks.push(readTrack(child));
    if (type !== "mvex") return;
    eachBox(child, child.start, (name, trex) => {
      if (name !== "trex") return;
      defaults.trackId = u32(trex, trex.start + 4);
      defaults.duration = u32(trex, trex.start + 12);
      defaults.size = u32(trex, trex.start + 16);
      defaults.flags = u32(trex, trex.start + 20);
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

function readTrack(trak: Span): { trackId: number; timescale: number; entry: SampleEntry } {
  const found: { trackId?: number; timescale?: number; entry?: SampleEntry } = {};
  const visit = (type: string, child: Span): void => {
    if (DESCEND.has(child.path)) eachBox(child, child.start, visit);
    else if (type === "tkhd") found.trackId = u32(child, trackIdAt(child));
    else if (type === "mdhd") found.timescale = u32(child, child.start + (u8(child, child.start) === 1 ? 20 : 12));
    else if (type === "stsd") found.entry = readSampleDescription(child);
  };
  eachBox(trak, trak.start, visit);
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
  const visit = (type: string, child: Span): void => {
    if (child.path === "init/moov" || child.path === "init/moov/trak") eachBox(child, child.start, visit);
    else if (type === "tkhd") trackIds.push(u32(child, trackIdAt(child)));
  };
  const span = spanOf(init);
  eachBox(span, 0, visit);
  return trackIds;
}

/** Where a `tkhd` has its track id: its times have 64 bits in version 1. */
export function trackIdAt(tkhd: Span): number {
  return tkhd.start + (u8(tkhd, tkhd.start) === 1 ? 20 : 12);
}

/** An init section as one span. */
export function spanOf(bytes: Uint8Array): Span {
  return { bytes, at: 0, start: 0, end: bytes.length, path: "init", input: "init", base: 0 };
}
