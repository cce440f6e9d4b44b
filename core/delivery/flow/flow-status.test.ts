import { expect, test } from "vitest";
import type { StreamStatus } from "../../broadcast/stream-status.ts";
import type { BroadcastId, StreamName } from "../../kit/ids.ts";
import { FlowStatus } from "./flow-status.ts";

const status = (viewers: number, requestsPerSecond: number): StreamStatus => ({
  ...{
    stream: "show" as StreamName,
    state: "live",
    broadcast: "b1" as BroadcastId,
    startedAt: 1,
    at: 2,
    countedFrom: 1,
  },
  ...{ tracks: [], viewers: { current: viewers, peak: 9 }, requestsPerSecond, tiers: [], children: 1 },
});

test("a status is one object until what a player reads has changed", () => {
  const board = new FlowStatus();
  const first = board.read(0, () => status(1, 1));
  expect(first).toMatchObject({ state: "live", broadcast: "b1", viewers: { current: 1 } });
  expect(board.read(2_000, () => status(1, 7))).toBe(first);
  const second = board.read(4_000, () => status(2, 7));
  expect(second).toMatchObject({ viewers: { current: 2 } });
});

test("responses of one moment compose it once", () => {
  const board = new FlowStatus();
  let composed = 0;
  for (const nowMs of [0, 10, 500, 999])
    board.read(nowMs, () => {
      composed += 1;
      return null;
    });
  expect(composed).toBe(1);
});
