/** Computes the renditions to encode from the source and the requested ladder. Pure. */

import { parseTrackName, type TrackName } from "../../core/kit/ids.ts";
import { type Rational, reduceRational } from "../../core/kit/rational.ts";
import { timescaleFor } from "../../core/media/cmaf/video-timescale.ts";
import { AAC_FRAME_SAMPLES, type SourceInfo, type SourceVideo } from "../ingest/source-info.ts";
import { UsageError } from "../kit/errors.ts";

/** Supported codecs of renditions. */
export const VIDEO_CODECS = ["h264", "hevc", "av1"] as const;
export type VideoCodec = (typeof VIDEO_CODECS)[number];

/** One requested video rendition. */
export interface LadderStep {
  readonly name: TrackName;
  /** Length of the shorter side in pixels. */
  readonly height: number;
  readonly bitsPerSecond: number;
  readonly codec: VideoCodec;
}

/** The requested ladder. */
export interface LadderSpec {
  readonly video: readonly LadderStep[];
  readonly audioBitsPerSecond: number;
}

/** A video rendition to encode. */
export interface VideoRendition {
  readonly kind: "video";
  readonly name: TrackName;
  readonly codec: VideoCodec;
  readonly width: number;
  readonly height: number;
  readonly frameRate: Rational;
  readonly bitsPerSecond: number;
  /** Rate and size of the encoder's leaky bucket. */
  readonly maxBitsPerSecond: number;
  readonly bufferBits: number;
  readonly timescale: number;
}

/** The audio rendition to encode: AAC-LC, stereo. */
export interface AudioRendition {
  readonly kind: "audio";
  readonly name: TrackName;
  readonly bitsPerSecond: number;
  readonly sampleRate: number;
  readonly channels: number;
  readonly timescale: number;
}

export type Rendition = VideoRendition | AudioRendition;

/** Limits of a ladder; one beyond them is refused with a sentence that names the limit. */
const LADDER_LIMITS = {
  /** Each rendition is an encode on this machine; more than this is a typing error. */
  renditions: 12,
  minHeight: 64,
  maxHeight: 4320,
  minBitsPerSecond: 16_000,
  maxBitsPerSecond: 200_000_000,
  /** Faster sources are decimated: parts are counted in frames, and viewers' screens show no more. */
  maxFrameRate: 60,
} as const;

const AUDIO_RATE = 48_000;
const PART_OVERHEAD_BYTES = 160;
const SAMPLE_OVERHEAD_BYTES = 12;

/** The ladder used when none is given, in `codec`. */
export function defaultLadder(codec: VideoCodec): LadderSpec {
  return {
    video: [
      createLadderStep(720, 2_500_000, codec),
      createLadderStep(480, 1_200_000, codec),
      createLadderStep(360, 700_000, codec),
    ],
    audioBitsPerSecond: 128_000,
  };
}

/** The ladder used when neither a ladder nor an encoder is given. */
export const DEFAULT_LADDER: LadderSpec = defaultLadder("h264");

/** A ladder step with its track's name: `720p`, or `720p-hevc` for codecs other than H.264. Throws `UsageError`. */
export function createLadderStep(height: number, bitsPerSecond: number, codec: VideoCodec): LadderStep {
  if (!Number.isInteger(height) || height < LADDER_LIMITS.minHeight || height > LADDER_LIMITS.maxHeight) {
    throw new UsageError(
      `A rendition's height must be ${LADDER_LIMITS.minHeight} to ${LADDER_LIMITS.maxHeight}, not ${height}.`,
    );
  }
  const name = parseTrackName(codec === "h264" ? `${height}p` : `${height}p-${codec}`);
  if (name === null) throw new UsageError(`${height}p is not a valid track name.`);
  return { name, height, bitsPerSecond, codec };
}

/** `2500k`, `2.5M` or `2500000` as bits per second. Throws `UsageError`. */
export function parseBitrate(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([kKmM]?)$/.exec(text.trim());
  const unit = match?.[2]?.toLowerCase();
  const value = Math.round(Number(match?.[1]) * (unit === "k" ? 1e3 : unit === "m" ? 1e6 : 1));
  if (!(value >= LADDER_LIMITS.minBitsPerSecond && value <= LADDER_LIMITS.maxBitsPerSecond)) {
    throw new UsageError(`"${text}" is not a bit rate between 16k and 200M; write 2500k or 2.5M.`);
  }
  return value;
}

/** A ladder from flags, e.g. `1080p:5000k,720p:2500k:hevc`; `codec` is that of steps which name none. Throws `UsageError`. */
export function parseLadderFlags(text: string, codec: VideoCodec = "h264"): LadderSpec {
  const steps = text.split(",").filter((item) => item.trim() !== "");
  return checkLadder({
    video: steps.map((step) => parseStep(step, codec)),
    audioBitsPerSecond: DEFAULT_LADDER.audioBitsPerSecond,
  });
}

function parseStep(text: string, codec: VideoCodec): LadderStep {
  const match = /^(\d{1,5})p?:([^:]+)(?::([a-z0-9]+))?$/i.exec(text.trim());
  if (match === null) {
    throw new UsageError(
      `"${text.trim()}" is not a rendition; write HEIGHT:BITRATE[:CODEC], e.g. 720p:2500k or 720p:1500k:hevc.`,
    );
  }
  return createLadderStep(Number(match[1]), parseBitrate(match[2] ?? ""), parseCodec(match[3] ?? codec));
}

/** A codec's name as users write it. Throws `UsageError`. */
export function parseCodec(text: string): VideoCodec {
  const codec = VIDEO_CODECS.find((known) => known === text.toLowerCase());
  if (codec === undefined)
    throw new UsageError(`"${text}" is not a codec that Corral encodes; choose ${VIDEO_CODECS.join(", ")}.`);
  return codec;
}

/** `spec` by descending bandwidth, or a `UsageError` with its error. */
export function checkLadder(spec: LadderSpec): LadderSpec {
  if (spec.video.length === 0)
    throw new UsageError("The ladder has no video rendition; add at least one, e.g. 720p:2500k.");
  if (spec.video.length > LADDER_LIMITS.renditions)
    throw new UsageError(`The ladder has more than ${LADDER_LIMITS.renditions} renditions.`);
  const names = new Set<string>();
  for (const { name } of spec.video) {
    if (names.has(name)) throw new UsageError(`The ladder names ${name} twice.`);
    names.add(name);
  }
  return { ...spec, video: spec.video.toSorted((a, b) => b.bitsPerSecond - a.bitsPerSecond) };
}

/**
 * The renditions of `source` by `spec`: none larger than the source; the source's own size if every step would be
 * larger; video by descending bandwidth, then audio. Throws `UsageError` if the source has neither.
 */
export function planRenditions(
  source: SourceInfo,
  spec: LadderSpec,
  maxFrameRate: number = LADDER_LIMITS.maxFrameRate,
): Rendition[] {
  const video = source.video === null ? [] : planVideo(source.video, spec, maxFrameRate);
  if (video.length === 0 && source.audio === null) throw new UsageError("The source has neither video nor audio.");
  return source.audio === null ? video : [...video, audioRendition(spec.audioBitsPerSecond)];
}

/** The video renditions of a source that is large enough for every step: 16:9, 30 frames/s. */
export function planNominalRenditions(spec: LadderSpec): VideoRendition[] {
  const height = Math.max(...spec.video.map((step) => step.height));
  const size = { width: Math.round((height * 16) / 9), height };
  return spec.video.map((step) => videoRendition(size, step, { num: 30, den: 1 }));
}

function planVideo(source: SourceVideo, spec: LadderSpec, maxFrameRate: number): VideoRendition[] {
  const shorter = Math.min(source.width, source.height);
  const frameRate = capFrameRate(source.frameRate, maxFrameRate);
  const fitting = spec.video.filter((wish) => wish.height <= shorter);
  if (fitting.length > 0) return fitting.map((wish) => videoRendition(source, wish, frameRate));
  const smallest = spec.video.reduce((a, b) => (b.height < a.height ? b : a));
  const area = (shorter / smallest.height) ** 2;
  const bits = Math.max(100_000, Math.round(smallest.bitsPerSecond * area));
  const height = Math.max(2, toEven(shorter));
  const name =
    parseTrackName(smallest.codec === "h264" ? `${height}p` : `${height}p-${smallest.codec}`) ?? smallest.name;
  return [videoRendition(source, { name, height, bitsPerSecond: bits, codec: smallest.codec }, frameRate)];
}

function videoRendition(
  source: Pick<SourceVideo, "width" | "height">,
  wish: LadderStep,
  frameRate: Rational,
): VideoRendition {
  const portrait = source.height > source.width;
  const [long, short] = portrait ? [source.height, source.width] : [source.width, source.height];
  const shortSide = toEven(wish.height);
  const longSide = Math.max(2, Math.round((long * shortSide) / short / 2) * 2);
  return {
    kind: "video",
    name: wish.name,
    codec: wish.codec,
    width: portrait ? shortSide : longSide,
    height: portrait ? longSide : shortSide,
    frameRate,
    bitsPerSecond: wish.bitsPerSecond,
    maxBitsPerSecond: wish.bitsPerSecond,
    bufferBits: Math.round(wish.bitsPerSecond / 2),
    timescale: timescaleFor(frameRate),
  };
}

function audioRendition(bitsPerSecond: number): AudioRendition {
  const name = parseTrackName("audio");
  if (name === null) throw new Error("unreachable: audio is a track name");
  return { kind: "audio", name, bitsPerSecond, sampleRate: AUDIO_RATE, channels: 2, timescale: AUDIO_RATE };
}

/** 4:2:0 pictures have even sides; rounding down never upscales. */
function toEven(pixels: number): number {
  return Math.floor(pixels / 2) * 2;
}

/** Denominators of exact rates; a demuxer's guess may be any fraction. */
const MAX_RATE_TERM = 250_000;

/** The source's rate divided by a whole number so that it is at most `max`; 30 if the source has none. */
function capFrameRate(rate: Rational | null, max: number): Rational {
  if (rate === null || rate.num <= 0 || rate.den <= 0 || rate.num / rate.den < 1) return { num: 30, den: 1 };
  if (rate.num / rate.den > 1000) return { num: 30, den: 1 };
  const exact = reduceRational(rate);
  const isPlain = Math.max(exact.num, exact.den) <= MAX_RATE_TERM;
  const { num, den } = isPlain ? exact : { num: Math.round((rate.num / rate.den) * 1000), den: 1000 };
  // Every second, third … picture: the intervals stay even.
  return reduceRational({ num, den: den * Math.ceil(num / den / (max + 0.01)) });
}

/** Milliseconds of one frame of `rendition`. */
export function frameMs(rendition: Rendition): number {
  return rendition.kind === "audio"
    ? (AAC_FRAME_SAMPLES * 1000) / rendition.sampleRate
    : (rendition.frameRate.den * 1000) / rendition.frameRate.num;
}

/**
 * `BANDWIDTH` and `AVERAGE-BANDWIDTH` of a rendition. A segment may contain what the bucket's rate permits and, once,
 * the bucket itself, so no segment's rate exceeds the first while the encoder obeys; packaging is added.
 */
export function bandwidthOf(
  rendition: Rendition,
  partMs: number,
  segmentMs: number,
): { bandwidth: number; averageBandwidth: number } {
  const overhead = 8 * ((PART_OVERHEAD_BYTES * 1000) / partMs + (SAMPLE_OVERHEAD_BYTES * 1000) / frameMs(rendition));
  const peak =
    rendition.kind === "audio"
      ? rendition.bitsPerSecond * 1.1
      : rendition.maxBitsPerSecond + (rendition.bufferBits * 1000) / segmentMs;
  return {
    bandwidth: Math.ceil(peak + overhead),
    averageBandwidth: Math.ceil(rendition.bitsPerSecond + overhead),
  };
}
