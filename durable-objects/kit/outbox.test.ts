import { expect, test, vi } from "vitest";
import type { Platform } from "../../core/kit/clock.ts";
import { VirtualClock } from "../../core/kit/virtual-clock.ts";
import { INBOX_IDS, INBOX_TABLE, Inbox } from "./inbox.ts";
import { LazyStorage } from "./lazy-storage.ts";
import type { StorageSchema } from "./migrations.ts";
import { OUTBOX_LIMITS, OUTBOX_TABLES, Outbox, type OutboxEvent, type OutboxSubscriber } from "./outbox.ts";
import { withEmptyStorage } from "./testing.ts";

type Body = { readonly kind: "said"; readonly text: string } | { readonly kind: "other" };

const schema: StorageSchema = {
  object: "Test",
  migrations: [({ sql }) => void sql.exec(OUTBOX_TABLES + INBOX_TABLE)],
};

/** A subscriber that records its events, and refuses those that `fails` selects. */
class Listener implements OutboxSubscriber<Body> {
  readonly name: string;
  readonly kinds = ["said"] as const;
  readonly heard: OutboxEvent<Body>[] = [];
  fails: (event: OutboxEvent<Body>) => boolean = () => false;

  constructor(name = "listener") {
    this.name = name;
  }

  async deliver(event: OutboxEvent<Body>): Promise<void> {
    this.heard.push(event);
    await null;
    if (this.fails(event)) throw new Error("refused");
  }

  get texts(): string[] {
    return this.heard.flatMap(({ body }) => (body.kind === "said" ? [body.text] : []));
  }
}

class Bench {
  readonly clock = new VirtualClock();
  readonly lazy: LazyStorage;
  alarmMs: number | null = null;
  #ids = 0;

  constructor(storage: DurableObjectStorage) {
    this.lazy = new LazyStorage(storage, schema);
  }

  /** An outbox as in a starting object: without any memory. */
  start(...subscribers: OutboxSubscriber<Body>[]): Outbox<Body> {
    const newId = (): string => {
      this.#ids += 1;
      return `id-${this.#ids}`;
    };
    const platform: Platform = { clock: this.clock, random: () => 1, newId };
    const setAlarm = async (atMs: number | null): Promise<void> => {
      this.alarmMs = atMs;
    };
    return new Outbox<Body>({ storage: this.lazy, subscribers, platform, setAlarm });
  }

  /** How many events are stored. */
  get stored(): number {
    return this.lazy.exec<{ n: number }>("SELECT COUNT(*) AS n FROM outbox").one().n;
  }

  /** What the alarm is set to where nothing is pending and an event was stored now. */
  get expiryMs(): number {
    return this.clock.nowMs() + OUTBOX_LIMITS.retentionMs;
  }
}

const say = (outbox: Outbox<Body>, ...texts: string[]): void => {
  for (const text of texts) outbox.append({ kind: "said", text }, 5);
};

const withBench = (work: (bench: Bench) => Promise<void>): Promise<void> =>
  withEmptyStorage((storage) => work(new Bench(storage)));

test("events are delivered in order with id, time and programme time, and then the alarm is that of their end", () =>
  withBench(async (bench) => {
    const listener = new Listener();
    const outbox = bench.start(listener);
    outbox.append({ kind: "other" }, null);
    expect([outbox.hasPending, bench.alarmMs]).toEqual([false, bench.expiryMs]);
    say(outbox, "one", "two");
    expect([outbox.hasPending, bench.alarmMs]).toEqual([true, bench.clock.nowMs() + OUTBOX_LIMITS.minRetryMs]);
    await outbox.deliver();
    const at = { atMs: bench.clock.nowMs(), programTimeMs: 5 };
    expect(listener.heard).toEqual([
      { id: "id-2", sequence: 2, ...at, body: { kind: "said", text: "one" } },
      { id: "id-3", sequence: 3, ...at, body: { kind: "said", text: "two" } },
    ]);
    expect([outbox.hasPending, bench.alarmMs]).toEqual([false, bench.expiryMs]);
    await outbox.deliver();
    expect(listener.heard.length).toBe(2);
  }));

test("events stored before a loss of memory are delivered when the object starts", () =>
  withBench(async (bench) => {
    say(bench.start(new Listener()), "one", "two");
    const listener = new Listener();
    const outbox = bench.start(listener);
    expect(outbox.hasPending).toBe(true);
    await outbox.catchUp();
    expect(listener.texts).toEqual(["one", "two"]);
    expect(bench.alarmMs).toBe(bench.expiryMs);
  }));

test("a failed subscriber gets the same event again before later ones, with a backoff, and delays no other", () =>
  withBench(async (bench) => {
    const [failing, other] = [new Listener("failing"), new Listener("other")];
    failing.fails = () => failing.heard.length < 4;
    const outbox = bench.start(failing, other);
    say(outbox, "one", "two");
    const waits: number[] = [];
    for (let tries = 0; tries < 3; tries += 1) {
      await expect(outbox.deliver()).rejects.toThrow("refused");
      waits.push((bench.alarmMs ?? 0) - bench.clock.nowMs());
    }
    expect(other.texts).toEqual(["one", "two"]);
    expect(waits).toEqual([500, 1_000, 2_000]);
    await outbox.deliver();
    expect(failing.texts).toEqual(["one", "one", "one", "one", "two"]);
    expect(bench.alarmMs).toBe(bench.expiryMs);
  }));

test("a later event is delivered at once although an earlier delivery failed", () =>
  withBench(async (bench) => {
    const listener = new Listener();
    listener.fails = () => listener.heard.length === 1;
    const outbox = bench.start(listener);
    say(outbox, "one");
    await outbox.retry();
    say(outbox, "two");
    await outbox.deliver();
    expect(listener.texts).toEqual(["one", "one", "two"]);
  }));

test("an event appended during a delivery is delivered once, by the same call or the next", () =>
  withBench(async (bench) => {
    const listener = new Listener();
    const outbox = bench.start(listener);
    listener.fails = () => {
      if (listener.heard.length < 5) {
        say(outbox, `after ${listener.heard.length}`);
        void outbox.deliver();
      }
      return false;
    };
    say(outbox, "one");
    await outbox.deliver();
    expect(listener.texts).toEqual(["one", "after 1", "after 2", "after 3", "after 4"]);
  }));

test("a delivery without an answer times out and is repeated", () =>
  withBench(async (bench) => {
    let calls = 0;
    const silentOnce: OutboxSubscriber<Body> = {
      name: "silent",
      kinds: ["said"],
      deliver: () => {
        calls += 1;
        return calls === 1 ? new Promise(() => {}) : Promise.resolve();
      },
    };
    const outbox = bench.start(silentOnce);
    say(outbox, "one");
    const delivery = expect(outbox.deliver()).rejects.toThrow("silent gave no answer");
    await bench.clock.advance(OUTBOX_LIMITS.deliveryTimeoutMs);
    await delivery;
    await outbox.deliver();
    expect([calls, outbox.hasPending]).toEqual([2, false]);
  }));

/** Answers the calls that `answers` says, by their number from 1; the others hang. */
class Hanging extends Listener {
  answers: (call: number) => boolean = () => true;
  override deliver(event: OutboxEvent<Body>): Promise<void> {
    const delivery = super.deliver(event);
    return this.answers(this.heard.length) ? delivery : new Promise(() => {});
  }
}

test("an event waits behind a call that hangs for the bound, not for the call's end, and after the event before it", () =>
  withBench(async (bench) => {
    const listener = new Hanging();
    listener.answers = (call) => call > 1;
    const outbox = bench.start(listener);
    say(outbox, "one");
    void outbox.retry();
    await bench.clock.advance(3 * OUTBOX_LIMITS.stalledMs + 1);
    // Nothing waits behind it.
    expect(listener.texts).toEqual(["one"]);
    say(outbox, "two");
    const delivery = outbox.deliver();
    await bench.clock.advance(OUTBOX_LIMITS.stalledMs);
    await delivery;
    expect([listener.texts, outbox.hasPending]).toEqual([["one", "one", "two"], false]);
    expect(bench.clock.pendingTimers).toBe(0);
  }));

test("a receiver that answers late, or fails at last, makes the calls for an event a bounded number", () =>
  withBench(async (bench) => {
    const listener = new Hanging();
    listener.answers = () => false;
    const outbox = bench.start(listener);
    say(outbox, "one", "two");
    const delivery = expect(outbox.deliver()).rejects.toThrow("gave no answer");
    await bench.clock.advance(OUTBOX_LIMITS.deliveryTimeoutMs);
    await delivery;
    expect(listener.texts.length).toBeLessThanOrEqual(OUTBOX_LIMITS.deliveryTimeoutMs / OUTBOX_LIMITS.stalledMs);
    expect(new Set(listener.texts)).toEqual(new Set(["one"]));
    expect(bench.clock.pendingTimers).toBe(0);
  }));

test("an event that is appended while a delivery fails is tried at once, and makes the next wait no longer", () =>
  withBench(async (bench) => {
    const listener = new Listener();
    const outbox = bench.start(listener);
    listener.fails = () => listener.heard.length === 1;
    say(outbox, "one");
    const failing = expect(outbox.deliver()).rejects.toThrow("refused");
    await null;
    say(outbox, "two");
    await outbox.deliver();
    await failing;
    expect(listener.texts).toEqual(["one", "one", "two"]);
    listener.fails = () => true;
    say(outbox, "three");
    const waiting = [outbox.retry(), outbox.retry(), outbox.retry()];
    await Promise.all(waiting);
    // The three had one delivery and one repetition of it.
    expect((bench.alarmMs ?? 0) - bench.clock.nowMs()).toBeLessThanOrEqual(2 * OUTBOX_LIMITS.minRetryMs);
  }));

test("the alarm is set anew before what it rings for is delivered, so that nothing waits for the delivery", () =>
  withBench(async (bench) => {
    const listener = new Hanging();
    listener.answers = () => false;
    const outbox = bench.start(listener);
    say(outbox, "one");
    bench.alarmMs = null;
    void outbox.catchUp();
    expect(bench.alarmMs).toBe(bench.clock.nowMs() + OUTBOX_LIMITS.deliveryTimeoutMs + OUTBOX_LIMITS.minRetryMs);
  }));

test("an event that was delivered is deleted by the alarm after its time, with no event after it; a pending one is not", () =>
  withBench(async (bench) => {
    const listener = new Listener();
    const outbox = bench.start(listener);
    say(outbox, "delivered");
    await outbox.deliver();
    await bench.clock.advance(1_000);
    listener.fails = () => true;
    say(outbox, "pending");
    await outbox.retry();
    listener.fails = () => false;
    outbox.append({ kind: "other" }, null);
    await bench.clock.advance(OUTBOX_LIMITS.retentionMs - 1_001);
    await bench.start(new Listener("listener")).catchUp();
    expect(bench.stored).toBe(3);
    expect(bench.alarmMs).toBe(bench.clock.nowMs() + 1);
    await bench.clock.advance(1);
    await bench.start(listener).catchUp();
    expect(bench.stored).toBe(2);
    expect(bench.alarmMs).toBe(bench.clock.nowMs() + 1_000);
    await bench.clock.advance(1_000);
    await bench.start(listener).catchUp();
    expect([bench.stored, bench.alarmMs]).toEqual([0, null]);
  }));

test("a subscriber that a later release adds gets what is kept; delivered events go after their time, pending ones stay", () =>
  withBench(async (bench) => {
    const listener = new Listener();
    const outbox = bench.start(listener);
    say(outbox, "one", "two");
    await outbox.deliver();
    const added = new Listener("added");
    await bench.start(listener, added).deliver();
    expect(added.texts).toEqual(["one", "two"]);
    say(outbox, "pending");
    listener.fails = () => true;
    added.fails = () => true;
    await bench.clock.advance(OUTBOX_LIMITS.retentionMs + 1);
    await bench.start(listener, added).catchUp();
    const late = new Listener("late");
    await bench.start(late).deliver();
    expect(late.texts).toEqual(["pending"]);
  }));

test("beyond the bound the oldest events are dropped, which is logged if a subscriber has not had them", () =>
  withBench(async (bench) => {
    const logged = vi.spyOn(console, "error").mockImplementation(() => {});
    const listener = new Listener();
    listener.fails = () => listener.heard.length === 1;
    const outbox = bench.start(listener);
    say(outbox, "one");
    await outbox.retry();
    const total = Math.ceil((OUTBOX_LIMITS.events + 10) / OUTBOX_LIMITS.pruneEvery) * OUTBOX_LIMITS.pruneEvery;
    for (let count = 1; count < total; count += 1) outbox.append({ kind: "other" }, null);
    expect(bench.stored).toBe(OUTBOX_LIMITS.events);
    expect(logged).toHaveBeenCalledWith(expect.stringContaining("domain events 1 to"));
    logged.mockRestore();
    say(outbox, "newest");
    await outbox.deliver();
    expect(listener.texts).toEqual(["one", "newest"]);
  }));

test("an event of a failed transaction is not delivered", () =>
  withBench(async (bench) => {
    const listener = new Listener();
    const outbox = bench.start(listener);
    const failing = (): void => {
      say(outbox, "never");
      throw new Error("it fails");
    };
    expect(() => bench.lazy.transaction(failing)).toThrow("it fails");
    say(outbox, "one");
    await outbox.deliver();
    expect(listener.texts).toEqual(["one"]);
  }));

test("an inbox accepts each id once, also after a loss of memory, and keeps a bounded number", () =>
  withBench(async ({ lazy }) => {
    expect([new Inbox(lazy).accept("one"), new Inbox(lazy).accept("one")]).toEqual([true, false]);
    const inbox = new Inbox(lazy);
    for (let count = 0; count < INBOX_IDS + 5; count += 1) inbox.accept(`id-${count}`);
    expect(lazy.exec<{ n: number }>("SELECT COUNT(*) AS n FROM inbox").one().n).toBe(INBOX_IDS);
    expect(inbox.accept(`id-${INBOX_IDS + 4}`)).toBe(false);
  }));
