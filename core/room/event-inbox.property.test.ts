import fc from "fast-check";
import { expect, test } from "vitest";
import { OPEN_CHAT_MODES } from "./chat-modes.ts";
import { EventInbox } from "./client/event-inbox.ts";
import { sampleForDisplay } from "./display-sampling.ts";
import { type ChatEvent, EMPTY_ROOM_COUNTS, type RoomEvent } from "./events.ts";
import { RecentEvents } from "./recent-events.ts";
import type { EventRange, ServerFrame } from "./room-protocol.ts";

const chat = (offset: number, subject: string): ChatEvent => ({
  kind: "chat",
  by: { subject, name: subject, roles: [] },
  text: `message ${offset}`,
  offset,
  atMs: offset,
  programmeMs: offset,
});

/** One step of a run: events occur and are sent, in any state of the client's connection. */
type Step =
  | { readonly kind: "told"; readonly count: number; readonly way: "arrives" | "lost" | "twice" | "late" | "cut" }
  | { readonly kind: "reconnect" }
  | { readonly kind: "newEpoch" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("told" as const),
      count: fc.integer({ min: 0, max: 40 }),
      way: fc.constantFrom("arrives" as const, "lost" as const, "twice" as const, "late" as const, "cut" as const),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ kind: "reconnect" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "newEpoch" as const }) },
);

/** A room with one shard and a client, reduced to the order of events. */
class Run {
  epoch = 1;
  head = 0;
  ring = new RecentEvents("e1", 0, 50);
  all: RoomEvent[] = [];
  shed = new Set<number>();
  bucket: Parameters<typeof sampleForDisplay>[1];
  nowMs = 0;
  readonly inbox = new EventInbox();
  /** What the client's application shows since its last restart, and the offset of that restart. */
  shown: RoomEvent[] = [];
  unseen = 0;
  base = 0;
  late: EventRange[] = [];

  happen(count: number): EventRange {
    this.nowMs += 100;
    const fresh: RoomEvent[] = [];
    for (let index = 0; index < count; index += 1) {
      this.head += 1;
      fresh.push(chat(this.head, index % 5 === 0 ? "me" : "other"));
    }
    this.all.push(...fresh);
    const { shown, bucket } = sampleForDisplay(fresh, this.bucket, this.nowMs);
    this.bucket = bucket;
    for (const { offset } of fresh) if (!shown.some((event) => event.offset === offset)) this.shed.add(offset);
    const from = this.head - count;
    const told = { epoch: `e${this.epoch}`, from, to: this.head, events: shown, unseen: count - shown.length };
    expect(this.ring.append(told)).toEqual(told);
    return told;
  }

  tick(told: EventRange): void {
    const delivery = this.inbox.applyTick(told);
    if (delivery === "hole") this.hello();
    else this.take(delivery.events, delivery.omitted);
  }

  hello(): void {
    const from = this.inbox.position;
    const missed = from !== null && from.epoch === this.ring.epoch ? this.ring.rangeAfter(from.offset) : null;
    const stretch = missed ?? this.ring.latestRange(20);
    const welcome: Extract<ServerFrame, { type: "welcome" }> = {
      type: "welcome",
      version: 1,
      recovered: missed !== null,
      nowMs: this.nowMs,
      you: null,
      expiresMs: null,
      modes: OPEN_CHAT_MODES,
      pinned: null,
      counts: EMPTY_ROOM_COUNTS,
      ...stretch,
    };
    const delivery = this.inbox.applyWelcome(welcome);
    expect(delivery.recovered).toBe(missed !== null);
    if (!delivery.recovered) {
      this.shown = [];
      this.unseen = 0;
      this.base = stretch.from;
    }
    this.take(delivery.events, delivery.omitted);
  }

  take(events: readonly RoomEvent[], unseen: number): void {
    this.shown.push(...events);
    this.unseen += unseen;
  }

  /** The client has exactly the room's events since its base, in order, except those counted as omitted. */
  check(): void {
    const at = this.inbox.position;
    if (at === null || at.epoch !== this.ring.epoch) return;
    const due = this.all.filter(({ offset }) => offset > this.base && offset <= at.offset);
    const offsets = this.shown.map(({ offset }) => offset);
    expect(new Set(offsets).size).toBe(offsets.length);
    expect(offsets.length + this.unseen).toBe(due.length);
    expect(due.filter(({ offset }) => !this.shed.has(offset)).every(({ offset }) => offsets.includes(offset))).toBe(
      true,
    );
  }
}

test("under loss, repetition, reordering and truncation, a client has the room's events in order or knows that it has a gap", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
      const run = new Run();
      run.hello();
      for (const each of steps) {
        if (each.kind === "reconnect") run.hello();
        else if (each.kind === "newEpoch") {
          run.epoch += 1;
          run.head = 0;
          run.all = [];
          run.shed.clear();
          run.ring = new RecentEvents(`e${run.epoch}`, 0, 50);
        } else {
          const told = run.happen(each.count);
          // A delayed frame arrives after later ones.
          const held = run.late.splice(0);
          if (each.way === "arrives" || each.way === "twice") run.tick(told);
          if (each.way === "twice") run.tick(told);
          if (each.way === "late") run.late.push(told);
          if (each.way === "cut") run.hello();
          for (const frame of held) if (frame.epoch === run.ring.epoch) run.tick(frame);
        }
        run.check();
        expect(run.shown.map(({ offset }) => offset)).toEqual(
          run.shown.map(({ offset }) => offset).sort((a, b) => a - b),
        );
      }
      // Once the connection is intact, nothing is missing.
      run.tick(run.happen(1));
      run.check();
      expect(run.inbox.position).toEqual({ epoch: run.ring.epoch, offset: run.head });
    }),
    { numRuns: 500 },
  );
});

test("a sender sees each own message once, in its place, although sampling omitted it", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 30 }),
      fc.infiniteStream(fc.boolean()),
      (counts, before) => {
        const run = new Run();
        run.hello();
        for (const count of counts) {
          const told = run.happen(count);
          const own = run.all.slice(-count).filter((event) => event.kind === "chat" && event.by.subject === "me");
          const acknowledge = (): void => {
            for (const event of own) {
              const delivery = run.inbox.applyOwnEvent(event);
              if (delivery !== null) run.take(delivery.events, delivery.omitted);
            }
          };
          const early = before.next().value;
          if (early) acknowledge();
          run.tick(told);
          // Acknowledgements may be late and repeated.
          acknowledge();
          run.check();
        }
        const mine = (event: RoomEvent): boolean => event.kind === "chat" && event.by.subject === "me";
        const shown = run.shown.filter(mine).sort((a, b) => a.offset - b.offset);
        expect(shown).toEqual(run.all.filter(mine));
      },
    ),
  );
});
