import { expect, test } from "vitest";
import type { TrackName } from "../kit/ids.ts";
import { Replica } from "./replica.ts";
import type { SegmentState } from "./segment.ts";
import { TailBuffer } from "./tail-buffer.ts";
import { makePartEntry, makeTestConfig } from "./testing.ts";

const video = "video" as TrackName;
const PARTS_PER_SEGMENT = 3;

/** A replica with so many closed segments of three parts of 20 bytes each. */
function replicaOf(segments: number, maxBytes: number): { tail: TailBuffer; segmentAt(msn: number): SegmentState } {
  const replica = new Replica("epoch", makeTestConfig(), new TailBuffer(maxBytes));
  for (let index = 0; index < segments * PARTS_PER_SEGMENT; index += 1) {
    const step = makePartEntry("video", index, PARTS_PER_SEGMENT);
    replica.appendEntry(step.entry, step.bytes);
  }
  return {
    tail: replica.tail,
    segmentAt: (msn) => {
      const segment = replica.track(video)?.segments.find((each) => each.msn === msn);
      if (segment === undefined) throw new Error(`no segment ${msn}`);
      return segment;
    },
  };
}

test("a segment in demand is assembled once, and is its parts in order", () => {
  const { tail, segmentAt } = replicaOf(4, 1e9);
  const bytes = tail.segmentBytes(video, segmentAt(3));
  expect(bytes).toEqual(tail.assembleSegment(video, segmentAt(3)));
  expect(tail.segmentBytes(video, segmentAt(2))).not.toEqual(bytes);
  expect(tail.segmentBytes(video, segmentAt(3))).toBe(bytes);
});

test("assembled segments are counted with the tail, and take an eighth of it at most", () => {
  const { tail, segmentAt } = replicaOf(6, 8 * 2 * 60);
  const parts = tail.heldBytes;
  const kept = [2, 3, 4, 5].map((msn) => tail.segmentBytes(video, segmentAt(msn)));
  expect(tail.heldBytes).toBe(parts + 2 * 60);
  expect([4, 5].map((msn) => tail.segmentBytes(video, segmentAt(msn)))).toEqual(kept.slice(2));
  expect(tail.segmentBytes(video, segmentAt(5))).toBe(kept[3]);
  expect(tail.segmentBytes(video, segmentAt(2))).not.toBe(kept[0]);
});

test("an assembled segment leaves with its parts", () => {
  const { tail, segmentAt } = replicaOf(4, 1e9);
  tail.segmentBytes(video, segmentAt(3));
  tail.dropTrack(video);
  expect(tail.heldBytes).toBe(0);
  expect(tail.segmentBytes(video, segmentAt(3))).toBeNull();
});

test("a segment whose part is not held has no bytes, and one that is open has none yet", () => {
  const { tail, segmentAt } = replicaOf(3, 1e9);
  expect(tail.segmentBytes("audio" as TrackName, segmentAt(0))).toBeNull();
  expect(tail.segmentBytes(video, { ...segmentAt(2), closed: false })).toBeNull();
});
