import { expect, test } from "vitest";
import { mergeAccess, OPEN_ACCESS } from "../protocol/access.ts";
import { type FeedMessage, FeedReader } from "../protocol/broadcast/feed.ts";
import { Replica } from "../protocol/broadcast/replica.ts";
import { Tail } from "../protocol/broadcast/tail.ts";
import { initStep, partStep, testConfig } from "../protocol/broadcast/testing.ts";
import type { TrackName } from "../protocol/ids.ts";
import { FEED_LIMITS } from "../protocol/tree/limits.ts";
import { Feeds } from "./feeds.ts";

const VIDEO = "video" as TrackName;
const PART_BYTES = 1_000_000;

function broadcast(access = OPEN_ACCESS, unheardMs = 0): { feeds: Feeds; append: (index: number) => void } {
  const replica = new Replica("epoch", testConfig(), new Tail(100_000_000));
  const feeds = new Feeds(
    replica,
    () => null,
    () => access,
    () => unheardMs,
  );
  const { entry, bytes } = initStep("video");
  replica.append(entry, bytes);
  feeds.send(entry, bytes);
  return {
    feeds,
    append: (index) => {
      const part = new Uint8Array(PART_BYTES);
      const step = { ...partStep("video", index, 6).entry, byteLength: PART_BYTES };
      replica.append(step, part);
      feeds.send(step, part);
    },
  };
}

const subscribe = (feeds: Feeds, node: string): ReadableStreamDefaultReader<Uint8Array> =>
  feeds.open({ node, kind: "isolate", moving: false, from: null, want: new Set([VIDEO]), have: new Set() }).getReader();

test("a subscriber that doesn't read is cut off at its bound, and the others go on", async () => {
  const { feeds, append } = broadcast();
  const idle = subscribe(feeds, "idle");
  const busy = subscribe(feeds, "busy");
  const frames = new FeedReader();
  let came = 0;
  const parts = 2 * Math.ceil(FEED_LIMITS.queueBytes / PART_BYTES);
  for (let index = 0; index < parts; index += 1) {
    append(index);
    while (came <= index) {
      const { value } = await busy.read();
      if (value === undefined) throw new Error("the feed ended");
      came += frames.push(value).filter(({ header }) => header.kind === "entry" && header.entry.kind === "part").length;
    }
  }
  expect(feeds.has("busy")).toBe(true);
  expect(feeds.has("idle")).toBe(false);
  await expect(
    (async () => {
      for (;;) if ((await idle.read()).done) return;
    })(),
  ).rejects.toThrow("fell behind");
  feeds.close();
});

test("a second feed of the same node takes the place of the first, which ends with a word", async () => {
  const { feeds } = broadcast();
  const first = subscribe(feeds, "node");
  const second = subscribe(feeds, "node");
  expect(feeds.count).toBe(1);
  const frames = new FeedReader();
  const kinds: string[] = [];
  for (let chunk = await first.read(); !chunk.done; chunk = await first.read()) {
    kinds.push(...frames.push(chunk.value).map(({ header }) => header.kind));
  }
  expect(kinds.at(-1)).toBe("bye");
  expect((await second.read()).done).toBe(false);
  feeds.close();
});

test("a feed begins with all of a large access before its first beat, which says how old the news is", async () => {
  const untilMs = Date.now() + 60_000;
  const revocations = Array.from({ length: 2_500 }, (_, index) => {
    return { subject: `viewer-${index}`, version: 1, by: "ban" as const, untilMs, revision: index };
  });
  const { feeds } = broadcast({ ...OPEN_ACCESS, revision: 2_500, revocations }, 1_234);
  const reader = subscribe(feeds, "node");
  const frames = new FeedReader();
  const read: FeedMessage["header"][] = [];
  while (read.at(-1)?.kind !== "beat") {
    const { value } = await reader.read();
    if (value === undefined) throw new Error("the feed ended");
    read.push(...frames.push(value).map(({ header }) => header));
  }
  expect(read.map(({ kind }) => kind)).toEqual(["hello", "access", "access", "beat"]);
  expect(read.at(-1)).toEqual({ kind: "beat", unheardMs: 1_234 });
  const known = read.reduce(
    (all, header) => ("access" in header ? mergeAccess(all, header.access, Date.now()) : all),
    OPEN_ACCESS,
  );
  expect(known.revocations).toEqual(revocations);
  feeds.close();
});

test("who is behind when the stream is stopped reads nothing more of it, and is told of the stop first when it subscribes anew", async () => {
  const { feeds, append } = broadcast();
  const behind = subscribe(feeds, "behind");
  const prompt = subscribe(feeds, "prompt");
  const frames = new FeedReader();
  const parts = 1 + Math.ceil(FEED_LIMITS.stopBehindBytes / PART_BYTES);
  for (let index = 0; index < parts; index += 1) append(index);
  for (let came = 0; came < parts; ) {
    const { value } = await prompt.read();
    const read = frames.push(value ?? new Uint8Array());
    came += read.filter(({ header }) => header.kind === "entry" && header.entry.kind === "part").length;
  }
  const stop = { category: "safety", reason: "No.", untilMs: null, atMs: 0, authority: "operator" } as const;
  feeds.sendAccess({ ...OPEN_ACCESS, revision: 1, stop });
  const { value } = await prompt.read();
  expect(frames.push(value ?? new Uint8Array())[0]?.header).toMatchObject({ kind: "access", access: { stop } });
  expect([feeds.has("behind"), feeds.has("prompt")]).toEqual([false, true]);
  await expect(behind.read()).rejects.toThrow("stopped");
  feeds.close();
});
