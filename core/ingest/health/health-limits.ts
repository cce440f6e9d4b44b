/** Limits of the checks and of what is remembered for them. */

/** Bounds of memory, and windows. */
export const HEALTH_LIMITS = {
  /** Period of the checks. */
  tickMs: 1_000,
  /** Tracks of each kind that are measured; a ladder has under 8. */
  tracks: 8,
  /** Seconds whose sums are kept for each track. */
  seconds: 32,
  /** Frames of the leading track whose times of arrival are kept: 10 s of 60 frames, with room for 100 a second. */
  arrivals: 1_024,
  /** Groups of pictures that are kept for each track: twice the ten that uneven ones are told by. */
  groups: 24,
  /** Points of 10 s that drift is told by: 5 min. */
  driftPoints: 30,
  driftStepMs: 10_000,
  /** Transport statistics that are kept, one a second. */
  transports: 16,
  /** Connections that are kept. */
  connections: 16,
  connectionWindowMs: 300_000,
  /** An event that has no duration stays raised for this long. */
  eventMs: 30_000,
  /** Milliseconds by which decode times may go back: disorder. */
  backMs: 0.5,
  /** Decode time that advances by more than this beyond the time of arrival has jumped, milliseconds. */
  jumpMs: 1_000,
} as const;

/** Thresholds of the checks; units in names. */
export const HEALTH_THRESHOLDS = {
  noDataMs: 2_000,
  missingTrackMs: 5_000,
  starvedShare: 0.9,
  reconnections: 3,
  unsteadyRatio: 2,
  keyframeMs: 4_000,
  oftenKeyframeMs: 1_000,
  unevenShare: 0.1,
  droppedShare: { warning: 0.01, error: 0.05 },
  frameRateShare: 0.9,
  framesPerSecond: 60,
  channels: 2,
  silence: { dbfs: -60, ms: 30_000 },
  clippedShare: 0.01,
  /** EBU R37 and ITU-R BT.1359: sound before the picture disturbs sooner than sound after it. */
  offsetMs: { early: 45, late: 125, error: 250 },
  driftMsPerMinute: 1,
  clockPpm: 200,
  leadMs: 2_000,
  lossShare: { info: 0.005, warning: 0.02, error: 0.05 },
  lostShare: 0.0005,
  roundTripMs: { info: 200, warning: 400 },
  jitterMs: 150,
  latencyRoundTrips: 3,
  publishDelayMs: { warning: 500, error: 2_000 },
  /** Media that waits in the encoder for its network. */
  sendQueueMs: 500,
  transcodeSpeed: { warning: 1.02, error: 1 },
  keyExpiryMs: { info: 86_400_000, warning: 3_600_000 },
  /** Sizes and rates with the bits per second of H.264 below which they look blocky. */
  floors: [
    { height: 1080, framesPerSecond: 50, bitsPerSecond: 4_500_000 },
    { height: 1080, framesPerSecond: 0, bitsPerSecond: 3_000_000 },
    { height: 720, framesPerSecond: 50, bitsPerSecond: 2_250_000 },
    { height: 720, framesPerSecond: 0, bitsPerSecond: 1_500_000 },
    { height: 480, framesPerSecond: 0, bitsPerSecond: 500_000 },
  ],
  /** HEVC and AV1 need about this share of H.264's rate. */
  efficientCodecShare: 0.6,
} as const;

/** What a stream takes. */
export interface HealthPolicy {
  /** Bits per second of all tracks, advised and hard; null: any. */
  readonly maxBitsPerSecond: number | null;
  readonly hardBitsPerSecond: number | null;
  /** Whether the lowest delay is wanted, so that B-frames matter. */
  readonly isLowestDelay: boolean;
}
