/**
 * The log of a room: its events and its state in memory, as they are stored. Storage changes first, in one transaction, and
 * memory follows in the same turn, so memory is never ahead of storage.
 */
import type { Platform } from "../../../core/kit/clock.ts";
import { Mutex } from "../../../core/kit/mutex.ts";
import type { StateEntry } from "../../../core/room/entries/index.ts";
import type { RoomEvent } from "../../../core/room/events.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import type { EventRange } from "../../../core/room/room-protocol.ts";
import type { RoomState } from "../../../core/room/room-state.ts";
import type { HistoryChange } from "../../../core/room/sequencer/history-change.ts";
import { RecentMessages } from "../../../core/room/sequencer/recent-messages.ts";
import type { HistoryRetention } from "../../../core/room/sequencer/retention.ts";
import type { StaffNote } from "../../../core/room/staff-messages.ts";
import type { ObjectLifetime } from "../../kit/object-storage.ts";
import type { RoomFanout } from "../room-fanout.ts";
import type { EncryptedHistory } from "./encrypted-history.ts";
import type { RoomDomainEvents } from "./room-domain-events.ts";
import type { RoomStore } from "./room-store.ts";
import { UnsentEvents } from "./unsent-events.ts";

/** What a log works with. */
export interface RoomLogOptions {
  readonly store: RoomStore;
  readonly history: EncryptedHistory;
  readonly domainEvents: RoomDomainEvents;
  readonly fanout: RoomFanout;
  /** The state in memory, which the fanout reads too. */
  readonly state: RoomState;
  readonly retention: HistoryRetention;
  readonly lifetime: ObjectLifetime;
  readonly platform: Platform;
}

/** The log of one room. */
export class RoomLog {
  readonly state: RoomState;
  readonly recentMessages: RecentMessages = new RecentMessages();
  readonly #options: RoomLogOptions;
  readonly #mutex = new Mutex();
  readonly #unsentEvents = new UnsentEvents();
  #head: number;

  constructor(options: RoomLogOptions) {
    this.#options = options;
    this.state = options.state;
    this.#head = options.store.headOffset();
  }

  /** The offset of the last event. */
  get head(): number {
    return this.#head;
  }

  /** Restores the memory from storage. */
  async restore(): Promise<void> {
    const { store, history, fanout } = this.#options;
    const latest = await history.decryptEvents(store.latestEvents(ROOM_LIMITS.shardHistoryEvents));
    for (const entry of await history.loadEntries()) this.state.apply(entry);
    for (const event of latest) this.recentMessages.applyEvent(event);
    fanout.restore(latest, this.#head);
  }

  /**
   * Runs one piece of work that changes the room at a time. Encryption is asynchronous: a second change may be decided only
   * when the first is in memory.
   */
  runExclusive<T>(work: () => Promise<T>): Promise<T> {
    return this.#mutex.runExclusive(work);
  }

  /** Stores a change with its domain event, applies it, and leaves it to the next tick. Call it within `runExclusive`. */
  async commit(change: HistoryChange, notes: readonly StaffNote[] = []): Promise<void> {
    const { history, domainEvents, lifetime } = this.#options;
    const write = await history.encryptChange(change);
    const appendEvent = await domainEvents.prepareBan(change.event, change.by.subject ?? "");
    this.transact(() => {
      write();
      appendEvent?.();
    });
    if (appendEvent !== null) lifetime.waitUntil(domainEvents.deliver());
    this.apply(change.event, change.entries, notes);
  }

  /** Runs `write` in a transaction. A failure ends the object: memory is rebuilt from storage, and callers repeat their calls. */
  transact<T>(write: () => T): T {
    try {
      return this.#options.store.sql.transaction(write);
    } catch (error) {
      console.error("the room could not store a change", error);
      this.#options.lifetime.abort("the room could not store a change");
      throw error;
    }
  }

  /** Applies a stored change to memory, and leaves it to the next tick. */
  apply(event: RoomEvent | null, entries: readonly StateEntry[], notes: readonly StaffNote[]): void {
    if (event !== null) this.#applyEvent(event);
    for (const entry of entries) this.state.apply(entry);
    this.#options.fanout.recordChanges(this.#head, entries, notes);
  }

  /** Moves the events since the last tick to those that shards are sent from. */
  flushUnsentEvents(): void {
    const { fanout, platform } = this.#options;
    this.#unsentEvents.flushTo(fanout.recentEvents, platform.clock.nowMs());
  }

  /** All events after `offset`; null where they are too many or no longer stored. */
  async eventsSince(epoch: string, offset: number): Promise<EventRange | null> {
    const { store, history } = this.#options;
    const to = this.#head;
    if (epoch !== store.epoch || offset > to || to - offset > ROOM_LIMITS.recoverEvents) return null;
    const rows = store.eventsAfter(offset, ROOM_LIMITS.recoverEvents);
    if (rows.length !== to - offset) return null;
    return { epoch, from: offset, to, events: await history.decryptEvents(rows), unseen: 0 };
  }

  #applyEvent(event: RoomEvent): void {
    const { store, retention } = this.#options;
    this.#head = event.offset;
    this.recentMessages.applyEvent(event);
    this.#unsentEvents.append(event);
    if (event.offset % ROOM_LIMITS.pruneEveryEvents === 0) store.prune(event.atMs, retention);
  }
}
