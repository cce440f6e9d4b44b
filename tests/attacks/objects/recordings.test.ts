/** Long recordings and long windows in the Live object: frequent requests cost it nothing, and restoring is fast. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import { SEGMENTS_PER_PACK } from "../../../core/broadcast/packed-segments.ts";
import { playlistObjectKey } from "../../../core/delivery/r2-keys.ts";
import type { StreamName, TrackName } from "../../../core/kit/ids.ts";
import { systemPlatform } from "../../../core/kit/system-platform.ts";
import { BroadcastStore } from "../../../durable-objects/live/broadcast-store.ts";
import type { Live } from "../../../durable-objects/live/live.ts";
import { openLiveStorage } from "../../../durable-objects/live/live-schema.ts";
import { RecordingPlaylists } from "../../../durable-objects/live/recording-playlists.ts";
import { getLiveObject, testBindings, testEdge } from "../../../workers/testing.ts";
import { DAY_S, DAY_SEGMENTS, storedSegment } from "../../support/long-window.ts";
import { TestPublisher } from "../../support/publisher.ts";

const video = "video" as TrackName;
/** Six hours. */
const SEGMENTS = 10_800;
const PLAYLISTS = ["vod.m3u8", "vod-iframes.m3u8", "media.m3u8", "iframes.m3u8"] as const;

const objectOf = (publisher: TestPublisher): DurableObjectStub<Live> =>
  getLiveObject(publisher) as unknown as DurableObjectStub<Live>;

/** Lists segments as if published; the object loads them at its restart. */
async function list(publisher: TestPublisher, from: number, to: number): Promise<void> {
  await runInDurableObject(objectOf(publisher), (_object, { storage }) => {
    const store = new BroadcastStore(openLiveStorage(storage));
    for (const { name } of publisher.config.tracks) {
      for (let msn = from; msn < to; msn += 1) store.addSegment(publisher.config.broadcast, name, storedSegment(msn));
    }
  });
  await evictDurableObject(getLiveObject(publisher));
}

/** A recording of six hours, and the live broadcast after it. */
async function recorded(): Promise<{ old: TestPublisher; now: TestPublisher }> {
  const old = new TestPublisher(testEdge);
  await old.openWithInits();
  await list(old, 0, SEGMENTS);
  expect((await old.end()).status).toBe(200);
  const now = new TestPublisher(testEdge, { stream: old.stream, key: old.key });
  await now.openWithInits();
  await now.putParts(0, 3);
  return { old, now };
}

async function liveRequests(publisher: TestPublisher): Promise<number> {
  const status = await getLiveObject(publisher).status(publisher.stream as StreamName);
  return status?.tiers.find(({ tier }) => tier === "live")?.requests ?? 0;
}

/** The responses to repeated requests for a file, which must be equal. */
async function asked(publisher: TestPublisher, file: string, times: number, status = 200): Promise<string[]> {
  const texts: string[] = [];
  for (let time = 0; time < times; time += 1) {
    const answer = await testEdge.ask(publisher.path("video", file));
    expect(answer.status).toBe(status);
    texts.push(new TextDecoder().decode(await answer.arrayBuffer()));
  }
  expect(new Set(texts).size).toBe(1);
  return texts;
}

const stored = (publisher: TestPublisher, file: (typeof PLAYLISTS)[number]): string =>
  playlistObjectKey(publisher.stream as StreamName, publisher.config.broadcast, video, file);

async function filed(publisher: TestPublisher): Promise<void> {
  for (const file of PLAYLISTS) {
    while ((await testBindings.MEDIA.head(stored(publisher, file))) === null) await scheduler.wait(5);
  }
}

/** An isolate learns once which broadcasts a stream had, and each one's outline. */
const OUTLINE_REQUESTS = 2;

test("a recording's playlists are stored at its end, and requests for them do not reach the Live object", async () => {
  const { old, now } = await recorded();
  await filed(old);
  // Its feed is connected.
  expect((await testEdge.ask(now.path("video", "media.m3u8"))).status).toBe(200);
  const before = await liveRequests(old);
  for (const file of PLAYLISTS) {
    const texts = await asked(old, file, 10);
    expect(texts[0]?.match(/#EXTINF/g)?.length).toBe(file.startsWith("vod") ? SEGMENTS : 6);
    expect(texts[0]?.endsWith("#EXT-X-ENDLIST\n")).toBe(true);
  }
  expect((await liveRequests(old)) - before).toBe(OUTLINE_REQUESTS);
});

test("each broadcast has a multivariant playlist of its own, and those of the past cost the Live object no further request", async () => {
  const { old, now } = await recorded();
  await filed(old);
  const multivariant = async (broadcast: string): Promise<{ status: number; text: string }> => {
    const answer = await testEdge.ask(`/live/${old.stream}/${broadcast}/multivariant.m3u8`);
    return { status: answer.status, text: await answer.text() };
  };
  const live = await multivariant(now.config.broadcast);
  expect(live.status).toBe(200);
  expect(live.text).toMatch(/^video\/media\.m3u8$/m);
  const before = await liveRequests(old);
  for (let time = 0; time < 10; time += 1) {
    const { status, text } = await multivariant(old.config.broadcast);
    expect(status).toBe(200);
    expect(text).toMatch(/^video\/vod\.m3u8$/m);
    expect(text).toContain('URI="audio/vod.m3u8"');
    expect(text).toContain('URI="video/vod-iframes.m3u8"');
  }
  expect((await multivariant("invented")).status).toBe(404);
  // An invented name may be a broadcast that has just begun: the list of ids is asked for once more.
  expect((await liveRequests(old)) - before).toBeLessThanOrEqual(OUTLINE_REQUESTS + 1);
  // The address under which a player finds the tracks.
  await asked(old, "vod.m3u8", 1);
});

test("playlists of an older recording are rendered once by the Live object, and stored", async () => {
  const { old, now } = await recorded();
  await filed(old);
  for (const file of PLAYLISTS) await testBindings.MEDIA.delete(stored(old, file));
  expect((await testEdge.ask(now.path("video", "media.m3u8"))).status).toBe(200);
  const before = await liveRequests(old);
  for (const file of PLAYLISTS) {
    await asked(old, file, 10);
    expect(await testBindings.MEDIA.head(stored(old, file))).not.toBeNull();
  }
  expect((await liveRequests(old)) - before).toBe(PLAYLISTS.length + OUTLINE_REQUESTS);
  // Isolates without shared memory share the rendering.
  const pulls = await Promise.all(
    Array.from({ length: 5 }, () =>
      getLiveObject(old).pullPlaylist(old.config.broadcast, "audio" as TrackName, "vod.m3u8"),
    ),
  );
  expect(new Set(pulls.map((pulled) => pulled?.text)).size).toBe(1);
});

test("a recording is rendered in steps, between which the object accepts parts", async () => {
  const old = new TestPublisher(testEdge);
  await old.openWithInits();
  await list(old, 0, SEGMENTS);
  const turns = await runInDurableObject(objectOf(old), async (_object, { storage }) => {
    const store = new BroadcastStore(openLiveStorage(storage));
    let [turn, turnsBefore] = [0, -1];
    // Rendered completely by then; storing it takes further turns.
    const bucket = {
      put: async () => {
        turnsBefore = turn;
      },
    };
    const row = store.readLatestBroadcast();
    if (row === null) throw new Error("no broadcast");
    const recordings = new RecordingPlaylists(bucket as unknown as R2Bucket, store, systemPlatform.clock);
    const rendering = recordings.render(old.stream as StreamName, { ...row, ended: true }, video, "vod.m3u8");
    for (; turnsBefore < 0; turn += 1) await scheduler.wait(0);
    expect((await rendering).text.match(/#EXTINF/g)?.length).toBe(SEGMENTS);
    return turnsBefore;
  });
  expect(turns).toBeGreaterThan(20);
});

test("a live broadcast has no recording, and no tier above is asked for one", async () => {
  const publisher = new TestPublisher(testEdge);
  await publisher.openWithInits();
  await publisher.putParts(0, 12);
  expect((await testEdge.ask(publisher.path("video", "media.m3u8"))).status).toBe(200);
  const before = await liveRequests(publisher);
  for (const file of ["vod.m3u8", "vod-iframes.m3u8"]) {
    await asked(publisher, file, 20, 404);
  }
  expect((await liveRequests(publisher)) - before).toBe(0);
});

test("an object that lost its memory after a day restores the whole window, and an isolate follows it", async () => {
  const publisher = new TestPublisher(testEdge, { config: { windowS: DAY_S } });
  await publisher.openWithInits();
  // The first packs are from before packs existed.
  await list(publisher, 0, 3 * SEGMENTS_PER_PACK);
  await runInDurableObject(objectOf(publisher), (_object, { storage }) => {
    storage.sql.exec("DELETE FROM packs");
  });
  await list(publisher, 3 * SEGMENTS_PER_PACK, DAY_SEGMENTS + 500);
  await publisher.putParts(6 * (DAY_SEGMENTS + 500), 6 * (DAY_SEGMENTS + 500) + 3);
  const answer = await testEdge.ask(publisher.path("video", "media.m3u8"));
  const text = new TextDecoder().decode(await answer.arrayBuffer());
  expect(text).toContain("#EXT-X-MEDIA-SEQUENCE:500\n");
  expect(text).toContain("#EXT-X-DISCONTINUITY-SEQUENCE:0\n");
  expect(text.match(/^[0-9]+\.m4s$/gm)?.map((name) => Number.parseInt(name, 10))).toEqual(
    Array.from({ length: DAY_SEGMENTS }, (_, index) => 500 + index),
  );
  expect(text).toContain(`URI="${DAY_SEGMENTS + 500}.2.m4s"`);
  // The compressed body is assembled from packs that were each compressed once.
  const zipped = await testEdge.ask(publisher.path("video", "media.m3u8"), { headers: { "accept-encoding": "gzip" } });
  expect(zipped.headers.get("etag")).toBe(answer.headers.get("etag")?.replace(/"$/, '-gzip"'));
  expect(new TextDecoder().decode(await zipped.arrayBuffer())).toBe(text);
});
