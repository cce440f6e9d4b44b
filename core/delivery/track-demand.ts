/** Tracks requested by viewers, and whether some take their chunks. */
import type { TrackName } from "../kit/ids.ts";
import { EDGE_STREAM_LIMITS } from "./node-limits.ts";

/** When each track was last requested. A request that is ahead of the clock, which was set back since, counts from now. */
export class TrackDemand {
  readonly #requestedMs = new Map<TrackName, number>();
  #chunksRequestedMs = Number.NEGATIVE_INFINITY;

  /** Records a request for the track's bytes. */
  record(track: TrackName, nowMs: number): void {
    this.#requestedMs.set(track, nowMs);
  }

  /** Records a request for chunks of the tracks. */
  recordChunks(nowMs: number): void {
    this.#chunksRequestedMs = nowMs;
  }

  /** Whether chunks are in demand. */
  wantsChunks(nowMs: number): boolean {
    this.#chunksRequestedMs = Math.min(this.#chunksRequestedMs, nowMs);
    return nowMs - this.#chunksRequestedMs < EDGE_STREAM_LIMITS.chunkIdleMs;
  }

  /** The tracks in demand; `dropTrack` is called for those without requests for a while. */
  collect(nowMs: number, dropTrack: (track: TrackName) => void): Set<TrackName> {
    for (const [track, requestedMs] of this.#requestedMs) {
      if (requestedMs > nowMs) this.#requestedMs.set(track, nowMs);
      if (nowMs - requestedMs < EDGE_STREAM_LIMITS.trackIdleMs) continue;
      this.#requestedMs.delete(track);
      dropTrack(track);
    }
    return new Set(this.#requestedMs.keys());
  }
}
