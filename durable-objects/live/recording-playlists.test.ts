import { expect, test } from "vitest";
import { makeTestConfig } from "../../core/broadcast/testing.ts";
import type { StreamName, TrackName } from "../../core/kit/ids.ts";
import { VirtualClock } from "../../core/kit/virtual-clock.ts";
import { storedSegment } from "../../tests/support/long-window.ts";
import { withEmptyStorage } from "../kit/testing.ts";
import { BroadcastStore } from "./broadcast-store.ts";
import { openLiveStorage } from "./live-schema.ts";
import { RecordingPlaylists } from "./recording-playlists.ts";

const video = "video" as TrackName;

test("a playlist is answered though R2 never answers the write of it", () =>
  withEmptyStorage(async (storage) => {
    const store = new BroadcastStore(openLiveStorage(storage));
    const clock = new VirtualClock();
    const seat = { publisher: "publisher", credential: "key" };
    const config = makeTestConfig();
    store.addBroadcast(config, seat, 0);
    store.addSegment(config.broadcast, video, storedSegment(0));
    const bucket = { put: () => new Promise<never>(() => {}) } as unknown as R2Bucket;
    const recordings = new RecordingPlaylists(bucket, store, clock);
    const rendering = recordings.render("stream" as StreamName, { config, ...seat, ended: true }, video, "media.m3u8");
    const answered = rendering.then(({ text }) => text);
    await clock.advance(2_500);
    expect(await Promise.race([answered, Promise.resolve("nothing")])).toContain("0.m4s");
  }));
