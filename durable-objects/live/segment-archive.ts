/** Writes finished segments to R2: in order within a track, retried until they are stored. */
import type { SegmentState } from "../../core/broadcast/segment.ts";
import { mediaObjectKey } from "../../core/delivery/r2-keys.ts";
import { type Platform, sleep, withTimeout } from "../../core/kit/clock.ts";
import type { BroadcastId, StreamName, TrackName } from "../../core/kit/ids.ts";

/** A segment to store; `bytes` is null for a gap, which only the index lists. */
export interface ArchiveJob {
  readonly stream: StreamName;
  readonly broadcast: BroadcastId;
  readonly track: TrackName;
  readonly segment: SegmentState;
  readonly bytes: Uint8Array | null;
}

const MIN_RETRY_MS = 200;
const MAX_RETRY_MS = 5_000;
/** A write without an answer for this long is repeated; a write is idempotent. */
const WRITE_TIMEOUT_MS = 8_000;
/** A segment's last part is sent to the feeds before its bytes are written to R2. */
const STORE_DELAY_MS = 60;
/**
 * Segments of all tracks are listed together, this long after the first of them is in R2: an object's responses and feeds
 * wait for its writes to SQLite, so there is one write a segment, apart from the parts that close and open it.
 */
const INDEX_DELAY_MS = 80;

/** Writes segments to R2, one at a time per track, so that the durable segments of a track have no holes. */
export class SegmentArchive {
  readonly #bucket: R2Bucket;
  readonly #onStored: (jobs: readonly ArchiveJob[]) => void;
  #unindexedJobs: ArchiveJob[] = [];
  #indexing: Promise<void> | null = null;
  readonly #writeChains = new Map<string, Promise<void>>();
  #pendingBytes = 0;

  readonly #platform: Platform;

  /** `onStored` is called when segments are in R2, to list them in the index. */
  constructor(bucket: R2Bucket, onStored: (jobs: readonly ArchiveJob[]) => void, platform: Platform) {
    this.#bucket = bucket;
    this.#onStored = onStored;
    this.#platform = platform;
  }

  /** Bytes that are not in R2 yet. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Whether segments of this broadcast are not stored yet. */
  isStoring(broadcast: BroadcastId): boolean {
    return [...this.#writeChains.keys()].some((chain) => chain.startsWith(`${broadcast}/`));
  }

  /** Queues a segment. */
  enqueue(job: ArchiveJob): void {
    const chain = `${job.broadcast}/${job.track}`;
    this.#pendingBytes += job.bytes?.byteLength ?? 0;
    const done = (this.#writeChains.get(chain) ?? Promise.resolve()).then(() => this.#storeSegment(job));
    this.#writeChains.set(chain, done);
    void done.then(() => {
      if (this.#writeChains.get(chain) === done) this.#writeChains.delete(chain);
    });
  }

  /** Settles when all segments queued so far are stored and listed. */
  async whenDrained(): Promise<void> {
    await Promise.all(this.#writeChains.values());
  }

  async #writeObject(key: string, bytes: Uint8Array): Promise<void> {
    const written = this.#bucket.put(key, bytes, { httpMetadata: { contentType: "video/mp4" } });
    await withTimeout(this.#platform.clock, WRITE_TIMEOUT_MS, written, () => {
      throw new Error(`no answer within ${WRITE_TIMEOUT_MS} ms`);
    });
  }

  async #storeSegment(job: ArchiveJob): Promise<void> {
    const { stream, broadcast, track, segment, bytes } = job;
    const { clock, random } = this.#platform;
    await sleep(clock, STORE_DELAY_MS);
    for (let delayMs = MIN_RETRY_MS; bytes !== null; delayMs = Math.min(delayMs * 2, MAX_RETRY_MS)) {
      try {
        const key = mediaObjectKey(stream, broadcast, track, `${segment.msn}.m4s`);
        await this.#writeObject(key, bytes);
        break;
      } catch (error) {
        console.error(`R2 refused segment ${broadcast}/${track}/${segment.msn}; trying again`, error);
        await sleep(clock, delayMs * (0.5 + random() / 2));
      }
    }
    this.#pendingBytes -= bytes?.byteLength ?? 0;
    this.#unindexedJobs.push(job);
    this.#indexing ??= sleep(clock, INDEX_DELAY_MS).then(() => {
      const jobs = this.#unindexedJobs;
      this.#unindexedJobs = [];
      this.#indexing = null;
      this.#onStored(jobs);
    });
    await this.#indexing;
  }
}
