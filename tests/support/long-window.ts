/** A broadcast of a day without waiting a day: its segments, as listed by an object and held by a replica. */
import type { BroadcastConfig, TrackState } from "../../core/broadcast/broadcast-log.ts";
import { appendPackedSegments, NO_PACKED_SEGMENTS } from "../../core/broadcast/packed-segments.ts";
import { Replica } from "../../core/broadcast/replica.ts";
import type { SegmentState } from "../../core/broadcast/segment.ts";
import { createTrackState, packDurableSegments } from "../../core/broadcast/segment-window.ts";
import type { TailBuffer } from "../../core/broadcast/tail-buffer.ts";

/** Seconds of a day, and its segments of 2 s. */
export const DAY_S = 86_400;
export const DAY_SEGMENTS: number = DAY_S / 2;

const PARTS = 6;

/** Segment `msn`: 2 s of six parts, stored. */
export function storedSegment(msn: number): SegmentState {
  const parts = Array.from({ length: PARTS }, (_, part) => ({
    part,
    durationTicks: 30_000,
    independent: part === 0,
    gap: false,
    byteLength: 20,
  }));
  return {
    msn,
    start: { programTimeMs: 1_700_000_000_000 + msn * 2_000, initVersion: 1, discontinuity: msn % 1_000 === 999 },
    parts,
    durationTicks: PARTS * 30_000,
    byteLength: PARTS * 20,
    gap: false,
    closed: true,
    iframeBytes: 4,
    durable: true,
  };
}

/** The replica of a broadcast with this many segments per track; every track has init section 1. */
export function longReplica(epoch: string, config: BroadcastConfig, segments: number, tail: TailBuffer): Replica {
  const all = Array.from({ length: segments }, (_, msn) => storedSegment(msn));
  const tracks: TrackState[] = config.tracks.map((track) => {
    const past = appendPackedSegments(NO_PACKED_SEGMENTS, all.slice(0, -100));
    return packDurableSegments({ ...createTrackState(track), packed: past, segments: all.slice(-100) }, config);
  });
  const inits = config.tracks.map(({ name }) => ({ track: name, version: 1, bytes: new Uint8Array(8).fill(1) }));
  return Replica.restore(epoch, { config, offset: 1_000, ended: false, tracks, inits }, tail);
}
