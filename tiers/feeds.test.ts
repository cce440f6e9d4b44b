import { expect, test } from "vitest";
import { OPEN_ACCESS } from "../protocol/access.ts";
import { FeedReader } from "../protocol/broadcast/feed.ts";
import { Replica } from "../protocol/broadcast/replica.ts";
import { Tail } from "../protocol/broadcast/tail.ts";
import { initStep, partStep, testConfig } from "../protocol/broadcast/testing.ts";
import type { TrackName } from "../protocol/ids.ts";
import { FEED_LIMITS } from "../protocol/tree/limits.ts";
import { Feeds } from "./feeds.ts";

const VIDEO = "video" as TrackName;
const PART_BYTES = 1_000_000;

function broadcast(): { feeds: Feeds; append: (index: number) => void } {
  const replica = new Replica("epoch", testConfig(), new Tail(100_000_000));
  const feeds = new Feeds(
    replica,
    () => null,
    () => OPEN_ACCESS,
    () => 0,
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
