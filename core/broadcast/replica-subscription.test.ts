import fc from "fast-check";
import { expect, test } from "vitest";
import type { TrackName } from "../kit/ids.ts";
import { BROADCAST_LIMITS } from "./broadcast-limits.ts";
import { Replica } from "./replica.ts";
import type { ReplicaSubscription, SubscriptionRead } from "./replica-subscription.ts";
import { TailBuffer } from "./tail-buffer.ts";
import { makeInitEntry, makePartEntry, makeTestConfig } from "./testing.ts";

const VIDEO = "video" as TrackName;
const AUDIO = "audio" as TrackName;
const PART_BYTES = 20;
const UPDATE_BYTES = BROADCAST_LIMITS.updateOverheadBytes + PART_BYTES;

function makeReplica(): { replica: Replica; append: (track?: string) => void } {
  const replica = new Replica("epoch", makeTestConfig(), new TailBuffer(1e9));
  const next: Record<string, number> = {};
  for (const track of ["video", "audio"]) {
    const { entry, bytes } = makeInitEntry(track);
    replica.appendEntry(entry, bytes);
  }
  return {
    replica,
    append(track = "video") {
      const index = next[track] ?? 0;
      next[track] = index + 1;
      const { entry, bytes } = makePartEntry(track, index, 3);
      replica.appendEntry(entry, bytes);
    },
  };
}

function readAll(subscription: ReplicaSubscription): SubscriptionRead[] {
  const updates: SubscriptionRead[] = [];
  for (let update = subscription.read(); update.kind !== "idle"; update = subscription.read()) {
    updates.push(update);
    if (update.kind === "gap") break;
  }
  return updates;
}

const offsets = (updates: readonly SubscriptionRead[]): number[] =>
  updates.flatMap((update) => (update.kind === "entry" ? [update.offset] : []));

test("a subscriber without a cursor, or with one of another epoch, begins with a snapshot", () => {
  const { replica, append } = makeReplica();
  append();
  for (const cursor of [null, { epoch: "other", offset: 1 }]) {
    const subscription = replica.subscribe(cursor, new Set([VIDEO]), 10_000);
    expect(subscription.start).toMatchObject({ kind: "snapshot", snapshot: { offset: 3 } });
    expect(subscription.read()).toEqual({ kind: "idle" });
  }
});

test("a subscriber with a cursor resumes after it, with the bytes of its tracks", () => {
  const { replica, append } = makeReplica();
  append("video");
  append("audio");
  const subscription = replica.subscribe({ epoch: "epoch", offset: 2 }, new Set([VIDEO]), 10_000);
  expect(subscription.start).toEqual({ kind: "resume", offset: 2 });
  append("audio");
  const missed = readAll(subscription);
  append("video");
  append("audio");
  const live = readAll(subscription);
  const bytes = [...missed, ...live].map((update) => ("bytes" in update ? (update.bytes?.byteLength ?? null) : null));
  expect(offsets([...missed, ...live])).toEqual([3, 4, 5, 6, 7]);
  expect(bytes).toEqual([PART_BYTES, null, null, PART_BYTES, null]);
});

test("a cursor ahead of the log, or older than the kept entries, begins with a snapshot", () => {
  const { replica, append } = makeReplica();
  for (let index = 0; index < BROADCAST_LIMITS.recentEntries; index += 1) append();
  const kinds = [0, 1, 2, replica.offset, replica.offset + 1].map(
    (offset) => replica.subscribe({ epoch: "epoch", offset }, new Set(), 10_000).start.kind,
  );
  expect(kinds).toEqual(["snapshot", "snapshot", "resume", "resume", "snapshot"]);
});

test("a subscriber that reads too slowly gets a gap, its queue is freed, and others continue", () => {
  const { replica, append } = makeReplica();
  const slow = replica.subscribe(null, new Set([VIDEO]), 3 * UPDATE_BYTES);
  const prompt = replica.subscribe(null, new Set([VIDEO]), 3 * UPDATE_BYTES);
  let notified = 0;
  slow.setListener(() => {
    notified += 1;
  });
  expect([slow.read(), prompt.read()]).toEqual([{ kind: "idle" }, { kind: "idle" }]);
  const read: SubscriptionRead[] = [];
  for (let index = 0; index < 3; index += 1) {
    append();
    read.push(...readAll(prompt));
  }
  expect([slow.hasGap, slow.queuedBytes, notified]).toEqual([false, 3 * UPDATE_BYTES, 3]);
  append();
  append();
  read.push(...readAll(prompt));
  expect([slow.hasGap, slow.queuedBytes, notified]).toEqual([true, 0, 4]);
  expect([slow.read(), slow.read()]).toEqual([{ kind: "gap" }, { kind: "gap" }]);
  expect(offsets(read)).toEqual([3, 4, 5, 6, 7]);
  expect(replica.subscribe({ epoch: "epoch", offset: 2 }, new Set([VIDEO]), 10_000).start.kind).toBe("resume");
});

test("a subscriber that catches up more slowly than entries are evicted gets a gap", () => {
  const { replica, append } = makeReplica();
  const subscription = replica.subscribe({ epoch: "epoch", offset: 0 }, new Set([VIDEO]), 10_000);
  expect(offsets([subscription.read()])).toEqual([1]);
  for (let index = 0; index < BROADCAST_LIMITS.recentEntries; index += 1) append();
  expect(subscription.queuedBytes).toBe(0);
  expect(subscription.read()).toEqual({ kind: "gap" });
});

test("bytes that arrive after their entry reach the subscribers of the track", () => {
  const { replica } = makeReplica();
  const { entry } = makePartEntry("video", 0, 3);
  const [video, audio] = [VIDEO, AUDIO].map((track) => replica.subscribe(null, new Set([track]), 10_000));
  replica.appendEntry(entry, null);
  const bytes = new Uint8Array(PART_BYTES).fill(7);
  replica.storeLateBytes(VIDEO, 0, 0, bytes);
  // Once: a resumed feed repeats bytes that this replica, and its subscribers, have.
  replica.storeLateBytes(VIDEO, 0, 0, bytes);
  const updates = [video, audio].map((subscription) => (subscription === undefined ? [] : readAll(subscription)));
  expect(updates[0]?.[1]).toEqual({ kind: "bytes", track: VIDEO, msn: 0, part: 0, bytes });
  expect(updates.map(({ length }) => length)).toEqual([2, 1]);
  expect(replica.tail.partBytes(VIDEO, 0, 0)).toEqual(bytes);
});

test("a closed subscription gets no updates, and delivers the queued ones", () => {
  const { replica, append } = makeReplica();
  const subscription = replica.subscribe(null, new Set([VIDEO]), 10_000);
  subscription.read();
  append();
  subscription.close();
  append();
  expect(offsets(readAll(subscription))).toEqual([3]);
});

const action = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("append" as const), track: fc.constantFrom("video", "audio") }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("read" as const), who: fc.nat(2), count: fc.nat(6) }) },
);

test("at any reading pace, a subscriber ends with the authority's state, or with a gap caused by its own pace", () => {
  fc.assert(
    fc.property(
      fc.array(action, { maxLength: 120 }),
      fc.array(fc.record({ updates: fc.integer({ min: 1, max: 8 }), from: fc.option(fc.nat(4)) }), {
        minLength: 3,
        maxLength: 3,
      }),
      (actions, subscribers) => {
        const { replica, append } = makeReplica();
        append();
        append("audio");
        const followers = subscribers.map(({ updates, from }) => {
          const cursor = from === null ? null : { epoch: "epoch", offset: Math.min(from, replica.offset) };
          const queueBytes = updates * UPDATE_BYTES;
          const subscription = replica.subscribe(cursor, new Set([VIDEO, AUDIO]), queueBytes);
          const { start } = subscription;
          const copy =
            start.kind === "snapshot"
              ? Replica.restore("epoch", start.snapshot, new TailBuffer(1e9))
              : copyUpTo(start.offset);
          return { subscription, copy, queueBytes, mostQueued: 0 };
        });
        const take = ({ subscription, copy }: (typeof followers)[number]): boolean => {
          const update = subscription.read();
          if (update.kind === "entry")
            expect(copy.applyEntry(update.offset, update.entry, update.bytes)).toBe("applied");
          return update.kind === "entry";
        };
        for (const step of actions) {
          if (step.kind === "append") append(step.track);
          else {
            const follower = followers[step.who];
            for (let index = 0; follower !== undefined && index < step.count; index += 1) take(follower);
          }
          for (const follower of followers) {
            follower.mostQueued = Math.max(follower.mostQueued, follower.subscription.queuedBytes);
            expect(follower.mostQueued).toBeLessThan(follower.queueBytes + UPDATE_BYTES);
          }
        }
        for (const follower of followers) {
          while (take(follower));
          const { subscription, copy, mostQueued, queueBytes } = follower;
          if (subscription.hasGap) expect(mostQueued).toBeGreaterThanOrEqual(queueBytes);
          else expect([copy.offset, copy.state]).toEqual([replica.offset, replica.state]);
        }
      },
    ),
    { numRuns: 200 },
  );
});

/** The replica of `makeReplica` with a video and an audio part, as of an offset. */
function copyUpTo(offset: number): Replica {
  const copy = new Replica("epoch", makeTestConfig(), new TailBuffer(1e9));
  const entries = [
    makeInitEntry("video"),
    makeInitEntry("audio"),
    makePartEntry("video", 0, 3),
    makePartEntry("audio", 0, 3),
  ];
  for (const { entry, bytes } of entries.slice(0, offset)) copy.appendEntry(entry, bytes);
  return copy;
}
