/**
 * The room's domain events: bans, which revoke playback, and viewer peaks. The outbox names subjects by their tags, as all of
 * the room's storage does; an event gets its subjects when it is delivered, and one whose subject was erased is dropped.
 */
import { isGuestSubject } from "../../../core/access/guest.ts";
import type { DomainEvent } from "../../../core/events/domain-events.ts";
import type { Platform } from "../../../core/kit/clock.ts";
import { effectDefinition } from "../../../core/room/effects/index.ts";
import type { RoomEvent } from "../../../core/room/events.ts";
import { subjectOfEvent } from "../../../core/room/sequencer/subject-data.ts";
import type { LazyStorage } from "../../kit/lazy-storage.ts";
import { Outbox, type OutboxEvent } from "../../kit/outbox.ts";
import type { EncryptedHistory } from "./encrypted-history.ts";

/** A stream's Live object, as the room calls it. */
export interface RoomEventReceiver {
  /** Receives a domain event, at least once each. */
  receiveEvent(event: DomainEvent): Promise<void>;
}

/** An event as the outbox stores it. */
type StoredEvent =
  | { readonly kind: "subject-banned" | "subject-unbanned"; readonly subjectTag: string; readonly actorTag: string }
  | { readonly kind: "viewer-peak"; readonly viewers: number };

/** Limits, each with its reason. */
export const VIEWER_PEAK_LIMITS = {
  /** A peak is an event if it exceeds the last one by this factor: a million viewers make some 150 events. */
  growth: 1.1,
  /** Peaks are this far apart, so that a crowd that joins makes few rows. */
  intervalMs: 10_000,
} as const;

const ANNOUNCED_PEAK_KEY = "announced-peak";

/** What the events work with. */
export interface RoomDomainEventsOptions {
  readonly stream: string;
  readonly storage: LazyStorage;
  readonly history: EncryptedHistory;
  readonly platform: Platform;
  /** A stub of the stream's Live object. */
  live(): RoomEventReceiver;
  /** Schedules a call of `catchUp` at `atMs`, ms since the epoch, which survives a loss of memory; null: cancels it. */
  setAlarm(atMs: number | null): Promise<void>;
}

/** The domain events of one room. */
export class RoomDomainEvents {
  readonly #options: RoomDomainEventsOptions;
  readonly #outbox: Outbox<StoredEvent>;
  #announcedPeak: number;
  #announcedPeakMs = Number.NEGATIVE_INFINITY;

  constructor(options: RoomDomainEventsOptions) {
    const { storage, platform, setAlarm } = options;
    this.#options = options;
    this.#announcedPeak = storage.get<number>(ANNOUNCED_PEAK_KEY) ?? 0;
    this.#outbox = new Outbox<StoredEvent>({
      storage,
      platform,
      setAlarm,
      subscribers: [
        { name: "live", kinds: ["subject-banned", "subject-unbanned"], deliver: (event) => this.#deliverToLive(event) },
      ],
    });
  }

  /** Whether a subscriber lacks an event. */
  get hasPending(): boolean {
    return this.#outbox.hasPending;
  }

  /** The sequence of the first event that a subscriber lacks, or null. */
  get firstPending(): number | null {
    return this.#outbox.firstPending;
  }

  /**
   * Prepares the domain event of a ban or its undoing by `actor`; call what it returns in the transaction that stores the
   * ban. Null for other events.
   */
  async prepareBan(event: RoomEvent | null, actor: string): Promise<(() => void) | null> {
    if (event === null) return null;
    const { revocation } = effectDefinition(event);
    const subject = subjectOfEvent(event);
    // A guest has no token to revoke.
    if (revocation === undefined || subject === null || isGuestSubject(subject)) return null;
    const named = [subject, actor].filter((each) => each !== "");
    const keys = await this.#options.history.ensureSubjectKeys(new Set(named));
    const subjectTag = keys.get(subject)?.tag ?? "";
    const actorTag = keys.get(actor)?.tag ?? "";
    const kind = revocation === "add" ? "subject-banned" : "subject-unbanned";
    return () => this.#outbox.append({ kind, subjectTag, actorTag }, event.programmeMs);
  }

  /** Records the peak of concurrent viewers, if it has grown. */
  recordPeak(viewers: number): void {
    const { storage, platform } = this.#options;
    const nowMs = platform.clock.nowMs();
    const { growth, intervalMs } = VIEWER_PEAK_LIMITS;
    if (viewers <= this.#announcedPeak || viewers < this.#announcedPeak * growth) return;
    // A room in which nothing else is stored stays empty.
    if (!storage.exists || Math.abs(nowMs - this.#announcedPeakMs) < intervalMs) return;
    storage.transaction(() => {
      this.#outbox.append({ kind: "viewer-peak", viewers }, nowMs);
      storage.put(ANNOUNCED_PEAK_KEY, viewers);
    });
    this.#announcedPeak = viewers;
    this.#announcedPeakMs = nowMs;
  }

  /** Delivers pending events. Never rejects: an alarm repeats failed deliveries. */
  deliver(): Promise<void> {
    return this.#outbox.retry();
  }

  /** Deletes old events and delivers what is pending: when the alarm fires, and when the object starts. Never rejects. */
  catchUp(): Promise<void> {
    return this.#outbox.catchUp();
  }

  async #deliverToLive({ id, atMs, programTimeMs, body }: OutboxEvent<StoredEvent>): Promise<void> {
    if (body.kind === "viewer-peak") return;
    const { stream, history, live } = this.#options;
    const [subject = "", actor = ""] = await history.subjectsOfTags([body.subjectTag, body.actorTag]);
    if (subject === "") return;
    await live().receiveEvent({ id, stream, atMs, programTimeMs, kind: body.kind, subject, actor });
  }
}
