/**
 * An object's outbox of domain events. An event is stored in the transaction that changes the object's state, and then
 * delivered to each subscriber in order, at least once: an alarm that is set with the event repeats what was not delivered,
 * whatever happens to the object's memory. A subscriber's receiver skips ids that it has applied. The same alarm deletes
 * delivered events that are too old.
 */
import { type Platform, startInterval, withTimeout } from "../../core/kit/clock.ts";
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
  /** Delivered events are kept this long, for a subscriber that a later release adds; no longer, since they may name subjects. */
  retentionMs: 86_400_000,
  /** The number of events is checked once per this many appended events. */
  pruneEvery: 16,
  /** A delivery without an answer within this time has failed. */
  deliveryTimeoutMs: 10_000,
  /**
   * While another event waits behind a call without an answer, the call is repeated this often, so a call that hangs delays
   * a ban by this at most. A call to an object that starts on another continent takes half of it.
   */
  stalledMs: 1_000,
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
  /**
   * Rejects if the event was not applied: it is delivered again, before any later one. A call that hangs may be repeated
   * before it ends, and the receiver may then get the event once more after later ones.
   */
  deliver(event: OutboxEvent<Body>): Promise<void>;
}

/** What an outbox runs on. */
export interface OutboxOptions<Body extends { readonly kind: string }> {
  readonly storage: LazyStorage;
  readonly subscribers: readonly OutboxSubscriber<Body>[];
  readonly platform: Platform;
  /**
   * Schedules a call of `catchUp` at `atMs`, ms since the epoch, which survives a loss of memory; null: cancels it. Stores
   * that before it returns, in the caller's transaction.
   */
  setAlarm(atMs: number | null): Promise<void>;
}

type OutboxRow = { id: string; sequence: number; at_ms: number; program_time_ms: number | null; body: string };

/** The outbox of one object, whose schema has `OUTBOX_TABLES`. */
export class Outbox<Body extends { readonly kind: string }> {
  readonly #options: OutboxOptions<Body>;
  readonly #deliveries = new Map<string, Promise<void>>();
  /** Deliveries that failed since all subscribers had everything. */
  #failures = 0;
  /** Whether the alarm is known to be set for what expires next, and nothing is pending. */
  #isAlarmIdle = false;

  constructor(options: OutboxOptions<Body>) {
    this.#options = options;
  }

  /** Stores an event; call `deliver` after the transaction. `id`: of an event that another source has made. */
  append(body: Body, programTimeMs: number | null, id?: string): void {
    const { storage, platform, subscribers } = this.#options;
    const nowMs = platform.clock.nowMs();
    const { sequence } = storage
      .insert<{ sequence: number }>(
        "INSERT INTO outbox (id, at_ms, program_time_ms, kind, body) VALUES (?, ?, ?, ?, ?) RETURNING sequence",
        id ?? platform.newId(),
        nowMs,
        programTimeMs,
        body.kind,
        JSON.stringify(body),
      )
      .one();
    if (sequence % OUTBOX_LIMITS.pruneEvery === 0) this.#dropBeyondBound(sequence);
    const isWanted = subscribers.some(({ kinds }) => kinds.includes(body.kind));
    void (isWanted ? this.#setAlarm(nowMs + OUTBOX_LIMITS.minRetryMs) : this.#setIdleAlarm());
  }

  /** Whether an event with this id is kept. */
  has(id: string): boolean {
    return this.#options.storage.exec("SELECT 1 FROM outbox WHERE id = ? LIMIT 1", id).toArray().length > 0;
  }

  /** Whether any subscriber has a pending event. */
  get hasPending(): boolean {
    return this.firstPending !== null;
  }

  /** The sequence of the first event that a subscriber lacks, or null. */
  get firstPending(): number | null {
    const pending = this.#options.subscribers.flatMap((subscriber) => this.#next(subscriber)?.sequence ?? []);
    return pending.length === 0 ? null : Math.min(...pending);
  }

  /**
   * Delivers all pending events at once, or those of one subscriber only: the alarm of the others stays set. Rejects if a
   * subscriber could not be reached; an alarm repeats that.
   */
  async deliver(only?: string): Promise<void> {
    const subscribers = this.#options.subscribers.filter(({ name }) => only === undefined || name === only);
    const outcomes = await Promise.allSettled(subscribers.map((subscriber) => this.#deliverTo(subscriber)));
    const failed = outcomes.find((outcome) => outcome.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    this.#failures = 0;
    if (!this.#isAlarmIdle) await this.#setIdleAlarm();
  }

  /**
   * Deletes what is too old and delivers what is pending: when the alarm rings, and when the object starts. The next alarm is
   * set at once, so whoever handles an alarm need not wait for the delivery. Never rejects.
   */
  async catchUp(): Promise<void> {
    const nowMs = this.#options.platform.clock.nowMs();
    this.#dropExpired(nowMs);
    if (!this.hasPending) return this.#setIdleAlarm();
    void this.#setAlarm(nowMs + OUTBOX_LIMITS.deliveryTimeoutMs + OUTBOX_LIMITS.minRetryMs);
    await this.retry();
  }

  /** Delivers to one subscriber after the running transaction. Never rejects: an alarm is set with the event. */
  async deliverSoon(subscriber: string): Promise<void> {
    await null;
    await this.deliver(subscriber).catch(() => {});
  }

  /** Delivers as `deliver` does. Never rejects. */
  async retry(): Promise<void> {
    try {
      await this.deliver();
    } catch (error) {
      console.warn("domain events are not delivered yet", error);
    }
  }

  /**
   * One delivery to a subscriber at a time. It goes on to events that are appended meanwhile; where it fails before it comes
   * to them, they are tried once more at once, as they would be without it.
   */
  #deliverTo(subscriber: OutboxSubscriber<Body>): Promise<void> {
    const running = this.#deliveries.get(subscriber.name);
    if (running === undefined) return this.#startDelivery(subscriber);
    return running.catch(() => this.#deliveries.get(subscriber.name) ?? this.#startDelivery(subscriber));
  }

  #startDelivery(subscriber: OutboxSubscriber<Body>): Promise<void> {
    const delivery = this.#deliverPending(subscriber);
    this.#deliveries.set(subscriber.name, delivery);
    return delivery;
  }

  async #deliverPending(subscriber: OutboxSubscriber<Body>): Promise<void> {
    // The caller registers this delivery first.
    await null;
    try {
      for (let event = this.#next(subscriber); event !== null; event = this.#next(subscriber)) {
        await this.#deliverEvent(subscriber, event);
        this.#options.storage.insert(
          "INSERT OR REPLACE INTO outbox_cursors VALUES (?, ?)",
          subscriber.name,
          event.sequence,
        );
      }
    } catch (error) {
      void this.#setAlarm(this.#nextRetryMs());
      throw error;
    } finally {
      // In the turn in which nothing was pending: a later event starts its own delivery.
      this.#deliveries.delete(subscriber.name);
    }
  }

  /** Resolves when one call has been answered; rejects when all calls have failed, or when time is over. */
  #deliverEvent(subscriber: OutboxSubscriber<Body>, event: OutboxEvent<Body>): Promise<void> {
    const { clock } = this.#options.platform;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let calls = 0;
    const call = async (): Promise<void> => {
      calls += 1;
      try {
        await subscriber.deliver(event);
        resolve();
      } catch (error) {
        calls -= 1;
        if (calls === 0) reject(error);
      }
    };
    void call();
    const cancelRepeats = startInterval(clock, OUTBOX_LIMITS.stalledMs, () => {
      if (this.#next(subscriber, event.sequence) !== null) void call();
    });
    const answer = withTimeout(clock, OUTBOX_LIMITS.deliveryTimeoutMs, promise, () => {
      throw new Error(`${subscriber.name} gave no answer within ${OUTBOX_LIMITS.deliveryTimeoutMs} ms`);
    });
    return answer.finally(cancelRepeats);
  }

  /** The first event that a subscriber lacks, after `sequence` where that is given, or null. */
  #next(subscriber: OutboxSubscriber<Body>, sequence = 0): OutboxEvent<Body> | null {
    const { condition, values } = pendingFor(subscriber);
    const [row] = this.#options.storage
      .exec<OutboxRow>(
        `SELECT sequence, id, at_ms, program_time_ms, body FROM outbox
         WHERE sequence > ? AND ${condition} ORDER BY sequence LIMIT 1`,
        sequence,
        ...values,
      )
      .toArray();
    if (row === undefined) return null;
    const { id, at_ms: atMs, program_time_ms: programTimeMs, body } = row;
    return { id, sequence: row.sequence, atMs, programTimeMs, body: JSON.parse(body) as Body };
  }

  #setAlarm(atMs: number): Promise<void> {
    this.#isAlarmIdle = false;
    return this.#options.setAlarm(atMs);
  }

  /** Sets the alarm for the time when the oldest event is too old; what is pending has an alarm already. */
  async #setIdleAlarm(): Promise<void> {
    const { storage, setAlarm } = this.#options;
    if (this.hasPending) return;
    this.#isAlarmIdle = true;
    const [oldest] = storage.exec<{ at_ms: number | null }>("SELECT MIN(at_ms) AS at_ms FROM outbox").toArray();
    const atMs = oldest?.at_ms ?? null;
    await setAlarm(atMs === null ? null : atMs + OUTBOX_LIMITS.retentionMs);
  }

  #nextRetryMs(): number {
    const { clock, random } = this.#options.platform;
    const waitMs = Math.min(OUTBOX_LIMITS.maxRetryMs, OUTBOX_LIMITS.minRetryMs * 2 ** this.#failures);
    this.#failures += 1;
    return clock.nowMs() + Math.round(waitMs * (0.5 + random() / 2));
  }

  #dropBeyondBound(last: number): void {
    const firstKept = last - OUTBOX_LIMITS.events + 1;
    const firstPending = this.firstPending ?? firstKept;
    if (firstPending < firstKept) console.error(`domain events ${firstPending} to ${firstKept - 1} were not delivered`);
    this.#options.storage.exec("DELETE FROM outbox WHERE sequence < ?", firstKept);
  }

  /** Deletes events that are too old, but those that a subscriber lacks. */
  #dropExpired(nowMs: number): void {
    const { storage, subscribers } = this.#options;
    const pending = subscribers.map((subscriber) => pendingFor(subscriber));
    storage.exec(
      `DELETE FROM outbox WHERE at_ms <= ?${pending.map(({ condition }) => ` AND NOT (${condition})`).join("")}`,
      nowMs - OUTBOX_LIMITS.retentionMs,
      ...pending.flatMap(({ values }) => values),
    );
  }
}

/** The condition of rows that a subscriber lacks. */
function pendingFor({ name, kinds }: { readonly name: string; readonly kinds: readonly string[] }): {
  readonly condition: string;
  readonly values: readonly string[];
} {
  const cursor = "COALESCE((SELECT sequence FROM outbox_cursors WHERE subscriber = ?), 0)";
  return {
    condition: `sequence > ${cursor} AND kind IN (${kinds.map(() => "?").join()})`,
    values: [name, ...kinds],
  };
}
