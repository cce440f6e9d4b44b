/** The audience of a room: sums of what its shards report, stored, and the number of shards that the room needs for it. */
import type { Clock } from "../../../core/kit/clock.ts";
import { FIRST_SHARD_ID, type RoomChildId } from "../../../core/room/child-ids.ts";
import type { RoomCounts } from "../../../core/room/events.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import type { RoomSummary } from "../../../core/room/room-summary.ts";
import { RoomAudience } from "../../../core/room/sequencer/audience.ts";
import type { AudienceReport, CommandBatch } from "../../../core/room/shard-rpc.ts";
import { type ShardingConfig, ShardScaler } from "../../../core/room/sharding.ts";
import type { RoomFanout } from "../room-fanout.ts";
import type { RoomDomainEvents } from "./room-domain-events.ts";
import type { RoomStore } from "./room-store.ts";

/** Totals are stored this often while reports arrive; likes and reactions with the tick that sends them. */
const SAVE_TOTALS_EVERY_MS = 2_000;

/** What a tracker works with. */
export interface AudienceTrackerOptions {
  readonly store: RoomStore;
  readonly fanout: RoomFanout;
  readonly domainEvents: RoomDomainEvents;
  readonly sharding: ShardingConfig;
  readonly clock: Clock;
}

/** The audience of one room. */
export class AudienceTracker {
  readonly #options: AudienceTrackerOptions;
  readonly #audience: RoomAudience;
  readonly #scaler: ShardScaler;
  readonly #storedChildren: readonly RoomChildId[];
  #counts: RoomCounts;
  #reactionsChanged = false;
  #totalsSavedMs = 0;

  constructor(options: AudienceTrackerOptions) {
    this.#options = options;
    const { store, sharding, clock } = options;
    const stored = store.audienceSnapshot();
    this.#storedChildren = [...stored.shards.keys()];
    this.#audience = new RoomAudience(stored, clock.nowMs());
    this.#scaler = new ShardScaler(store.shardCount(), sharding, store.expectedAudience());
    this.#counts = this.#audience.counts(clock.nowMs());
  }

  /** The counts that viewers have, or get with the next tick. */
  get counts(): RoomCounts {
    return this.#counts;
  }

  /** The number of shards. */
  get shards(): number {
    return this.#scaler.shards;
  }

  /** Sockets of all shards. */
  get socketCount(): number {
    return this.#audience.socketCount;
  }

  /** Whether a shard has viewers or expects some. */
  isInUse(nowMs: number): boolean {
    const { fanout } = this.#options;
    return fanout.hasConfirmedShards || this.socketCount > 0 || this.#scaler.expectsAudience(nowMs);
  }

  /**
   * Restores the stored children after the room lost its memory; whether there are any. They have all events, unless the
   * memory was lost in the middle of a tick: the first batch asks them. The first shard is not stored in an empty room.
   */
  restoreChildren(): boolean {
    for (const child of new Set([FIRST_SHARD_ID, ...this.#storedChildren])) this.#options.fanout.addShard(child, false);
    return this.#storedChildren.length > 0;
  }

  /** Adds a child that receives a snapshot now. */
  attach(child: RoomChildId): void {
    const { store, fanout } = this.#options;
    fanout.addShard(child, true);
    // A viewer of an empty room leaves nothing in storage.
    if (store.exists || child !== FIRST_SHARD_ID) store.addShard(child);
  }

  /** Adds likes and reactions. */
  addReactions({ likes, reactions }: Pick<CommandBatch, "likes" | "reactions">): void {
    if (likes === 0 && Object.keys(reactions).length === 0) return;
    this.#audience.addReactions(likes, reactions);
    this.#reactionsChanged = true;
  }

  /** Applies what a shard counted or a relay summed up. */
  applyReport(child: RoomChildId, report: AudienceReport): void {
    const { store, fanout, clock } = this.#options;
    const nowMs = clock.nowMs();
    // A relay's shards are counted in its own report.
    for (const shard of report.of ?? []) if (fanout.removeShard(shard)) this.#removeChild(shard);
    if (this.#audience.applyReport(child, report, nowMs)) store.setDistinct(this.#audience.distinctBytes());
    if (report.sockets === 0 && report.watching === 0) {
      this.#removeChild(child);
      fanout.removeShard(child);
    } else {
      if (store.exists || report.watching > 0) store.setShard(child, report);
      fanout.markResponsive(child);
    }
    this.resize();
    if (store.exists && nowMs - this.#totalsSavedMs >= SAVE_TOTALS_EVERY_MS) this.#saveTotals();
  }

  /** Sizes the room for viewers that are expected; returns the number of shards. */
  setExpectedAudience(viewers: number): number {
    const { store, clock } = this.#options;
    const expected = { viewers, untilMs: clock.nowMs() + ROOM_LIMITS.expectedAudienceMs };
    store.setExpectedAudience(expected);
    this.#scaler.setExpectedAudience(expected);
    this.resize();
    return this.shards;
  }

  /** Adapts the number of shards to the sockets, and to an expectation that ended. */
  resize(): void {
    const { store, clock } = this.#options;
    if (this.#scaler.updateSockets(this.socketCount, clock.nowMs())) store.setShardCount(this.shards);
  }

  /** Updates the counts that viewers get, and stores new likes and reactions. */
  refreshCounts(): void {
    const { domainEvents, clock } = this.#options;
    if (this.#reactionsChanged) this.#saveTotals();
    this.#reactionsChanged = false;
    this.#counts = this.#audience.counts(clock.nowMs());
    domainEvents.recordPeak(this.#counts.peak);
  }

  /** The audience's part of the room's summary. */
  summary(): Pick<RoomSummary, "shards" | "counts" | "watchedMs" | "uncounted"> {
    const nowMs = this.#options.clock.nowMs();
    const { watchedMs } = this.#audience.totals;
    const uncounted = this.#audience.uncountedCount(nowMs);
    return { shards: this.shards, counts: this.#audience.counts(nowMs), watchedMs, uncounted };
  }

  /** Removes a child's count from all sums. */
  #removeChild(child: RoomChildId): void {
    this.#audience.removeShard(child);
    this.#options.store.setShard(child, null);
  }

  #saveTotals(): void {
    const { store, clock } = this.#options;
    this.#totalsSavedMs = clock.nowMs();
    store.setTotals(this.#audience.totals);
  }
}
