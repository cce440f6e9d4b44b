/** Which elementary streams can be read, by stream type and descriptors. */
import { AacTrackReader } from "./aac-track.ts";
import { makeOpusHead, OpusTrackReader } from "./opus-track.ts";
import type { ElementaryStream } from "./sections.ts";
import type { TrackReader } from "./track-reader.ts";
import { VideoTrackReader } from "./video-track.ts";

/** Codes of descriptors and stream types. */
const TS_CODES = {
  registrationDescriptor: 0x05,
  extensionDescriptor: 0x7f,
  opusExtension: 0x80,
  privateData: 0x06,
} as const;

/** A stream that can be read. Streams of equal `id` can be read by the same reader. */
export interface ReadableStreamKind {
  readonly id: string;
  readonly media: "video" | "audio";
  /** Makes the reader; `track`: its number among those of its media kind. */
  readonly makeReader: (track: number) => TrackReader;
}

const VIDEO_TYPES: ReadonlyMap<number, "h264" | "hevc"> = new Map([
  [0x1b, "h264"],
  [0x24, "hevc"],
]);
const ADTS_TYPE = 0x0f;

/** How to read a stream; null if it cannot be read. */
export function identifyStream({ streamType, descriptors }: ElementaryStream): ReadableStreamKind | null {
  const registration = descriptors.get(TS_CODES.registrationDescriptor);
  const format = registration === undefined ? "" : String.fromCharCode(...registration.subarray(0, 4));
  const codec =
    VIDEO_TYPES.get(streamType) ?? (streamType === TS_CODES.privateData && format === "HEVC" ? "hevc" : undefined);
  if (codec !== undefined) {
    return { id: codec, media: "video", makeReader: (track) => new VideoTrackReader(track, codec) };
  }
  if (streamType === ADTS_TYPE) return { id: "aac", media: "audio", makeReader: (track) => new AacTrackReader(track) };
  if (streamType !== TS_CODES.privateData || format !== "Opus") return null;
  const [tag, channels = 2] = descriptors.get(TS_CODES.extensionDescriptor) ?? [];
  const record = tag === TS_CODES.opusExtension ? makeOpusHead(channels) : null;
  if (record === null) return null;
  return { id: `opus ${channels}`, media: "audio", makeReader: (track) => new OpusTrackReader(track, record) };
}
