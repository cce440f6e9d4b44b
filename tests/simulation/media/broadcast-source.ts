/**
 * Synthetic media as a packager gives it: init sections and parts of all tracks, each part with bytes of its own, whose
 * boxes a judge can read. What a broadcast is made of follows from its shape and the part's position alone.
 */
import type { BroadcastConfig, PartMeta, Track } from "../../../core/broadcast/broadcast-log.ts";
import type { BroadcastId, TrackName } from "../../../core/kit/ids.ts";
import type { MediaFragment } from "../../../core/media/cmaf/fragment.ts";
import type { PackagerOutput } from "../../../core/media/cmaf/packager.ts";
import {
  type FakeFragment,
  type FakeSamples,
  fakeFirstSampleEnd,
  fakeFragment,
  fakeInit,
} from "../../conformance/fake-media.ts";

/** Durations of parts and segments. A part is a whole number of 32 ms: of pictures, and with 64 ms of AAC frames. */
export interface MediaShape {
  readonly partMs: number;
  readonly partsPerSegment: number;
  readonly windowS: number;
  readonly videoTracks: number;
  /** Video tracks carry the sound, and there is no other track. */
  readonly isMuxed?: boolean;
  readonly sampleBytes: number;
  /** Parts are as the packager writes them, and their frames may be passed on as chunks. */
  readonly isFramed?: boolean;
}

const FRAME_MS = 32;
const VIDEO_TIMESCALE = 90_000;
const AUDIO_TIMESCALE = 48_000;
const AAC_FRAME_TICKS = 1024;
const SOUND = { channels: 2, sampleRate: AUDIO_TIMESCALE } as const;
/** The samples of audio in a part of this duration. */
const audioSamples = (partMs: number): number => Math.floor((partMs * AUDIO_TIMESCALE) / 1000 / AAC_FRAME_TICKS);

/** Ticks of a picture, or of a frame of sound. */
export const frameTicksOf = ({ kind }: Track): number =>
  kind === "video" ? (FRAME_MS * VIDEO_TIMESCALE) / 1000 : AAC_FRAME_TICKS;

/** The tracks and times of a broadcast of this shape. */
export function describeBroadcast(shape: MediaShape, broadcast: string, startedAtMs: number): BroadcastConfig {
  const { partMs, partsPerSegment, windowS, videoTracks, sampleBytes, isMuxed = false } = shape;
  const common = { partTargetMs: partMs };
  const rate = (frameMs: number): number => Math.ceil((8_000 * (sampleBytes + 60)) / frameMs);
  const video = Array.from({ length: videoTracks }, (_, index): Track => {
    const bandwidth = rate(FRAME_MS) * (videoTracks - index) * 2;
    return {
      ...common,
      name: `v${index}` as TrackName,
      kind: "video",
      codecs: isMuxed ? "avc1.64001f,mp4a.40.2" : "avc1.64001f",
      ...(isMuxed ? SOUND : {}),
      timescale: VIDEO_TIMESCALE,
      bandwidth,
      averageBandwidth: Math.ceil(bandwidth / 1.1),
      width: 1280 - 320 * index,
      height: 720 - 180 * index,
      frameRate: 1000 / FRAME_MS,
    };
  });
  const audio: Track = {
    ...common,
    name: "audio" as TrackName,
    kind: "audio",
    codecs: "mp4a.40.2",
    timescale: AUDIO_TIMESCALE,
    bandwidth: rate(FRAME_MS),
    averageBandwidth: rate(FRAME_MS),
    ...SOUND,
  };
  return {
    broadcast: broadcast as BroadcastId,
    startedAtMs,
    targetDurationS: Math.max(1, Math.ceil((partMs * partsPerSegment) / 1000)),
    windowS,
    tracks: isMuxed ? video : [...video, audio],
  };
}

/** The init section of a track; each version has bytes of its own. */
export function makeInit({ kind, timescale, codecs }: Track, version: number): Uint8Array {
  const sound = codecs.includes(",") ? [{ kind: "audio", timescale: AUDIO_TIMESCALE } as const] : [];
  const init = fakeInit([{ kind, timescale }, ...sound]);
  return tagged(init, `init ${version}`);
}

/** What is cut into one part. */
export interface PartPlan {
  /** Number of the part since the broadcast began, by which its decode time goes. */
  readonly index: number;
  readonly msn: number;
  readonly part: number;
  readonly programTimeMs: number;
  readonly initVersion: number;
  readonly isDiscontinuity: boolean;
  readonly isLast: boolean;
  readonly isGap: boolean;
}

/** Writes the parts of framed media. */
interface PartWriter {
  writePart(track: string, plan: PartPlan): MediaFragment;
}

/** A part of a track as the packager gives it; of `frames`, where the media is framed. */
export function makePart(
  shape: MediaShape,
  track: Track,
  plan: PartPlan,
  frames: PartWriter | null = null,
): PackagerOutput {
  const { msn, part, isGap, isLast, initVersion, programTimeMs, isDiscontinuity, index } = plan;
  const isVideo = track.kind === "video";
  const durationTicks = (shape.partMs * track.timescale) / 1000;
  const start = part === 0 ? { start: { programTimeMs, initVersion, discontinuity: isDiscontinuity } } : {};
  const head = { msn, part, durationTicks, gap: isGap, ...start };
  if (isGap) {
    const meta: PartMeta = { ...head, independent: false, ...(isLast ? { close: {} } : {}) };
    return { kind: "part", track: track.name, meta, bytes: new Uint8Array(0) };
  }
  const isIndependent = !isVideo || part === 0;
  if (frames !== null) {
    const { bytes, firstSampleEnd } = frames.writePart(track.name, plan);
    const close = isLast ? { close: isVideo ? { iframeBytes: firstSampleEnd } : {} } : {};
    return { kind: "part", track: track.name, meta: { ...head, independent: isIndependent, ...close }, bytes };
  }
  const sampleTicks = frameTicksOf(track);
  const baseTicks = index * durationTicks;
  const samples = {
    sampleTicks,
    samples: durationTicks / sampleTicks,
    sampleBytes: shape.sampleBytes,
    sync: !isVideo ? "all" : part === 0 ? "first" : "none",
  } as const;
  const fragment = track.codecs.includes(",")
    ? fakeFragment({ ...samples, baseTicks, audio: makeSound(shape, index) })
    : fragmentAt(baseTicks, samples);
  const iframe = isVideo ? { iframeBytes: fakeFirstSampleEnd(fragment, shape.sampleBytes) } : {};
  const meta: PartMeta = { ...head, independent: isIndependent, ...(isLast ? { close: iframe } : {}) };
  return { kind: "part", track: track.name, meta, bytes: tagged(fragment, `${track.name} ${msn}.${part}`) };
}

/** The muxed audio of a part. */
function makeSound({ partMs, sampleBytes }: MediaShape, index: number): FakeSamples {
  return {
    baseTicks: index * ((partMs * AUDIO_TIMESCALE) / 1000),
    sampleTicks: AAC_FRAME_TICKS,
    samples: audioSamples(partMs),
    sampleBytes,
    sync: "all",
  };
}

const encoder = new TextEncoder();

/** Fragments differ in their decode time only, so they are copies of one of each kind. */
const fragmentsAtZero = new Map<string, Uint8Array>();

function fragmentAt(baseTicks: number, samples: Omit<FakeFragment, "baseTicks">): Uint8Array {
  const kind = Object.values(samples).join(" ");
  const atZero = fragmentsAtZero.get(kind) ?? fakeFragment({ ...samples, baseTicks: 0 });
  fragmentsAtZero.set(kind, atZero);
  const fragment = atZero.slice();
  // `tfdt` of version 1: type, version and flags, then the time.
  const timeAt = Buffer.from(atZero.buffer).indexOf("tfdt") + 8;
  new DataView(fragment.buffer).setBigUint64(timeAt, BigInt(baseTicks));
  return fragment;
}

/** Bytes with a box behind them that says which they are, so that no two objects are equal. */
function tagged(bytes: Uint8Array, name: string): Uint8Array {
  const text = encoder.encode(name);
  const all = new Uint8Array(bytes.byteLength + 8 + text.byteLength);
  all.set(bytes);
  new DataView(all.buffer).setUint32(bytes.byteLength, 8 + text.byteLength);
  all.set(encoder.encode("free"), bytes.byteLength + 4);
  all.set(text, bytes.byteLength + 8);
  return all;
}
