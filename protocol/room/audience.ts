/** Who watches, summed over a room's shards: now, at most, different people, time watched; likes and reactions. */
import { Distinct } from "./distinct.ts";
import type { Counts } from "./events.ts";
import { ROOM_LIMITS } from "./limits.ts";
import type { Report } from "./mesh.ts";

/** What a shard said last. */
export interface ShardCount {
  readonly sockets: number;
  readonly watching: number;
  /** Absent where nobody is left out. */
  readonly uncounted?: number;
}

/** Sums that only grow. */
export interface Totals {
  readonly peak: number;
  /** Time that all viewers together have watched. */
  readonly watchedMs: number;
  readonly likes: number;
  readonly reactions: Readonly<Record<string, number>>;
}

/** What is kept of an audience, so that it doesn't jump when memory is lost. */
export interface AudienceSnapshot {
  readonly shards: ReadonlyMap<number, ShardCount>;
  readonly totals: Totals;
  readonly distinct: Uint8Array | null;
}

/** The audience of a room. */
export class Audience {
  readonly #shards = new Map<number, ShardCount & { readonly atMs: number }>();
  readonly #distinct: Distinct;
  #distinctCount: number;
  #totals: Totals;
  #summedMs: number;

  /** An audience as it was kept; what shards said is trusted anew from `nowMs` on. */
  constructor(kept: AudienceSnapshot, nowMs: number) {
    for (const [shard, count] of kept.shards) this.#shards.set(shard, { ...count, atMs: nowMs });
    this.#distinct = kept.distinct === null ? new Distinct() : Distinct.from(kept.distinct);
    this.#distinctCount = this.#distinct.count();
    this.#totals = kept.totals;
    this.#summedMs = nowMs;
  }

  /** Takes in a shard's report; whether the estimate of different people changed. */
  report(shard: number, { sockets, watching, distinct, uncounted = 0 }: Report, nowMs: number): boolean {
    const before = this.watching(nowMs);
    const passedMs = Math.min(Math.max(0, nowMs - this.#summedMs), ROOM_LIMITS.reportMs);
    this.#summedMs = Math.max(this.#summedMs, nowMs);
    this.#shards.set(shard, { sockets, watching, uncounted, atMs: nowMs });
    const peak = Math.max(this.#totals.peak, this.watching(nowMs));
    this.#totals = { ...this.#totals, peak, watchedMs: this.#totals.watchedMs + before * passedMs };
    const changed = distinct !== null && this.#distinct.merge(Distinct.from(distinct));
    if (changed) this.#distinctCount = this.#distinct.count();
    return changed;
  }

  /** A shard without sockets and viewers is forgotten. */
  drop(shard: number): void {
    this.#shards.delete(shard);
  }

  /** Counts likes and reactions in. */
  tap(likes: number, reactions: Readonly<Record<string, number>>): void {
    const sums = { ...this.#totals.reactions };
    for (const [emoji, count] of Object.entries(reactions)) {
      if (sums[emoji] === undefined && Object.keys(sums).length >= ROOM_LIMITS.emoji) continue;
      sums[emoji] = (sums[emoji] ?? 0) + count;
    }
    this.#totals = { ...this.#totals, likes: this.#totals.likes + likes, reactions: sums };
  }

  /** People watching, by reports that can still be trusted. */
  watching(nowMs: number): number {
    return this.#sum(nowMs, ({ watching }) => watching);
  }

  /** Viewers who say that they play and aren't counted. */
  uncounted(nowMs: number): number {
    return this.#sum(nowMs, ({ uncounted = 0 }) => uncounted);
  }

  #sum(nowMs: number, of: (count: ShardCount) => number): number {
    let sum = 0;
    for (const count of this.#shards.values()) if (nowMs - count.atMs <= ROOM_LIMITS.reportMs) sum += of(count);
    return sum;
  }

  /** Sockets of all shards. */
  get sockets(): number {
    return [...this.#shards.values()].reduce((sum, { sockets }) => sum + sockets, 0);
  }

  get totals(): Totals {
    return this.#totals;
  }

  /** The counts as viewers are told. */
  counts(nowMs: number): Counts {
    const { peak, likes, reactions } = this.#totals;
    return { watching: this.watching(nowMs), peak, distinct: this.#distinctCount, likes, reactions };
  }

  /** The estimate of different people, to be kept. */
  distinctBytes(): Uint8Array {
    return this.#distinct.bytes();
  }
}
