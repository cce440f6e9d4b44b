/** Frames of all tracks to parts and segments that begin and end together. */

import type { SegmentStart } from "../../broadcast/segment.ts";
import type { TrackName } from "../../kit/ids.ts";
import { CmafError } from "./errors.ts";
import type { CodedFrame, InitInfo } from "./frame.ts";
import { FrameQueue } from "./frame-queue.ts";
import { GapFiller } from "./gaps.ts";
import { trackIdsOf } from "./init.ts";
import type { KeyframeSchedule } from "./keyframes.ts";
import { CMAF_LIMITS } from "./limits.ts";
import { muxInitSections } from "./mux-init.ts";
import type { PartOutput } from "./part-writer.ts";
import { Timeline } from "./timeline.ts";
import { TrackPackager } from "./track-packager.ts";

/** What is fixed for a broadcast's life. */
export interface PackagerConfig {
  readonly tracks: readonly {
    readonly name: TrackName;
    readonly kind: "video" | "audio";
    /** Ticks per second, as in the track's init section. */
    readonly timescale: number;
    /** A true maximum; see `partTargetFor`. */
    readonly partTargetMs: number;
  }[];
  readonly segmentTargetMs: number;
  readonly targetDurationS: number;
  /** Milliseconds since the epoch. */
  readonly startedAtMs: number;
  /**
   * Where the encoder was told to put keyframes; the leading track's frames then have this rate. The frame before one
   * closes its segment at once, instead of waiting for the next frame to say so.
   */
  readonly keyframes?: KeyframeSchedule;
  /** The first audio track does not leave by itself: each video track carries it. */
  readonly muxed?: boolean;
}

/** What the packager gives to the publisher, in order for each track. */
export type PackagerOutput =
  | { readonly kind: "init"; readonly track: TrackName; readonly version: number; readonly bytes: Uint8Array }
  | PartOutput;

/** How a run of the source begins. */
export interface TimelineStart {
  readonly inits: ReadonlyMap<TrackName, { readonly info: InitInfo; readonly bytes: Uint8Array }>;
  /** Programme time, milliseconds since the epoch, of media timestamp 0. */
  readonly programOffsetMs: number;
}

/** Output decode time of programme time `startedAtMs`: room for what is decoded or primed before it is shown. */
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
 * The packager of one broadcast. Runs of the source follow each other, with gaps between them; decode time and
 * segment numbers go on through all of it. After a `CmafError` from `push` only `endRun` and `finish` make sense:
 * they give out what was good before it.
 */
export class Packager {
  readonly #config: PackagerConfig;
  readonly #tracks: ReadonlyMap<TrackName, TrackPackager>;
  readonly #leader: TrackPackager;
  /** What every video track carries beside its pictures, or null. */
  readonly #muxedAudio: FrameQueue | null;
  readonly #gapFiller: GapFiller;
  #timeline: Timeline | null = null;

  constructor(config: PackagerConfig) {
    this.#config = config;
    const hasVideo = config.tracks.some(({ kind }) => kind === "video");
    const carried = config.muxed && hasVideo ? config.tracks.find(({ kind }) => kind === "audio") : undefined;
    const sound = carried === undefined ? null : new FrameQueue(carried.name, carried.kind, carried.timescale);
    const lanes = config.tracks
      .filter((track) => track !== carried)
      .map(({ name, kind, timescale, partTargetMs }) => {
        return new TrackPackager(name, kind, timescale, partTargetMs, kind === "video" ? sound : null);
      });
    const leader = lanes.find(({ kind }) => kind === "video") ?? lanes[0];
    if (leader === undefined) throw new CmafError("state", "a packager needs at least one track");
    this.#tracks = new Map(lanes.map((lane) => [lane.name, lane]));
    this.#leader = leader;
    this.#muxedAudio = sound;
    this.#gapFiller = new GapFiller(lanes, config.segmentTargetMs / 1000, (lane) => this.#gapStart(lane));
  }

  /** A source (re)starts. Gives the init sections that changed. Throws `CmafError` if one is missing or doesn't fit. */
  beginTimeline(start: TimelineStart): PackagerOutput[] {
    if (this.#timeline !== null) throw new CmafError("state", "a run is under way; end it first");
    const lanes = [...this.#tracks.values()];
    const sound = this.#muxedAudio;
    for (const { name, kind, timescale } of sound === null ? lanes : [...lanes, sound]) {
      const info = start.inits.get(name)?.info;
      const what = info === undefined ? "no init section came" : initMismatch(info, kind, timescale);
      if (what !== null) throw new CmafError("state", what, { input: name });
    }
    const out: PackagerOutput[] = [];
    sound?.reset();
    const bytesOf = (track: FrameQueue): Uint8Array => start.inits.get(track.name)?.bytes ?? new Uint8Array(0);
    for (const lane of lanes) {
      const own = bytesOf(lane);
      const bytes = sound === null || lane.muxer === null ? own : muxInitSections(own, bytesOf(sound));
      lane.reset();
      if (lane.init.version > 0 && bytesEqual(bytes, lane.init.bytes)) continue;
      lane.init = { version: lane.init.version + 1, bytes };
      out.push({ kind: "init", track: lane.name, version: lane.init.version, bytes });
    }
    this.#timeline = new Timeline({
      tracks: lanes,
      leader: this.#leader,
      muxedAudio: sound,
      gapFiller: this.#gapFiller,
      offsetMs: start.programOffsetMs - this.#config.startedAtMs + DECODE_LEAD_MS,
      segmentTargetS: this.#config.segmentTargetMs / 1000,
      targetDurationS: this.#config.targetDurationS,
      keyframes: this.#config.keyframes ?? null,
      discontinuity: this.#leader.writer.hasBegun,
      programTimeMs: (seconds) => this.#programTimeMs(seconds),
      onTrackStart: (lane) => {
        lane.initVersion = lane.init.version;
        const [own = 1, carried = own + 1] = trackIdsOf(lane.init.bytes);
        lane.writer.useTrackId(own);
        lane.muxer?.useTrackId(carried);
      },
    });
    return out;
  }

  /** The next frame of `track`, in decode order. Throws `CmafError` naming the track and the timestamp. */
  push(track: TrackName, frame: CodedFrame): PackagerOutput[] {
    const intake = track === this.#muxedAudio?.name ? this.#muxedAudio : this.#tracks.get(track);
    if (intake === undefined || this.#timeline === null) {
      throw new CmafError("state", intake === undefined ? "no such track" : "no run is under way", { input: track });
    }
    return this.#timeline.push(intake, frame);
  }

  /** The source is gone: what is held is emitted and every track closes the same segment at the same time. */
  endTimeline(): PackagerOutput[] {
    const out = this.#timeline?.end() ?? [];
    for (const { muxer } of this.#tracks.values()) muxer?.flush(out);
    this.#timeline = null;
    return out;
  }

  /** Between runs: gap parts and segments in all tracks up to `programTimeMs`; a step that is not over yet waits. */
  fillGapUntil(programTimeMs: number): PackagerOutput[] {
    if (this.#timeline !== null) throw new CmafError("state", "a run is under way; end it first");
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

  #gapStart(lane: TrackPackager): SegmentStart {
    const programTimeMs = this.#programTimeMs(lane.toSeconds(lane.writer.endTicks));
    return { programTimeMs, initVersion: lane.initVersion, discontinuity: false };
  }
}

function initMismatch(info: InitInfo, kind: "video" | "audio", timescale: number): string | null {
  if (info.kind !== kind) return `the source brings ${info.kind} where ${kind} was announced`;
  if (info.timescale !== timescale)
    return `the source's timescale is ${info.timescale} where ${timescale} was announced`;
  return null;
}

function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
