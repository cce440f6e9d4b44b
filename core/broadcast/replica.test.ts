import fc from "fast-check";
import { expect, test } from "vitest";
import { PUBLIC_ACCESS_POLICY } from "../access/access-policy.ts";
import type { TrackName } from "../kit/ids.ts";
import type { BroadcastSnapshot, BroadcastState } from "./broadcast-log.ts";
import { encodeFeedMessage, FeedDecoder, type FeedMessage } from "./feed-codec.ts";
import { Replica } from "./replica.ts";
import { describeSnapshot, splitSnapshot } from "./snapshot-codec.ts";
import { TailBuffer } from "./tail-buffer.ts";
import { makeInitEntry, makePartEntry, makeTestConfig, type TestEntry } from "./testing.ts";

const video = "video" as TrackName;
const audio = "audio" as TrackName;

/** An arbitrary broadcast: two tracks that advance independently, gaps, segments stored late, perhaps an end. */
const steps: fc.Arbitrary<TestEntry[]> = fc
  .record({
    turns: fc.array(fc.record({ track: fc.constantFrom("video", "audio"), gap: fc.boolean(), store: fc.boolean() }), {
      maxLength: 120,
    }),
    perSegment: fc.integer({ min: 1, max: 6 }),
    ends: fc.boolean(),
  })
  .map(({ turns, perSegment, ends }) => {
    const made: TestEntry[] = [makeInitEntry("video"), makeInitEntry("audio")];
    const next = { video: 0, audio: 0 };
    for (const { track, gap, store } of turns) {
      const name = track as "video" | "audio";
      made.push(makePartEntry(name, next[name], perSegment, gap));
      next[name] += 1;
      const closed = Math.floor(next[name] / perSegment) - 1;
      if (store && closed >= 0)
        made.push({ entry: { kind: "durable", track: name as TrackName, msn: closed }, bytes: null });
    }
    if (ends) made.push({ entry: { kind: "end" }, bytes: null });
    return made;
  });

const fresh = (): Replica => new Replica("epoch", makeTestConfig(), new TailBuffer(1e9));

function plain(state: BroadcastState): unknown {
  return { ended: state.ended, tracks: [...state.tracks] };
}

type EntryMessage = FeedMessage & { readonly header: { readonly kind: "entry" } };

/** The states of the authority after each offset, and the feed's frames. */
function broadcast(all: readonly TestEntry[]): { states: unknown[]; frames: EntryMessage[]; authority: Replica } {
  const authority = fresh();
  const states = [plain(authority.state)];
  const frames: EntryMessage[] = [];
  for (const { entry, bytes } of all) {
    authority.appendEntry(entry, bytes);
    states.push(structuredClone(plain(authority.state)));
    frames.push({ header: { kind: "entry", offset: authority.offset, entry }, body: bytes ?? new Uint8Array(0) });
  }
  return { states, frames, authority };
}

test("under loss, repetition and reordering, a replica equals the authority at its offset or detects that it must resubscribe", () => {
  fc.assert(
    fc.property(
      steps,
      fc.array(fc.record({ fault: fc.constantFrom("none", "lose", "repeat", "swap", "delay"), at: fc.nat(200) }), {
        maxLength: 12,
      }),
      (all, faults) => {
        const { states, frames } = broadcast(all);
        const sent = [...frames];
        for (const { fault, at } of faults) {
          const index = at % Math.max(sent.length, 1);
          const frame = sent[index];
          if (frame === undefined) continue;
          if (fault === "lose") sent.splice(index, 1);
          if (fault === "repeat") sent.splice(index, 0, frame);
          if (fault === "swap") sent.splice(index, 2, ...sent.slice(index, index + 2).reverse());
          if (fault === "delay") sent.push(...sent.splice(index, 1));
        }
        const replica = fresh();
        for (const { header, body } of sent) {
          if (header.kind !== "entry") continue;
          const applied = replica.applyEntry(header.offset, header.entry, body.byteLength === 0 ? null : body);
          if (applied === "hole") break;
          expect(applied).not.toBe("foreign");
          expect(plain(replica.state)).toEqual(states[replica.offset]);
        }
        expect(plain(replica.state)).toEqual(states[replica.offset]);
      },
    ),
    { numRuns: 200 },
  );
});

/** A snapshot as decoded at the other side of a feed. */
function overTheWire(snapshot: BroadcastSnapshot): BroadcastSnapshot {
  const hello = { kind: "hello", epoch: "epoch", offset: snapshot.offset, access: PUBLIC_ACCESS_POLICY } as const;
  const reader = new FeedDecoder();
  const read = reader.decode(encodeFeedMessage({ ...hello, snapshot: describeSnapshot(snapshot) }));
  for (const [piece, body] of splitSnapshot(snapshot)) read.push(...reader.decode(encodeFeedMessage(piece, body)));
  const header = read[0]?.header;
  if (header?.kind !== "hello" || header.snapshot === undefined) throw new Error("no snapshot came");
  return header.snapshot;
}

test("a snapshot at any offset and the entries after it give the authority's state", () => {
  fc.assert(
    fc.property(steps, fc.nat(200), (all, cut) => {
      const at = cut % (all.length + 1);
      const first = fresh();
      for (const { entry, bytes } of all.slice(0, at)) first.appendEntry(entry, bytes);
      const replica = Replica.restore("epoch", overTheWire(first.snapshot()), new TailBuffer(1e9));
      all.slice(at).forEach(({ entry, bytes }, index) => {
        expect(replica.applyEntry(at + index + 1, entry, bytes)).toBe("applied");
      });
      const { states, authority } = broadcast(all);
      expect(plain(replica.state)).toEqual(states.at(-1));
      expect(replica.initVersions(video)).toEqual(authority.initVersions(video));
    }),
    { numRuns: 100 },
  );
});

test("a feed cut into any chunks gives the same frames, and an end inside a frame is detected", () => {
  fc.assert(
    fc.property(steps, fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 50 }), (all, sizes) => {
      const { frames } = broadcast(all);
      const encoded = frames.map(({ header, body }) => encodeFeedMessage(header, body));
      const wire = new Uint8Array(encoded.reduce((sum, { byteLength }) => sum + byteLength, 0));
      let end = 0;
      for (const bytes of encoded) {
        wire.set(bytes, end);
        end += bytes.byteLength;
      }
      const reader = new FeedDecoder();
      const read: FeedMessage[] = [];
      for (let at = 0, turn = 0; at < wire.byteLength; turn += 1) {
        const size = sizes[turn % sizes.length] ?? 1;
        read.push(...reader.decode(wire.subarray(at, at + size)));
        at += size;
      }
      expect(read).toEqual(frames);
      expect(reader.atBoundary).toBe(true);
      const cut = new FeedDecoder();
      cut.decode(wire.subarray(0, wire.byteLength - 1));
      expect(cut.atBoundary).toBe(false);
    }),
    { numRuns: 60 },
  );
});

test("a window slides by whole segments, never below six, and sequence numbers only increase", () => {
  fc.assert(
    fc.property(steps, (all) => {
      const replica = fresh();
      let before = { media: 0, discontinuity: 0 };
      for (const { entry, bytes } of all) {
        replica.appendEntry(entry, bytes);
        const state = replica.track(video);
        if (state === undefined) throw new Error("no video");
        const now = { media: state.mediaSequence, discontinuity: state.discontinuitySequence };
        expect(now.media).toBeGreaterThanOrEqual(before.media);
        expect(now.discontinuity).toBeGreaterThanOrEqual(before.discontinuity);
        before = now;
        if (now.media > 0) expect(state.segments.filter(({ closed }) => closed).length).toBeGreaterThanOrEqual(6);
        expect(state.segments.map(({ msn }) => msn)).toEqual(state.segments.map((_, index) => now.media + index));
      }
    }),
    { numRuns: 60 },
  );
});

test("parts out of order, repeated or malformed are refused and change nothing", () => {
  const replica = fresh();
  const append = (step: TestEntry): void => replica.appendEntry(step.entry, step.bytes);
  append(makeInitEntry("video"));
  append(makePartEntry("video", 0, 3));
  const before = structuredClone(plain(replica.state));
  expect(() => append(makePartEntry("video", 0, 3))).toThrow(/next is 0.1/);
  expect(() => append(makePartEntry("video", 2, 3))).toThrow(/next is 0.1/);
  expect(() => append(makePartEntry("other", 0, 3))).toThrow(/no track other/);
  const long = makePartEntry("video", 1, 3);
  if (long.entry.kind !== "part") throw new Error("not a part");
  const { entry } = long;
  expect(() => append({ ...long, entry: { ...entry, meta: { ...entry.meta, durationTicks: 40_000 } } })).toThrow(
    /part target/,
  );
  expect(() => append({ ...long, entry: { ...entry, byteLength: 0 } })).toThrow(/gap must be empty/);
  expect(plain(replica.state)).toEqual(before);
});

test("the tail keeps the listed parts, drops old ones, and gives whole segments", () => {
  const replica = fresh();
  for (let index = 0; index < 60; index += 1) {
    const step = makePartEntry("video", index, 3);
    replica.appendEntry(step.entry, step.bytes);
    const meta = step.entry.kind === "part" ? step.entry.meta : undefined;
    if (meta?.close !== undefined) replica.appendEntry({ kind: "durable", track: video, msn: meta.msn }, null);
  }
  const last = replica.track(video)?.segments.at(-1);
  if (last === undefined) throw new Error("no segment");
  expect(replica.tail.assembleSegment(video, last)?.byteLength).toBe(60);
  expect(replica.tail.partBytes(video, 0, 0)).toBeNull();
  expect(replica.tail.heldBytes).toBeLessThan(60 * 20);
});

test("late bytes of a part that the tail has evicted are passed to nobody", () => {
  const replica = fresh();
  for (let index = 0; index < 60; index += 1) {
    const step = makePartEntry("video", index, 3);
    replica.appendEntry(step.entry, step.bytes);
    const meta = step.entry.kind === "part" ? step.entry.meta : undefined;
    if (meta?.close !== undefined) replica.appendEntry({ kind: "durable", track: video, msn: meta.msn }, null);
  }
  const { epoch, offset } = replica;
  const subscription = replica.subscribe({ epoch, offset }, new Set([video]), 1_000);
  expect(replica.tail.partBytes(video, 2, 0)).toBeNull();
  replica.storeLateBytes(video, 2, 0, new Uint8Array(20));
  expect(replica.tail.partBytes(video, 2, 0)).toBeNull();
  expect(subscription.queuedBytes).toBe(0);
  // Without a subscriber of its track a part arrives without its bytes.
  const late = makePartEntry("video", 60, 3);
  replica.appendEntry(late.entry, null);
  const queuedBytes = subscription.queuedBytes;
  replica.storeLateBytes(video, 20, 0, new Uint8Array(20));
  expect(subscription.queuedBytes).toBeGreaterThan(queuedBytes);
});

test("bytes that are not stored yet stay in any number", () => {
  const replica = new Replica("epoch", makeTestConfig(), new TailBuffer(100));
  for (let index = 0; index < 30; index += 1) {
    const step = makePartEntry("video", index, 3);
    replica.appendEntry(step.entry, step.bytes);
  }
  expect(replica.tail.partBytes(video, 9, 0)).not.toBeNull();
  expect(replica.tail.partBytes(video, 4, 0)).not.toBeNull();
});

test("waiters are woken once, when their position is reached, and not before", () => {
  const replica = fresh();
  const woken: string[] = [];
  const park = (name: string, place: Parameters<typeof replica.parkedRequests.park>[1]): (() => void) =>
    replica.parkedRequests.park(video, place, () => woken.push(name));
  park("part 0.1", { kind: "part", msn: 0, part: 1 });
  park("past the end", { kind: "part", msn: 0, part: 5 });
  park("segment", { kind: "segment", msn: 0 });
  park("settled", { kind: "settled", msn: 0, part: 4 });
  const leave = park("gone", { kind: "part", msn: 0, part: 1 });
  leave();
  leave();
  const append = (index: number): void => {
    const step = makePartEntry("video", index, 3);
    replica.appendEntry(step.entry, step.bytes);
  };
  append(0);
  expect(woken).toEqual([]);
  append(1);
  expect(woken).toEqual(["part 0.1"]);
  append(2);
  expect(woken).toEqual(["part 0.1", "segment", "settled"]);
  append(3);
  expect(woken).toEqual(["part 0.1", "segment", "settled", "past the end"]);
  expect(replica.parkedRequests.count).toBe(0);
  park("end", { kind: "part", msn: 9, part: 0 });
  replica.appendEntry({ kind: "end" }, null);
  expect(woken.at(-1)).toBe("end");
});

test("isAtLeast holds exactly when viewers of the other replica would lose nothing", () => {
  const [a, b] = [fresh(), fresh()];
  const append = (replica: Replica, name: string, index: number): void => {
    const step = makePartEntry(name, index, 3);
    replica.appendEntry(step.entry, step.bytes);
  };
  expect(a.isAtLeast(b)).toBe(true);
  append(a, "video", 0);
  expect(a.isAtLeast(b)).toBe(true);
  expect(b.isAtLeast(a)).toBe(false);
  append(b, "audio", 0);
  expect(b.isAtLeast(a)).toBe(false);
  append(b, "video", 0);
  expect(b.isAtLeast(a)).toBe(true);
  b.appendEntry({ kind: "end" }, null);
  expect(a.isAtLeast(b)).toBe(false);
  expect(b.track(audio)?.segments.at(-1)?.closed).toBe(true);
});
