/** Pulls of an isolate, on a virtual clock. */
import { expect, test } from "vitest";
import { FingerprintSet } from "../../core/access/registry/fingerprint-set.ts";
import type { SegmentState } from "../../core/broadcast/segment.ts";
import { makeTestContext, makeTestEdgeStream } from "../../core/delivery/testing.ts";
import type { BroadcastOutline, UpstreamNode } from "../../core/delivery/upstream-node.ts";
import { sleep } from "../../core/kit/clock.ts";
import type { BroadcastId, TrackName } from "../../core/kit/ids.ts";
import { UPSTREAM_CALL_LIMITS } from "../../core/kit/upstream-client.ts";
import { testBindings } from "../testing.ts";
import { mayFileExist } from "./broadcast-outlines.ts";
import { type PullContext, Puller } from "./puller.ts";

const broadcast = "broadcast1" as BroadcastId;
const video = "video" as TrackName;

/** A segment that is not stored, whose parts only the nodes above have. */
const OPEN_SEGMENT: SegmentState = {
  msn: 7,
  start: { programTimeMs: 0, initVersion: 1, discontinuity: false },
  parts: [],
  durationTicks: 0,
  byteLength: 0,
  gap: false,
  closed: false,
  durable: false,
};

/** An isolate whose parent is lost in the first attempt of each call, and answers the retry just in time. */
function makeSlowParent(): {
  readonly context: PullContext;
  readonly attempts: string[];
  /** Time in which every call ends. */
  passAll(): Promise<void>;
} {
  const attempts: string[] = [];
  const answer = <T>(name: string, value: T): Promise<T> => {
    attempts.push(name);
    const isRetry = attempts.filter((each) => each === name).length > 1;
    return isRetry ? sleep(clock, UPSTREAM_CALL_LIMITS.timeoutMs - 1).then(() => value) : new Promise(() => {});
  };
  const outline: BroadcastOutline = {
    ...{ config: undefined, endedMs: null, whole: true },
    tracks: [{ name: video, inits: [1], lastMsn: 3 }],
  };
  const node = {
    pullPart: () => answer("part", new Uint8Array([1])),
    pullBroadcasts: async () => FingerprintSet.fromNames([broadcast], 1).encode(),
    pullOutline: () => answer("outline", outline),
  } as Partial<UpstreamNode> as UpstreamNode;
  const { edge, clock } = makeTestEdgeStream({ nodeAt: () => node });
  return {
    context: { env: testBindings, ctx: makeTestContext(), edge },
    attempts,
    passAll: () => clock.advance(5 * UPSTREAM_CALL_LIMITS.timeoutMs),
  };
}

test("a follower of a pull waits for the call and its retry, and makes none of its own", async () => {
  const { context, attempts, passAll } = makeSlowParent();
  const pulls = [1, 2, 3].map(() => new Puller(context).pullPart(broadcast, video, OPEN_SEGMENT, 1));
  await passAll();
  expect((await Promise.all(pulls)).map(({ outcome }) => outcome)).toEqual(["pulled", "coalesced", "coalesced"]);
  expect(attempts).toEqual(["part", "part"]);
});

test("a follower of the read of an outline waits as long", async () => {
  const { context, attempts, passAll } = makeSlowParent();
  const segment = { track: video, file: { kind: "segment", msn: 3 } } as const;
  // Afterwards the ids of broadcasts are known here.
  expect(await mayFileExist(context, { ...segment, broadcast: "broadcast2" as BroadcastId })).toBe(false);
  const reads = [1, 2].map(() => mayFileExist(context, { ...segment, broadcast }));
  await passAll();
  expect(await Promise.all(reads)).toEqual([true, true]);
  expect(attempts).toEqual(["outline", "outline"]);
});

test("a playlist that does not exist yet is asked for once within two seconds, however many viewers come", async () => {
  let pulls = 0;
  const node = {
    pullPlaylist: () => {
      pulls += 1;
      return Promise.resolve(null);
    },
  } as Partial<UpstreamNode> as UpstreamNode;
  const { edge, clock } = makeTestEdgeStream({ nodeAt: () => node });
  const context: PullContext = { env: testBindings, ctx: makeTestContext(), edge };
  const pull = async (): Promise<void> => {
    const pulled = new Puller(context).pullPlaylist("replaced" as BroadcastId, video, "media.m3u8");
    await clock.advance(10);
    expect((await pulled).value).toBeNull();
  };
  for (let viewer = 0; viewer < 20; viewer += 1) await pull();
  expect(pulls).toBe(1);
  await clock.advance(2_000);
  await pull();
  expect(pulls).toBe(2);
});

test("parts and init sections are pulled once, however many viewers ask for them one after another", async () => {
  const pulls: string[] = [];
  const answer = (name: string): Promise<Uint8Array> => {
    pulls.push(name);
    return Promise.resolve(new TextEncoder().encode(name));
  };
  const node = {
    pullInit: (id, track, version) => answer(`${id} ${track} init ${version}`),
    pullPart: (id, track, msn, part) => answer(`${id} ${track} ${msn}.${part}`),
  } as Partial<UpstreamNode> as UpstreamNode;
  const { edge } = makeTestEdgeStream({ nodeAt: () => node });
  const context: PullContext = { env: testBindings, ctx: makeTestContext(), edge };
  const recording = "recording2" as BroadcastId;
  const texts: (string | null)[] = [];
  for (let viewer = 0; viewer < 20; viewer += 1) {
    const puller = new Puller(context);
    for (const { value } of [
      await puller.pullInit(recording, video, 1),
      await puller.pullPart(recording, video, OPEN_SEGMENT, 2),
      await puller.pullPart(recording, video, OPEN_SEGMENT, 3),
    ])
      texts.push(value === null ? null : new TextDecoder().decode(value));
  }
  const names = ["init 1", "7.2", "7.3"].map((name) => `${recording} ${video} ${name}`);
  expect(texts).toEqual(Array.from({ length: 20 }, () => names).flat());
  expect(pulls).toEqual(names);
});
