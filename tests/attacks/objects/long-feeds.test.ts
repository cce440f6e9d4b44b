/** A day's window on its way to a replica, with readers that are slow, stop or move, and malformed feeds. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { PUBLIC_ACCESS_POLICY } from "../../../core/access/access-policy.ts";
import { BROADCAST_LIMITS } from "../../../core/broadcast/broadcast-limits.ts";
import { encodeFeedMessage, FeedDecoder, FeedError } from "../../../core/broadcast/feed-codec.ts";
import { Replica } from "../../../core/broadcast/replica.ts";
import { ReplicaUpdater } from "../../../core/broadcast/replica-updater.ts";
import { describeSnapshot, splitSnapshot } from "../../../core/broadcast/snapshot-codec.ts";
import { TailBuffer } from "../../../core/broadcast/tail-buffer.ts";
import { makeTestConfig, makeTestTrack } from "../../../core/broadcast/testing.ts";
import { FeedFanout, type FeedSubscription } from "../../../core/delivery/feed-fanout.ts";
import type { TrackName } from "../../../core/kit/ids.ts";
import { systemPlatform } from "../../../core/kit/system-platform.ts";
import { VirtualClock } from "../../../core/kit/virtual-clock.ts";
import { DAY_S, DAY_SEGMENTS, longReplica } from "../../support/long-window.ts";
import { testPartBytes, testPartMeta } from "../../support/publisher.ts";

const TRACKS = ["high", "low", "sound"] as TrackName[];
const config = makeTestConfig({ windowS: DAY_S, tracks: TRACKS.map((name) => makeTestTrack(name)) });

/** A broadcast after a day, which continues with a part of each track per `step`. */
function day(): { replica: Replica; feeds: FeedFanout; step(bytes?: number): void } {
  const replica = longReplica("epoch", config, DAY_SEGMENTS, new TailBuffer(100_000_000));
  const feeds = new FeedFanout({
    replica,
    clock: systemPlatform.clock,
    status: () => null,
    access: () => PUBLIC_ACCESS_POLICY,
    authoritySilenceMs: () => 0,
  });
  let next = DAY_SEGMENTS * 6;
  return {
    replica,
    feeds,
    step(byteLength = 20) {
      const meta = testPartMeta(next);
      next += 1;
      for (const track of TRACKS) {
        const bytes = byteLength === 20 ? testPartBytes(next) : new Uint8Array(byteLength);
        const entry = { kind: "part", track, meta, byteLength } as const;
        replica.appendEntry(entry, bytes);
      }
    },
  };
}

const subscription = (over: Partial<FeedSubscription> = {}): FeedSubscription => ({
  nodeId: "node",
  kind: "isolate",
  isHandover: false,
  resumeFrom: null,
  wantedTracks: new Set(TRACKS),
  heldTracks: new Set(),
  ...over,
});

const follower = (): ReplicaUpdater => {
  const events = {
    objectReceived() {},
    accessChanged() {},
    replicaReplaced() {},
  };
  return new ReplicaUpdater(new VirtualClock(), 100_000_000, events);
};

/** A reader that reads a feed chunk by chunk. */
function reading(stream: ReadableStream<Uint8Array>, into: ReplicaUpdater) {
  const reader = stream.getReader();
  const messages = new FeedDecoder();
  let largest = 0;
  return {
    /** Reads a chunk; returns the kinds of its messages, null at the end. */
    async read(): Promise<string[] | null> {
      const chunk = await reader.read();
      if (chunk.done) return null;
      for (let at = 0; at < chunk.value.byteLength; ) {
        const { buffer, byteOffset } = chunk.value;
        const frame = 4 + (new DataView(buffer, byteOffset + at, 4).getUint32(0) & 0x7fff_ffff);
        largest = Math.max(largest, frame);
        at += frame;
      }
      return messages.decode(chunk.value).map((message) => {
        if (message.header.kind !== "bye") expect(into.applyMessage(message)).toBe("on");
        return message.header.kind;
      });
    },
    async until(kind: string): Promise<void> {
      for (let kinds = await this.read(); ; kinds = await this.read()) {
        if (kinds === null) throw new Error("the feed ended");
        if (kinds.includes(kind)) return;
      }
    },
    get largestFrame(): number {
      return largest;
    },
    get amidst(): boolean {
      return !messages.atBoundary;
    },
  };
}

const shown = (replica: Replica | null): unknown => [replica?.offset, replica?.state];

test("a replica follows a day of three tracks, in frames of at most a mebibyte, for any part size", async () => {
  const { replica, feeds, step } = day();
  const mine = follower();
  const feed = reading(feeds.subscribe(subscription()), mine);
  await feed.until("beat");
  expect(shown(mine.replica)).toEqual(shown(replica));
  expect(mine.replica?.track(TRACKS[0] as TrackName)?.packed.length).toBeGreaterThan(43_000);
  step(3_000_000);
  while (mine.replica?.offset !== replica.offset) await feed.read();
  const { msn, part } = { msn: DAY_SEGMENTS, part: 0 };
  for (const track of TRACKS) expect(mine.replica?.tail.partBytes(track, msn, part)?.byteLength).toBe(3_000_000);
  expect(feed.largestFrame).toBeLessThanOrEqual(1_048_576);
  feeds.closeAll();
});

test("a subscriber catches up at any reading speed: its window is no queue, and new entries arrive with it", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(6), { minLength: 3, maxLength: 12 }), async (pauses) => {
      const { replica, feeds, step } = day();
      const mine = follower();
      const feed = reading(feeds.subscribe(subscription()), mine);
      // More than a queue passes before it has its snapshot.
      for (let turn = 0; turn < 20; turn += 1) {
        const steps = pauses[turn % pauses.length] ?? 0;
        for (let index = 0; index < steps; index += 1) step(200_000);
        await feed.read();
        expect(feeds.isSubscribed("node")).toBe(true);
      }
      await feed.until("beat");
      while (mine.replica?.offset !== replica.offset) await feed.read();
      expect(shown(mine.replica)).toEqual(shown(replica));
      step();
      while (mine.replica?.offset !== replica.offset) await feed.read();
      expect(shown(mine.replica)).toEqual(shown(replica));
      feeds.closeAll();
    }),
    { numRuns: 4 },
  );
});

test("a subscriber that does not read is cut off once its missing entries are evicted, and no other is", async () => {
  const { feeds, replica, step } = day();
  const idle = reading(feeds.subscribe(subscription({ nodeId: "idle" })), follower());
  const busy = follower();
  const other = reading(feeds.subscribe(subscription({ nodeId: "busy" })), busy);
  await other.until("beat");
  while (replica.offset < 1_000 + BROADCAST_LIMITS.recentEntries + TRACKS.length) {
    step();
    while (busy.replica?.offset !== replica.offset) await other.read();
  }
  await expect(idle.until("beat")).rejects.toThrow("exceeded its queue limit");
  expect([feeds.isSubscribed("idle"), feeds.isSubscribed("busy")]).toEqual([false, true]);
  feeds.closeAll();
});

test("a broadcast that is replaced during a snapshot leaves no partial state, and the next one is followed", async () => {
  const { feeds } = day();
  const mine = follower();
  const feed = reading(feeds.subscribe(subscription()), mine);
  await feed.read();
  feeds.closeAll();
  await feed.until("bye");
  expect(await feed.read()).toBeNull();
  expect([feed.amidst, mine.replica]).toEqual([true, null]);
  const next = day();
  next.step();
  await reading(next.feeds.subscribe(subscription()), mine).until("beat");
  expect(shown(mine.replica)).toEqual(shown(next.replica));
  next.feeds.closeAll();
});

test("a node that moves before it has caught up gets the rest from its second feed", async () => {
  const { feeds, replica, step } = day();
  const mine = follower();
  await reading(feeds.subscribe(subscription()), mine).until("beat");
  const from = mine.resumePosition;
  // More than is drawn ahead of a reader.
  for (let index = 0; index < 20; index += 1) step(200_000);
  const before = reading(feeds.subscribe(subscription({ resumeFrom: from, heldTracks: new Set(TRACKS) })), mine);
  await before.read();
  const moving = subscription({ resumeFrom: mine.resumePosition, heldTracks: new Set(TRACKS), isHandover: true });
  await reading(feeds.subscribe(moving), mine).until("beat");
  expect(shown(mine.replica)).toEqual(shown(replica));
  feeds.closeAll();
});

test("the access policy is sent to a subscriber before the rest of its backlog", async () => {
  const { feeds } = day();
  const mine = follower();
  const feed = reading(feeds.subscribe(subscription()), mine);
  await feed.read();
  feeds.sendAccess({ ...PUBLIC_ACCESS_POLICY, revision: 7, playback: "token" });
  await feed.until("access");
  expect([mine.access.playback, mine.replica]).toEqual(["token", null]);
  await feed.until("beat");
  expect(mine.access.playback).toBe("token");
  feeds.closeAll();
});

/** A snapshot's messages, with two thousand segments in several packs. */
function messages(): Uint8Array[] {
  const snapshot = longReplica("epoch", config, 2_000, new TailBuffer(1)).snapshot();
  const hello = { kind: "hello", epoch: "epoch", offset: snapshot.offset, access: PUBLIC_ACCESS_POLICY } as const;
  const sent = [encodeFeedMessage({ ...hello, snapshot: describeSnapshot(snapshot) })];
  for (const [piece, body] of splitSnapshot(snapshot)) sent.push(encodeFeedMessage(piece, body));
  return sent;
}

test("a snapshot with lost, repeated or reordered pieces is applied whole or not at all", () => {
  const whole = longReplica("epoch", config, 2_000, new TailBuffer(1));
  const fault = fc.record({ kind: fc.constantFrom("lose", "repeat", "swap"), at: fc.nat(40) });
  fc.assert(
    fc.property(fc.array(fault, { maxLength: 3 }), (faults) => {
      const sent = messages();
      for (const { kind, at } of faults) {
        const index = at % sent.length;
        const message = sent[index] as Uint8Array;
        if (kind === "lose") sent.splice(index, 1);
        if (kind === "repeat") sent.splice(index, 0, message);
        if (kind === "swap") sent.splice(index, 2, ...sent.slice(index, index + 2).reverse());
      }
      const reader = new FeedDecoder();
      try {
        for (const message of sent) {
          for (const { header } of reader.decode(message)) {
            if (header.kind !== "hello" || header.snapshot === undefined) throw new Error("no snapshot");
            const { state, offset } = Replica.restore(header.epoch, header.snapshot, new TailBuffer(1));
            expect([offset, state]).toEqual([whole.offset, whole.state]);
          }
        }
      } catch (error) {
        if (!(error instanceof FeedError)) throw error;
      }
    }),
    { numRuns: 150 },
  );
});

test("malformed input is reported, and never waited on beyond the message limit", () => {
  const valid = messages();
  const length = valid.reduce((sum, { byteLength }) => sum + byteLength, 0);
  fc.assert(
    fc.property(fc.nat(length - 1), fc.uint8Array({ minLength: 1, maxLength: 64 }), (at, garbage) => {
      const reader = new FeedDecoder();
      let from = 0;
      try {
        for (const message of valid) {
          const copy = message.slice();
          if (at >= from && at < from + copy.byteLength)
            copy.set(garbage.subarray(0, from + copy.byteLength - at), at - from);
          from += copy.byteLength;
          reader.decode(copy);
        }
      } catch (error) {
        expect(error).toBeInstanceOf(FeedError);
      }
    }),
    { numRuns: 300 },
  );
  const endless = new FeedDecoder();
  const frame = new Uint8Array(BROADCAST_LIMITS.feedFrameBytes);
  new DataView(frame.buffer).setUint32(0, 0x8000_0000 + BROADCAST_LIMITS.feedFrameBytes - 4);
  expect(() => {
    for (let sent = 0; sent < 100; sent += 1) endless.decode(frame);
  }).toThrow(FeedError);
  const large = new Uint8Array(8);
  new DataView(large.buffer).setUint32(0, BROADCAST_LIMITS.feedFrameBytes);
  expect(() => new FeedDecoder().decode(large)).toThrow(FeedError);
});
