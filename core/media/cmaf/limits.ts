/** Bounds on what an input may ask of this folder; who exceeds one gets a `CmafError` with its name and value. */
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
  /** Seconds that one frame may last, or timestamps may jump: beyond it the clock is broken, not the picture still. */
  frameS: 10,
  /** Frames that one track may wait for the leader: 10 s of 60 fps video or AAC. */
  queuedFrames: 640,
  /** Bytes that one track may wait for the leader with. */
  queuedBytes: 67_108_864,
  /** Seconds that a track may fall behind the leader before the run is given up. */
  lagS: 10,
  /** Seconds that a part waits for its sound: sources send sound and picture closer together, or one of them is late for good. */
  audioWaitS: 0.5,
  /** Seconds of one gap: longer outages are another broadcast. */
  gapS: 21_600,
  /** Largest time in ticks: integers are exact up to here. */
  ticks: 9_007_199_254_740_991,
} as const;
