/** Limits of an ingest node, each with its reason. */
export const INGEST_NODE_LIMITS = {
  /** Broadcasts at once: each takes 1 to 2 % of a core. One more is refused with a sentence. */
  broadcasts: 256,
  /** Senders that wait for their key's check; one more is refused with a sentence. */
  pendingSenders: 256,
  /** Refused keys of one network: an encoder tries again every few seconds; guessing is hopeless. Beyond it none is looked up. */
  refusals: { perSecond: 0.5, burst: 20 },
  /** Bytes of one broadcast that wait for the edge: a minute of 8 Mb/s. Beyond it the oldest parts become gaps. */
  queueBytes: 67_108_864,
  /** A sender that says goodbye may come back within this time: the encoder's settings were changed. */
  goodbyeMs: 3_000,
  /** A sender that sends nothing for this long is lost; another one with its key may take its place after `aliveMs`. */
  silenceMs: 10_000,
  aliveMs: 2_500,
  /** Period in which the key of a sender that is not on the air is checked: a revoked one is cut within a second. */
  keyCheckMs: 700,
  /** Period of a slate's frames and of gap parts between timelines. */
  fillStepMs: 100,
  /** How far gap parts stay behind the clock: a timeline's media may be that old. */
  gapMarginMs: 700,
  /** A slate is encoded this long after a timeline's beginning, so that it does not delay the first parts. */
  slateDelayMs: 1_500,
  /** A sender that sends nothing for this long is replaced by the slate: viewers have about a second in advance. */
  slateAfterMs: 1_000,
  /** A slate pauses this long for a returning sender's timeline; beyond it the sender continues at a later keyframe. */
  slateHoldMs: 600,
  /** A slate ends this much after the sender's first picture, so that rounding leaves no gap between them. */
  slateOverlapMs: 3,
  /** Timelines that a sender's media may break within a minute; beyond it the sender is refused with the last reason. */
  brokenTimelines: 6,
  brokenWindowMs: 60_000,
  /** Longest distance of keyframes, and the target duration that holds it with any segment duration up to it. */
  maxKeyframeMs: 4_000,
  targetDurationS: 4,
  /** Another publisher's lease is not waited for: the sender is refused and comes again. */
  takeoverMs: 500,
  /**
   * Bytes of one sender that wait for its decision or for FFmpeg: the longest two groups of pictures at 40 Mb/s. Beyond it
   * whole groups are dropped, and FFmpeg begins anew.
   */
  feedBytes: 33_554_432,
  /**
   * What waited is decoded at this multiple of real time, ahead by the lead: decoded pictures of 1.4 MB (720p) would pile up
   * before the encoders.
   */
  feedRate: 2,
  feedLeadMs: 1_000,
  feedStepMs: 50,
  /** Streams whose pictures were refused lately: their next sender is judged before it goes on the air. */
  refusedStreams: 1_024,
  refusalMs: 600_000,
  /** Streams whose health is remembered between sessions, some 64 KB each; the one used longest ago is forgotten. */
  monitors: 512,
} as const;
