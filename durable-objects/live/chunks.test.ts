/** Chunks in a Live object: from its publisher to the feeds that ask for them, and into parts. */
import { evictDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import { decodeChunks, FeedDecoder, type FeedMessage } from "../../core/broadcast/feed-codec.ts";
import type { TrackChunk } from "../../core/broadcast/part-chunks.ts";
import { buildFeedRequest } from "../../core/delivery/feed-client.ts";
import { encodeChunkBundle } from "../../core/ingest/chunk-bundle.ts";
import { CHUNKS_HEADER, PART_HEADER, type PublishProgress, restPath } from "../../core/ingest/publish-api.ts";
import type { TrackName } from "../../core/kit/ids.ts";
import { mergeChunks } from "../../core/media/cmaf/chunk.ts";
import { TestPublisher, testPartChunks, testPartMeta } from "../../tests/support/publisher.ts";
import { getLiveObject, testEdge } from "../../workers/testing.ts";

const video = "video" as TrackName;

/** A feed and what it has brought. */
interface Feed {
  readonly messages: FeedMessage[];
  until(isEnough: (messages: readonly FeedMessage[]) => boolean): Promise<void>;
  cancel(): Promise<void>;
}

async function openFeed(publisher: TestPublisher, wantsChunks: boolean): Promise<Feed> {
  const { url, headers } = buildFeedRequest({
    nodeId: crypto.randomUUID(),
    requester: { kind: "isolate", mustBeServed: false, hasSite: false },
    ...{ resumeFrom: null, wantedTracks: new Set([video]), heldTracks: new Set(), wantsChunks, isHandover: false },
    report: { node: "test", tiers: {}, viewers: 0, requestsPerSecond: 0 },
  });
  const response = await getLiveObject(publisher).fetch(url, { headers });
  const reader = response.body?.getReader();
  if (reader === undefined) throw new Error("no body");
  const decoder = new FeedDecoder();
  const messages: FeedMessage[] = [];
  const until: Feed["until"] = async (isEnough) => {
    while (!isEnough(messages)) {
      const { value, done } = await reader.read();
      if (done) throw new Error("the feed ended early");
      messages.push(...decoder.decode(value));
    }
  };
  await until((got) => got.at(-1)?.header.kind === "beat");
  return { messages, until, cancel: () => reader.cancel() };
}

async function live(): Promise<TestPublisher> {
  const publisher = new TestPublisher(testEdge);
  await publisher.openWithInits();
  await publisher.putParts(0, 2);
  return publisher;
}

const putChunks = (publisher: TestPublisher, chunks: readonly TrackChunk[]): Promise<Response> =>
  publisher.put(`${publisher.config.broadcast}/chunks`, new Uint8Array(encodeChunkBundle(chunks)));

/** Sends the frames of a part that follow the first `frames`. */
function putRest(publisher: TestPublisher, index: number, frames: number): Promise<Response> {
  const chunks = testPartChunks(index).map(({ bytes }) => bytes);
  const rest = new Uint8Array(chunks.length === frames ? [] : mergeChunks(chunks.slice(frames)));
  const { msn, part } = testPartMeta(index);
  return publisher.put(`${publisher.config.broadcast}/video/${restPath(msn, part)}`, rest, {
    [PART_HEADER]: JSON.stringify(testPartMeta(index)),
    [CHUNKS_HEADER]: JSON.stringify({ frames, byteLength: mergeChunks(chunks).byteLength }),
  });
}

const progressOf = async (answer: Response): Promise<PublishProgress> => {
  expect(answer.status).toBe(200);
  return (await answer.json()) as PublishProgress;
};

const chunksOf = ({ header, body }: FeedMessage): TrackChunk[] =>
  header.kind === "chunks" ? decodeChunks(header, body) : [];

const hasPart =
  (part: number) =>
  (messages: readonly FeedMessage[]): boolean =>
    messages.some(({ header }) => {
      return header.kind === "entry" && header.entry.kind === "part" && header.entry.meta.part === part;
    });

test("a publisher is asked for chunks while a feed takes them, and each feed gets each frame once", async () => {
  const publisher = await live();
  expect((await progressOf(await publisher.open())).chunks).toBeUndefined();
  const [plain, fast] = [await openFeed(publisher, false), await openFeed(publisher, true)];
  expect((await progressOf(await publisher.open())).chunks).toBe(true);
  const [first, last] = testPartChunks(2);
  if (first === undefined || last === undefined) throw new Error("no chunks");
  expect((await progressOf(await putChunks(publisher, [first]))).chunks).toBe(true);
  await fast.until((got) => got.some(({ header }) => header.kind === "chunks"));
  // A repeated request changes nothing.
  expect((await putChunks(publisher, [first])).status).toBe(200);
  expect((await putRest(publisher, 2, 1)).status).toBe(200);
  await Promise.all([fast.until(hasPart(2)), plain.until(hasPart(2))]);
  const whole = mergeChunks([first.bytes, last.bytes]);
  expect(fast.messages.flatMap(chunksOf).map(({ bytes }) => bytes)).toEqual([first.bytes, last.bytes]);
  const entryOf = ({ messages }: Feed): FeedMessage | undefined => messages.find((each) => hasPart(2)([each]));
  expect(entryOf(fast)).toMatchObject({ header: { isChunked: true }, body: new Uint8Array(0) });
  expect(entryOf(plain)?.body).toEqual(whole);
  expect(plain.messages.flatMap(chunksOf)).toEqual([]);
  const part = await testEdge.ask(publisher.path("video", "0.2.m4s"));
  expect(new Uint8Array(await part.arrayBuffer())).toEqual(whole);
  await Promise.all([plain.cancel(), fast.cancel()]);
});

test("a part all of whose frames were chunks comes without bytes, and chunks may overtake the part before theirs", async () => {
  const publisher = await live();
  const feed = await openFeed(publisher, true);
  const [two, three] = [testPartChunks(2), testPartChunks(3)];
  expect((await putChunks(publisher, [...two, ...three])).status).toBe(200);
  expect((await putRest(publisher, 2, 2)).status).toBe(200);
  expect((await putRest(publisher, 3, 2)).status).toBe(200);
  expect((await putRest(publisher, 3, 2)).status).toBe(200);
  await feed.until(hasPart(3));
  expect(feed.messages.flatMap(chunksOf).map(({ bytes }) => bytes)).toEqual(
    [...two, ...three].map(({ bytes }) => bytes),
  );
  await feed.cancel();
});

test("an object that loses its memory within a part asks for the part whole", async () => {
  const publisher = await live();
  const feed = await openFeed(publisher, true);
  const [first, last] = testPartChunks(2);
  if (first === undefined || last === undefined) throw new Error("no chunks");
  expect((await putChunks(publisher, [first])).status).toBe(200);
  await feed.cancel();
  const { epoch } = await progressOf(await publisher.open());
  await evictDurableObject(getLiveObject(publisher));
  expect((await progressOf(await publisher.open())).epoch).not.toBe(epoch);
  for (const { name } of publisher.config.tracks) await publisher.putInit(name);
  await publisher.putParts(0, 2);
  const late = await putChunks(publisher, [last]);
  expect([late.status, ((await late.json()) as { type: string }).type]).toEqual([
    409,
    expect.stringMatching(/chunks-missing$/),
  ]);
  const rest = await putRest(publisher, 2, 1);
  expect([rest.status, ((await rest.json()) as { type: string }).type]).toEqual([
    409,
    expect.stringMatching(/chunks-missing$/),
  ]);
  expect((await publisher.putPart("video", 2)).status).toBe(200);
});

test("chunks that are malformed, of no such track or of nobody's broadcast are refused", async () => {
  const publisher = await live();
  const path = `${publisher.config.broadcast}/chunks`;
  expect((await publisher.put(path, new Uint8Array([0, 0, 0, 9]))).status).toBe(400);
  const [first] = testPartChunks(2);
  if (first === undefined) throw new Error("no chunks");
  expect((await putChunks(publisher, [{ ...first, track: "other" as TrackName }])).status).toBe(409);
  const stranger = new TestPublisher(testEdge, { stream: publisher.stream, key: publisher.key });
  const bundle = new Uint8Array(encodeChunkBundle([first]));
  expect((await stranger.put(path, bundle)).status).toBe(409);
  // Without its header a rest is not taken for a part.
  const rest = await publisher.put(`${publisher.config.broadcast}/video/${restPath(0, 2)}`, first.bytes.slice(), {
    [PART_HEADER]: JSON.stringify(testPartMeta(2)),
  });
  expect(rest.status).toBe(400);
});
