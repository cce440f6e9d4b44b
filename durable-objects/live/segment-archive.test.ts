import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { SegmentState } from "../../core/broadcast/broadcast-log.ts";
import type { BroadcastId, StreamName, TrackName } from "../../core/kit/ids.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import type { Env } from "../../workers/env.ts";
import { type ArchiveJob, SegmentArchive } from "./segment-archive.ts";

const { MEDIA } = env as unknown as Env;

/** The real bucket, whose first `failures` writes are refused. */
function refusing(failures: number): R2Bucket {
  let left = failures;
  return {
    put: async (...args: Parameters<R2Bucket["put"]>) => {
      left -= 1;
      if (left >= 0) throw new Error("R2 refuses");
      return MEDIA.put(...args);
    },
  } as unknown as R2Bucket;
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

test("segments that R2 refuses are tried again, and those after them wait, so that what is listed has no holes", async () => {
  const listed: string[] = [];
  const archive = new SegmentArchive(
    refusing(2),
    (jobs) => {
      for (const { track, segment } of jobs) listed.push(`${track} ${segment.msn}`);
    },
    systemPlatform,
  );
  archive.enqueue(job("video", 0, new Uint8Array(5)));
  archive.enqueue(job("video", 1, new Uint8Array(6)));
  archive.enqueue(job("audio", 0, null));
  expect(archive.pendingBytes).toBe(11);
  await archive.whenDrained();
  expect(archive.pendingBytes).toBe(0);
  expect(listed.filter((name) => name.startsWith("video"))).toEqual(["video 0", "video 1"]);
  expect(listed).toContain("audio 0");
  expect((await MEDIA.head("s/archivetest/video/1.m4s"))?.size).toBe(6);
});

test("a write that R2 never answers is made again", async () => {
  let writes = 0;
  const silentOnce = {
    put: (...args: Parameters<R2Bucket["put"]>) => {
      writes += 1;
      return writes === 1 ? new Promise(() => {}) : MEDIA.put(...args);
    },
  } as unknown as R2Bucket;
  const listed: number[] = [];
  const archive = new SegmentArchive(
    silentOnce,
    (jobs) => void listed.push(...jobs.map(({ segment }) => segment.msn)),
    systemPlatform,
    20,
  );
  archive.enqueue(job("silent", 0, new Uint8Array(7)));
  await archive.whenDrained();
  expect([writes, listed]).toEqual([2, [0]]);
  expect((await MEDIA.head("s/archivetest/silent/0.m4s"))?.size).toBe(7);
});
