/** Which renditions are encoded beside a picture that is passed through. Pure. */
import type { Track } from "../../../core/broadcast/broadcast-log.ts";
import { describeTrack } from "../../../core/ingest/codecs/describe-track.ts";
import { type WrittenInit, writeInitSection } from "../../../core/ingest/codecs/init-section.ts";
import type { PassthroughTrack } from "../../../core/ingest/passthrough/timeline-plan.ts";
import { bandwidthOf, type LadderSpec, planRenditions, type VideoRendition } from "../../packager/ladder.ts";

/** Levels of H.264 (ITU-T H.264, Table A-1): macroblocks per second and per picture. */
const LEVELS: readonly (readonly [level: number, perSecond: number, perPicture: number])[] = [
  [30, 40_500, 1_620],
  [31, 108_000, 3_600],
  [32, 216_000, 5_120],
  [40, 245_760, 8_192],
  [42, 522_240, 8_704],
  [50, 589_824, 22_080],
  [51, 983_040, 36_864],
];
const HIGHEST_LEVEL = 52;
const MACROBLOCK = 16;

/** A smaller picture has at most this share of the rate above it, however little the sender sends. */
const STEP_SHARE = 0.7;
const MIN_BITS = 64_000;

/** The least level of H.264 from 3.0 on for a rendition: 31 is level 3.1. */
export function avcLevelOf({ width, height, frameRate }: VideoRendition): number {
  const blocks = Math.ceil(width / MACROBLOCK) * Math.ceil(height / MACROBLOCK);
  const perSecond = (blocks * frameRate.num) / frameRate.den;
  return LEVELS.find(([, second, picture]) => perSecond <= second && blocks <= picture)?.[0] ?? HIGHEST_LEVEL;
}

/**
 * The steps of `ladder` below the picture of a sender's only video track, in H.264 and in the clock of that track. Empty for
 * several tracks, which are a ladder, and without steps below.
 */
export function planLowerRenditions(tracks: readonly PassthroughTrack[], ladder: LadderSpec): VideoRendition[] {
  const [top, second] = tracks.filter(({ kind }) => kind === "video");
  if (top === undefined || second !== undefined || top.description.media !== "video") return [];
  const { width, height, pixelAspect } = top.description;
  const shownWidth = Math.round((width * pixelAspect.num) / pixelAspect.den);
  const shorter = Math.min(shownWidth, height);
  const steps = ladder.video.filter((step) => step.codec === "h264" && step.height < shorter && step.name !== top.name);
  if (steps.length === 0) return [];
  const look = { stream: 0, isInterlaced: false, transfer: "sdr", hasMatrix: true, endS: null } as const;
  const source = {
    video: { width: shownWidth, height, frameRate: top.frameRate, ...look },
    ...{ audio: null, durationS: null, mayJump: true, isStill: false, warnings: [] },
  };
  let above = top.bitsPerSecond;
  return planRenditions(source, { ...ladder, video: steps }).flatMap((rendition) => {
    if (rendition.kind !== "video") return [];
    const bitsPerSecond = Math.max(MIN_BITS, Math.min(rendition.bitsPerSecond, Math.round(above * STEP_SHARE)));
    above = bitsPerSecond;
    const rate = { bitsPerSecond, maxBitsPerSecond: bitsPerSecond, bufferBits: Math.round(bitsPerSecond / 2) };
    return [{ ...rendition, ...rate, timescale: top.timescale }];
  });
}

/** An `avcC` of x264 for black pictures of 64 × 64: High profile, level 3.0. */
const EMPTY_RECORD = "0164001effe100186764001eacd94426c044000003000400000300f03c58b65801000668ebe3cb22c0fdf8f800";

/** The init section of a rendition of which nothing came: gap parts refer to it, and nothing is decoded with it. */
export function emptyInit(timescale: number): WrittenInit {
  const [codec, record] = ["h264" as const, Uint8Array.from(Buffer.from(EMPTY_RECORD, "hex"))];
  const description = describeTrack({ codec, record });
  return writeInitSection(description, timescale);
}

/** What is announced of a rendition before it is encoded; durations in milliseconds. */
export function describeLowerTrack(rendition: VideoRendition, partTargetMs: number, segmentMs: number): Track {
  const { name, width, height, timescale, frameRate } = rendition;
  return {
    ...{ name, kind: "video", timescale, partTargetMs, width, height },
    codecs: `avc1.6400${avcLevelOf(rendition).toString(16)}`,
    ...bandwidthOf(rendition, partTargetMs, segmentMs),
    frameRate: Math.round((frameRate.num / frameRate.den) * 1000) / 1000,
  };
}
