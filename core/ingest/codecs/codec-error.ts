/** The error of decoder configuration records, and their limits. */

/** The kind of error; stable, for programs. */
export type CodecConfigErrorCode = "truncated" | "invalid" | "unsupported" | "limit";

/** A decoder configuration record that cannot be used. The message names the record and its field. */
export class CodecConfigError extends Error {
  override readonly name: string = "CodecConfigError";
  readonly code: CodecConfigErrorCode;

  constructor(code: CodecConfigErrorCode, what: string) {
    super(what);
    this.code = code;
  }
}

/** Limits of records; one beyond them is refused with a `CodecConfigError`. */
export const CODEC_CONFIG_LIMITS = {
  /** Bytes of a record: real ones have under 1 kB. */
  recordBytes: 65_536,
  /** Parameter sets of one record. */
  parameterSets: 64,
  /** Pixels of a side: 16K pictures, beyond which no decoder goes. */
  side: 16_384,
  /** Hertz of an audio track. */
  sampleRate: 192_000,
  /** Channels of an audio track: 22.2. */
  channels: 24,
} as const;
