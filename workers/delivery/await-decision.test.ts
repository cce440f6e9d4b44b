import { expect, test } from "vitest";
import type { Replica } from "../../core/broadcast/replica.ts";
import { makeTestContext, makeTestEdgeStream } from "../../core/delivery/testing.ts";
import type { BroadcastId } from "../../core/kit/ids.ts";
import { testBindings } from "../testing.ts";
import { type AwaitedDecision, answerWhenDecided, type WaitDecision } from "./await-decision.ts";

type Ready = { readonly kind: "ready"; readonly parts: number };

/** A request for part `part` of the first segment, of an edge stream on a virtual clock. */
async function blockOn(part: number): Promise<{
  test: ReturnType<typeof makeTestEdgeStream>;
  replica: Replica;
  awaited: AwaitedDecision<Ready> | Promise<AwaitedDecision<Ready>>;
}> {
  const test = makeTestEdgeStream();
  const { clock, edge, live, video } = test;
  live.appendPart();
  const pending = edge.ensureReplica(makeTestContext());
  await clock.advance(0);
  const replica = await pending;
  if (replica === null) throw new Error("no replica");
  const request = new Request("http://edge.test/");
  const context = { env: testBindings, ctx: makeTestContext(), edge, request, tokenQuery: "" };
  const decide = (candidate: Replica): Ready | WaitDecision => {
    const parts = candidate.track(video)?.segments[0]?.parts.length ?? 0;
    return parts > part ? { kind: "ready", parts } : { kind: "wait", target: { kind: "part", msn: 0, part } };
  };
  const answer = (awaited: AwaitedDecision<Ready>): AwaitedDecision<Ready> => awaited;
  return { test, replica, awaited: answerWhenDecided(context, { replica, track: video, decide, answer }) };
}

test("a decision that the replica allows is made at once", async () => {
  const { replica, awaited } = await blockOn(0);
  expect(awaited).toEqual({ kind: "decided", decision: { kind: "ready", parts: 1 }, replica, waitingSinceMs: null });
});

test("a request waits until its part exists, and the decision states since when", async () => {
  const { test, replica, awaited } = await blockOn(2);
  const waitingSinceMs = test.clock.nowMs();
  expect(awaited).toBeInstanceOf(Promise);
  await test.clock.advance(300);
  test.live.appendPart();
  await test.clock.advance(300);
  test.live.appendPart();
  await test.clock.advance(0);
  expect(await awaited).toEqual({
    kind: "decided",
    decision: { kind: "ready", parts: 3 },
    replica,
    waitingSinceMs,
  });
});

test("a request waits for three target durations at most", async () => {
  const { test, awaited } = await blockOn(1);
  let settled = false;
  void Promise.resolve(awaited).then(() => {
    settled = true;
  });
  await test.clock.advance(5_999);
  expect(settled).toBe(false);
  await test.clock.advance(1);
  expect(await awaited).toEqual({ kind: "timeout" });
});

test("a request ends when another broadcast replaces its own", async () => {
  const { test, awaited } = await blockOn(1);
  test.replaceBroadcast("anotherbroadcast" as BroadcastId).appendPart();
  await test.clock.advance(0);
  expect(await awaited).toEqual({ kind: "replaced" });
});
