/** Fanout of a room or relay to its children: one call at a time to each, from the child's position. */
import { decodeRoomChild, type RoomChildId } from "../../core/room/child-ids.ts";
import { isSharedWithShards, type StateEntry } from "../../core/room/entries/index.ts";
import type { RoomCounts, RoomEvent } from "../../core/room/events.ts";
import type { RecentEvents } from "../../core/room/recent-events.ts";
import { ROOM_LIMITS } from "../../core/room/room-limits.ts";
import type { EventRange } from "../../core/room/room-protocol.ts";
import { type RoomState, stateEntryKey } from "../../core/room/room-state.ts";
import type { ShardRpc, TickBatch } from "../../core/room/shard-rpc.ts";
import type { StaffNote } from "../../core/room/staff-messages.ts";

/** The position of one child. `head` is assumed until the child confirms it. */
interface ChildCursor {
  stub: ShardRpc;
  head: number;
  confirmed: boolean;
  /** Revision of the access policy that the child has; -1: unknown. */
  accessRevision: number;
  busy: boolean;
  sentSummary: string;
  /** Notes for moderators, not yet sent. */
  unsentNotes: StaffNote[];
  failures: number;
}

/** A child that failed this many times in a row is skipped until it calls again. */
const MAX_CHILD_FAILURES = 20;

/** The fanout of one room or relay. */
export class RoomFanout {
  readonly recentEvents: RecentEvents;
  readonly #childStub: (child: RoomChildId) => ShardRpc;
  readonly #callsInFlight = new Set<Promise<void>>();
  readonly #cursors = new Map<RoomChildId, ChildCursor>();
  /** The room state as the children have it, and its changes after `#changesAfter`. */
  readonly #state: RoomState;
  #changesAfter: number;
  #changes: { readonly offset: number; readonly entry: StateEntry }[] = [];

  constructor(childStub: (child: RoomChildId) => ShardRpc, recentEvents: RecentEvents, state: RoomState) {
    this.#childStub = childStub;
    this.recentEvents = recentEvents;
    this.#state = state;
    this.#changesAfter = recentEvents.head;
  }

  /** Restores the recent events after the room lost its memory; earlier changes of the state are not known. */
  restore(events: readonly RoomEvent[], to: number): void {
    this.recentEvents.append({ epoch: this.recentEvents.epoch, from: this.recentEvents.head, to, events, unseen: 0 });
    this.#changesAfter = this.recentEvents.head;
  }

  /** Removes unsent changes of these entries, and of a pinned message at one of the offsets. */
  removeUnsent(entries: readonly StateEntry[], offsets: readonly number[]): void {
    const removed = new Set(entries.map(stateEntryKey));
    this.#changes = this.#changes.filter(({ entry }) => {
      const isPinned = entry.of === "pin" && entry.value !== null && offsets.includes(entry.value.offset);
      return !isPinned && !removed.has(stateEntryKey(entry));
    });
    for (const cursor of this.#cursors.values()) {
      cursor.unsentNotes = cursor.unsentNotes.filter(
        (note) => note.kind !== "held" || !removed.has(stateEntryKey({ of: "held", key: note.held.id })),
      );
    }
  }

  /** Whether any child has called or answered. */
  get hasConfirmedShards(): boolean {
    return [...this.#cursors.values()].some(({ confirmed }) => confirmed);
  }

  /** Adds a child at the head. `confirmed`: it has just received a snapshot, else its position is assumed. */
  addShard(child: RoomChildId, confirmed: boolean): void {
    const { head } = this.recentEvents;
    // The snapshot contains the access policy.
    const accessRevision = confirmed ? this.#state.access.revision : -1;
    const cursor = this.#cursors.get(child);
    if (cursor !== undefined) {
      Object.assign(cursor, { accessRevision, head, confirmed, failures: 0 });
      return;
    }
    this.#cursors.set(child, {
      stub: this.#childStub(child),
      head,
      accessRevision,
      confirmed,
      busy: false,
      sentSummary: "",
      unsentNotes: [],
      failures: 0,
    });
  }

  /** A child called: it is included again. */
  markResponsive(child: RoomChildId): void {
    const cursor = this.#cursors.get(child);
    if (cursor === undefined) this.addShard(child, false);
    else cursor.failures = 0;
  }

  /** Removes a child without viewers; whether it was included. */
  removeShard(child: RoomChildId): boolean {
    return this.#cursors.delete(child);
  }

  /** Waits until all calls in flight have ended, successfully or not. */
  async waitUntilIdle(): Promise<void> {
    await Promise.all(this.#callsInFlight);
  }

  /** Records state changes of the event at `offset`, and notes for moderators. */
  recordChanges(offset: number, entries: readonly StateEntry[], notes: readonly StaffNote[]): void {
    for (const entry of entries) {
      // The access policy has its own revision; see `#batchFor`.
      if (isSharedWithShards(entry) && entry.of !== "access") this.#changes.push({ offset, entry });
    }
    if (notes.length > 0) for (const cursor of this.#cursors.values()) cursor.unsentNotes.push(...notes);
    const excess = this.#changes.length - ROOM_LIMITS.shardHistoryEvents;
    if (excess <= 0) return;
    this.#changesAfter = this.#changes[excess - 1]?.offset ?? this.#changesAfter;
    this.#changes = this.#changes.slice(excess);
  }

  /** Sends each child what it lacks, for one of `parts` of its viewers; whether no child lacked anything. */
  sendTick(counts: RoomCounts, shards: number, parts: number, nowMs: number): boolean {
    const summary = JSON.stringify([counts, shards]);
    const { revision } = this.#state.access;
    let allCurrent = true;
    for (const [child, cursor] of this.#cursors) {
      const hasEvents =
        cursor.confirmed && cursor.head === this.recentEvents.head && cursor.accessRevision === revision;
      const isCurrent = hasEvents && cursor.sentSummary === summary && cursor.unsentNotes.length === 0;
      if (isCurrent || cursor.failures >= MAX_CHILD_FAILURES) continue;
      allCurrent = false;
      if (cursor.busy) continue;
      cursor.busy = true;
      const { unsentNotes } = cursor;
      cursor.unsentNotes = [];
      const batch = { ...this.#batchFor(cursor), notes: unsentNotes, counts, shards, parts, nowMs };
      const call = this.#deliver(child, cursor, batch, summary);
      this.#callsInFlight.add(call);
      void call.finally(() => this.#callsInFlight.delete(call));
    }
    return allCurrent;
  }

  async #deliver(child: RoomChildId, cursor: ChildCursor, batch: TickBatch, summary: string): Promise<void> {
    const { revision } = this.#state.access;
    try {
      cursor.head = await cursor.stub.deliver(batch);
      cursor.confirmed = true;
      cursor.sentSummary = summary;
      // A child that lacks events before the batch drops it, with its notes.
      if (cursor.head < batch.to) cursor.unsentNotes.unshift(...batch.notes);
      else cursor.accessRevision = revision;
      cursor.failures = 0;
    } catch (error) {
      // The child may have applied the batch: it is sent again, and the child skips events that it has.
      cursor.failures += 1;
      cursor.unsentNotes.unshift(...batch.notes);
      if (cursor.failures === MAX_CHILD_FAILURES) {
        const { kind, index } = decodeRoomChild(child);
        console.warn(`${kind} ${index} does not answer`, error);
      }
      cursor.stub = this.#childStub(child);
    } finally {
      cursor.busy = false;
    }
  }

  #batchFor({
    head,
    confirmed,
    accessRevision,
  }: ChildCursor): EventRange & Pick<TickBatch, "facts" | "wholeFacts" | "reset"> {
    const { recentEvents } = this;
    const available = recentEvents.rangeAfter(head);
    const range = available ?? {
      epoch: recentEvents.epoch,
      from: recentEvents.head,
      to: recentEvents.head,
      events: [],
      unseen: 0,
    };
    if (!confirmed || available === null || head < this.#changesAfter) {
      return { ...range, facts: this.#state.sharedEntries(), wholeFacts: true, reset: available === null };
    }
    const facts = this.#changes.filter(({ offset }) => offset > head).map(({ entry }) => entry);
    // The access policy changes without an event: its own revision says which children have it.
    if (accessRevision !== this.#state.access.revision)
      facts.push({ of: "access", key: "", value: this.#state.access });
    return { ...range, facts, wholeFacts: false, reset: false };
  }
}
