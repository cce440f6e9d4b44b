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

function ask(publisher: TestPublisher, node: string, over: Partial<FeedQuery> = {}): Promise<Response> {
  const { url, headers } = buildFeedRequest({
    nodeId: node,
    requester: { kind: "isolate", mustBeServed: false, hasSite: true },
    resumeFrom: null,
    wantedTracks: new Set([video]),
    heldTracks: new Set(),
    isHandover: false,
    report: { node, tiers: {}, viewers: 0, requestsPerSecond: 0 },
    ...over,
  });
  return shieldOf(publisher).fetch(url, { headers });
}

/** Reads a feed until `enough`. */
async function read(response: Response, enough: (frames: readonly FeedMessage[]) => boolean): Promise<FeedMessage[]> {
  expect(response.status).toBe(200);
  const reader = response.body?.getReader();
  if (reader === undefined) throw new Error("no body");
  const cutter = new FeedDecoder();
  const frames: FeedMessage[] = [];
  while (!enough(frames)) {
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

test("a lone asker is sent up, and from the second on the shield feeds: the whole tail, then what comes", async () => {
  const publisher = await live(3);
  const first = await ask(publisher, "one");
  expect([first.status, first.headers.get("corral-go")]).toEqual([307, "up"]);
  const second = await ask(publisher, "two");
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
  // The region's shield had a lone asker too: this one is fed by the Live object.
  expect(status?.tiers.find(({ tier }) => tier === "live")?.requests).toBe(1);
});

test("one that was sent down is fed even when it is alone", async () => {
  const publisher = await live(3);
  const asker = { kind: "isolate", mustBeServed: true, hasSite: true } as const;
  const frames = await read(
    await ask(publisher, "one", { requester: asker }),
    (got) => got.at(-1)?.header.kind === "beat",
  );
  expect(names(frames)).toEqual(["video 0.0", "video 0.1", "video 0.2"]);
});

test("a shield of a stream that was never live says so, and of a broadcast that has ended gives it all", async () => {
  const publisher = new TestPublisher(testEdge);
  const asker = { kind: "isolate", mustBeServed: true, hasSite: true } as const;
  expect((await ask(publisher, "one", { requester: asker })).status).toBe(404);
  const ended = await live(6);
  await ended.end();
  const frames = await read(await ask(ended, "one", { requester: asker }), (got) => got.at(-1)?.header.kind === "beat");
  expect(frames[0]?.header).toMatchObject({ kind: "hello", snapshot: { ended: true } });
});

test("a shield that lost its memory feeds anew, from where its child stands", async () => {
  const publisher = await live(3);
  const asker = { kind: "isolate", mustBeServed: true, hasSite: true } as const;
  const [hello] = await read(
    await ask(publisher, "one", { requester: asker }),
    (got) => got.at(-1)?.header.kind === "beat",
  );
  if (hello?.header.kind !== "hello") throw new Error("no hello");
  const { epoch, offset } = hello.header;
  await publisher.restartNode("weur.FRA.0");
  await publisher.putParts(3, 4);
  const again = await ask(publisher, "one", {
    requester: asker,
    resumeFrom: { epoch, offset },
    heldTracks: new Set([video]),
  });
  const frames = await read(again, (got) => got.at(-1)?.header.kind === "beat");
  // Its own replica begins at a later offset: the child gets a snapshot of the same epoch and skips what it has.
  expect(frames[0]?.header).toMatchObject({ kind: "hello", epoch });
});

test("what two ask for at once is pulled from above once", async () => {
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
