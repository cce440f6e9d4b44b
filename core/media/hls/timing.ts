/** The durations in a broadcast's playlists, all derived from its immutable configuration. */
import type { BroadcastConfig } from "../../broadcast/broadcast-log.ts";

/** Playlists print seconds with this many decimals: 10 µs, finer than one audio sample at 96 kHz. */
const SECONDS_DECIMALS = 5;
/** Printed units in one second. */
export const UNITS_PER_SECOND: number = 10 ** SECONDS_DECIMALS;

/** §4.4.3.8: "[HOLD-BACK] MUST be at least three times the Target Duration." */
const HOLD_BACK_TARGETS = 3;
/** §4.4.3.8: "[PART-HOLD-BACK] SHOULD be at least three times the maximum Part Target Duration." */
const PART_HOLD_BACK_TARGETS = 3;
/** §4.4.3.8: "The Skip Boundary MUST be at least six times the Target Duration." */
export const SKIP_BOUNDARY_TARGETS = 6;
/** §6.2.2: parts leave the playlist once they are further from its end than this many target durations. */
export const PART_WINDOW_TARGETS = 3;

/** Seconds from the end at which regular players start, the same in all playlists. */
export function holdBackS(config: BroadcastConfig): number {
  return HOLD_BACK_TARGETS * config.targetDurationS;
}

/** Seconds from the end at which low-latency players start, the same in all playlists. */
export function partHoldBackS(config: BroadcastConfig): number {
  const largest = Math.max(0, ...config.tracks.map((track) => partTargetUnits(track.partTargetMs)));
  return (PART_HOLD_BACK_TARGETS * largest) / UNITS_PER_SECOND;
}

/** A new subscriber's feed may begin this long after the playlist position at which its first viewer starts, seconds. */
const JOIN_SLACK_S = 1;

/** Seconds from the end that a low-latency player may request at its start: PART-HOLD-BACK, rounded to its part. */
export function joinTailS(largestPartTargetMs: number): number {
  return ((PART_HOLD_BACK_TARGETS + 1) * largestPartTargetMs) / 1000 + JOIN_SLACK_S;
}

/** Seconds from the end beyond which a delta update skips segments, the same in all playlists. */
export function canSkipUntilS(config: BroadcastConfig): number {
  return SKIP_BOUNDARY_TARGETS * config.targetDurationS;
}

/** How many parts past the last one a reload may ask for. */
export function advancePartLimit(partTargetMs: number): number {
  // §6.2.5.2: "The Advance Part Limit is three divided by the Part Target Duration if the Part Target Duration is less
  // than one second, or three otherwise."
  return partTargetMs < 1000 ? Math.ceil(3000 / partTargetMs) : 3;
}

/** A part target in printed units, rounded up so that no printed part is above it. */
export function partTargetUnits(partTargetMs: number): number {
  // The subtraction prevents the binary error of a fraction such as 333.3 from adding a unit.
  return Math.ceil((partTargetMs * UNITS_PER_SECOND) / 1000 - 1e-6);
}

/** A duration in printed units, rounded to the nearest. */
export function ticksToUnits(ticks: number, timescale: number): number {
  return Math.round((ticks * UNITS_PER_SECOND) / timescale);
}

/** Printed units as decimal seconds. */
export function formatUnits(units: number): string {
  return (units / UNITS_PER_SECOND).toFixed(SECONDS_DECIMALS);
}
