import { expect, test } from "vitest";
import { decodeRoomChild, encodeRoomChild, type RoomChild } from "./child-ids.ts";
import { MAX_SHARDS } from "./sharding.ts";

test("ids of shards and relays keep the numbers of stored rows and running objects", () => {
  expect(encodeRoomChild({ kind: "shard", index: 7 })).toBe(7);
  expect(encodeRoomChild({ kind: "relay", index: 7 })).toBe(1_000_007);
});

test("every child of the largest room has a unique id", () => {
  const children = (["shard", "relay"] as const).flatMap((kind) =>
    Array.from({ length: MAX_SHARDS }, (_, index): RoomChild => ({ kind, index })),
  );
  const ids = children.map(encodeRoomChild);
  expect(new Set(ids).size).toBe(children.length);
  expect(ids.map(decodeRoomChild)).toEqual(children);
});
