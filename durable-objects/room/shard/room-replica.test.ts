import { expect, test } from "vitest";
import { EMPTY_ROOM_COUNTS } from "../../../core/room/events.ts";
import type { ShardSnapshot } from "../../../core/room/shard-rpc.ts";
import { RoomReplica } from "./room-replica.ts";

const snapshotAt = (to: number): ShardSnapshot => ({
  recent: { epoch: "e", from: to, to, events: [], unseen: 0 },
  facts: [],
  counts: EMPTY_ROOM_COUNTS,
  shards: 1,
});

test.each([
  ["in order", [0, 1]],
  ["the second first", [1, 0]],
])("after a reset between two loads there is one content, which batches change: %s", async (_, order) => {
  const answers: ((snapshot: ShardSnapshot) => void)[] = [];
  const replica = new RoomReplica(() => new Promise((resolve) => answers.push(resolve)));
  const first = replica.load();
  replica.reset();
  const second = replica.load();
  for (const index of order) {
    answers[index]?.(snapshotAt(5));
    await Promise.resolve();
  }
  expect(await first).toBe(await second);
  expect(replica.recentEvents).toBe((await replica.load()).recentEvents);
});
