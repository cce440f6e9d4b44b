/** The tracks of a passthrough timeline: renditions with names, rates and init sections. Pure. */
import { parseTrackName, type TrackName } from "../../kit/ids.ts";
import { type Rational, toNumber } from "../../kit/rational.ts";
import { timescaleFor } from "../../media/cmaf/video-timescale.ts";
import { type WrittenInit, writeInitSection } from "../codecs/init-section.ts";
import { opusPacketSamples } from "../codecs/opus-config.ts";
import type { AudioTrackDescription, TrackDescription, VideoTrackDescription } from "../codecs/track-description.ts";
import type { IngestMetadata } from "../media-event.ts";
import { announcedFrameRate } from "../source/frame-rate.ts";
import { PASSTHROUGH_LIMITS } from "./limits.ts";
import type { SenderTrack } from "./sender-track.ts";
import { fitFrameRate, TimestampGrid } from "./timestamp-grid.ts";
import { TrackTimeline } from "./track-timeline.ts";

/** A track as it is published. */
export interface PassthroughTrack {
  readonly name: TrackName;
  readonly kind: "video" | "audio";
  readonly timescale: number;
  readonly description: TrackDescription;
  readonly init: WrittenInit;
  /** Frames per second of pictures at an even rate; else null. */
  readonly frameRate: Rational | null;
  /** Typical duration of a frame, milliseconds. */
  readonly frameMs: number;
  /** Declared by the sender, or measured so far. */
  readonly bitsPerSecond: number;
}

/** A published track, the sender's track that it carries, and its clock. */
export interface PlannedTrack {
  readonly track: PassthroughTrack;
  readonly sender: SenderTrack;
  readonly output: TrackTimeline;
}

/** Ticks per second of pictures without an even rate. */
const VARIABLE_TIMESCALE = 90_000;
const DEFAULT_FRAME_MS = 1000 / 30;
const OPUS_PACKET_SAMPLES = 960;

/**
 * The renditions of `senders`: video by descending size, named by height, then audio. A timeline with the same kinds and
 * codecs as `previous` keeps its names and timescales. The video tracks share a grid, so that their keyframes stay aligned.
 */
export function planTimeline(
  senders: readonly SenderTrack[],
  metadata: IngestMetadata | null,
  previous: readonly PassthroughTrack[],
): PlannedTrack[] {
  const area = ({ description }: SenderTrack): number =>
    description.media === "video" ? description.width * description.height : 0;
  const ordered = senders.toSorted((a, b) => area(b) - area(a));
  const isSame = ordered.length === previous.length && ordered.every((each, i) => continuesTrack(each, previous[i]));
  const names = isSame ? previous.map(({ name }) => name) : nameTracks(ordered.map(({ description }) => description));
  const planner = new VideoPlanner(metadata, isSame ? (previous[0] ?? null) : null);
  return ordered.map((sender, i): PlannedTrack => {
    const name = names[i] ?? nameOf("track", i);
    const { description } = sender;
    const bitsPerSecond = declaredBits(sender, metadata) ?? sender.measuredBitsPerSecond;
    return description.media === "video"
      ? planner.plan(sender, description, { name, bitsPerSecond })
      : planAudio(sender, description, { name, bitsPerSecond }, isSame ? (previous[i]?.timescale ?? null) : null);
  });
}

function continuesTrack({ description }: SenderTrack, before: PassthroughTrack | undefined): boolean {
  return before?.kind === description.media && before.description.codec === description.codec;
}

/** Plans the video tracks of one timeline: the first, which is the largest, gives the grid. */
class VideoPlanner {
  readonly #metadata: IngestMetadata | null;
  readonly #rateBefore: Rational | null;
  #timescale: number | null;
  #grid: TimestampGrid | null | undefined;

  /** `before`: the leading track of the timeline that is continued. */
  constructor(metadata: IngestMetadata | null, before: PassthroughTrack | null) {
    this.#metadata = metadata;
    this.#rateBefore = before?.frameRate ?? null;
    this.#timescale = before?.timescale ?? null;
  }

  plan(
    sender: SenderTrack,
    description: VideoTrackDescription,
    common: Pick<PassthroughTrack, "name" | "bitsPerSecond">,
  ): PlannedTrack {
    const frameRate = this.#rateOf(sender, description);
    this.#timescale ??= frameRate === null ? VARIABLE_TIMESCALE : timescaleFor(frameRate);
    const timescale = this.#timescale;
    const frameMs = frameRate === null ? (sender.typicalFrameMs ?? DEFAULT_FRAME_MS) : 1000 / toNumber(frameRate);
    const usualTicks = (frameMs * timescale) / 1000;
    this.#grid ??=
      frameRate === null
        ? null
        : new TimestampGrid((timescale * frameRate.den) / frameRate.num, snapToleranceS(sender.timescale) * timescale);
    const clock = { sourceTimescale: sender.timescale, timescale, grid: this.#grid, usualTicks };
    const init = writeInitSection(description, timescale);
    const track = { ...common, kind: "video", timescale, description, init, frameRate, frameMs } as const;
    return { track, sender, output: new TrackTimeline(clock) };
  }

  #rateOf(sender: SenderTrack, { frameRate: coded }: VideoTrackDescription): Rational | null {
    const told = sender.index === 0 ? (this.#metadata?.frameRate ?? null) : null;
    const declared = [
      told === null ? null : announcedFrameRate({ num: Math.round(told * 1000), den: 1000 }, null),
      coded === null ? null : announcedFrameRate(coded, null),
      this.#rateBefore,
    ];
    const known = declared.filter((rate) => rate !== null);
    return fitFrameRate(sender.heldTimesS(), known, snapToleranceS(sender.timescale));
  }
}

function planAudio(
  sender: SenderTrack,
  description: AudioTrackDescription,
  common: Pick<PassthroughTrack, "name" | "bitsPerSecond">,
  fixedTimescale: number | null,
): PlannedTrack {
  const timescale = fixedTimescale ?? description.sampleRate;
  const first = sender.firstHeld?.data;
  const samples = description.frameSamples ?? (first && opusPacketSamples(first)) ?? OPUS_PACKET_SAMPLES;
  const frameS = samples / description.sampleRate;
  const usualTicks = frameS * timescale;
  const grid = new TimestampGrid(usualTicks, snapToleranceS(sender.timescale) * timescale);
  const clock = { sourceTimescale: sender.timescale, timescale, grid, usualTicks };
  const init = writeInitSection(description, timescale);
  const track = {
    ...common,
    kind: "audio",
    timescale,
    description,
    init,
    frameRate: null,
    frameMs: frameS * 1000,
  } as const;
  return { track, sender, output: new TrackTimeline(clock) };
}

/** How far a snapped time may be from the sender's, seconds: a tick of its clock, and jitter. */
function snapToleranceS(sourceTimescale: number): number {
  return Math.min(PASSTHROUGH_LIMITS.snapMs / 1000, 1 / sourceTimescale + 0.0003);
}

function declaredBits({ index, description }: SenderTrack, metadata: IngestMetadata | null): number | null {
  if (metadata === null || index > 0) return null;
  const declared = description.media === "video" ? metadata.videoBitsPerSecond : metadata.audioBitsPerSecond;
  return declared !== null && declared > 0 ? declared : null;
}

/** `720p`, `480p-hevc`, `audio`; a second track of the same name gets a number. */
function nameTracks(tracks: readonly TrackDescription[]): TrackName[] {
  const taken = new Map<string, number>();
  return tracks.map((track) => {
    const name =
      track.media === "audio"
        ? "audio"
        : `${Math.min(track.width, track.height)}p${track.codec === "h264" ? "" : `-${track.codec}`}`;
    const count = (taken.get(name) ?? 0) + 1;
    taken.set(name, count);
    return nameOf(count === 1 ? name : `${name}-${count}`, count);
  });
}

function nameOf(text: string, index: number): TrackName {
  const name = parseTrackName(text) ?? parseTrackName(`track-${index}`);
  if (name === null) throw new Error("unreachable: a number makes a track name");
  return name;
}
