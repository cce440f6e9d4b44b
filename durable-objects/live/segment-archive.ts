/** Finished segments on their way to R2: in order within a track, retried until they are there. */

import type { SegmentState } from "../../core/broadcast/segment.ts";
import { mediaObjectKey } from "../../core/delivery/r2-keys.ts";
import type { BroadcastId, StreamName, TrackName } from "../../core/kit/ids.ts";

/** A segment to store; `bytes` is null for a gap, of which only the index knows. */
export interface ArchiveJob {
  readonly stream: StreamName;
  readonly broadcast: BroadcastId;
  readonly track: TrackName;
  readonly segment: SegmentState;
  readonly bytes: Uint8Array | null;
}

const MIN_RETRY_MS = 200;
const MAX_RETRY_MS = 5_000;
/** A write without an answer for so long is made again, which changes nothing where it comes through after all. */
const WRITE_TIMEOUT_MS = 8_000;
/** A segment's last part goes out to the viewers before its bytes go to R2. */
const STORE_DELAY_MS = 60;
/**
 * Segments of all tracks are listed together, this long after the first of them is in R2: an object's answers and feeds
 * wait for its writes to SQLite, so there should be one write a segment, away from the parts that close and open it.
 */
const INDEX_DELAY_MS = 80;

/** Writes segments to R2, one at a time per track, so that what is durable is always a whole beginning. */
export class SegmentArchive {
  readonly #bucket: R2Bucket;
  readonly #onStored: (jobs: readonly ArchiveJob[]) => void;
  #unindexedJobs: ArchiveJob[] = [];
  #indexing: Promise<void> | null = null;
  readonly #writeChains = new Map<string, Promise<void>>();
  #pendingBytes = 0;

  readonly #writeTimeoutMs: number;

  /** `list` is called when segments are in R2, to list them in the index. */
  constructor(bucket: R2Bucket, list: (jobs: readonly ArchiveJob[]) => void, writeMs: number = WRITE_TIMEOUT_MS) {
    this.#bucket = bucket;
    this.#onStored = list;
    this.#writeTimeoutMs = writeMs;
  }

  /** Bytes that are not in R2 yet. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Whether segments of this broadcast are on their way. */
  isStoring(broadcast: BroadcastId): boolean {
    return [...this.#writeChains.keys()].some((chain) => chain.startsWith(`${broadcast}/`));
  }

  /** Takes a segment on. */
  enqueue(job: ArchiveJob): void {
    const chain = `${job.broadcast}/${job.track}`;
    this.#pendingBytes += job.bytes?.byteLength ?? 0;
    const done = (this.#writeChains.get(chain) ?? Promise.resolve()).then(() => this.#storeSegment(job));
    this.#writeChains.set(chain, done);
    void done.then(() => {
      if (this.#writeChains.get(chain) === done) this.#writeChains.delete(chain);
    });
  }

  /** Settles when everything taken on so far is stored and listed. */
  async whenDrained(): Promise<void> {
    await Promise.all(this.#writeChains.values());
  }

  async #writeObject(key: string, bytes: Uint8Array): Promise<void> {
    const timer = new AbortController();
    const late = scheduler.wait(this.#writeTimeoutMs, { signal: timer.signal }).then(
      () => Promise.reject(new Error(`no answer within ${this.#writeTimeoutMs} ms`)),
      () => {},
    );
    const written = this.#bucket.put(key, bytes, { httpMetadata: { contentType: "video/mp4" } });
    await Promise.race([written, late]).finally(() => timer.abort());
  }

  async #storeSegment(job: ArchiveJob): Promise<void> {
    const { stream, broadcast, track, segment, bytes } = job;
    await scheduler.wait(STORE_DELAY_MS);
    for (let wait = MIN_RETRY_MS; bytes !== null; wait = Math.min(wait * 2, MAX_RETRY_MS)) {
      try {
        const key = mediaObjectKey(stream, broadcast, track, `${segment.msn}.m4s`);
        await this.#writeObject(key, bytes);
        break;
      } catch (error) {
        console.error(`R2 refused segment ${broadcast}/${track}/${segment.msn}; trying again`, error);
        await scheduler.wait(wait * (0.5 + Math.random() / 2));
      }
    }
    this.#pendingBytes -= bytes?.byteLength ?? 0;
    this.#unindexedJobs.push(job);
    this.#indexing ??= scheduler.wait(INDEX_DELAY_MS).then(() => {
      const jobs = this.#unindexedJobs;
      this.#unindexedJobs = [];
      this.#indexing = null;
      this.#onStored(jobs);
    });
    await this.#indexing;
  }
}
