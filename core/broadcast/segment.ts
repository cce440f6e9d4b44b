/** A segment of a track and its parts. */

/** Metadata of the segment that part 0 opens. */
export interface SegmentStart {
  /** Program time of the segment's first sample, milliseconds since the epoch. */
  readonly programTimeMs: number;
  /** The init section its media needs: `init-{version}.mp4`. */
  readonly initVersion: number;
  /** Whether `EXT-X-DISCONTINUITY` stands before it. */
  readonly discontinuity: boolean;
}

/** Metadata of the segment that the last part closes. */
export interface SegmentClose {
  /** Length of the segment's prefix that decodes to its first picture; video only. */
  readonly iframeBytes?: number;
}

/** A part in a replica. */
export interface PartState {
  readonly part: number;
  readonly durationTicks: number;
  readonly independent: boolean;
  readonly gap: boolean;
  readonly byteLength: number;
}

/** A segment in a replica; the last one of a track may be open. */
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
