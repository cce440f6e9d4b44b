/** Init sections of single tracks, taken from one that has several. */
import { concatBytes } from "../../kit/bytes.ts";
import { type BoxSpan, forEachBox, readFourcc, readU8, readU32 } from "./bytes.ts";
import { initSpan, trackIdOffset } from "./init.ts";

/** One track of an init section, with an init section of its own, in which it keeps its id. */
export interface InitTrack {
  readonly trackId: number;
  readonly kind: "video" | "audio";
  /** Ticks a second. */
  readonly timescale: number;
  /** Duration of a sample whose fragment names none, ticks. */
  readonly defaultDurationTicks: number;
  readonly bytes: Uint8Array;
}

/** The tracks of an init section: those with pictures or sound. Throws `CmafError` for one that is malformed. */
export function splitInitSection(init: Uint8Array): InitTrack[] {
  const tracks: { trackId: number; kind: InitTrack["kind"]; timescale: number; trak: BoxSpan }[] = [];
  const defaults = new Map<number, BoxSpan>();
  forEachBox(initSpan(init), 0, (type, box) => {
    if (type !== "moov") return;
    forEachBox(box, box.bodyStart, (name, child) => {
      if (name === "trak") {
        const track = readInitTrack(child);
        if (track !== null) tracks.push({ ...track, trak: child });
      } else if (name === "mvex") {
        forEachBox(child, child.bodyStart, (trexName, trex) => {
          if (trexName === "trex") defaults.set(readU32(trex, trex.bodyStart + 4), trex);
        });
      }
    });
  });
  return tracks.map(({ trak, ...track }) => {
    const trex = defaults.get(track.trackId) ?? null;
    const defaultDurationTicks = trex === null ? 0 : readU32(trex, trex.bodyStart + 12);
    return { ...track, defaultDurationTicks, bytes: keepTrack(init, trak, trex) };
  });
}

/** Null for a track of another kind. */
function readInitTrack(trak: BoxSpan): { trackId: number; kind: InitTrack["kind"]; timescale: number } | null {
  let trackId = 0;
  let timescale = 0;
  let handler = "";
  const visit = (type: string, box: BoxSpan): void => {
    if (type === "mdia") forEachBox(box, box.bodyStart, visit);
    else if (type === "tkhd") trackId = readU32(box, trackIdOffset(box));
    else if (type === "mdhd") timescale = readU32(box, box.bodyStart + (readU8(box, box.bodyStart) === 1 ? 20 : 12));
    else if (type === "hdlr") handler = readFourcc(box, box.bodyStart + 8);
  };
  forEachBox(trak, trak.bodyStart, visit);
  const kind = handler === "vide" ? "video" : handler === "soun" ? "audio" : null;
  return kind === null || timescale === 0 ? null : { trackId, kind, timescale };
}

/** `init` with one `trak` and its `trex`. */
function keepTrack(init: Uint8Array, trak: BoxSpan, trex: BoxSpan | null): Uint8Array {
  const pieces: Uint8Array[] = [];
  forEachBox(initSpan(init), 0, (type, box) => {
    if (type !== "moov") {
      pieces.push(init.subarray(box.boxStart, box.end));
      return;
    }
    const children: Uint8Array[] = [];
    forEachBox(box, box.bodyStart, (name, child) => {
      if (name === "trak" && child.boxStart !== trak.boxStart) return;
      if (name === "mvex") children.push(boxOf(init, child, trex === null ? [] : [trex]));
      else children.push(init.subarray(child.boxStart, child.end));
    });
    pieces.push(withHeader(init.subarray(box.boxStart + 4, box.boxStart + 8), children));
  });
  return concatBytes(pieces);
}

const boxOf = (init: Uint8Array, box: BoxSpan, children: readonly BoxSpan[]): Uint8Array =>
  withHeader(
    init.subarray(box.boxStart + 4, box.boxStart + 8),
    children.map((child) => init.subarray(child.boxStart, child.end)),
  );

function withHeader(type: Uint8Array, children: readonly Uint8Array[]): Uint8Array {
  const bytes = concatBytes([new Uint8Array(8), ...children]);
  new DataView(bytes.buffer).setUint32(0, bytes.length);
  bytes.set(type, 4);
  return bytes;
}
