import { expect, test } from "vitest";
import { PUBLIC_ACCESS_POLICY } from "../access/access-policy.ts";
import type { TrackName } from "../kit/ids.ts";
import { VirtualClock } from "../kit/virtual-clock.ts";
import { Replica } from "./replica.ts";
import { ReplicaUpdater } from "./replica-updater.ts";
import { TailBuffer } from "./tail-buffer.ts";
import { makeInitEntry, makePartEntry, makeTestConfig } from "./testing.ts";

const video = "video" as TrackName;
const NO_BODY = new Uint8Array(0);

/** A feed's first message: the snapshot of a replica with this many parts of the video track. */
function helloOf(epoch: string, parts: number): Parameters<ReplicaUpdater["applyMessage"]>[0] {
  const replica = new Replica(epoch, makeTestConfig(), new TailBuffer(1_000));
  const entries = [
    makeInitEntry("video"),
    ...Array.from({ length: parts }, (_, index) => makePartEntry("video", index, 6)),
  ];
  for (const { entry, bytes } of entries) replica.appendEntry(entry, bytes);
  const access = PUBLIC_ACCESS_POLICY;
  const { offset } = replica;
  return { header: { kind: "hello", epoch, offset, access, snapshot: replica.snapshot() }, body: NO_BODY };
}

test("a part that the replica lists is lost above until the new epoch has come that far again", () => {
  const events = { objectReceived: () => {}, accessChanged: () => {}, replicaReplaced: () => {} };
  const updater = new ReplicaUpdater(new VirtualClock(), 1_000, events);
  updater.applyMessage(helloOf("first", 4));
  expect(updater.isLostAbove(video, { msn: 0, part: 3 })).toBe(false);
  // The Live object lost what was not stored.
  updater.applyMessage(helloOf("second", 2));
  expect(updater.replica?.track(video)?.segments[0]?.parts).toHaveLength(4);
  expect([1, 2, 3].map((part) => updater.isLostAbove(video, { msn: 0, part }))).toEqual([false, true, true]);
  updater.applyMessage(helloOf("third", 4));
  expect(updater.isLostAbove(video, { msn: 0, part: 3 })).toBe(false);
});

test("a clock that jumps does not show what the node above lost any earlier", async () => {
  const clock = new VirtualClock();
  const events = { objectReceived: () => {}, accessChanged: () => {}, replicaReplaced: () => {} };
  const updater = new ReplicaUpdater(clock, 1_000, events);
  updater.applyMessage(helloOf("first", 4));
  updater.applyMessage(helloOf("second", 2));
  const beat = { header: { kind: "beat" as const }, body: NO_BODY };
  clock.setWallTime(clock.nowMs() + 60_000);
  updater.applyMessage(beat);
  expect(updater.replica?.epoch).toBe("first");
  await clock.advance(6_100);
  updater.applyMessage(beat);
  expect(updater.replica?.epoch).toBe("second");
});
