/**
 * An object's outbox of domain events. An event is stored in the transaction that changes the object's state, and then
 * delivered to each subscriber in order, at least once: an alarm that is set with the event repeats what was not delivered,
 * whatever happens to the object's memory. A subscriber's receiver skips ids that it has applied.
 */
import { type Platform, withTimeout } from "../../core/kit/clock.ts";
import type { LazyStorage } from "./lazy-storage.ts";

/** The tables of an outbox, for the object's migrations. */
export const OUTBOX_TABLES = `
CREATE TABLE IF NOT EXISTS outbox (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, at_ms INTEGER NOT NULL, program_time_ms INTEGER,
  kind TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS outbox_cursors (
  subscriber TEXT PRIMARY KEY, sequence INTEGER NOT NULL) WITHOUT ROWID;
`;

/** Limits, each with its reason. */
export const OUTBOX_LIMITS = {
  /**
   * Events kept, some 3 MB. The oldest leaves for one more, though a subscriber may lack it, which is logged: a state change
   * must not fail because another object is unreachable, and a Live object holds no more bans than this either.
   */
  events: 10_000,
  /** Delivered events are kept this long, for a subscriber that a later release adds. */
  retentionMs: 86_400_000,
  /** Old events are deleted once per this many appended events. */
  pruneEvery: 16,
  /** A delivery without an answer within this time is repeated. */
  deliveryTimeoutMs: 10_000,
  /** The first and the longest retry delay; delays double in between. */
  minRetryMs: 500,
  maxRetryMs: 60_000,
} as const;

/** A stored event. The id is unique; the sequence orders the events of this outbox. */
export interface OutboxEvent<Body> {
  readonly id: string;
  readonly sequence: number;
  readonly atMs: number;
  readonly programTimeMs: number | null;
  readonly body: Body;
}

/** A consumer of events with its stable name. */
export interface OutboxSubscriber<Body extends { readonly kind: string }> {
  readonly name: string;
  readonly kinds: readonly Body["kind"][];
  /** Rejects if the event was not applied: it is delivered again, before any later one. */
  deliver(event: OutboxEvent<Body>): Promise<void>;
}

/** What an outbox runs on. */
export interface OutboxOptions<Body extends { readonly kind: string }> {
  readonly storage: LazyStorage;
  readonly subscribers: readonly OutboxSubscriber<Body>[];
  readonly platform: Platform;
  /** Schedules a call of `retry` at `atMs`, ms since the epoch, which survives a loss of memory; null: cancels it. */
  setRetryAlarm(atMs: number | null): Promise<void>;
}

type OutboxRow = { id: string; sequence: number; at_ms: number; program_time_ms: number | null; body: string };

/** The outbox of one object, whose schema has `OUTBOX_TABLES`. */
export class Outbox<Body extends { readonly kind: string }> {
  readonly #options: OutboxOptions<Body>;
  readonly #deliveries = new Map<string, Promise<void>>();
  #failures = 0;
  #alarmSet: boolean;

  constructor(options: OutboxOptions<Body>) {
    this.#options = options;
    this.#alarmSet = this.hasPending;
  }

  /** Stores an event; call `deliver` after the transaction. */
  append(body: Body, programTimeMs: number | null): void {
    const { storage, platform, subscribers } = this.#options;
    const nowMs = platform.clock.nowMs();
    const { sequence } = storage
      .insert<{ sequence: number }>(
        "INSERT INTO outbox (id, at_ms, program_time_ms, kind, body) VALUES (?, ?, ?, ?, ?) RETURNING sequence",
        platform.newId(),
        nowMs,
        programTimeMs,
        body.kind,
        JSON.stringify(body),
      )
      .one();
    if (sequence % OUTBOX_LIMITS.pruneEvery === 0) this.#prune(sequence, nowMs);
    if (!subscribers.some(({ kinds }) => kinds.includes(body.kind))) return;
    void this.#setAlarm(nowMs + OUTBOX_LIMITS.minRetryMs);
  }

  /** Whether any subscriber has a pending event. */
  get hasPending(): boolean {
    return this.#options.subscribers.some((subscriber) => this.#next(subscriber) !== null);
  }

  /** Delivers all pending events at once. Rejects if a subscriber could not be reached; an alarm repeats that. */
  async deliver(): Promise<void> {
    const { subscribers, platform } = this.#options;
    const outcomes = await Promise.allSettled(subscribers.map((subscriber) => this.#deliverTo(subscriber)));
    const failed = outcomes.find(({ status }) => status === "rejected");
    if (failed === undefined) {
      this.#failures = 0;
      if (this.#alarmSet && !this.hasPending) await this.#setAlarm(null);
      return;
    }
    const waitMs = Math.min(OUTBOX_LIMITS.maxRetryMs, OUTBOX_LIMITS.minRetryMs * 2 ** this.#failures);
    this.#failures += 1;
    await this.#setAlarm(platform.clock.nowMs() + Math.round(waitMs * (0.5 + platform.random() / 2)));
    throw (failed as PromiseRejectedResult).reason;
  }

  /** Delivers when the alarm of `setRetryAlarm` fires, or when the object starts. Never rejects. */
  async retry(): Promise<void> {
    // An alarm that fires without a pending event is cancelled.
    this.#alarmSet = true;
    try {
      await this.deliver();
    } catch (error) {
      console.warn("domain events are not delivered yet", error);
    }
  }

  /** One delivery per subscriber at a time. It continues with events that are appended meanwhile. */
  #deliverTo(subscriber: OutboxSubscriber<Body>): Promise<void> {
    const running = this.#deliveries.get(subscriber.name);
    if (running !== undefined) return running;
    const delivery = this.#deliverPending(subscriber);
    this.#deliveries.set(subscriber.name, delivery);
    return delivery;
  }

  async #deliverPending(subscriber: OutboxSubscriber<Body>): Promise<void> {
    const { storage, platform } = this.#options;
    // The caller registers this delivery first.
    await null;
    try {
      for (let event = this.#next(subscriber); event !== null; event = this.#next(subscriber)) {
        await withTimeout(platform.clock, OUTBOX_LIMITS.deliveryTimeoutMs, subscriber.deliver(event), () => {
          throw new Error(`${subscriber.name} gave no answer within ${OUTBOX_LIMITS.deliveryTimeoutMs} ms`);
        });
        storage.insert("INSERT OR REPLACE INTO outbox_cursors VALUES (?, ?)", subscriber.name, event.sequence);
      }
    } finally {
      // In the turn in which nothing was pending: a later event starts its own delivery.
      this.#deliveries.delete(subscriber.name);
    }
  }

  /** The first pending event of a subscriber, or null. */
  #next({ name, kinds }: OutboxSubscriber<Body>): OutboxEvent<Body> | null {
    const [row] = this.#options.storage
      .exec<OutboxRow>(
        `SELECT sequence, id, at_ms, program_time_ms, body FROM outbox
         WHERE sequence > COALESCE((SELECT sequence FROM outbox_cursors WHERE subscriber = ?), 0)
           AND kind IN (${kinds.map(() => "?").join()}) ORDER BY sequence LIMIT 1`,
        name,
        ...kinds,
      )
      .toArray();
    if (row === undefined) return null;
    const { id, sequence, at_ms: atMs, program_time_ms: programTimeMs, body } = row;
    return { id, sequence, atMs, programTimeMs, body: JSON.parse(body) as Body };
  }

  async #setAlarm(atMs: number | null): Promise<void> {
    this.#alarmSet = atMs !== null;
    await this.#options.setRetryAlarm(atMs);
  }

  #prune(last: number, nowMs: number): void {
    const { storage, subscribers } = this.#options;
    const pending = subscribers.flatMap((subscriber) => this.#next(subscriber)?.sequence ?? []);
    const firstPending = Math.min(last + 1, ...pending);
    const firstKept = last - OUTBOX_LIMITS.events + 1;
    if (firstPending < firstKept) console.error(`domain events ${firstPending} to ${firstKept - 1} were not delivered`);
    storage.exec("DELETE FROM outbox WHERE sequence < ?", firstKept);
    storage.exec(
      "DELETE FROM outbox WHERE sequence < ? AND at_ms < ?",
      firstPending,
      nowMs - OUTBOX_LIMITS.retentionMs,
    );
  }
}
