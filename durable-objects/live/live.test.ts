import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import { FeedDecoder, type FeedMessage } from "../../core/broadcast/feed-codec.ts";
import { Replica } from "../../core/broadcast/replica.ts";
import { TailBuffer } from "../../core/broadcast/tail-buffer.ts";
import { buildFeedRequest, type FeedQuery } from "../../core/delivery/feed-client.ts";
import { LIVE_LIMITS } from "../../core/delivery/node-limits.ts";
import { TREE_LIMITS } from "../../core/delivery/tree/feed-policy.ts";
import type { TrackName } from "../../core/kit/ids.ts";
import { TestPublisher } from "../../tests/support/publisher.ts";
import { getLiveObject, testEdge } from "../../workers/testing.ts";
import { ringAlarmLater, whenOutboxIsIdle } from "../kit/testing.ts";
import type { Live } from "./live.ts";

const video = "video" as TrackName;

async function live(parts: number): Promise<TestPublisher> {
  const publisher = new TestPublisher(testEdge);
  await publisher.openWithInits();
  await publisher.putParts(0, parts);
  await whenOutboxIsIdle(getLiveObject(publisher) as unknown as DurableObjectStub);
  return publisher;
}

function requestFeed(publisher: TestPublisher, over: Partial<FeedQuery>): Promise<Response> {
  const query: FeedQuery = {
    nodeId: crypto.randomUUID(),
    requester: { kind: "isolate", mustBeServed: false, hasSite: false },
    resumeFrom: null,
    wantedTracks: new Set(),
    wantsChunks: false,
    heldTracks: new Set(),
    isHandover: false,
    report: { node: "test", tiers: {}, viewers: 0, requestsPerSecond: 0 },
    ...over,
  };
  const { url, headers } = buildFeedRequest(query);
  return getLiveObject(publisher).fetch(url, { headers });
}

test("a recording has the gaps of the live playlist, in parts and segments, and its byte ranges can be fetched", async () => {
  const publisher = await live(6);
  const gapIndexes = new Set([8, 9, 12, 13, 14, 15, 16, 17]);
  for (let index = 6; index < 24; index += 1) {
    for (const { name } of publisher.config.tracks) {
      const gap = gapIndexes.has(index);
      expect((await publisher.putPart(name, index, { gap, independent: !gap })).status).toBe(200);
    }
  }
  const text = async (file: string): Promise<string> => (await testEdge.ask(publisher.path("video", file))).text();
  const shown = await text("media.m3u8");
  expect([shown.match(/GAP=YES/g)?.length, shown.match(/#EXT-X-GAP\n/g)?.length]).toEqual([8, 1]);
  await publisher.end();
  const recording = await text("vod.m3u8");
  expect(recording.match(/#EXT-X-GAP\n/g)?.length).toBe(2);
  expect(recording).toContain("#EXT-X-GAP\n#EXTINF:2.00000,\n2.m4s");
  const ranges = [...recording.matchAll(/#EXT-X-BYTERANGE:(\d+)@(\d+)\n(.*)/g)];
  expect(ranges.map(([, length, offset, file]) => `${length}@${offset} ${file}`)).toEqual([
    "40@0 1.m4s",
    "40@40 1.m4s",
  ]);
  const headers = { range: "bytes=40-79" };
  const rest = await testEdge.ask(publisher.path("video", "1.m4s"), { headers });
  expect([rest.status, (await rest.arrayBuffer()).byteLength]).toEqual([206, 40]);
});

/** Reads a feed up to its first heartbeat: its content at opening. */
async function readOpening(publisher: TestPublisher, over: Partial<FeedQuery> = {}): Promise<FeedMessage[]> {
  const response = await requestFeed(publisher, over);
  expect(response.status).toBe(200);
  const reader = response.body?.getReader();
  if (reader === undefined) throw new Error("no body");
  const frames = new FeedDecoder();
  const read: FeedMessage[] = [];
  while (read.at(-1)?.header.kind !== "beat") {
    const { value, done } = await reader.read();
    if (done) throw new Error("the feed ended early");
    read.push(...frames.decode(value));
  }
  await reader.cancel();
  return read;
}

test("a new feed begins with a snapshot, init sections and the tail of the requested tracks", async () => {
  const publisher = await live(8);
  const frames = await readOpening(publisher, { wantedTracks: new Set([video]) });
  const [hello] = frames;
  if (hello?.header.kind !== "hello" || hello.header.snapshot === undefined) throw new Error("no snapshot");
  const replica = Replica.restore(hello.header.epoch, hello.header.snapshot, new TailBuffer(1e6));
  expect(replica.track(video)?.segments.at(-1)?.parts.length).toBe(2);
  expect(replica.initSection(video, 1)).toEqual(new Uint8Array(8).fill(1));
  const sent = frames.flatMap(({ header }) =>
    header.kind === "bytes" ? [`${header.track} ${header.msn}.${header.part}`] : [],
  );
  expect(sent).toEqual([0, 1, 2, 3, 4, 5].map((part) => `video 0.${part}`).concat(["video 1.0", "video 1.1"]));
});

test("a feed resumed within its epoch carries exactly the missed entries", async () => {
  const publisher = await live(4);
  const [hello] = await readOpening(publisher);
  if (hello?.header.kind !== "hello") throw new Error("no hello");
  const { epoch, offset } = hello.header;
  await publisher.putParts(4, 5);
  const both = { wantedTracks: new Set([video]), heldTracks: new Set([video]) };
  const frames = await readOpening(publisher, { ...both, resumeFrom: { epoch, offset } });
  expect(frames.map(({ header }) => header.kind)).toEqual(["hello", "entry", "entry", "status", "beat"]);
  expect(frames.map(({ body }) => body.byteLength)).toEqual([0, 20, 0, 0, 0]);
  const otherEpoch = await readOpening(publisher, { resumeFrom: { epoch: "another", offset } });
  expect(otherEpoch[0]?.header).toHaveProperty("snapshot");
});

test("a handover ends the previous feed, and nothing is sent twice", async () => {
  const publisher = await live(4);
  const node = "the-same-node";
  const both = { nodeId: node, wantedTracks: new Set([video]), heldTracks: new Set([video]) };
  const first = await requestFeed(publisher, both);
  const read: FeedMessage[] = [];
  const reading = (async () => {
    const frames = new FeedDecoder();
    for await (const chunk of first.body ?? []) read.push(...frames.decode(chunk));
  })();
  await publisher.putParts(4, 5);
  const hello = (await readOpening(publisher)).find(({ header }) => header.kind === "hello");
  if (hello?.header.kind !== "hello") throw new Error("no hello");
  const { epoch, offset } = hello.header;
  // A node that has read less than was sent.
  const moved = await readOpening(publisher, { ...both, resumeFrom: { epoch, offset: offset - 2 }, isHandover: true });
  expect(moved.map(({ header }) => header.kind)).toEqual(["hello", "status", "beat"]);
  expect(moved[0]?.header).toMatchObject({ offset });
  await reading;
  const kinds = read.map(({ header }) => header.kind).filter((kind) => kind !== "status" && kind !== "beat");
  expect(kinds.slice(-3)).toEqual(["entry", "entry", "bye"]);
});

test("isolates beyond the limit are redirected one level down, subscribers stay, and shields are accepted", async () => {
  const publisher = await live(2);
  const isolate = (index: number) => ({
    nodeId: `isolate-${index}`,
    requester: { kind: "isolate", mustBeServed: false, hasSite: true } as const,
  });
  // Held until the end: an unreferenced feed is garbage-collected, which ends it.
  const fed: Response[] = [];
  for (let index = 0; index < TREE_LIMITS.liveIsolates; index += 1)
    fed.push(await requestFeed(publisher, isolate(index)));
  const more = await requestFeed(publisher, isolate(TREE_LIMITS.liveIsolates));
  expect([more.status, more.headers.get("corral-go")]).toEqual([307, "down"]);
  expect((await requestFeed(publisher, { ...isolate(7), isHandover: true })).status).toBe(200);
  const shield = { nodeId: "weur", requester: { kind: "region", mustBeServed: false, hasSite: true } as const };
  expect((await requestFeed(publisher, shield)).status).toBe(200);
  expect(fed.map(({ status }) => status)).toEqual(fed.map(() => 200));
});

test("a stream that was never live has no feed, and a feed request for it stores nothing", async () => {
  const publisher = new TestPublisher(testEdge);
  expect((await requestFeed(publisher, {})).status).toBe(404);
  await runInDurableObject(getLiveObject(publisher) as unknown as DurableObjectStub<Live>, (_object: Live, state) => {
    expect(state.storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'broadcasts'").toArray()).toEqual([]);
  });
});

test("an evicted object restores indexed parts: a playlist keeps their tags and they can be fetched", async () => {
  const publisher = await live(18);
  await publisher.waitUntilStored(2);
  await evictDurableObject(getLiveObject(publisher));
  const pulled = await getLiveObject(publisher).pullPlaylist(publisher.config.broadcast, video, "media.m3u8");
  expect(pulled?.text).toContain("2.5.m4s");
  expect((await testEdge.ask(publisher.path("video", "2.m4s"))).status).toBe(200);
});

test("the end of a broadcast confirms the segments that were open as stored", async () => {
  const publisher = await live(8);
  const answer = (await (await publisher.end()).json()) as { tracks: Record<string, { durableMsn: number }> };
  expect(Object.values(answer.tracks).map(({ durableMsn }) => durableMsn)).toEqual([1, 1]);
});

test("a broadcast whose publisher disappeared ends by itself and keeps its segments", async () => {
  const publisher = await live(8);
  for (let alarm = 0; alarm <= LIVE_LIMITS.silentAlarms; alarm += 1)
    expect(
      await ringAlarmLater(getLiveObject(publisher) as unknown as DurableObjectStub, LIVE_LIMITS.abandonedMs),
    ).toBe(true);
  const state = await getLiveObject(publisher).status(publisher.stream as never);
  expect(state?.state).toBe("ended");
  expect((await testEdge.ask(publisher.path("video", "1.m4s"))).status).toBe(200);
});

test("a broadcast ends even if its object loses its memory before each alarm, and only after the full time", async () => {
  const publisher = await live(8);
  await publisher.waitUntilStored(0);
  const state = async (): Promise<string | undefined> =>
    (await getLiveObject(publisher).status(publisher.stream as never))?.state;
  const alarmAfterLoss = async (): Promise<boolean> => {
    await evictDurableObject(getLiveObject(publisher));
    return runDurableObjectAlarm(getLiveObject(publisher));
  };
  expect(await alarmAfterLoss()).toBe(true);
  expect(await state()).not.toBe("ended");
  // A publisher that returns restarts the time.
  await publisher.putParts(6, 9);
  expect(await state()).toBe("live");
  expect(await alarmAfterLoss()).toBe(true);
  // The publisher may have sent something until just before this alarm.
  expect(await state()).toBe("live");
  expect(await alarmAfterLoss()).toBe(true);
  expect(await state()).toBe("reconnecting");
  expect(await alarmAfterLoss()).toBe(true);
  expect(await state()).toBe("ended");
});

test("an alarm that was lost while nothing ran is set again when the object starts", async () => {
  const publisher = await live(8);
  const alarmOf = (): Promise<number | null> =>
    runInDurableObject(getLiveObject(publisher) as unknown as DurableObjectStub, (_, { storage }) =>
      storage.getAlarm(),
    );
  await runInDurableObject(getLiveObject(publisher) as unknown as DurableObjectStub, (_, { storage }) =>
    storage.deleteAlarm(),
  );
  expect(await alarmOf()).toBeNull();
  await evictDurableObject(getLiveObject(publisher));
  expect(await alarmOf()).toBeGreaterThan(Date.now());
});

test("a stream's broadcasts are listed newest first, with their ends", async () => {
  const first = await live(6);
  await first.end();
  const second = new TestPublisher(testEdge, { stream: first.stream, key: first.key });
  await second.openWithInits();
  await second.putParts(0, 6);
  const answer = await testEdge.ask(`/api/streams/${first.stream}/broadcasts`);
  expect([answer.status, answer.headers.get("cache-control")]).toEqual([200, "public, max-age=5"]);
  const named = first.config.tracks.map(({ name, kind }) => ({ name, kind }));
  expect(await answer.json()).toEqual({
    stream: first.stream,
    broadcasts: [
      { broadcast: second.config.broadcast, startedAt: second.config.startedAtMs, endedAt: null, tracks: named },
      {
        broadcast: first.config.broadcast,
        startedAt: first.config.startedAtMs,
        endedAt: expect.any(Number),
        tracks: named,
      },
    ],
  });
  expect((await testEdge.ask("/api/streams/never-heard-of/broadcasts")).status).toBe(404);
});
