/** For tests: broadcasts built step by step, like a replica's state without limits or bytes. */
import type { BroadcastConfig, BroadcastState, PartMeta, Track, TrackState } from "../../broadcast/broadcast-log.ts";
import type { SegmentState } from "../../broadcast/segment.ts";
import { addPartToSegment, createTrackState } from "../../broadcast/segment-window.ts";
import { makeTestTrack } from "../../broadcast/testing.ts";
import type { BroadcastId, TrackName } from "../../kit/ids.ts";

/** A track's description with defaults for the members that a test ignores. */
export function fixtureTrack(name: string, overrides: Partial<Track> = {}): Track {
  const kind = overrides.kind ?? "video";
  const picture = kind === "video" ? { width: 1280, height: 720, frameRate: 30 } : { channels: 2, sampleRate: 48000 };
  return {
    ...makeTestTrack(name, kind),
    partTargetMs: 500,
    bandwidth: 2_500_000,
    averageBandwidth: 2_000_000,
    ...picture,
    ...overrides,
  };
}

/** A broadcast's configuration, likewise. */
export function fixtureConfig(tracks: readonly Track[], overrides: Partial<BroadcastConfig> = {}): BroadcastConfig {
  return {
    broadcast: "b0000001" as BroadcastId,
    startedAtMs: Date.UTC(2026, 0, 2, 3, 4, 5, 6),
    targetDurationS: 2,
    windowS: 20,
    tracks,
    ...overrides,
  };
}

/** The state of a broadcast before its first part. */
export function emptyState(config: BroadcastConfig, mediaSequence = 0): BroadcastState {
  const empty = (track: Track): TrackState => ({ ...createTrackState(track), mediaSequence });
  return { config, tracks: new Map(config.tracks.map((track) => [track.name, empty(track)])), ended: false };
}

/** The state after one more part; segments outside the window are dropped. */
export function addFixturePart(
  state: BroadcastState,
  name: TrackName,
  meta: PartMeta,
  byteLength = 1000,
): BroadcastState {
  const old = state.tracks.get(name);
  if (old === undefined) throw new RangeError(`no track ${name}`);
  const open = old.segments.at(-1);
  const part = { part: meta.part, durationTicks: meta.durationTicks, independent: meta.independent, gap: meta.gap };
  let segments: readonly SegmentState[];
  if (meta.start !== undefined) {
    const opened = { msn: meta.msn, start: meta.start, parts: [], durationTicks: 0, byteLength: 0, durable: false };
    const segment = { ...opened, gap: true, closed: false };
    segments = [...old.segments, addPartToSegment(segment, { ...part, byteLength }, meta)];
  } else if (open !== undefined && !open.closed && open.msn === meta.msn && open.parts.length === meta.part) {
    segments = [...old.segments.slice(0, -1), addPartToSegment(open, { ...part, byteLength }, meta)];
  } else {
    throw new RangeError(`part ${meta.msn}.${meta.part} is out of order`);
  }
  return { ...state, tracks: new Map(state.tracks).set(name, slideWindow(state.config, { ...old, segments })) };
}

function slideWindow(config: BroadcastConfig, track: TrackState): TrackState {
  let { segments, mediaSequence, discontinuitySequence } = track;
  const windowTicks = config.windowS * track.track.timescale;
  for (;;) {
    const closed = segments.filter((segment) => segment.closed);
    const first = closed[0];
    const ticks = closed.reduce((sum, segment) => sum + segment.durationTicks, 0);
    if (first === undefined || closed.length <= 6 || ticks - first.durationTicks < windowTicks) break;
    segments = segments.slice(1);
    mediaSequence += 1;
    if (first.start.discontinuity) discontinuitySequence += 1;
  }
  return { ...track, segments, mediaSequence, discontinuitySequence };
}

/** One part of an evenly cut track, from `evenParts`. */
export interface EvenLayout {
  readonly parts: number;
  readonly partTicks: number;
  readonly timescale: number;
  readonly startedAtMs: number;
  readonly discontinuityAt?: number;
  readonly initVersion?: (msn: number) => number;
}

/** The part at `index` of a track whose segments all have `parts` parts of equal length. */
export function evenPart(cut: EvenLayout, index: number): PartMeta {
  const msn = Math.floor(index / cut.parts);
  const part = index % cut.parts;
  const programTimeMs = cut.startedAtMs + (msn * cut.parts * cut.partTicks * 1000) / cut.timescale;
  const initVersion = cut.initVersion?.(msn) ?? 0;
  const start = { programTimeMs, initVersion, discontinuity: msn > 0 && msn === cut.discontinuityAt };
  const common = { msn, part, durationTicks: cut.partTicks, independent: part === 0, gap: false };
  return {
    ...common,
    ...(part === 0 ? { start } : {}),
    ...(part === cut.parts - 1 ? { close: { iframeBytes: 700 } } : {}),
  };
}
