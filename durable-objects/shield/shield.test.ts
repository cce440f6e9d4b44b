import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { FeedDecoder, type FeedMessage } from "../../core/broadcast/feed-codec.ts";
import { buildFeedRequest, type FeedQuery } from "../../core/delivery/feed-client.ts";
import { nodeObjectName } from "../../core/delivery/tree/feed-policy.ts";
import type { NodeAddress } from "../../core/delivery/tree/node-address.ts";
import type { StreamName, TrackName } from "../../core/kit/ids.ts";
import { TestPublisher } from "../../tests/support/publisher.ts";
import type { Env } from "../../workers/env.ts";
import { getLiveObject, testEdge } from "../../workers/testing.ts";

const video = "video" as TrackName;
const FRA: NodeAddress = { tier: "colo", region: "weur", colo: "FRA", shard: 0 };

function shieldOf(publisher: TestPublisher, address: NodeAddress = FRA): DurableObjectStub {
  return (env as unknown as Env).SHIELD.getByName(
    nodeObjectName(publisher.stream, address),
  ) as unknown as DurableObjectStub;
}

function requestFeed(publisher: TestPublisher, node: string, over: Partial<FeedQuery> = {}): Promise<Response> {
  const { url, headers } = buildFeedRequest({
    nodeId: node,
    requester: { kind: "isolate", mustBeServed: false, hasSite: true },
    resumeFrom: null,
    wantedTracks: new Set([video]),
    wantsChunks: false,
    heldTracks: new Set(),
    isHandover: false,
    report: { node, tiers: {}, viewers: 0, requestsPerSecond: 0 },
    ...over,
  });
  return shieldOf(publisher).fetch(url, { headers });
}

/** Reads a feed until `isEnough`. */
async function read(response: Response, isEnough: (frames: readonly FeedMessage[]) => boolean): Promise<FeedMessage[]> {
  expect(response.status).toBe(200);
  const reader = response.body?.getReader();
  if (reader === undefined) throw new Error("no body");
  const cutter = new FeedDecoder();
  const frames: FeedMessage[] = [];
  while (!isEnough(frames)) {
    const { value, done } = await reader.read();
    if (done) throw new Error("the feed ended early");
    frames.push(...cutter.decode(value));
  }
  await reader.cancel();
  return frames;
}

const names = (frames: readonly FeedMessage[]): string[] =>
  frames.flatMap(({ header }) => {
    if (header.kind === "bytes") return [`${header.track} ${header.msn}.${header.part}`];
    if (header.kind !== "entry" || header.entry.kind !== "part") return [];
    return [`${header.entry.track} ${header.entry.meta.msn}.${header.entry.meta.part}`];
  });

async function live(parts: number): Promise<TestPublisher> {
  const publisher = new TestPublisher(testEdge);
  await publisher.openWithInits();
  await publisher.putParts(0, parts);
  return publisher;
}

test("a single subscriber is redirected to the parent; from the second on the shield feeds the whole tail, then new entries", async () => {
  const publisher = await live(3);
  const first = await requestFeed(publisher, "one");
  expect([first.status, first.headers.get("corral-go")]).toEqual([307, "up"]);
  const second = await requestFeed(publisher, "two");
  const frames = read(second, (got) => names(got).includes("video 0.4"));
  await publisher.putParts(3, 5);
  const got = await frames;
  expect(names(got).filter((name) => name.startsWith("video"))).toEqual([
    "video 0.0",
    "video 0.1",
    "video 0.2",
    "video 0.3",
    "video 0.4",
  ]);
  expect(got.filter(({ header }) => header.kind === "status").length).toBeGreaterThan(0);
  const status = await getLiveObject(publisher).status(publisher.stream as StreamName);
  // The region's shield had a single subscriber too, so the Live object feeds this one.
  expect(status?.tiers.find(({ tier }) => tier === "live")?.requests).toBe(1);
});

test("a subscriber that was redirected down is fed even if it is the only one", async () => {
  const publisher = await live(3);
  const requester = { kind: "isolate", mustBeServed: true, hasSite: true } as const;
  const frames = await read(
    await requestFeed(publisher, "one", { requester }),
    (got) => got.at(-1)?.header.kind === "beat",
  );
  expect(names(frames)).toEqual(["video 0.0", "video 0.1", "video 0.2"]);
});

test("a shield answers 404 for a stream that was never live, and feeds all of an ended broadcast", async () => {
  const publisher = new TestPublisher(testEdge);
  const requester = { kind: "isolate", mustBeServed: true, hasSite: true } as const;
  expect((await requestFeed(publisher, "one", { requester })).status).toBe(404);
  const ended = await live(6);
  await ended.end();
  const frames = await read(
    await requestFeed(ended, "one", { requester }),
    (got) => got.at(-1)?.header.kind === "beat",
  );
  expect(frames[0]?.header).toMatchObject({ kind: "hello", snapshot: { ended: true } });
});

test("a shield that lost its memory feeds its child from the child's offset", async () => {
  const publisher = await live(3);
  const requester = { kind: "isolate", mustBeServed: true, hasSite: true } as const;
  const [hello] = await read(
    await requestFeed(publisher, "one", { requester }),
    (got) => got.at(-1)?.header.kind === "beat",
  );
  if (hello?.header.kind !== "hello") throw new Error("no hello");
  const { epoch, offset } = hello.header;
  await publisher.restartNode("weur.FRA.0");
  await publisher.putParts(3, 4);
  const again = await requestFeed(publisher, "one", {
    requester,
    resumeFrom: { epoch, offset },
    heldTracks: new Set([video]),
  });
  const frames = await read(again, (got) => got.at(-1)?.header.kind === "beat");
  // Its own replica begins at a later offset: the child gets a snapshot of the same epoch and skips what it holds.
  expect(frames[0]?.header).toMatchObject({ kind: "hello", epoch });
});

test("concurrent requests for one playlist make one pull from the parent", async () => {
  const publisher = await live(8);
  await publisher.waitUntilStored(0);
  const stub = (env as unknown as Env).SHIELD.getByName(nodeObjectName(publisher.stream, FRA));
  const before = (await getLiveObject(publisher).status(publisher.stream as StreamName))?.tiers.find(
    ({ tier }) => tier === "live",
  );
  const { broadcast } = publisher.config;
  const playlists = await Promise.all(
    Array.from({ length: 10 }, () => stub.pullPlaylist(broadcast, video, "media.m3u8")),
  );
  for (const playlist of playlists) expect(playlist?.text).toContain("1.1.m4s");
  const after = (await getLiveObject(publisher).status(publisher.stream as StreamName))?.tiers.find(
    ({ tier }) => tier === "live",
  );
  expect((after?.requests ?? 0) - (before?.requests ?? 0)).toBe(1);
});

test("a shield without a feed passes its counters on with every answer: evicted, it would forget them", async () => {
  const publisher = new TestPublisher(testEdge);
  const carried = async (): Promise<unknown> => {
    const answer = await requestFeed(publisher, "early", {
      requester: { kind: "isolate", mustBeServed: true, hasSite: true },
    });
    expect(answer.status).toBe(404);
    return JSON.parse(answer.headers.get("corral-report") ?? "null");
  };
  const grown = { tiers: { colo: { requests: 1, hits: 1, refusals: 1 } }, viewers: 0, requestsPerSecond: 0 };
  expect(await carried()).toMatchObject(grown);
  expect(await carried()).toMatchObject(grown);
});
