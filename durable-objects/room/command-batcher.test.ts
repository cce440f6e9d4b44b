import { expect, test } from "vitest";
import { VirtualClock } from "../../core/kit/virtual-clock.ts";
import type { CommandEnvelope } from "../../core/room/commands/index.ts";
import type { CommandOutcome } from "../../core/room/room-protocol.ts";
import type { CommandBatch, CommandBatchReply } from "../../core/room/shard-rpc.ts";
import { CommandBatcher } from "./command-batcher.ts";

const BATCH_INTERVAL_MS = 200;

const envelope: CommandEnvelope = {
  by: { subject: "ann", name: "ann", roles: [], followerSinceMs: null, device: "", address: "", expiresMs: null },
  id: "1",
  act: { kind: "chat", text: "hello" },
  programmeMs: null,
};

function createBatcher(
  clock: VirtualClock,
  submit: (batch: CommandBatch) => Promise<CommandBatchReply>,
): CommandBatcher {
  return new CommandBatcher({ submit, batchIntervalMs: () => BATCH_INTERVAL_MS, clock });
}

test("reactions that arrive during a call are batched for a whole interval", async () => {
  const clock = new VirtualClock();
  const calls: { readonly likes: number; readonly atMs: number }[] = [];
  const batcher = createBatcher(clock, ({ likes }) => {
    calls.push({ likes, atMs: clock.monotonicMs() });
    if (calls.length === 1) batcher.addReactions(null, 1);
    return Promise.resolve({ outcomes: [] });
  });
  batcher.addReactions(null, 1);
  batcher.addReactions(null, 1);
  await clock.advance(10 * BATCH_INTERVAL_MS);
  expect(calls).toEqual([
    { likes: 2, atMs: BATCH_INTERVAL_MS },
    { likes: 1, atMs: 2 * BATCH_INTERVAL_MS },
  ]);
  expect(clock.pendingTimers).toBe(0);
});

test("a failed call is repeated with a growing delay, and after the last attempt its commands are unavailable", async () => {
  const clock = new VirtualClock();
  const callsMs: number[] = [];
  const batcher = createBatcher(clock, () => {
    callsMs.push(clock.monotonicMs());
    return Promise.reject(new Error("no room"));
  });
  const outcomes: CommandOutcome[] = [];
  batcher.enqueue(envelope, (outcome) => outcomes.push(outcome));
  await clock.advance(10_000);
  expect(callsMs).toEqual([200, 400, 800, 1_400, 2_200]);
  expect(outcomes).toEqual([{ ok: false, error: "unavailable" }]);
  expect(clock.pendingTimers).toBe(0);
});
