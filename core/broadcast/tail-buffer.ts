/** The bytes of a broadcast's tail: parts by track and position, bounded in media time and in bytes. */
import type { TrackName } from "../kit/ids.ts";
import { SizedCache } from "../kit/sized-cache.ts";
import type { BroadcastConfig, TrackState } from "./broadcast-log.ts";
import type { SegmentState } from "./segment.ts";

/** The first segment whose bytes are kept. */
export function findTailStart(config: BroadcastConfig, { track, segments, mediaSequence }: TrackState): number {
  // Part tags are removed 3 × TD from the end and their parts stay fetchable for 3 × TD more.
  const wantTicks = 7 * config.targetDurationS * track.timescale;
  let ticks = 0;
  let first = segments.length;
  while (first > 0 && ticks <= wantTicks) {
    first -= 1;
    ticks += segments[first]?.durationTicks ?? 0;
  }
  return segments[first]?.msn ?? mediaSequence;
}

/** Share of a tail's bytes for assembled segments: the newest of all tracks, at which most viewers without parts are. */
const ASSEMBLED_SHARE = 1 / 8;

const segmentKey = (track: TrackName, msn: number): string => `${track}/${msn}`;

/** Parts of one broadcast held in memory. */
export class TailBuffer {
  readonly maxBytes: number;
  readonly #tracks = new Map<TrackName, Map<number, Uint8Array[]>>();
  /** Whole segments, by track and media sequence number; their parts are held beside them. */
  readonly #assembled: SizedCache<Uint8Array>;
  #partBytes = 0;

  /** `maxBytes`: beyond it the oldest segments are dropped first, of any track. */
  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
    this.#assembled = new SizedCache(maxBytes * ASSEMBLED_SHARE);
  }

  /** Number of held bytes. */
  get heldBytes(): number {
    return this.#partBytes + this.#assembled.size;
  }

  /** Stores a part's bytes; false: they were already held. Gaps are not stored. */
  storePart(track: TrackName, msn: number, part: number, bytes: Uint8Array): boolean {
    const segments = this.#tracks.get(track) ?? new Map<number, Uint8Array[]>();
    const parts = segments.get(msn) ?? [];
    this.#tracks.set(track, segments.set(msn, parts));
    if (parts[part] !== undefined) return false;
    parts[part] = bytes;
    this.#partBytes += bytes.byteLength;
    return true;
  }

  /** A part's bytes, or null if they are not held. */
  partBytes(track: TrackName, msn: number, part: number): Uint8Array | null {
    return this.#tracks.get(track)?.get(msn)?.[part] ?? null;
  }

  /** A closed segment's bytes for many requests: assembled once while it is in demand. Null where one of its parts is not held. */
  segmentBytes(track: TrackName, segment: SegmentState): Uint8Array | null {
    const key = segmentKey(track, segment.msn);
    const known = this.#assembled.get(key);
    if (known !== null) return known;
    const assembled = this.assembleSegment(track, segment);
    if (assembled !== null) this.#assembled.add(key, assembled, assembled.byteLength);
    return assembled;
  }

  /** A closed segment's bytes put together anew, or null where one of its parts is not held. */
  assembleSegment(track: TrackName, segment: SegmentState): Uint8Array | null {
    const parts = this.#tracks.get(track)?.get(segment.msn);
    if (parts === undefined || !segment.closed) return null;
    const whole = new Uint8Array(segment.byteLength);
    let at = 0;
    for (const { part, gap } of segment.parts) {
      const bytes = parts[part];
      if (bytes === undefined) {
        if (gap) continue;
        return null;
      }
      whole.set(bytes, at);
      at += bytes.byteLength;
    }
    return at === segment.byteLength ? whole : null;
  }

  /** Drops segments that are too old, and the oldest beyond `maxBytes`. Pinned segments always stay. */
  evictOldSegments(
    config: BroadcastConfig,
    state: TrackState,
    isPinned: (track: TrackName, msn: number) => boolean,
  ): void {
    const segments = this.#tracks.get(state.track.name);
    if (segments === undefined) return;
    const first = findTailStart(config, state);
    for (const msn of [...segments.keys()]) {
      if (msn < first && !isPinned(state.track.name, msn)) this.#dropSegment(state.track.name, msn);
    }
    if (this.heldBytes <= this.maxBytes) return;
    const oldestFirst = [...this.#tracks]
      .flatMap(([track, held]) => [...held.keys()].map((msn) => ({ track, msn })))
      .sort((a, b) => a.msn - b.msn);
    for (const { track, msn } of oldestFirst) {
      if (this.heldBytes <= this.maxBytes) return;
      if (!isPinned(track, msn)) this.#dropSegment(track, msn);
    }
  }

  /** Drops a whole track. */
  dropTrack(track: TrackName): void {
    const segments = this.#tracks.get(track);
    if (segments === undefined) return;
    for (const msn of [...segments.keys()]) this.#dropSegment(track, msn);
    this.#tracks.delete(track);
  }

  #dropSegment(track: TrackName, msn: number): void {
    const segments = this.#tracks.get(track);
    for (const bytes of segments?.get(msn) ?? []) this.#partBytes -= bytes?.byteLength ?? 0;
    segments?.delete(msn);
    this.#assembled.delete(segmentKey(track, msn));
  }
}
