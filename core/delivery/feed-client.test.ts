import { expect, test } from "vitest";
import { VirtualClock } from "../kit/virtual-clock.ts";
import { type FeedQuery, type FeedReadHandler, readFeed } from "./feed-client.ts";

const QUERY: FeedQuery = {
  nodeId: "below",
  requester: { kind: "isolate", mustBeServed: false, hasSite: false },
  resumeFrom: null,
  wantedTracks: new Set(),
  wantsChunks: false,
  heldTracks: new Set(),
  isHandover: false,
  report: { node: "below", tiers: {}, viewers: 0, requestsPerSecond: 0 },
};

const HANDLER: FeedReadHandler = {
  bytesReceived: () => {},
  handleMessage: () => "on",
  addChildReport: () => {},
  restoreReport: () => {},
  shouldStop: () => false,
  remainingMs: () => Number.POSITIVE_INFINITY,
  feedFailed: () => {},
};

test("a feed that answers after its deadline is cancelled, so it holds no slot at the node above", async () => {
  const clock = new VirtualClock();
  const answer = Promise.withResolvers<Response>();
  const end = readFeed(clock, { fetch: () => answer.promise }, QUERY, HANDLER);
  await clock.advance(60_000);
  expect(await end).toBe("broken");
  const cancelled = Promise.withResolvers<void>();
  answer.resolve(new Response(new ReadableStream({ cancel: () => cancelled.resolve() })));
  await cancelled.promise;
});

test("a read ends at the end of its time although the feed sends nothing", async () => {
  const clock = new VirtualClock();
  const cancelled = Promise.withResolvers<void>();
  const silent = new Response(new ReadableStream({ cancel: () => cancelled.resolve() }));
  const handler = { ...HANDLER, remainingMs: () => 2_000 - clock.monotonicMs() };
  const end = readFeed(clock, { fetch: async () => silent }, QUERY, handler);
  await clock.advance(2_000);
  expect(await end).toBe("stopped");
  await cancelled.promise;
});
