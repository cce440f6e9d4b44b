import { expect, test } from "vitest";
import type { CommandBatch } from "../../core/room/shard-rpc.ts";
import { CommandBatcher } from "./command-batcher.ts";

const GATHER_MS = 200;

const tap = (outbox: CommandBatcher): void => outbox.addReactions(null, 1, GATHER_MS);

test("what comes while the room is called gathers as long as what came before", async () => {
  const calls: { readonly likes: number; readonly atMs: number }[] = [];
  let done = (): void => {};
  const twice = new Promise<void>((resolve) => {
    done = resolve;
  });
  const outbox = new CommandBatcher(({ likes }: CommandBatch) => {
    calls.push({ likes, atMs: Date.now() });
    if (calls.length === 2) done();
    else tap(outbox);
    return Promise.resolve({ outcomes: [] });
  });
  tap(outbox);
  tap(outbox);
  await twice;
  expect(calls.map(({ likes }) => likes)).toEqual([2, 1]);
  // A timer may come a moment early by the clock that is asked here, and as late as the machine is busy.
  expect((calls[1]?.atMs ?? 0) - (calls[0]?.atMs ?? 0)).toBeGreaterThanOrEqual(GATHER_MS - 5);
});
