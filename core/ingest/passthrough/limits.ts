/** Limits of passthrough, each with its reason. */
export const PASSTHROUGH_LIMITS = {
  /** Seconds between keyframes that are passed through: a viewer waits for one, and segments are no shorter. */
  keyframeS: 4,
  /** Groups of pictures that decide. */
  groups: 2,
  /**
   * Milliseconds by which a snapped time may differ from the sender's: RTMP's whole milliseconds, of which some senders
   * round twice.
   */
  snapMs: 1.3,
  /** First frames arrive in a burst; by then one without delay has shown how media time relates to the clock. */
  settleMs: 700,
  /** The same for a sender that continues a broadcast: viewers wait for it. */
  resumeSettleMs: 300,
  /** A picture may be this much earlier than the end of a slate, milliseconds: its timeline is shifted; else it is skipped. */
  lateMs: 400,
  /** A track that does not come within this time is left out; a sender opens its tracks together. */
  trackWaitMs: 2_000,
  /** A track that lags by more seconds than this is silent; a sender sends its tracks closer together. */
  silenceS: 1.5,
  /** Silence is declared up to this many seconds before the picture. */
  silenceMarginS: 1,
  /** A timestamp may advance by this many seconds more than the time of arrival; beyond it the clock has jumped. */
  jumpS: 1,
  /** Going back by less is disorder, seconds. */
  backS: 0.1,
  /** Media seconds ahead of real time: a sender that is faster reads a file without pacing, and is refused. */
  leadS: 15,
  /** Frames and bytes that wait for a timeline's beginning; beyond it the sender is refused. */
  heldFrames: 8_192,
  heldBytes: 67_108_864,
  /** Bytes of one frame: a 4K keyframe is under 4 MiB. */
  frameBytes: 16_777_216,
  /** Tracks of each kind: a ladder has under 8. */
  tracks: 8,
} as const;

/** The kind of error; stable, for programs. */
export type PassthroughErrorCode = "too-fast" | "too-large" | "codec" | "no-media";

/** Media of a sender that cannot be published. The message is a sentence for its operator. */
export class PassthroughError extends Error {
  override readonly name: string = "PassthroughError";
  readonly code: PassthroughErrorCode;

  constructor(code: PassthroughErrorCode, sentence: string, options?: ErrorOptions) {
    super(sentence, options);
    this.code = code;
  }
}
