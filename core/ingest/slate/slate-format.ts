/** What a slate must be to stand in for a track. Pure. */
import { type Rational, toNumber } from "../../kit/rational.ts";
import type { TrackDescription } from "../codecs/track-description.ts";
import type { IngestAudioCodec, IngestVideoCodec } from "../media-event.ts";

/** A still picture in the codec, size, rate and clock of a video track. */
export interface VideoSlateFormat {
  readonly media: "video";
  readonly codec: IngestVideoCodec;
  /** `profile_idc` of H.264, which the slate may not exceed; null of other codecs. */
  readonly profile: number | null;
  readonly width: number;
  readonly height: number;
  readonly frameRate: Rational;
  readonly timescale: number;
  /** The slate may not exceed this rate, a power of two below the track's own. */
  readonly bitsPerSecond: number;
}

/** Silence in the codec and layout of an audio track. */
export interface AudioSlateFormat {
  readonly media: "audio";
  readonly codec: IngestAudioCodec;
  readonly sampleRate: number;
  readonly channels: number;
  readonly timescale: number;
}

export type SlateFormat = VideoSlateFormat | AudioSlateFormat;

/** A track that a slate may stand in for. */
export interface SlateTrack {
  readonly timescale: number;
  readonly description: TrackDescription;
  readonly bitsPerSecond: number;
}

/** The rate of a slate for pictures without an even rate. */
const USUAL_RATE: Rational = { num: 30, den: 1 };
/** A still picture needs no more. */
const MAX_RATE = 60;
const MIN_BITS = 65_536;
const HIGH_PROFILE = 100;

/** A rendition as an encoder makes it. */
export type EncodedRendition =
  | {
      readonly kind: "video";
      readonly codec: IngestVideoCodec;
      readonly width: number;
      readonly height: number;
      readonly timescale: number;
      readonly bitsPerSecond: number;
    }
  | { readonly kind: "audio"; readonly sampleRate: number; readonly channels: number; readonly timescale: number };

/** The slate's rate for a leading track of `rate`: its own, divided until it is at most 60; 30 where it has none. */
export function slateFrameRate(rate: Rational | null): Rational {
  if (rate === null || rate.num <= 0 || rate.den <= 0) return USUAL_RATE;
  return { num: rate.num, den: rate.den * Math.ceil(toNumber(rate) / MAX_RATE) };
}

/** The slate of `track`. All video tracks of a broadcast have its leader's `frameRate`, so that their keyframes coincide. */
export function slateFormatOf({ timescale, description, bitsPerSecond }: SlateTrack, frameRate: Rational): SlateFormat {
  if (description.media === "audio") {
    const { codec, sampleRate, channels } = description;
    return { media: "audio", codec, sampleRate, channels, timescale };
  }
  const { codec, profile, width, height } = description;
  return {
    ...{ media: "video", codec, profile: codec === "h264" ? profile : null, width, height, frameRate, timescale },
    bitsPerSecond: powerBelow(bitsPerSecond),
  };
}

/** The slate of a rendition that is encoded here. */
export function slateOfRendition(rendition: EncodedRendition, frameRate: Rational): SlateFormat {
  const { timescale } = rendition;
  if (rendition.kind === "audio")
    return { media: "audio", codec: "aac", sampleRate: rendition.sampleRate, channels: rendition.channels, timescale };
  const { codec, width, height, bitsPerSecond } = rendition;
  const profile = codec === "h264" ? HIGH_PROFILE : null;
  return {
    media: "video",
    codec,
    profile,
    width,
    height,
    frameRate,
    timescale,
    bitsPerSecond: powerBelow(bitsPerSecond),
  };
}

function powerBelow(bitsPerSecond: number): number {
  return Math.max(MIN_BITS, 2 ** Math.floor(Math.log2(Math.max(1, bitsPerSecond))));
}

/** Formats with the same key have the same slate. */
export function slateKey(format: SlateFormat): string {
  const { media, codec, timescale } = format;
  const own =
    format.media === "audio"
      ? [format.sampleRate, format.channels]
      : [format.profile, format.width, format.height, format.frameRate.num, format.frameRate.den, format.bitsPerSecond];
  return [media, codec, timescale, ...own].join(" ");
}
