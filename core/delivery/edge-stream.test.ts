import { expect, test } from "vitest";
import { PUBLIC_ACCESS_POLICY } from "../access/access-policy.ts";
import type { StreamStop } from "../access/stream-stop.ts";
import { StreamStoppedError } from "../access/stream-stopped-error.ts";
import type { Replica } from "../broadcast/replica.ts";
import type { BroadcastId } from "../kit/ids.ts";
import { EDGE_STREAM_LIMITS, FEED_LIMITS } from "./node-limits.ts";
import { makeTestContext, makeTestEdgeStream, type TestEdgeStream } from "./testing.ts";
import { coloShieldAddress } from "./tree/node-address.ts";

const STOP: StreamStop = { category: "safety", reason: "No.", untilMs: null, atMs: 0, authority: "operator" };

/** An edge stream that follows a broadcast of one part. */
async function follow(test: TestEdgeStream): Promise<Replica> {
  test.live.appendPart();
  const pending = test.edge.ensureReplica(makeTestContext());
  await test.clock.advance(0);
  const replica = await pending;
  if (replica === null) throw new Error("no replica");
  return replica;
}

/** A request and a part every `everyMs`. */
async function watch({ clock, edge, live }: TestEdgeStream, ms: number, everyMs = 500): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += everyMs) {
    live.appendPart();
    void edge.ensureReplica(makeTestContext());
    await clock.advance(everyMs);
  }
}

/** The result of a wait, once it has ended. */
function observe<T>(work: Promise<T>): { result: T | Error | null } {
  const observed: { result: T | Error | null } = { result: null };
  work.then(
    (value) => {
      observed.result = value;
    },
    (error: Error) => {
      observed.result = error;
    },
  );
  return observed;
}

test("the first request waits for the feed, and later ones are answered at once from the same feed", async () => {
  const made = makeTestEdgeStream();
  const { clock, edge, live } = made;
  live.appendPart();
  const requests = [1, 2, 3].map(() => edge.ensureReplica(makeTestContext()));
  expect(requests.every((request) => request instanceof Promise)).toBe(true);
  await clock.advance(0);
  const replicas = await Promise.all(requests);
  expect(new Set(replicas).size).toBe(1);
  expect(edge.ensureReplica(makeTestContext())).toBe(replicas[0]);
  live.appendPart();
  await clock.advance(0);
  expect([edge.currentReplica?.offset, live.queries.length]).toEqual([live.replica.offset, 1]);
});

test("after the lease the next request takes over the feed, and no entry is lost", async () => {
  const made = makeTestEdgeStream();
  const { clock, edge, live } = made;
  await follow(made);
  await watch(made, EDGE_STREAM_LIMITS.leaseMs);
  expect(live.queries.length).toBe(1);
  await watch(made, 1_000);
  expect(live.queries.map(({ isHandover }) => isHandover)).toEqual([false, true]);
  await watch(made, 3 * EDGE_STREAM_LIMITS.leaseMs);
  await clock.advance(0);
  expect(edge.currentReplica?.state).toEqual(live.replica.state);
  expect([live.queries.length, live.feeds.subscriberCount, made.failures]).toEqual([4, 1, []]);
});

test("a leader without a successor stops after the grace period", async () => {
  const made = makeTestEdgeStream();
  const { clock, live } = made;
  await follow(made);
  await clock.advance(EDGE_STREAM_LIMITS.leaseMs + EDGE_STREAM_LIMITS.leaseGraceMs - FEED_LIMITS.heartbeatMs);
  expect(live.feeds.subscriberCount).toBe(1);
  await clock.advance(2 * FEED_LIMITS.heartbeatMs);
  expect(live.feeds.subscriberCount).toBe(0);
});

test("a leader with a silent feed is suspect, and the next request reads a new feed", async () => {
  const made = makeTestEdgeStream();
  const { clock, edge, live } = made;
  await follow(made);
  live.silenceFeeds();
  await clock.advance(EDGE_STREAM_LIMITS.leaseSuspectMs);
  expect([edge.isStale, live.queries.length]).toEqual([false, 1]);
  await clock.advance(1);
  expect(edge.isStale).toBe(true);
  live.appendPart();
  const replica = edge.ensureReplica(makeTestContext());
  expect(replica).toBeInstanceOf(Promise);
  await clock.advance(0);
  expect((await replica)?.offset).toBe(live.replica.offset);
  expect([edge.isStale, live.queries.length]).toEqual([false, 2]);
});

test("the end of a feed wakes one parked request, which reads the next feed", async () => {
  const made = makeTestEdgeStream();
  const { clock, edge, live, video } = made;
  const replica = await follow(made);
  const target = { kind: "part", msn: 0, part: 1 } as const;
  const wait = { replica, track: video, target, untilMs: clock.monotonicMs() + 9_000, network: null };
  const contexts = [makeTestContext(), makeTestContext()];
  const waits = contexts.map((ctx) => observe(edge.awaitTarget(ctx, wait)));
  await clock.advance(0);
  live.feeds.closeAll();
  await clock.advance(0);
  expect(live.queries.length).toBe(2);
  expect(contexts.map(({ work }) => work.length)).toEqual([1, 0]);
  live.appendPart();
  await clock.advance(0);
  expect(waits.map(({ result }) => result)).toEqual([true, true]);
});

test("a new broadcast replaces the previous one and wakes its parked requests", async () => {
  const made = makeTestEdgeStream();
  const { clock, edge, video } = made;
  const replica = await follow(made);
  const target = { kind: "part", msn: 0, part: 1 } as const;
  const wait = { replica, track: video, target, untilMs: clock.monotonicMs() + 9_000, network: null };
  const parked = observe(edge.awaitTarget(makeTestContext(), wait));
  await clock.advance(0);
  const next = made.replaceBroadcast("anotherbroadcast" as BroadcastId);
  await clock.advance(0);
  expect(parked.result).toBe(true);
  expect(edge.currentReplica?.config).toEqual(next.replica.config);
});

test("a stream that was never live is absent for a while, and then requested again", async () => {
  const { clock, edge, live } = makeTestEdgeStream();
  live.mode = "absent";
  const first = edge.ensureReplica(makeTestContext());
  await clock.advance(0);
  expect([await first, edge.isStale]).toEqual([null, false]);
  await clock.advance(EDGE_STREAM_LIMITS.absenceCacheMs - 1);
  expect(edge.ensureReplica(makeTestContext())).toBeNull();
  expect(live.queries.length).toBe(1);
  await clock.advance(1);
  live.mode = "feed";
  const second = edge.ensureReplica(makeTestContext());
  await clock.advance(0);
  expect(await second).not.toBeNull();
});

test("an absence that is forgotten is requested again at once", async () => {
  const { clock, edge, live } = makeTestEdgeStream();
  live.mode = "absent";
  const first = edge.ensureReplica(makeTestContext());
  await clock.advance(0);
  expect(await first).toBeNull();
  live.mode = "feed";
  edge.forgetAbsence();
  const second = edge.ensureReplica(makeTestContext());
  await clock.advance(0);
  expect(await second).not.toBeNull();
});

test("a stream without any known state is awaited for a bounded time", async () => {
  const { clock, edge, live } = makeTestEdgeStream();
  live.mode = "broken";
  const request = observe(Promise.resolve(edge.ensureReplica(makeTestContext())).then((replica) => ({ replica })));
  await clock.advance(EDGE_STREAM_LIMITS.firstMessageMs - 1);
  expect(request.result).toBeNull();
  await clock.advance(1);
  expect([request.result, edge.isStale]).toEqual([{ replica: null }, true]);
  // The first retry is immediate, later ones are spread over a doubling time.
  expect(live.queries.length).toBeGreaterThan(2);
  expect(live.queries.length).toBeLessThan(10);
});

test("with an open circuit requests are answered from the existing replica without a wait", async () => {
  const made = makeTestEdgeStream();
  const { clock, edge, live } = made;
  const replica = await follow(made);
  live.mode = "broken";
  live.feeds.closeAll();
  await clock.advance(0);
  for (let failures = 0; failures < EDGE_STREAM_LIMITS.failuresToOpen; failures += 1) {
    void edge.ensureReplica(makeTestContext());
    await clock.advance(0);
  }
  expect(made.failures.length).toBe(EDGE_STREAM_LIMITS.failuresToOpen);
  const request = observe(Promise.resolve(edge.ensureReplica(makeTestContext())));
  await clock.advance(0);
  expect([request.result, edge.isStale]).toEqual([replica, true]);
  live.mode = "feed";
  await clock.advance(EDGE_STREAM_LIMITS.maxRetryMs);
  void edge.ensureReplica(makeTestContext());
  await clock.advance(0);
  expect(edge.isStale).toBe(false);
});

test("a request for a track that the feed lacks renews the feed, and waits until the track has arrived", async () => {
  const made = makeTestEdgeStream();
  const { clock, edge, live, video } = made;
  const replica = await follow(made);
  expect(replica.tail.partBytes(video, 0, 0)).toBeNull();
  const wait = observe(
    edge.awaitTrackBytes(makeTestContext(), video, clock.monotonicMs() + 5_000).then(() => "waited"),
  );
  await clock.advance(0);
  expect(wait.result).toBe("waited");
  expect(replica.tail.partBytes(video, 0, 0)).not.toBeNull();
  expect(live.queries.map(({ wantedTracks }) => [...wantedTracks])).toEqual([[], ["video"]]);
});

test("a track without requests is left out of the next feed, and its bytes are dropped", async () => {
  const made = makeTestEdgeStream();
  const { clock, edge, live, video } = made;
  const replica = await follow(made);
  void edge.awaitTrackBytes(makeTestContext(), video, clock.monotonicMs() + 5_000);
  await watch(made, EDGE_STREAM_LIMITS.trackIdleMs + EDGE_STREAM_LIMITS.leaseMs);
  expect([...(live.queries.at(-1)?.wantedTracks ?? [])]).toEqual([]);
  // The relieved leader may deliver one more part.
  expect(replica.tail.heldBytes).toBeLessThanOrEqual(20);
});

test("a stop wakes parked requests and those that wait for a track at once", async () => {
  const made = makeTestEdgeStream();
  const { clock, edge, live, video } = made;
  const replica = await follow(made);
  const untilMs = clock.monotonicMs() + 9_000;
  const target = { kind: "part", msn: 0, part: 1 } as const;
  const wait = { replica, track: video, target, untilMs, network: null };
  const parked = observe(edge.awaitTarget(makeTestContext(), wait));
  await clock.advance(0);
  live.setAccess({ ...PUBLIC_ACCESS_POLICY, revision: 1, stop: STOP });
  await clock.advance(0);
  expect(parked.result).toBeInstanceOf(StreamStoppedError);
  expect(() => edge.throwIfStopped()).toThrow(StreamStoppedError);
  await expect(edge.awaitTarget(makeTestContext(), wait)).rejects.toThrow(StreamStoppedError);
  expect(edge.parkedCount).toBe(0);
});

test("a parked request ends at its deadline, or at once where its network exceeds its share", async () => {
  const made = makeTestEdgeStream();
  const { clock, edge, video } = made;
  const replica = await follow(made);
  const target = { kind: "part", msn: 0, part: 1 } as const;
  const wait = { replica, track: video, target, untilMs: clock.monotonicMs() + 2_000, network: "192.0.2.0/24" };
  const waits = Array.from({ length: 3 }, () => observe(edge.awaitTarget(makeTestContext(), wait)));
  await clock.advance(1_999);
  expect([waits.map(({ result }) => result), edge.parkedCount]).toEqual([[null, null, null], 3]);
  await clock.advance(1);
  expect([waits.map(({ result }) => result), edge.parkedCount]).toEqual([[false, false, false], 0]);
});

test("a closed edge ends its feed, answers waiting requests from its state, and reads no further feed", async () => {
  const made = makeTestEdgeStream();
  const { clock, edge, live } = made;
  live.mode = "hang";
  const request = observe(Promise.resolve(edge.ensureReplica(makeTestContext())).then((replica) => ({ replica })));
  await clock.advance(100);
  edge.close();
  await clock.advance(0);
  expect(request.result).toEqual({ replica: null });
  await clock.advance(10_000);
  const again = observe(Promise.resolve(edge.ensureReplica(makeTestContext())).then((replica) => ({ replica })));
  await clock.advance(0);
  expect([again.result, live.queries.length]).toEqual([{ replica: null }, 1]);
});

test("closing an edge with a feed lets its leader stop at the next bytes", async () => {
  const made = makeTestEdgeStream();
  const { clock, edge, live } = made;
  await follow(made);
  edge.close();
  await clock.advance(FEED_LIMITS.heartbeatMs);
  expect(live.feeds.subscriberCount).toBe(0);
});

test("heartbeats state the time since the last word of the Live object", async () => {
  const made = makeTestEdgeStream();
  const { clock, edge, live } = made;
  live.authoritySilenceMs = 1_000;
  await follow(made);
  expect(edge.authoritySilenceMs()).toBe(1_000);
  live.authoritySilenceMs = 4_000;
  await clock.advance(2_000);
  expect(edge.authoritySilenceMs()).toBe(3_000);
});

test("a clock that was ahead while the Live object spoke does not hide that it is silent", async () => {
  const made = makeTestEdgeStream();
  const { clock, edge, live } = made;
  expect(edge.authoritySilenceMs()).toBeGreaterThan(EDGE_STREAM_LIMITS.maxAuthoritySilenceMs);
  const trueMs = clock.nowMs();
  clock.setWallTime(trueMs + 60_000);
  await follow(made);
  expect(edge.authoritySilenceMs()).toBe(0);
  clock.setWallTime(trueMs);
  live.silenceFeeds();
  await clock.advance(EDGE_STREAM_LIMITS.maxAuthoritySilenceMs + 1_000);
  expect(edge.authoritySilenceMs()).toBeGreaterThan(EDGE_STREAM_LIMITS.maxAuthoritySilenceMs);
});

test("a redirect is followed, and the node that feeds becomes the parent", async () => {
  const site = { region: "weur", colo: "FRA" } as const;
  const made = makeTestEdgeStream({ node: { kind: "isolate", site, nodeId: "isolate" } });
  const shield = made.nodeAt(coloShieldAddress(site));
  shield.mode = "up";
  expect(made.edge.parent.address).toEqual(coloShieldAddress(site));
  await follow(made);
  expect([shield.queries.length, made.live.queries.length]).toEqual([1, 1]);
  expect(made.edge.parent.address).toEqual({ tier: "live" });
});

test("a shield that does not answer is bypassed: its parent is asked next, without redirects", async () => {
  const site = { region: "weur", colo: "FRA" } as const;
  const made = makeTestEdgeStream({ node: { kind: "isolate", site, nodeId: "isolate" } });
  made.nodeAt(coloShieldAddress(site)).mode = "broken";
  const region = made.nodeAt({ tier: "region", region: "weur" });
  region.appendPart();
  const request = made.edge.ensureReplica(makeTestContext());
  await made.clock.advance(EDGE_STREAM_LIMITS.leaseCheckMs);
  expect((await request)?.offset).toBe(region.replica.offset);
  expect(region.queries.map(({ requester }) => requester.mustBeServed)).toEqual([true]);
});

test("a feed that is begun anew after it broke names the tracks whose bytes are held", async () => {
  const made = makeTestEdgeStream();
  const { clock, edge, live, video } = made;
  await follow(made);
  edge.requestTrack(makeTestContext(), video);
  await watch(made, 1_000);
  live.feeds.closeAll();
  await watch(made, 1_000);
  expect(live.queries.map(({ heldTracks }) => [...heldTracks])).toEqual([[], [], [video]]);
  await clock.advance(0);
});

test("chunks are asked for while a viewer takes them, from the next feed on, and not for long after", async () => {
  const made = makeTestEdgeStream();
  const { clock, edge, live } = made;
  await follow(made);
  await watch(made, 2_000);
  expect([live.queries.map(({ wantsChunks }) => wantsChunks), live.feeds.wantsChunks]).toEqual([[false], false]);
  for (let i = 0; i < 30; i += 1) {
    edge.requestChunks(makeTestContext(), clock.nowMs());
    await watch(made, 1_000);
  }
  const during = live.queries.map(({ wantsChunks }) => wantsChunks);
  expect([during, live.feeds.wantsChunks]).toEqual([[false, true, true], true]);
  await watch(made, EDGE_STREAM_LIMITS.chunkIdleMs + EDGE_STREAM_LIMITS.leaseMs + 1_000);
  expect([live.queries.at(-1)?.wantsChunks, live.feeds.wantsChunks]).toEqual([false, false]);
});

test("requests that wait end in time although the wall clock is set back, and so do what viewers asked for and a child's count", async () => {
  const made = makeTestEdgeStream();
  const { clock, edge, live, video } = made;
  const replica = await follow(made);
  edge.requestTrack(makeTestContext(), video, clock.nowMs());
  edge.counters.addChildReport({ node: "gone", tiers: {}, viewers: 7, requestsPerSecond: 0 }, clock.monotonicMs());
  const target = { kind: "part", msn: 0, part: 1 } as const;
  const untilMs = clock.monotonicMs() + 2_000;
  const parked = observe(
    edge.awaitTarget(makeTestContext(), { ...{ replica, track: video, target }, untilMs, network: null }),
  );
  await clock.advance(0);
  clock.setWallTime(clock.nowMs() - 3_600_000);
  await clock.advance(2_000);
  expect(parked.result).toBe(false);
  live.mode = "hang";
  live.feeds.closeAll();
  await clock.advance(0);
  const waiting = observe(Promise.resolve(edge.ensureReplica(makeTestContext())));
  await clock.advance(100);
  clock.setWallTime(clock.nowMs() - 3_600_000);
  await clock.advance(EDGE_STREAM_LIMITS.firstMessageMs);
  expect(waiting.result).toBe(replica);
  live.mode = "feed";
  await watch(made, EDGE_STREAM_LIMITS.trackIdleMs + EDGE_STREAM_LIMITS.leaseMs + FEED_LIMITS.lifetimeMs);
  expect([...(live.queries.at(-1)?.wantedTracks ?? [])]).toEqual([]);
  expect(edge.counters.estimateAudience(clock.monotonicMs()).viewers).toBe(0);
});
