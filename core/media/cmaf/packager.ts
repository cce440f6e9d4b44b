/** Packages frames of all tracks into parts and segments that begin and end together. */

import type { SegmentStart } from "../../broadcast/segment.ts";
import { isSameBytes } from "../../kit/bytes.ts";
import type { TrackName } from "../../kit/ids.ts";
import { CmafError } from "./errors.ts";
import type { CodedFrame, InitInfo } from "./frame.ts";
import { FrameQueue } from "./frame-queue.ts";
import { GapFiller } from "./gaps.ts";
import { trackIdsOf } from "./init.ts";
import type { KeyframeSchedule } from "./keyframes.ts";
import { CMAF_LIMITS } from "./limits.ts";
import { muxInitSections } from "./mux-init.ts";
import type { ChunkOutput, PartOutput } from "./part-writer.ts";
import { maxSegmentSOf, type SourceKeyframes } from "./segment-grid.ts";
import { Timeline } from "./timeline.ts";
import { TrackPackager } from "./track-packager.ts";

/** Fixed for a broadcast's life. */
export interface PackagerConfig {
  readonly tracks: readonly {
    readonly name: TrackName;
    readonly kind: "video" | "audio";
    /** Ticks per second, as in the track's init section. */
    readonly timescale: number;
    /** A true maximum; see `partTargetFor`. */
    readonly partTargetMs: number;
    /** Of a video track that is not the first: gap parts stand for frames that do not come (`markSilent`). */
    readonly isOptional?: boolean;
  }[];
  readonly segmentTargetMs: number;
  readonly targetDurationS: number;
  /** Milliseconds since the epoch. */
  readonly startedAtMs: number;
  /**
   * The encoder's keyframe schedule; the leading track's frames then have this rate. The frame before a keyframe
   * closes its segment at once, without waiting for the next frame.
   */
  readonly keyframes?: KeyframeSchedule;
  /**
   * Without a schedule: the source's keyframes are at most this far apart, milliseconds. A keyframe then begins a segment
   * early if the segment could exceed the target duration until the next one; distances that were seen count instead.
   */
  readonly maxKeyframeMs?: number;
  /** The first audio track has no parts of its own: each video track carries it. */
  readonly muxed?: boolean;
}

/** Output for the publisher, in order for each track. */
export type PackagerOutput =
  | { readonly kind: "init"; readonly track: TrackName; readonly version: number; readonly bytes: Uint8Array }
  | PartOutput;

/** The start of a timeline. An optional track may get its init section later (`provideInit`). */
export interface TimelineStart {
  readonly inits: ReadonlyMap<TrackName, { readonly info: InitInfo; readonly bytes: Uint8Array }>;
  /** Program time, milliseconds since the epoch, of media timestamp 0. */
  readonly programOffsetMs: number;
}

/** Output decode time of program time `startedAtMs`: room for frames that are decoded or primed before they are shown. */
const DECODE_LEAD_MS = 1000;

/**
 * Part target to advertise, milliseconds: the whole number of frames of `frameMs` nearest to `wishMs`, rounded up to
 * 10 µs so that no part exceeds it. 30 fps at 333 → 333.34; 24 fps at 200 → 208.34.
 */
export function partTargetFor(wishMs: number, frameMs: number): number {
  const frames = Math.max(1, Math.round(wishMs / frameMs));
  return Math.ceil(frames * frameMs * 100 - 1e-6) / 100;
}

/**
 * The packager of one broadcast. Timelines follow each other, with gaps between them; decode time and segment numbers
 * continue through all of them. After a `CmafError` from `push` only `endTimeline` and `end` are useful: they return the
 * parts before it.
 */
export class Packager {
  readonly #config: PackagerConfig;
  readonly #tracks: ReadonlyMap<TrackName, TrackPackager>;
  readonly #leader: TrackPackager;
  /** Audio that every video track carries, or null. */
  readonly #muxedAudio: FrameQueue | null;
  readonly #gapFiller: GapFiller;
  #timeline: Timeline | null = null;

  constructor(config: PackagerConfig) {
    this.#config = config;
    const hasVideo = config.tracks.some(({ kind }) => kind === "video");
    const carried = config.muxed && hasVideo ? config.tracks.find(({ kind }) => kind === "audio") : undefined;
    const audio = carried === undefined ? null : new FrameQueue(carried.name, carried.kind, carried.timescale);
    const packagers = config.tracks
      .filter((track) => track !== carried)
      .map(({ name, kind, timescale, partTargetMs, isOptional }) => {
        return new TrackPackager(name, kind, timescale, partTargetMs, kind === "video" ? audio : null, isOptional);
      });
    const leader = packagers.find(({ kind, isOptional }) => kind === "video" && !isOptional) ?? packagers[0];
    if (leader === undefined) throw new CmafError("state", "a packager needs at least one track");
    this.#tracks = new Map(packagers.map((packager) => [packager.name, packager]));
    this.#leader = leader;
    this.#muxedAudio = audio;
    this.#gapFiller = new GapFiller(packagers, config.segmentTargetMs / 1000, (packager) => this.#gapStart(packager));
  }

  /** A source (re)starts. Returns the init sections that changed. Throws `CmafError` if one is missing or doesn't fit. */
  beginTimeline(start: TimelineStart): PackagerOutput[] {
    if (this.#timeline !== null) throw new CmafError("state", "a timeline is open; end it first");
    const packagers = [...this.#tracks.values()];
    const audio = this.#muxedAudio;
    const later = packagers.filter(({ name, isOptional }) => isOptional && !start.inits.has(name));
    const present = packagers.filter((packager) => !later.includes(packager));
    for (const { name, kind, timescale } of audio === null ? present : [...present, audio]) {
      const info = start.inits.get(name)?.info;
      const what = info === undefined ? "no init section came" : initMismatch(info, kind, timescale);
      if (what !== null) throw new CmafError("state", what, { input: name });
    }
    const out: PackagerOutput[] = [];
    audio?.reset();
    const bytesOf = (track: FrameQueue): Uint8Array => start.inits.get(track.name)?.bytes ?? new Uint8Array(0);
    for (const packager of packagers) packager.reset();
    for (const packager of present) {
      const own = bytesOf(packager);
      useInit(packager, audio === null || packager.muxer === null ? own : muxInitSections(own, bytesOf(audio)), out);
    }
    this.#timeline = new Timeline({
      tracks: packagers,
      leader: this.#leader,
      muxedAudio: audio,
      gapFiller: this.#gapFiller,
      offsetMs: start.programOffsetMs - this.#config.startedAtMs + DECODE_LEAD_MS,
      segmentTargetS: this.#config.segmentTargetMs / 1000,
      targetDurationS: this.#config.targetDurationS,
      keyframes: this.#config.keyframes ?? null,
      sourceKeyframes: sourceKeyframesOf(this.#config),
      discontinuity: this.#leader.writer.hasBegun,
      programTimeMs: (seconds) => this.#programTimeMs(seconds),
      onTrackStart: (packager) => {
        packager.initVersion = packager.init.version;
        const [own = 1, carried = own + 1] = trackIdsOf(packager.init.bytes);
        packager.writer.useTrackId(own);
        packager.muxer?.useTrackId(carried);
      },
    });
    return out;
  }

  /** The init section of an optional track, before its first frame of a timeline. Throws `CmafError` if it doesn't fit. */
  provideInit(track: TrackName, init: { readonly info: InitInfo; readonly bytes: Uint8Array }): PackagerOutput[] {
    const packager = this.#tracks.get(track);
    if (packager === undefined) throw new CmafError("state", "no such track", { input: track });
    const what = initMismatch(init.info, packager.kind, packager.timescale);
    if (what !== null) throw new CmafError("state", what, { input: track });
    const out: PackagerOutput[] = [];
    useInit(packager, init.bytes, out);
    return out;
  }

  /**
   * Passes each frame of a part to `listener` as soon as it is placed, in parts that begin from now on; null: to nobody. A
   * part whose last frame's duration is changed by the frame after it differs from what its chunks make.
   */
  passChunksTo(listener: ((chunk: ChunkOutput) => void) | null): void {
    for (const packager of this.#tracks.values()) packager.passChunksTo(listener);
  }

  /** The next frame of `track`, in decode order. Throws `CmafError` naming the track and the timestamp. */
  push(track: TrackName, frame: CodedFrame): PackagerOutput[] {
    const { queue, timeline } = this.#openQueue(track);
    return timeline.push(queue, frame);
  }

  /**
   * A track other than the leader is silent, or an optional one has lost its frames: none comes before `untilTicks` of its
   * media time. The other tracks go on without it, and gap parts stand for the time. Video returns with a keyframe of the
   * leader, an optional track at a keyframe that begins a segment. Throws `CmafError`.
   */
  markSilent(track: TrackName, untilTicks: number): PackagerOutput[] {
    const { queue, timeline } = this.#openQueue(track);
    return timeline.markSilent(queue, untilTicks);
  }

  #openQueue(track: TrackName): { readonly queue: FrameQueue; readonly timeline: Timeline } {
    const queue = track === this.#muxedAudio?.name ? this.#muxedAudio : this.#tracks.get(track);
    if (queue === undefined || this.#timeline === null) {
      throw new CmafError("state", queue === undefined ? "no such track" : "no timeline is open", { input: track });
    }
    return { queue, timeline: this.#timeline };
  }

  /** Program time after everything written so far, milliseconds since the epoch; null before the first frame. */
  get writtenUntilMs(): number | null {
    return this.#leader.writer.hasBegun ? this.#programTimeMs(this.#gapFiller.writtenUntilS) : null;
  }

  /** The source has ended: held frames are emitted, and every track closes the same segment at the same time. */
  endTimeline(): PackagerOutput[] {
    const out = this.#timeline?.end() ?? [];
    for (const { muxer } of this.#tracks.values()) muxer?.flush(out);
    this.#timeline = null;
    return out;
  }

  /** Between timelines: gap parts and segments in all tracks up to `programTimeMs`; a step that is not over yet waits. */
  fillGapUntil(programTimeMs: number): PackagerOutput[] {
    if (this.#timeline !== null) throw new CmafError("state", "a timeline is open; end it first");
    if (!this.#leader.writer.hasBegun) return [];
    const untilS = (programTimeMs - this.#config.startedAtMs + DECODE_LEAD_MS) / 1000;
    if (untilS - this.#gapFiller.writtenUntilS > CMAF_LIMITS.gapS) {
      const what = `a gap of ${(untilS - this.#gapFiller.writtenUntilS).toFixed(0)} s is over the limit of ${CMAF_LIMITS.gapS}`;
      throw new CmafError("limit", what);
    }
    const out: PartOutput[] = [];
    this.#gapFiller.fillUntil(untilS, out);
    return out;
  }

  /** The broadcast ends: no segment stays open. */
  end(): PackagerOutput[] {
    const out: PartOutput[] = [];
    for (const output of this.endTimeline()) if (output.kind === "part") out.push(output);
    this.#gapFiller.close(out);
    return out;
  }

  #programTimeMs(seconds: number): number {
    return Math.round((seconds * 1000 - DECODE_LEAD_MS) * 1000) / 1000 + this.#config.startedAtMs;
  }

  #gapStart(packager: TrackPackager): SegmentStart {
    const programTimeMs = this.#programTimeMs(packager.toSeconds(packager.writer.endTicks));
    return { programTimeMs, initVersion: packager.initVersion, discontinuity: false };
  }
}

/** The track's init section from now on; a new version if it has changed. */
function useInit(packager: TrackPackager, bytes: Uint8Array, out: PackagerOutput[]): void {
  if (packager.init.version > 0 && isSameBytes(bytes, packager.init.bytes)) return;
  packager.init = { version: packager.init.version + 1, bytes };
  out.push({ kind: "init", track: packager.name, version: packager.init.version, bytes });
}

function sourceKeyframesOf({ maxKeyframeMs, targetDurationS }: PackagerConfig): SourceKeyframes | null {
  if (maxKeyframeMs === undefined) return null;
  return { maxDistanceS: maxKeyframeMs / 1000, maxSegmentS: maxSegmentSOf(targetDurationS) };
}

function initMismatch(info: InitInfo, kind: "video" | "audio", timescale: number): string | null {
  if (info.kind !== kind) return `the source has ${info.kind} instead of the announced ${kind}`;
  if (info.timescale !== timescale)
    return `the source's timescale is ${info.timescale} where ${timescale} was announced`;
  return null;
}
