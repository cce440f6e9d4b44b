import { expect, test } from "vitest";
import type { NodeReport } from "../broadcast/stream-status.ts";
import { VirtualClock } from "../kit/virtual-clock.ts";
import { attachReport, createFeedRedirect, type FeedQuery, type FeedReadHandler, readFeed } from "./feed-client.ts";

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

const CARRIED: NodeReport = { node: "above", tiers: {}, viewers: 0, requestsPerSecond: 0 };

function carrying(answer: Response): Response {
  attachReport(answer, CARRIED);
  return answer;
}

/** Reads one feed that is answered with `answer`: in time, or after the reader has given up. */
async function settle(answer: Response | Error, isLate: boolean): Promise<string[]> {
  const clock = new VirtualClock();
  const settled: string[] = [];
  const handler: FeedReadHandler = {
    ...HANDLER,
    restoreReport: ({ node }) => settled.push(`restored ${node}`),
    addChildReport: ({ node }) => settled.push(`carried ${node}`),
  };
  const answered = Promise.withResolvers<Response>();
  const end = readFeed(clock, { fetch: () => answered.promise }, QUERY, handler);
  if (isLate) {
    await clock.advance(60_000);
    expect(settled).toEqual([]);
  }
  if (answer instanceof Error) answered.reject(answer);
  else answered.resolve(answer);
  await end;
  await clock.advance(0);
  return settled;
}

test.each([false, true])(
  "each report is counted once, whatever the answer is and when it comes; late: %s",
  async (isLate) => {
    const feed = new Response(new ReadableStream({ start: (controller) => controller.close() }));
    expect(await settle(feed, isLate)).toEqual([]);
    expect(await settle(new Error("connection lost"), isLate)).toEqual(["restored below"]);
    expect(await settle(new Response(null, { status: 404 }), isLate)).toEqual(["restored below"]);
    for (const answer of [
      createFeedRedirect("up"),
      new Response(null, { status: 404 }),
      new Response(null, { status: 503 }),
    ])
      expect(await settle(carrying(answer), isLate)).toEqual(["restored below", "carried above"]);
  },
);

test("a source that throws at once breaks the feed, and the report is part of the next one", async () => {
  const restored: string[] = [];
  const handler: FeedReadHandler = { ...HANDLER, restoreReport: ({ node }) => restored.push(node) };
  const source = {
    fetch: (): never => {
      throw new Error("no such node");
    },
  };
  expect(await readFeed(new VirtualClock(), source, QUERY, handler)).toBe("broken");
  expect(restored).toEqual(["below"]);
});
