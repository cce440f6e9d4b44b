/** Deletion of what a room's retention does not allow, and of a room that nothing is left of. */
import type { Clock } from "../../../core/kit/clock.ts";
import { KEYRING_LIMITS } from "../../../core/room/keyring.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import { type HistoryRetention, pruneIntervalMs } from "../../../core/room/sequencer/retention.ts";
import type { AlarmSchedule } from "../../kit/alarm-schedule.ts";
import type { AudienceTracker } from "./audience-tracker.ts";
import type { EncryptedHistory } from "./encrypted-history.ts";
import type { RoomDomainEvents } from "./room-domain-events.ts";
import type { RoomLog } from "./room-log.ts";
import type { RoomStore } from "./room-store.ts";
import type { SubjectStore } from "./subject-store.ts";

/** What a pruner works with. */
export interface HistoryPrunerOptions {
  readonly log: RoomLog;
  readonly store: RoomStore;
  readonly subjects: SubjectStore;
  readonly history: EncryptedHistory;
  readonly audience: AudienceTracker;
  readonly domainEvents: RoomDomainEvents;
  readonly alarms: AlarmSchedule<"prune" | "outbox">;
  readonly retention: HistoryRetention;
  readonly clock: Clock;
}

/** The pruning of one room. */
export class HistoryPruner {
  readonly #options: HistoryPrunerOptions;
  #scheduled = false;

  constructor(options: HistoryPrunerOptions) {
    this.#options = options;
  }

  /** Schedules the pruning of a room that stores something. */
  async schedule(): Promise<void> {
    const { store, alarms } = this.#options;
    if (this.#scheduled || !store.exists) return;
    this.#scheduled = true;
    await alarms.scheduleBy("prune", this.#nextPruningMs());
  }

  /** Prunes when the alarm rings. A failed pruning waits for the next one. */
  async handleAlarm(): Promise<void> {
    const { log, alarms } = this.#options;
    try {
      if (!(await log.runExclusive(() => this.#prune()))) return;
    } catch (error) {
      console.error("the room's history could not be pruned", error);
    }
    await alarms.schedule("prune", this.#nextPruningMs());
  }

  #nextPruningMs(): number {
    const { clock, retention } = this.#options;
    return clock.nowMs() + pruneIntervalMs(retention);
  }

  /** Deletes what is too old, and the keys of subjects without data; whether there is something to prune later. */
  async #prune(): Promise<boolean> {
    const { log, store, subjects, history, audience, domainEvents, retention, clock } = this.#options;
    // The name of the replacement room stays for good.
    if (store.replacementRoom() !== null) return false;
    const nowMs = clock.nowMs();
    const denialsMs = Math.min(retention.maxAgeMs, ROOM_LIMITS.deniedRetentionMs);
    const expired = [...log.state.expiryEntries(nowMs), ...log.state.deniedEntriesBefore(nowMs - denialsMs)];
    for (const entry of expired) {
      log.state.apply(entry);
      history.dropEntry(entry);
    }
    const hasHistory = store.prune(nowMs, retention);
    await history.releaseKeys(subjects.unusedTags(KEYRING_LIMITS.itemsPerCall, domainEvents.firstPending));
    audience.resize();
    if (hasHistory || subjects.hasSubjects || audience.isInUse(nowMs) || domainEvents.hasPending) return true;
    // Only counts of viewers who have left remain.
    this.#scheduled = false;
    await store.clear();
    return false;
  }
}
