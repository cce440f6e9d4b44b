import { expect, test } from "vitest";
import { SEGMENTS_PER_PACK } from "../../core/broadcast/packed-segments.ts";
import { TailBuffer } from "../../core/broadcast/tail-buffer.ts";
import { makeTestConfig } from "../../core/broadcast/testing.ts";
import { nextPartOf } from "../../core/broadcast/track-position.ts";
import type { TrackName } from "../../core/kit/ids.ts";
import { storedSegment } from "../../tests/support/long-window.ts";
import { withEmptyStorage } from "../kit/testing.ts";
import { BroadcastStore } from "./broadcast-store.ts";
import { openLiveStorage } from "./live-schema.ts";

const video = "video" as TrackName;

test.each([
  ["at the end of a pack", SEGMENTS_PER_PACK],
  ["just after it", SEGMENTS_PER_PACK + 1],
])("an object that restarts %s goes on with the next part, and its tail keeps its parts", (_, segments) =>
  withEmptyStorage((storage) => {
    const store = new BroadcastStore(openLiveStorage(storage));
    const seat = { publisher: "publisher", credential: "key" };
    const config = makeTestConfig();
    store.addBroadcast(config, seat, 0);
    for (let msn = 0; msn < segments; msn += 1) store.addSegment(config.broadcast, video, storedSegment(msn));
    const replica = store.restoreReplica({ config, ...seat, ended: false }, "epoch", new TailBuffer(1_000_000));
    const track = replica.track(video);
    if (track === undefined) throw new Error("no track");
    expect(nextPartOf(track)).toEqual({ msn: segments, part: 0 });
    expect(track.segments.slice(-6).map(({ parts }) => parts.length)).toEqual(
      Array(6).fill(storedSegment(0).parts.length),
    );
    return Promise.resolve();
  }),
);
