import { expect, test } from "vitest";
import type { SegmentState } from "../../core/broadcast/segment.ts";
import type { BroadcastId, StreamName, TrackName } from "../../core/kit/ids.ts";
import { VirtualClock } from "../../core/kit/virtual-clock.ts";
import { type ArchiveJob, SegmentArchive } from "./segment-archive.ts";

/** A bucket whose `put` calls give the results of `answer`, in order. */
class TestBucket {
  readonly objects = new Map<string, Uint8Array>();
  writes = 0;
  readonly #answer: (write: number) => "store" | "refuse" | "ignore";

  constructor(answer: (write: number) => "store" | "refuse" | "ignore") {
    this.#answer = answer;
  }

  put(key: string, bytes: Uint8Array): Promise<null> {
    this.writes += 1;
    const answer = this.#answer(this.writes);
    if (answer === "ignore") return new Promise(() => {});
    if (answer === "refuse") return Promise.reject(new Error("R2 refuses"));
    this.objects.set(key, bytes);
    return Promise.resolve(null);
  }
}

/** Long enough for every delay and retry of these tests. */
const DRAIN_MS = 60_000;

/** An archive in virtual time, and the segments that it listed. */
function archiveTo(bucket: TestBucket): { archive: SegmentArchive; clock: VirtualClock; listed: string[] } {
  const clock = new VirtualClock();
  const listed: string[] = [];
  const onStored = (jobs: readonly ArchiveJob[]): void => {
    for (const { track, segment } of jobs) listed.push(`${track} ${segment.msn}`);
  };
  const platform = { clock, random: () => 0.5, newId: () => "id" };
  return { archive: new SegmentArchive(bucket as unknown as R2Bucket, onStored, platform), clock, listed };
}

function job(track: string, msn: number, bytes: Uint8Array | null): ArchiveJob {
  const start = { programTimeMs: 1, initVersion: 1, discontinuity: false };
  const byteLength = bytes?.byteLength ?? 0;
  const gap = bytes === null;
  const segment: SegmentState = {
    msn,
    start,
    parts: [],
    durationTicks: 1,
    byteLength,
    gap,
    closed: true,
    durable: false,
  };
  return {
    stream: "s" as StreamName,
    broadcast: "archivetest" as BroadcastId,
    track: track as TrackName,
    segment,
    bytes,
  };
}

test("a failed R2 write is retried, and later segments of its track wait, so the index has no holes", async () => {
  const bucket = new TestBucket((write) => (write <= 2 ? "refuse" : "store"));
  const { archive, clock, listed } = archiveTo(bucket);
  archive.enqueue(job("video", 0, new Uint8Array(5)));
  archive.enqueue(job("video", 1, new Uint8Array(6)));
  archive.enqueue(job("audio", 0, null));
  expect([archive.pendingBytes, archive.isStoring("archivetest" as BroadcastId)]).toEqual([11, true]);
  const drained = archive.whenDrained();
  await clock.advance(DRAIN_MS);
  await drained;
  expect([archive.pendingBytes, archive.isStoring("archivetest" as BroadcastId)]).toEqual([0, false]);
  expect(listed.filter((name) => name.startsWith("video"))).toEqual(["video 0", "video 1"]);
  expect(listed).toContain("audio 0");
  expect(bucket.objects.get("s/archivetest/video/1.m4s")?.byteLength).toBe(6);
});

test("a write without an answer is repeated", async () => {
  const bucket = new TestBucket((write) => (write === 1 ? "ignore" : "store"));
  const { archive, clock, listed } = archiveTo(bucket);
  archive.enqueue(job("video", 0, new Uint8Array(7)));
  const drained = archive.whenDrained();
  await clock.advance(DRAIN_MS);
  await drained;
  expect([bucket.writes, listed]).toEqual([2, ["video 0"]]);
  expect(bucket.objects.get("s/archivetest/video/0.m4s")?.byteLength).toBe(7);
});
