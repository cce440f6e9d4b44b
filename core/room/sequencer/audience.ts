/** The audience of a room, summed over its shards: current viewers, peak, distinct viewers, watch time; likes and reactions. */

import { HyperLogLog } from "../../kit/hyperloglog.ts";
import type { RoomChildId } from "../child-ids.ts";
import type { RoomCounts } from "../events.ts";
import { ROOM_LIMITS } from "../room-limits.ts";
import type { AudienceReport } from "../shard-rpc.ts";

/** A shard's last report. */
export interface ShardViewerCount {
  readonly sockets: number;
  readonly watching: number;
  /** Absent if everybody is counted. */
  readonly uncounted?: number;
}

/** Sums that only grow. */
export interface AudienceTotals {
  readonly peak: number;
  /** Total watch time of all viewers. */
  readonly watchedMs: number;
  readonly likes: number;
  readonly reactions: Readonly<Record<string, number>>;
}

/** The stored part of an audience, so that counts do not jump after a loss of memory. */
export interface AudienceSnapshot {
  readonly shards: ReadonlyMap<RoomChildId, ShardViewerCount>;
  readonly totals: AudienceTotals;
  readonly distinct: Uint8Array | null;
}

/** The audience of a room. */
export class RoomAudience {
  readonly #shards = new Map<RoomChildId, ShardViewerCount & { readonly atMs: number }>();
  readonly #distinct: HyperLogLog;
  #distinctCount: number;
  #totals: AudienceTotals;
  #lastReportMs: number;

  /** A restored audience; the stored counts of shards are valid again from `nowMs` on. */
  constructor(kept: AudienceSnapshot, nowMs: number) {
    for (const [shard, count] of kept.shards) this.#shards.set(shard, { ...count, atMs: nowMs });
    this.#distinct = kept.distinct === null ? new HyperLogLog() : HyperLogLog.fromBytes(kept.distinct);
    this.#distinctCount = this.#distinct.estimate();
    this.#totals = kept.totals;
    this.#lastReportMs = nowMs;
  }

  /** Applies a shard's report; whether the estimate of distinct viewers changed. */
  applyReport(
    shard: RoomChildId,
    { sockets, watching, distinct, uncounted = 0 }: AudienceReport,
    nowMs: number,
  ): boolean {
    const before = this.watchingCount(nowMs);
    const passedMs = Math.min(Math.max(0, nowMs - this.#lastReportMs), ROOM_LIMITS.reportTtlMs);
    this.#lastReportMs = Math.max(this.#lastReportMs, nowMs);
    this.#shards.set(shard, { sockets, watching, uncounted, atMs: nowMs });
    const peak = Math.max(this.#totals.peak, this.watchingCount(nowMs));
    this.#totals = { ...this.#totals, peak, watchedMs: this.#totals.watchedMs + before * passedMs };
    const changed = distinct !== null && this.#distinct.merge(HyperLogLog.fromBytes(distinct));
    if (changed) this.#distinctCount = this.#distinct.estimate();
    return changed;
  }

  /** Removes a shard without sockets and viewers. */
  removeShard(shard: RoomChildId): void {
    this.#shards.delete(shard);
  }

  /** Adds likes and reactions. */
  addReactions(likes: number, reactions: Readonly<Record<string, number>>): void {
    const sums = { ...this.#totals.reactions };
    for (const [emoji, count] of Object.entries(reactions)) {
      if (sums[emoji] === undefined && Object.keys(sums).length >= ROOM_LIMITS.distinctEmoji) continue;
      sums[emoji] = (sums[emoji] ?? 0) + count;
    }
    this.#totals = { ...this.#totals, likes: this.#totals.likes + likes, reactions: sums };
  }

  /** Current viewers, from valid reports. */
  watchingCount(nowMs: number): number {
    return this.#sumFreshShards(nowMs, ({ watching }) => watching);
  }

  /** Viewers that report playback and are not counted. */
  uncountedCount(nowMs: number): number {
    return this.#sumFreshShards(nowMs, ({ uncounted = 0 }) => uncounted);
  }

  #sumFreshShards(nowMs: number, of: (count: ShardViewerCount) => number): number {
    let sum = 0;
    for (const count of this.#shards.values()) if (nowMs - count.atMs <= ROOM_LIMITS.reportTtlMs) sum += of(count);
    return sum;
  }

  /** Sockets of all shards. */
  get socketCount(): number {
    return [...this.#shards.values()].reduce((sum, { sockets }) => sum + sockets, 0);
  }

  get totals(): AudienceTotals {
    return this.#totals;
  }

  /** The counts that viewers are sent. */
  counts(nowMs: number): RoomCounts {
    const { peak, likes, reactions } = this.#totals;
    return { watching: this.watchingCount(nowMs), peak, distinct: this.#distinctCount, likes, reactions };
  }

  /** The estimate of distinct viewers, to be stored. */
  distinctBytes(): Uint8Array {
    return this.#distinct.toBytes();
  }
}
