/** Broadcasts for tests: a configuration, and entries that follow one another. */
import type { BroadcastId, TrackName } from "../kit/ids.ts";
import type { BroadcastConfig, LogEntry, PartMeta, Track } from "./broadcast-log.ts";

/** A track with 0.333 s parts at 90 kHz. */
export function makeTestTrack(name: string, kind: Track["kind"] = "video"): Track {
  return {
    name: name as TrackName,
    kind,
    codecs: kind === "video" ? "avc1.64001f" : "mp4a.40.2",
    timescale: 90_000,
    partTargetMs: 333.34,
    bandwidth: 1_000_000,
    averageBandwidth: 900_000,
  };
}

/** A broadcast of one video and one audio track, 2 s segments, a window of 12 s. */
export function makeTestConfig(over: Partial<BroadcastConfig> = {}): BroadcastConfig {
  return {
    broadcast: "testbroadcast" as BroadcastId,
    startedAtMs: 1_700_000_000_000,
    targetDurationS: 2,
    windowS: 12,
    tracks: [makeTestTrack("video"), makeTestTrack("audio", "audio")],
    ...over,
  };
}

/** One entry with the bytes that travel with it. */
export interface TestEntry {
  readonly entry: LogEntry;
  readonly bytes: Uint8Array | null;
}

/** Part number `index` of a track whose segments have `perSegment` parts; a gap where `gap` is set. */
export function makePartEntry(track: string, index: number, perSegment: number, gap = false): TestEntry {
  const part = index % perSegment;
  const meta: PartMeta = {
    msn: Math.floor(index / perSegment),
    part,
    durationTicks: 30_000,
    independent: part === 0 && !gap,
    gap,
    ...(part === 0
      ? { start: { programTimeMs: 1_700_000_000_000 + index * 333, initVersion: 1, discontinuity: index % 7 === 6 } }
      : {}),
    ...(part === perSegment - 1 ? { close: { iframeBytes: 10 } } : {}),
  };
  const bytes = gap ? null : new Uint8Array(20).fill(index & 0xff);
  return { entry: { kind: "part", track: track as TrackName, meta, byteLength: bytes?.byteLength ?? 0 }, bytes };
}

/** An init section's entry. */
export function makeInitEntry(track: string, version = 1): TestEntry {
  const bytes = new Uint8Array(8).fill(version);
  return { entry: { kind: "init", track: track as TrackName, version, byteLength: bytes.byteLength }, bytes };
}
