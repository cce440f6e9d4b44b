/** What a sender's tracks are, as FFmpeg's probe would say it. Pure. */
import type { IngestFrame, IngestMetadata } from "../../core/ingest/media-event.ts";
import type { SenderTrack } from "../../core/ingest/passthrough/sender-track.ts";
import { announcedFrameRate, measuredFrameRate } from "../../core/ingest/source/frame-rate.ts";
import type { Rational } from "../../core/kit/rational.ts";
import type { SourceAudio, SourceInfo, SourceVideo } from "../ingest/source-info.ts";

/** Transfer functions of high dynamic range, by their code points in ITU-T H.273. */
const HDR_TRANSFERS: Readonly<Record<number, SourceVideo["transfer"]>> = { 16: "pq", 18: "hlg" };
const UNSPECIFIED = 2;

/** What is known of a sender. */
export interface SenderMedia {
  readonly video: SenderTrack | null;
  readonly audio: SenderTrack | null;
  /** Received frames of the video, in order of decoding. */
  readonly frames: readonly IngestFrame[];
  readonly metadata: IngestMetadata | null;
}

/** The source as a feed carries it: video first. */
export function sourceInfoOf(media: SenderMedia): SourceInfo {
  const { video, audio } = media;
  return {
    video: video === null ? null : videoOf(video, media),
    audio: audio === null ? null : audioOf(audio, video === null ? 0 : 1),
    ...{ durationS: null, mayJump: true, isStill: false, warnings: [] },
  };
}

function videoOf(track: SenderTrack, media: SenderMedia): SourceVideo | null {
  const { description } = track;
  if (description.media !== "video") return null;
  const { width, height, pixelAspect, isInterlaced, colour } = description;
  return {
    stream: 0,
    width: Math.round((width * pixelAspect.num) / pixelAspect.den),
    height,
    frameRate: frameRateOf(track, description.frameRate, media),
    ...{ isInterlaced, endS: null },
    transfer: HDR_TRANSFERS[colour?.transfer ?? UNSPECIFIED] ?? "sdr",
    hasMatrix: (colour?.matrix ?? UNSPECIFIED) !== UNSPECIFIED,
  };
}

function audioOf({ description }: SenderTrack, stream: number): SourceAudio | null {
  if (description.media !== "audio") return null;
  return { stream, channels: description.channels, sampleRate: description.outputRate };
}

/** The measured rate of motion, else what the sender declares. */
function frameRateOf(
  { timescale, index }: SenderTrack,
  coded: Rational | null,
  { frames, metadata }: SenderMedia,
): Rational | null {
  const times = frames.map(({ dts, ctsOffset }) => (dts + ctsOffset) / timescale);
  const told = index === 0 ? (metadata?.frameRate ?? null) : null;
  const declared = told === null ? null : { num: Math.round(told * 1000), den: 1000 };
  return measuredFrameRate(times, 1 / timescale) ?? announcedFrameRate(declared, coded);
}
