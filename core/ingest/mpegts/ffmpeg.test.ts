import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { annexBOf, decodedHashes, probePackets } from "../../../origin/ingest-node/testing/media-checks.ts";
import type { IngestEvent } from "../media-event.ts";
import { TransportDemuxer } from "./demuxer.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "corral-mpegts-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SOURCE = ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=25", "-f", "lavfi", "-i", "sine=f=440:r=48000", "-t", "3"];

function runFfmpeg(...args: readonly string[]): void {
  const { status, stderr } = spawnSync("ffmpeg", ["-v", "error", "-y", ...args], { cwd: folder, timeout: 60_000 });
  if (status !== 0) throw new Error(String(stderr));
}

/** The events of a file, in pieces as SRT delivers them. */
function demuxFile(name: string): IngestEvent[] {
  const bytes = readFileSync(join(folder, name));
  const demuxer = new TransportDemuxer();
  const events: IngestEvent[] = [];
  for (let at = 0; at < bytes.byteLength; at += 1_316) events.push(...demuxer.push(bytes.subarray(at, at + 1_316)));
  events.push(...demuxer.end());
  expect(demuxer.counts).toEqual({ skippedBytes: 0, continuityErrors: 0, droppedUnits: 0, unreadStreams: 0 });
  return events;
}

/** The content of a box in a file; its type occurs once. */
function readBox(name: string, type: string): Uint8Array {
  const bytes = readFileSync(join(folder, name));
  const at = bytes.indexOf(type);
  return bytes.subarray(at + 4, at - 4 + bytes.readUInt32BE(at - 4));
}

const recordOf = (events: readonly IngestEvent[], media: "video" | "audio"): Uint8Array => {
  const configs = events.filter((event) => event.kind === "config" && event.media === media);
  expect(configs).toHaveLength(1);
  return configs[0]?.kind === "config" ? configs[0].record : new Uint8Array(0);
};

test("H.264 with B-frames and AAC have FFmpeg's times, keyframes, record and pictures", () => {
  runFfmpeg(...SOURCE, "-c:v", "libx264", "-preset", "veryfast", "-g", "25", "-bf", "3", "-c:a", "aac", "h264.ts");
  runFfmpeg("-i", "h264.ts", "-c", "copy", "h264.mp4");
  const events = demuxFile("h264.ts");
  expect(framesLike(events)).toEqual(probePackets(join(folder, "h264.ts")));
  expect(Buffer.from(recordOf(events, "video"))).toEqual(readBox("h264.mp4", "avcC"));
  expect([...recordOf(events, "audio")]).toEqual([0x11, 0x88]);
  const hashes = decodedHashes(annexBOf(events), "h264");
  expect(hashes).toHaveLength(75);
  expect(hashes).toEqual(decodedHashes(readFileSync(join(folder, "h264.ts")), "mpegts"));
});

test("HEVC and Opus have FFmpeg's times, keyframes, record and pictures", () => {
  const codecs = [
    "-c:v",
    "libx265",
    "-preset",
    "ultrafast",
    "-x265-params",
    "log-level=error:keyint=25",
    "-c:a",
    "libopus",
  ];
  runFfmpeg(...SOURCE, ...codecs, "hevc.ts");
  runFfmpeg("-i", "hevc.ts", "-c", "copy", "-tag:v", "hvc1", "hevc.mp4");
  const events = demuxFile("hevc.ts");
  expect(framesLike(events)).toEqual(probePackets(join(folder, "hevc.ts")));
  const [record, reference] = [recordOf(events, "video"), readBox("hevc.mp4", "hvcC")];
  // Profile, tier and level; chroma format and bit depths; sub-layers, nesting and size of lengths.
  const fieldsOf = (bytes: Uint8Array) =>
    [bytes.slice(0, 13), bytes.slice(16, 19), (bytes[21] ?? 0) & 0x3f].flatMap((part) => [
      ...Buffer.from(part instanceof Uint8Array ? part : [part]),
    ]);
  expect(fieldsOf(record)).toEqual(fieldsOf(reference));
  const hashes = decodedHashes(annexBOf(events), "hevc");
  expect(hashes).toHaveLength(75);
  expect(hashes).toEqual(decodedHashes(readFileSync(join(folder, "hevc.ts")), "mpegts"));
});

/** The frames in the form of `probePackets`. */
function framesLike(events: readonly IngestEvent[]): ReturnType<typeof probePackets> {
  const frames = events.filter((event) => event.kind === "frame");
  const list = (media: "video" | "audio") =>
    frames
      .filter((frame) => frame.media === media)
      .map(({ dts, ctsOffset, sync }) => ({ dts, pts: dts + ctsOffset, sync }));
  return { video: list("video"), audio: list("audio") };
}
