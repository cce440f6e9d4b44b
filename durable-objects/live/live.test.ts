import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import { type FeedFrame, FeedReader } from "../../protocol/broadcast/feed.ts";
import { Replica } from "../../protocol/broadcast/replica.ts";
import { Tail } from "../../protocol/broadcast/tail.ts";
import type { TrackName } from "../../protocol/ids.ts";
import { TestPublisher } from "../../tests/support/publisher.ts";
import { door, liveOf } from "../../workers/testing.ts";
import type { Live } from "./live.ts";

const video = "video" as TrackName;

async function live(parts: number): Promise<TestPublisher> {
  const publisher = new TestPublisher(door);
  await publisher.begin();
  await publisher.parts(0, parts);
  return publisher;
}

/** Reads a feed up to its first beat: all that was there when it began. */
async function opening(publisher: TestPublisher, query: string): Promise<FeedFrame[]> {
  const response = await liveOf(publisher).fetch(`http://live/feed?${query}`);
  expect(response.status).toBe(200);
  const reader = response.body?.getReader();
  if (reader === undefined) throw new Error("no body");
  const frames = new FeedReader();
  const read: FeedFrame[] = [];
  while (read.at(-1)?.header.kind !== "beat") {
    const { value, done } = await reader.read();
    if (done) throw new Error("the feed ended early");
    read.push(...frames.push(value));
  }
  await reader.cancel();
  return read;
}

test("a fresh feed is a snapshot with init sections and the tail of the wanted tracks", async () => {
  const publisher = await live(8);
  const frames = await opening(publisher, "want=video&have=");
  const [hello] = frames;
  if (hello?.header.kind !== "hello" || hello.header.snapshot === undefined) throw new Error("no snapshot");
  const replica = Replica.restore(hello.header.epoch, hello.header.snapshot, hello.body, new Tail(1e6));
  expect(replica.track(video)?.segments.at(-1)?.parts.length).toBe(2);
  expect(replica.init(video, 1)).toEqual(new Uint8Array(8).fill(1));
  const sent = frames.flatMap(({ header }) =>
    header.kind === "bytes" ? [`${header.track} ${header.msn}.${header.part}`] : [],
  );
  expect(sent).toEqual([0, 1, 2, 3, 4, 5].map((part) => `video 0.${part}`).concat(["video 1.0", "video 1.1"]));
});

test("a feed resumed within its epoch brings exactly the entries that were missed", async () => {
  const publisher = await live(4);
  const [hello] = await opening(publisher, "want=&have=");
  if (hello?.header.kind !== "hello") throw new Error("no hello");
  const { epoch, offset } = hello.header;
  await publisher.parts(4, 5);
  const frames = await opening(publisher, `epoch=${epoch}&offset=${offset}&want=video&have=video`);
  expect(frames.map(({ header }) => header.kind)).toEqual(["hello", "entry", "entry", "beat"]);
  expect(frames.map(({ body }) => body.byteLength)).toEqual([0, 20, 0, 0]);
  const stranger = await opening(publisher, `epoch=another&offset=${offset}&want=&have=`);
  expect(stranger[0]?.header).toHaveProperty("snapshot");
});

test("a stream that was never live has no feed, and asking for it writes nothing", async () => {
  const publisher = new TestPublisher(door);
  expect((await liveOf(publisher).fetch("http://live/feed")).status).toBe(404);
  await runInDurableObject(liveOf(publisher) as unknown as DurableObjectStub<Live>, (_object: Live, state) => {
    expect(state.storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'broadcasts'").toArray()).toEqual([]);
  });
});

test("an evicted object restores listed parts, so that a playlist keeps their tags and they can still be fetched", async () => {
  const publisher = await live(18);
  await publisher.stored(2);
  await evictDurableObject(liveOf(publisher));
  const pulled = await liveOf(publisher).pullPlaylist(publisher.config.broadcast, video, "media.m3u8");
  expect(pulled?.text).toContain("2.5.m4s");
  expect((await door.ask(publisher.path("video", "2.m4s"))).status).toBe(200);
});

test("a broadcast that its publisher abandoned ends by itself, with what it had", async () => {
  const publisher = await live(8);
  await runInDurableObject(liveOf(publisher) as unknown as DurableObjectStub<Live>, (object: Live) => {
    object.sawPublisher(Date.now() - 120_000);
  });
  expect(await runDurableObjectAlarm(liveOf(publisher))).toBe(true);
  const state = await liveOf(publisher).status(publisher.stream as never);
  expect(state?.state).toBe("ended");
  expect((await door.ask(publisher.path("video", "1.m4s"))).status).toBe(200);
});
