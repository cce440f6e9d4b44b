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
    const setRetryAlarm = async (atMs: number | null): Promise<void> => {
      this.alarmMs = atMs;
    };
    return new Outbox<Body>({ storage: this.lazy, subscribers, platform, setRetryAlarm });
  }
}

const say = (outbox: Outbox<Body>, ...texts: string[]): void => {
  for (const text of texts) outbox.append({ kind: "said", text }, 5);
};

const withBench = (work: (bench: Bench) => Promise<void>): Promise<void> =>
  withEmptyStorage((storage) => work(new Bench(storage)));

test("events are delivered in order with id, time and program time, and then no alarm remains", () =>
  withBench(async (bench) => {
    const listener = new Listener();
    const outbox = bench.start(listener);
    outbox.append({ kind: "other" }, null);
    expect([outbox.hasPending, bench.alarmMs]).toEqual([false, null]);
    say(outbox, "one", "two");
    expect([outbox.hasPending, bench.alarmMs]).toEqual([true, bench.clock.nowMs() + OUTBOX_LIMITS.minRetryMs]);
    await outbox.deliver();
    const at = { atMs: bench.clock.nowMs(), programTimeMs: 5 };
    expect(listener.heard).toEqual([
      { id: "id-2", sequence: 2, ...at, body: { kind: "said", text: "one" } },
      { id: "id-3", sequence: 3, ...at, body: { kind: "said", text: "two" } },
    ]);
    expect([outbox.hasPending, bench.alarmMs]).toEqual([false, null]);
    await outbox.deliver();
    expect(listener.heard.length).toBe(2);
  }));

test("events stored before a loss of memory are delivered when the object starts", () =>
  withBench(async (bench) => {
    say(bench.start(new Listener()), "one", "two");
    const listener = new Listener();
    const outbox = bench.start(listener);
    expect(outbox.hasPending).toBe(true);
    await outbox.retry();
    expect(listener.texts).toEqual(["one", "two"]);
    expect(bench.alarmMs).toBeNull();
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
    expect(bench.alarmMs).toBeNull();
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

test("a new subscriber of a later release gets the kept events; delivered events expire, pending ones stay", () =>
  withBench(async (bench) => {
    const listener = new Listener();
    const outbox = bench.start(listener);
    say(outbox, "one", "two");
    await outbox.deliver();
    const added = new Listener("added");
    await bench.start(listener, added).deliver();
    expect(added.texts).toEqual(["one", "two"]);
    say(outbox, "pending");
    await bench.clock.advance(OUTBOX_LIMITS.retentionMs + 1);
    for (let count = 0; count < OUTBOX_LIMITS.pruneEvery; count += 1) outbox.append({ kind: "other" }, null);
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
    expect(bench.lazy.exec<{ n: number }>("SELECT COUNT(*) AS n FROM outbox").one().n).toBe(OUTBOX_LIMITS.events);
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
