/** The init section of a track that carries pictures and sound, made of theirs. */
import { boxError, eachBox, type Span } from "./bytes.ts";
import { spanOf, trackIdAt, trackIdsOf } from "./init.ts";

/**
 * One init section for two tracks: the `picture`'s with the `trak` and `trex` of `sound`, whose track id becomes the
 * picture's plus one.
 */
export function muxInits(picture: Uint8Array, sound: Uint8Array): Uint8Array {
  const trackId = (trackIdsOf(picture)[0] ?? 1) + 1;
  const soundTrack = withTrackId(boxAt(sound, "init/moov/trak"), "tkhd", trackId);
  const soundDefaults = withTrackId(boxAt(sound, "init/moov/mvex/trex"), "trex", trackId);
  const children: Uint8Array[] = [];
  const parts: Uint8Array[] = [];
  const top = spanOf(picture);
  eachBox(top, 0, (type, box) => {
    if (type !== "moov") {
      parts.push(picture.subarray(box.at, box.end));
      return;
    }
    eachBox(box, box.start, (name, child) => {
      const bytes = picture.slice(child.at, child.end);
      if (name === "mvhd") new DataView(bytes.buffer).setUint32(bytes.length - 4, trackId + 1); // next_track_ID
      if (name === "mvex") children.push(boxOf("mvex", [picture.subarray(child.start, child.end), soundDefaults]));
      else children.push(bytes);
      if (name === "trak") children.push(soundTrack);
    });
    parts.push(boxOf("moov", children));
  });
  return joined(parts);
}

/** The first box at `path` of an init section, with its header. */
function boxAt(init: Uint8Array, path: string): Uint8Array {
  let found: Uint8Array | null = null;
  const visit = (_type: string, child: Span): void => {
    if (child.path === path) found ??= init.slice(child.at, child.end);
    else if (path.startsWith(`${child.path}/`)) eachBox(child, child.start, visit);
  };
  const span = spanOf(init);
  eachBox(span, 0, visit);
  if (found === null) throw boxError(span, `it has no ${path.slice(path.indexOf("/") + 1)}`);
  return found;
}

/** `bytes`, which are the box `holder` or hold it, with another track id. */
function withTrackId(bytes: Uint8Array, holder: "tkhd" | "trex", trackId: number): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  eachBox(spanOf(bytes), 0, (type, box) => {
    if (type === holder) view.setUint32(box.start + 4, trackId);
    else eachBox(box, box.start, (name, child) => name === holder && view.setUint32(trackIdAt(child), trackId));
  });
  return bytes;
}

function boxOf(type: string, parts: readonly Uint8Array[]): Uint8Array {
  const bytes = joined([new Uint8Array(8), ...parts]);
  new DataView(bytes.buffer).setUint32(0, bytes.length);
  bytes.set(new TextEncoder().encode(type), 4);
  return bytes;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
