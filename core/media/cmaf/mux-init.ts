/** The init section of a muxed track, built from those of its video and audio. */
import { concatBytes } from "../../kit/bytes.ts";
import { type BoxSpan, boxError, forEachBox } from "./bytes.ts";
import { initSpan, trackIdOffset, trackIdsOf } from "./init.ts";

/**
 * One init section for two tracks: the `picture`'s with the `trak` and `trex` of `sound`, whose track id becomes the
 * picture's plus one.
 */
export function muxInitSections(videoInit: Uint8Array, audioInit: Uint8Array): Uint8Array {
  const trackId = (trackIdsOf(videoInit)[0] ?? 1) + 1;
  const soundTrack = withTrackId(findBox(audioInit, "init/moov/trak"), "tkhd", trackId);
  const soundDefaults = withTrackId(findBox(audioInit, "init/moov/mvex/trex"), "trex", trackId);
  const children: Uint8Array[] = [];
  const parts: Uint8Array[] = [];
  const top = initSpan(videoInit);
  forEachBox(top, 0, (type, box) => {
    if (type !== "moov") {
      parts.push(videoInit.subarray(box.boxStart, box.end));
      return;
    }
    forEachBox(box, box.bodyStart, (name, child) => {
      const bytes = videoInit.slice(child.boxStart, child.end);
      if (name === "mvhd") new DataView(bytes.buffer).setUint32(bytes.length - 4, trackId + 1); // next_track_ID
      if (name === "mvex")
        children.push(makeBox("mvex", [videoInit.subarray(child.bodyStart, child.end), soundDefaults]));
      else children.push(bytes);
      if (name === "trak") children.push(soundTrack);
    });
    parts.push(makeBox("moov", children));
  });
  return concatBytes(parts);
}

/** The first box at `path` of an init section, with its header. */
function findBox(init: Uint8Array, path: string): Uint8Array {
  let found: Uint8Array | null = null;
  const visit = (_type: string, child: BoxSpan): void => {
    if (child.path === path) found ??= init.slice(child.boxStart, child.end);
    else if (path.startsWith(`${child.path}/`)) forEachBox(child, child.bodyStart, visit);
  };
  const span = initSpan(init);
  forEachBox(span, 0, visit);
  if (found === null) throw boxError(span, `it has no ${path.slice(path.indexOf("/") + 1)}`);
  return found;
}

/** `bytes`, which are or contain the box `holder`, with another track id. */
function withTrackId(bytes: Uint8Array, holder: "tkhd" | "trex", trackId: number): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  forEachBox(initSpan(bytes), 0, (type, box) => {
    if (type === holder) view.setUint32(box.bodyStart + 4, trackId);
    else
      forEachBox(box, box.bodyStart, (name, child) => name === holder && view.setUint32(trackIdOffset(child), trackId));
  });
  return bytes;
}

function makeBox(type: string, parts: readonly Uint8Array[]): Uint8Array {
  const bytes = concatBytes([new Uint8Array(8), ...parts]);
  new DataView(bytes.buffer).setUint32(0, bytes.length);
  bytes.set(new TextEncoder().encode(type), 4);
  return bytes;
}
