/** A segment of a track and its parts. */

/** What part 0 says about the segment that it opens. */
export interface SegmentStart {
  /** Program time of the segment's first sample, milliseconds since the epoch. */
  readonly programTimeMs: number;
  /** The init section its media needs: `init-{version}.mp4`. */
  readonly initVersion: number;
  /** Whether `EXT-X-DISCONTINUITY` stands before it. */
  readonly discontinuity: boolean;
}

/** What the last part says about the segment that it closes. */
export interface SegmentClose {
  /** Length of the segment's prefix that decodes to its first picture; video only. */
  readonly iframeBytes?: number;
}

/** A part as a replica knows it. */
export interface PartState {
  readonly part: number;
  readonly durationTicks: number;
  readonly independent: boolean;
  readonly gap: boolean;
  readonly byteLength: number;
}

/** A segment as a replica knows it; the last one of a track may still be open. */
export interface SegmentState {
  readonly msn: number;
  readonly start: SegmentStart;
  readonly parts: readonly PartState[];
  /** Sums over the parts so far. */
  readonly durationTicks: number;
  readonly byteLength: number;
  /** Every part so far is a gap. */
  readonly gap: boolean;
  readonly closed: boolean;
  readonly iframeBytes?: number;
  /** The segment is in R2 and in the index. */
  readonly durable: boolean;
}
