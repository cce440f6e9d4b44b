import { expect, test } from "vitest";
import { mergeAccessPolicy, PUBLIC_ACCESS_POLICY } from "../access/access-policy.ts";
import { FeedDecoder, type FeedMessage } from "../broadcast/feed-codec.ts";
import { Replica } from "../broadcast/replica.ts";
import { TailBuffer } from "../broadcast/tail-buffer.ts";
import { makeInitEntry, makePartEntry, makeTestConfig } from "../broadcast/testing.ts";
import type { TrackName } from "../kit/ids.ts";
import { VirtualClock } from "../kit/virtual-clock.ts";
import { FeedFanout, type FeedSubscription } from "./feed-fanout.ts";
import { FEED_LIMITS } from "./node-limits.ts";

const VIDEO = "video" as TrackName;
const PART_BYTES = 1_000_000;
const NOW_MS = Date.UTC(2026, 0, 1);

function broadcast(
  access = PUBLIC_ACCESS_POLICY,
  unheardMs = 0,
): { clock: VirtualClock; replica: Replica; feeds: FeedFanout; append: (index: number) => void } {
  const clock = new VirtualClock(NOW_MS);
  const replica = new Replica("epoch", makeTestConfig(), new TailBuffer(100_000_000));
  const feeds = new FeedFanout({
    replica,
    clock,
    status: () => null,
    access: () => access,
    authoritySilenceMs: () => unheardMs,
  });
  const { entry, bytes } = makeInitEntry("video");
  replica.appendEntry(entry, bytes);
  return {
    clock,
    replica,
    feeds,
    append: (index) => {
      const part = new Uint8Array(PART_BYTES);
      const step = { ...makePartEntry("video", index, 6).entry, byteLength: PART_BYTES };
      replica.appendEntry(step, part);
    },
  };
}

const subscribe = (
  feeds: FeedFanout,
  node: string,
  over: Partial<FeedSubscription> = {},
): ReadableStreamDefaultReader<Uint8Array> =>
  feeds
    .subscribe({
      nodeId: node,
      kind: "isolate",
      isHandover: false,
      resumeFrom: null,
      wantedTracks: new Set([VIDEO]),
      heldTracks: new Set(),
      ...over,
    })
    .getReader();

/** The headers of all messages up to the end of a feed. */
async function readToEnd(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<FeedMessage["header"][]> {
  const frames = new FeedDecoder();
  const headers: FeedMessage["header"][] = [];
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read())
    headers.push(...frames.decode(chunk.value).map(({ header }) => header));
  return headers;
}

test("a subscriber that does not read is cut off at its queue limit, and others continue", async () => {
  const { feeds, append } = broadcast();
  const idle = subscribe(feeds, "idle");
  const busy = subscribe(feeds, "busy");
  const frames = new FeedDecoder();
  let came = 0;
  const parts = 2 * Math.ceil(FEED_LIMITS.queueBytes / PART_BYTES);
  for (let index = 0; index < parts; index += 1) {
    append(index);
    while (came <= index) {
      const { value } = await busy.read();
      if (value === undefined) throw new Error("the feed ended");
      came += frames
        .decode(value)
        .filter(({ header }) => header.kind === "entry" && header.entry.kind === "part").length;
    }
  }
  expect(feeds.isSubscribed("busy")).toBe(true);
  expect(feeds.isSubscribed("idle")).toBe(false);
  await expect(
    (async () => {
      for (;;) if ((await idle.read()).done) return;
    })(),
  ).rejects.toThrow("exceeded its queue limit");
  feeds.closeAll();
});

test("a second feed of the same node replaces the first, which ends with bye", async () => {
  const { feeds } = broadcast();
  const first = subscribe(feeds, "node");
  const second = subscribe(feeds, "node");
  expect(feeds.subscriberCount).toBe(1);
  const frames = new FeedDecoder();
  const kinds: string[] = [];
  for (let chunk = await first.read(); !chunk.done; chunk = await first.read()) {
    kinds.push(...frames.decode(chunk.value).map(({ header }) => header.kind));
  }
  expect(kinds.at(-1)).toBe("bye");
  expect((await second.read()).done).toBe(false);
  feeds.closeAll();
});

test("a feed sends all of a large access policy before its first heartbeat, which states the Live object's silence", async () => {
  const untilMs = NOW_MS + 60_000;
  const revocations = Array.from({ length: 2_500 }, (_, index) => {
    return { subject: `viewer-${index}`, version: 1, by: "ban" as const, untilMs, revision: index };
  });
  const { feeds } = broadcast({ ...PUBLIC_ACCESS_POLICY, revision: 2_500, revocations }, 1_234);
  const reader = subscribe(feeds, "node");
  const frames = new FeedDecoder();
  const read: FeedMessage["header"][] = [];
  while (read.at(-1)?.kind !== "beat") {
    const { value } = await reader.read();
    if (value === undefined) throw new Error("the feed ended");
    read.push(...frames.decode(value).map(({ header }) => header));
  }
  expect(read.map(({ kind }) => kind)).toEqual(["hello", "access", "access", "beat"]);
  expect(read.at(-1)).toEqual({ kind: "beat", unheardMs: 1_234 });
  const known = read.reduce(
    (all, header) => ("access" in header ? mergeAccessPolicy(all, header.access, NOW_MS) : all),
    PUBLIC_ACCESS_POLICY,
  );
  expect(known.revocations).toEqual(revocations);
  feeds.closeAll();
});

test("after a stop a subscriber that lags reads nothing more, and a current one reads the stop", async () => {
  const { feeds, append } = broadcast();
  const behind = subscribe(feeds, "behind");
  const prompt = subscribe(feeds, "prompt");
  const frames = new FeedDecoder();
  const parts = 1 + Math.ceil(FEED_LIMITS.stopCutOffBytes / PART_BYTES);
  for (let index = 0; index < parts; index += 1) append(index);
  for (let came = 0; came < parts; ) {
    const { value } = await prompt.read();
    const read = frames.decode(value ?? new Uint8Array());
    came += read.filter(({ header }) => header.kind === "entry" && header.entry.kind === "part").length;
  }
  const stop = { category: "safety", reason: "No.", untilMs: null, atMs: 0, authority: "operator" } as const;
  feeds.sendAccess({ ...PUBLIC_ACCESS_POLICY, revision: 1, stop });
  const { value } = await prompt.read();
  expect(frames.decode(value ?? new Uint8Array())[0]?.header).toMatchObject({ kind: "access", access: { stop } });
  expect([feeds.isSubscribed("behind"), feeds.isSubscribed("prompt")]).toEqual([false, true]);
  await expect(behind.read()).rejects.toThrow("stopped");
  feeds.closeAll();
});

test("a feed that takes over starts at the end of the earlier feed, which delivers its queue and then bye", async () => {
  const { feeds, replica, append } = broadcast();
  const earlier = subscribe(feeds, "node");
  for (let index = 0; index < 5; index += 1) append(index);
  const resumeFrom = { epoch: "epoch", offset: 1 };
  const next = subscribe(feeds, "node", { isHandover: true, resumeFrom, heldTracks: new Set([VIDEO]) });
  append(5);
  const headers = await readToEnd(earlier);
  expect(headers.flatMap((header) => (header.kind === "entry" ? [header.offset] : []))).toEqual([2, 3, 4, 5, 6]);
  expect(headers.at(-1)?.kind).toBe("bye");
  feeds.closeAll();
  const taken = await readToEnd(next);
  expect(taken[0]).toMatchObject({ kind: "hello", offset: 6 });
  expect(taken.flatMap((header) => (header.kind === "entry" ? [header.offset] : []))).toEqual([replica.offset]);
});

test("heartbeats of a slow feed are sent before queued entries", async () => {
  const { clock, feeds, append } = broadcast();
  const slow = subscribe(feeds, "slow");
  for (let index = 0; index < 8; index += 1) append(index);
  await clock.advance(FEED_LIMITS.heartbeatMs);
  feeds.closeAll();
  const kinds = (await readToEnd(slow)).map(({ kind }) => kind);
  const heartbeats = kinds.flatMap((kind, index) => (kind === "beat" ? [index] : []));
  expect(heartbeats).toHaveLength(2);
  expect(kinds.slice(heartbeats[1]).filter((kind) => kind === "entry").length).toBeGreaterThan(4);
  expect(kinds.filter((kind) => kind === "entry")).toHaveLength(8);
});

test("a feed ends after its lifetime, and without subscribers there are no heartbeats", async () => {
  const { clock, feeds } = broadcast();
  const reader = subscribe(feeds, "node");
  await clock.advance(FEED_LIMITS.lifetimeMs);
  expect(feeds.subscriberCount).toBe(1);
  await clock.advance(FEED_LIMITS.heartbeatMs);
  expect([feeds.subscriberCount, clock.pendingTimers]).toEqual([0, 0]);
  const kinds = (await readToEnd(reader)).map(({ kind }) => kind);
  expect(kinds.filter((kind) => kind === "beat")).toHaveLength(1 + FEED_LIMITS.lifetimeMs / FEED_LIMITS.heartbeatMs);
  expect(kinds.at(-1)).toBe("bye");
});

test("a subscriber that resumes gets what it missed once, whether it says that it holds the track or not", async () => {
  const { replica, feeds, append } = broadcast();
  for (const index of [0, 1, 2]) append(index);
  const resumeFrom = { epoch: replica.epoch, offset: replica.offset - 1 };
  const reading = readToEnd(subscribe(feeds, "node", { resumeFrom }));
  await new Promise((resolve) => setImmediate(resolve));
  feeds.closeAll();
  const parts = (await reading).flatMap((header) =>
    header.kind === "bytes"
      ? [`bytes ${header.part}`]
      : header.kind === "entry" && header.entry.kind === "part"
        ? [`entry ${header.entry.meta.part}`]
        : [],
  );
  expect(parts).toEqual(["entry 2", "bytes 0", "bytes 1"]);
});

test("a part whose bytes come while a slow subscriber catches up is sent once", async () => {
  const { replica, feeds, append } = broadcast();
  const { entry } = makePartEntry("video", 3, 6);
  // Two parts fill the stream, so the entries after them are drawn later.
  for (const index of [0, 1, 2]) append(index);
  replica.appendEntry(entry, null);
  const reader = subscribe(feeds, "node", {
    resumeFrom: { epoch: replica.epoch, offset: 1 },
    heldTracks: new Set([VIDEO]),
  });
  replica.storeLateBytes(VIDEO, 0, 3, new Uint8Array(20));
  const reading = readToEnd(reader);
  await new Promise((resolve) => setImmediate(resolve));
  feeds.closeAll();
  const carried = (await reading).flatMap((header) => {
    if (header.kind === "bytes") return [`bytes ${header.part}`];
    return header.kind === "entry" && header.entry.kind === "part" ? [`entry ${header.entry.meta.part}`] : [];
  });
  expect(carried).toEqual(["entry 0", "entry 1", "entry 2", "entry 3"]);
});
