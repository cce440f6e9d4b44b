/** What the room tells its shards: one call at a time to each, from where that shard stands. */

import { isSharedWithShards } from "../../core/room/entries/index.ts";
import type { RoomCounts, RoomEvent } from "../../core/room/events.ts";
import type { RecentEvents } from "../../core/room/recent-events.ts";
import { ROOM_LIMITS } from "../../core/room/room-limits.ts";
import type { EventRange, StaffNote } from "../../core/room/room-protocol.ts";
import { type RoomState, type StateEntry, stateEntryKey } from "../../core/room/room-state.ts";
import type { ShardRpc, TickBatch } from "../../core/room/shard-rpc.ts";

/** A shard as the room knows it: it stands at `head`, which is a guess until it has said so. */
interface ShardCursor {
  stub: ShardRpc;
  head: number;
  confirmed: boolean;
  /** Revision of the access that it was told; -1 before it was. */
  accessRevision: number;
  busy: boolean;
  sentSummary: string;
  /** For those who moderate there, yet to be told. */
  unsentNotes: StaffNote[];
  failures: number;
}

/** A shard that failed so many times in a row is left out until it calls the room again. */
const MAX_SHARD_FAILURES = 20;

/** The children of a room, or the shards of a relay. */
export class RoomFanout {
  readonly recentEvents: RecentEvents;
  readonly #shardStub: (shard: number) => ShardRpc;
  readonly #callsInFlight = new Set<Promise<void>>();
  readonly #cursors = new Map<number, ShardCursor>();
  /** All that holds, as shards know it, and what changed after `#factsFrom`. */
  readonly #state: RoomState;
  #changesAfter: number;
  #changes: { readonly offset: number; readonly fact: StateEntry }[] = [];

  /** `stub`: how a child is reached. */
  constructor(stub: (shard: number) => ShardRpc, ring: RecentEvents, state: RoomState) {
    this.#shardStub = stub;
    this.recentEvents = ring;
    this.#state = state;
    this.#changesAfter = ring.head;
  }

  /** The ring is what it was before the room's memory was lost; what changed until then is not known. */
  restore(events: readonly RoomEvent[], to: number): void {
    this.recentEvents.append({ epoch: this.recentEvents.epoch, from: this.recentEvents.head, to, events, unseen: 0 });
    this.#changesAfter = this.recentEvents.head;
  }

  /** What is yet to be told of these facts, and of a pinned message at one of the offsets, is not told any more. */
  removeUnsent(facts: readonly StateEntry[], offsets: readonly number[]): void {
    const gone = new Set(facts.map(stateEntryKey));
    this.#changes = this.#changes.filter(({ fact }) => {
      const pinned = fact.of === "pin" && fact.value !== null && offsets.includes(fact.value.offset);
      return !pinned && !gone.has(stateEntryKey(fact));
    });
    for (const place of this.#cursors.values()) {
      place.unsentNotes = place.unsentNotes.filter(
        (note) => note.kind !== "held" || !gone.has(stateEntryKey({ of: "held", key: note.held.id })),
      );
    }
  }

  /** Whether a shard takes part that has called or answered. */
  get hasConfirmedShards(): boolean {
    return [...this.#cursors.values()].some(({ confirmed }) => confirmed);
  }

  /** A shard takes part that stands where the ring does; not `sure`: it may be that it doesn't. */
  addShard(shard: number, sure: boolean): void {
    const { head } = this.recentEvents;
    const known = this.#cursors.get(shard);
    // A shard that took part from its attachment has the access that held then.
    const access = sure ? this.#state.access.revision : -1;
    if (known !== undefined) {
      known.accessRevision = access;
      known.head = head;
      known.confirmed = sure;
      known.failures = 0;
      return;
    }
    const stub = this.#shardStub(shard);
    this.#cursors.set(shard, {
      stub,
      head,
      accessRevision: access,
      confirmed: sure,
      busy: false,
      sentSummary: "",
      unsentNotes: [],
      failures: 0,
    });
  }

  /** A shard called: it takes part, whatever the room remembers. */
  markResponsive(shard: number): void {
    const known = this.#cursors.get(shard);
    if (known === undefined) this.addShard(shard, false);
    else known.failures = 0;
  }

  /** A shard has nobody to tell any more; whether it took part. */
  removeShard(shard: number): boolean {
    return this.#cursors.delete(shard);
  }

  /** Waits until all calls that are under way have ended, well or not. */
  async waitUntilIdle(): Promise<void> {
    await Promise.all(this.#callsInFlight);
  }

  /** Facts changed with the event at `offset`; those who moderate are told `notes`. */
  recordChanges(offset: number, facts: readonly StateEntry[], notes: readonly StaffNote[]): void {
    for (const fact of facts) if (isSharedWithShards(fact)) this.#changes.push({ offset, fact });
    if (notes.length > 0) for (const place of this.#cursors.values()) place.unsentNotes.push(...notes);
    const excess = this.#changes.length - ROOM_LIMITS.shardHistoryEvents;
    if (excess <= 0) return;
    this.#changesAfter = this.#changes[excess - 1]?.offset ?? this.#changesAfter;
    this.#changes = this.#changes.slice(excess);
  }

  /** Tells each shard what it lacks, for one of `parts` of its viewers; whether all shards were told before. */
  sendTick(counts: RoomCounts, shards: number, parts: number, nowMs: number): boolean {
    const told = JSON.stringify([counts, shards]);
    const { revision } = this.#state.access;
    let all = true;
    for (const [shard, place] of this.#cursors) {
      const knows = place.confirmed && place.head === this.recentEvents.head && place.accessRevision === revision;
      const upToDate = knows && place.sentSummary === told && place.unsentNotes.length === 0;
      if (upToDate || place.failures >= MAX_SHARD_FAILURES) continue;
      all = false;
      if (place.busy) continue;
      place.busy = true;
      const { unsentNotes } = place;
      place.unsentNotes = [];
      const call = this.#deliver(
        shard,
        place,
        { ...this.#batchFor(place), notes: unsentNotes, counts, shards, parts, nowMs },
        told,
      );
      this.#callsInFlight.add(call);
      void call.finally(() => this.#callsInFlight.delete(call));
    }
    return all;
  }

  async #deliver(shard: number, place: ShardCursor, batch: TickBatch, told: string): Promise<void> {
    const { revision } = this.#state.access;
    try {
      place.head = await place.stub.deliver(batch);
      place.confirmed = true;
      place.sentSummary = told;
      // What didn't join on to what the shard knows was left, notes and all.
      if (place.head < batch.to) place.unsentNotes.unshift(...batch.notes);
      else place.accessRevision = revision;
      place.failures = 0;
    } catch (error) {
      // The shard may have taken it in or not: it is told again, and what it has it leaves out.
      place.failures += 1;
      place.unsentNotes.unshift(...batch.notes);
      if (place.failures === MAX_SHARD_FAILURES) console.warn(`shard ${shard} doesn't answer`, error);
      place.stub = this.#shardStub(shard);
    } finally {
      place.busy = false;
    }
  }

  #batchFor({
    head,
    confirmed,
    accessRevision,
  }: ShardCursor): EventRange & Pick<TickBatch, "facts" | "wholeFacts" | "reset"> {
    const known = this.recentEvents.rangeAfter(head);
    const { recentEvents } = this;
    const stretch = known ?? {
      epoch: recentEvents.epoch,
      from: recentEvents.head,
      to: recentEvents.head,
      events: [],
      unseen: 0,
    };
    if (!confirmed || known === null || head < this.#changesAfter) {
      return { ...stretch, facts: this.#state.sharedEntries(), wholeFacts: true, reset: known === null };
    }
    const facts = this.#changes.filter(({ offset }) => offset > head).map(({ fact }) => fact);
    // It changes beside the events, so no offset tells who knows of it.
    if (accessRevision !== this.#state.access.revision)
      facts.push({ of: "access", key: "", value: this.#state.access });
    return { ...stretch, facts, wholeFacts: false, reset: false };
  }
}
