/** Limits of this folder's input; exceeding one is a `CmafError` with its name and value. */
export const CMAF_LIMITS = {
  /** Bytes of one `mdat`: a 4K keyframe is under 4 MiB; more is a broken size field. */
  mdatBytes: 33_554_432,
  /** Bytes of any other top-level box: FFmpeg's `moov` of one track is about 1 KiB. */
  boxBytes: 1_048_576,
  /** Bytes of a box header: 8, or 16 with a 64-bit size. */
  headerBytes: 16,
  /** Boxes within one container box. */
  boxesPerContainer: 256,
  /** Samples within one fragment: FFmpeg writes one, another muxer a segment's worth. */
  samplesPerFragment: 4096,
  /** Maximum duration of a frame or jump of timestamps, seconds: beyond it the clock is broken, not the picture still. */
  frameS: 10,
  /** Frames that one track may queue for the leader: 10 s of 60 fps video or AAC. */
  queuedFrames: 640,
  /** Bytes that one track may queue for the leader. */
  queuedBytes: 67_108_864,
  /** Seconds that a track may fall behind the leader before the timeline fails. */
  lagS: 10,
  /** Seconds that a part waits for its audio: sources send audio and video closer together, or one of them is late permanently. */
  audioWaitS: 0.5,
  /** Seconds of one gap: a longer outage needs a new broadcast. */
  gapS: 21_600,
  /** Largest time in ticks: integers are exact up to here. */
  ticks: 9_007_199_254_740_991,
} as const;
