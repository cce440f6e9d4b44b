/** Names that appear in addresses, parsed once at the boundary into branded strings. */

declare const brand: unique symbol;

/** A stream's public name: 1–64 of `a–z 0–9 _ -`, beginning with a letter or digit. */
export type StreamName = string & { readonly [brand]: "StreamName" };
/** One broadcast of a stream: 8–32 of `a–z 0–9`; never reused, so media addresses are immutable. */
export type BroadcastId = string & { readonly [brand]: "BroadcastId" };
/** One rendition of a broadcast, e.g. `720p` or `audio`: 1–32 of `a–z 0–9 _ -`. */
export type TrackName = string & { readonly [brand]: "TrackName" };

const STREAM = /^[a-z0-9][a-z0-9_-]{0,63}$/;
const BROADCAST = /^[a-z0-9]{8,32}$/;
const TRACK = /^[a-z0-9][a-z0-9_-]{0,31}$/;

/** The stream name in `text`, or null if it is invalid. */
export function parseStreamName(text: string): StreamName | null {
  return STREAM.test(text) ? (text as StreamName) : null;
}

/** The broadcast id in `text`, or null if it is invalid. */
export function parseBroadcastId(text: string): BroadcastId | null {
  return BROADCAST.test(text) ? (text as BroadcastId) : null;
}

/** The track name in `text`, or null if it is invalid. */
export function parseTrackName(text: string): TrackName | null {
  return TRACK.test(text) ? (text as TrackName) : null;
}
