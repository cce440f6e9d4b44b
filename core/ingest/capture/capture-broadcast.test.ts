import { expect, test } from "vitest";
import type { PartMeta } from "../../broadcast/broadcast-log.ts";
import type { Platform } from "../../kit/clock.ts";
import { parseBroadcastId, parseStreamName } from "../../kit/ids.ts";
import { systemPlatform } from "../../kit/system-platform.ts";
import { VirtualClock } from "../../kit/virtual-clock.ts";
import { testTrackName } from "../../media/cmaf/fixtures.ts";
import type { PassthroughTrack } from "../passthrough/timeline-plan.ts";
import { PART_HEADER, PUBLISH_PROBLEM_TYPES } from "../publish-api.ts";
import type { PublishError } from "../publisher/publish-error.ts";
import type { PublishHttpAnswer, PublishPut, PublishTransport } from "../publisher/publish-transport.ts";
import { CaptureBroadcast } from "./capture-broadcast.ts";
import { captureTrackName, describeAudioTrack, describeVideoTrack } from "./capture-track.ts";

/** An edge in memory: takes everything in order, and counts it as stored. */
class MemoryEdge implements PublishTransport {
  readonly puts: string[] = [];
  readonly parts = new Map<string, PartMeta[]>();
  isOffline = false;
  opening: unknown = null;
  refusal: PublishHttpAnswer | null = null;

  async put({ path, headers, body }: PublishPut): Promise<PublishHttpAnswer> {
    if (this.isOffline) throw new Error("no network");
    if (this.refusal !== null) return this.refusal;
    const [, , , , track, file] = path.split("/");
    this.puts.push(file === undefined ? `${track ?? "open"}` : `${track}/${file}`);
    if (track === undefined) this.opening = JSON.parse(String(body));
    const meta = headers[PART_HEADER];
    if (track !== undefined && meta !== undefined) {
      const list = this.parts.get(track) ?? [];
      list.push(JSON.parse(meta) as PartMeta);
      this.parts.set(track, list);
    }
    const tracks = Object.fromEntries(["720p", "360p", "audio"].map((name) => [name, this.#progress(name)]));
    return { status: 200, body: JSON.stringify({ epoch: "1", tracks }), retryAfter: null };
  }

  async close(): Promise<void> {}

  #progress(name: string): object {
    const last = this.parts.get(name)?.at(-1);
    const isClosed = last?.close !== undefined;
    const inits = [1, 2].filter((version) => this.puts.includes(`${name}/init-${version}.mp4`));
    const next =
      last === undefined
        ? { msn: 0, part: 0 }
        : isClosed
          ? { msn: last.msn + 1, part: 0 }
          : { msn: last.msn, part: last.part + 1 };
    return {
      durableMsn: isClosed ? last.msn : (last?.msn ?? 0) - 1,
      next,
      inits,
    };
  }
}

function must<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error("missing in the test's set-up");
  return value;
}

/** The record of a picture of this size, from the fixtures' profile with a real parameter set. */
const SPS_640X360 = [
  0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x2f, 0xf9, 0x61, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00, 0x03, 0x00,
  0x3c, 0x0f, 0x16, 0x2e, 0x48,
];
const RECORD = Uint8Array.from([
  1,
  0x42,
  0xc0,
  0x1e,
  0xff,
  0xe1,
  0,
  SPS_640X360.length,
  ...SPS_640X360,
  1,
  0,
  4,
  0x68,
  0xcb,
  0x83,
  0xcb,
]);
const RENDITION = { framesPerSecond: 30, codec: "avc1.42c01e", acceleration: "no-preference" } as const;
const TOP = { ...RENDITION, width: 1280, height: 720, bitsPerSecond: 2_500_000 };
const LOW = { ...RENDITION, width: 640, height: 360, bitsPerSecond: 700_000 };
const OPUS_HEAD = Uint8Array.from([...new TextEncoder().encode("OpusHead"), 1, 2, 0x38, 1, 0x80, 0xbb, 0, 0, 0, 0, 0]);
const PACKET = Uint8Array.of(0xfc, 1, 2);
const FRAME_TICKS = 3_000;
const AUDIO = testTrackName("audio");

function begin(
  edge: MemoryEdge,
  platform: Platform = systemPlatform,
): { broadcast: CaptureBroadcast; tracks: PassthroughTrack[]; fatal: PublishError[] } {
  const audio = describeAudioTrack({ codec: "opus", record: OPUS_HEAD, bitsPerSecond: 128_000, firstPacket: PACKET });
  const tracks = [describeVideoTrack(TOP, RECORD), describeVideoTrack(LOW, RECORD), audio];
  const fatal: PublishError[] = [];
  const broadcast = new CaptureBroadcast({
    ...{ edge: "https://edge.example", key: "k", publisher: "publisher", tracks, transport: edge },
    broadcast: must(parseBroadcastId("testbroadcast")),
    stream: must(parseStreamName("show")),
    startedAtMs: 1_760_000_000_000,
    platform,
    log: { info: () => {}, warn: () => {}, error: () => {} },
    onFatal: (error) => fatal.push(error),
  });
  return { broadcast, tracks, fatal };
}

/** Seconds `from` to `until` of media; without the largest rendition if `isTopDropped`. */
function push(broadcast: CaptureBroadcast, from: number, until: number, isTopDropped = false): void {
  for (let i = from * 30; i < until * 30; i += 1) {
    const dts = i * FRAME_TICKS;
    const frame = { dts, ctsOffset: 0, durationTicks: FRAME_TICKS, sync: i % 60 === 0, data: Uint8Array.of(1, 2, 3) };
    if (isTopDropped) broadcast.markSilent(captureTrackName(TOP), dts);
    else broadcast.push(captureTrackName(TOP), frame);
    broadcast.push(captureTrackName(LOW), frame);
    for (let k = Math.ceil(i * (50 / 30)); k < (i + 1) * (50 / 30); k += 1) {
      const sound = { dts: k * 960, ctsOffset: 0, durationTicks: 960, sync: true, data: PACKET };
      broadcast.push(AUDIO, sound);
    }
  }
}

test("the largest rendition is announced first, left out as gap parts, and returns with a keyframe", async () => {
  const edge = new MemoryEdge();
  const { broadcast, fatal } = begin(edge);
  broadcast.beginTimeline(1_760_000_000_000);
  push(broadcast, 0, 3);
  push(broadcast, 3, 6, true);
  push(broadcast, 6, 8);
  await broadcast.end();
  expect(fatal).toEqual([]);
  const { tracks } = edge.opening as { tracks: { name: string; codecs: string }[] };
  expect(tracks.map(({ name }) => name)).toEqual(["720p", "360p", "audio"]);
  const top = must(edge.parts.get("720p"));
  const low = must(edge.parts.get("360p"));
  expect(top.some(({ gap }) => gap)).toBe(true);
  expect(low.some(({ gap }) => gap)).toBe(false);
  expect(top.at(-1)?.msn).toBe(low.at(-1)?.msn);
  // The segments of the third to the sixth second begin or are without pictures; the last one has them again.
  expect(top.filter(({ msn, part }) => msn === 3 && part === 0)[0]).toMatchObject({ independent: true, gap: false });
});

test("a network that returns finds gap parts for the time between, and a timeline after them", async () => {
  const edge = new MemoryEdge();
  const { broadcast } = begin(edge);
  broadcast.beginTimeline(1_760_000_000_000);
  push(broadcast, 0, 2);
  broadcast.endTimeline();
  broadcast.fillGapUntil(1_760_000_005_000);
  broadcast.beginTimeline(1_760_000_000_000);
  push(broadcast, 6, 8);
  await broadcast.end();
  const low = must(edge.parts.get("360p"));
  expect(low.filter(({ start }) => start?.discontinuity === true)).toHaveLength(1);
  const gapTicks = low.filter(({ gap }) => gap).reduce((sum, { durationTicks }) => sum + durationTicks, 0);
  expect(gapTicks / 90_000).toBeCloseTo(4, 1);
});

test("another configuration of an encoder is another init section, with the next timeline", async () => {
  const edge = new MemoryEdge();
  const { broadcast } = begin(edge);
  broadcast.beginTimeline(1_760_000_000_000);
  push(broadcast, 0, 2);
  broadcast.endTimeline();
  // Another value of a parameter set's last byte.
  const record = RECORD.with(-1, 0xca);
  broadcast.replaceTrack(describeVideoTrack(LOW, record));
  broadcast.beginTimeline(1_760_000_000_000);
  push(broadcast, 2, 4);
  await broadcast.end();
  expect(edge.puts.filter((put) => put.includes("init-"))).toEqual(
    expect.arrayContaining(["360p/init-1.mp4", "360p/init-2.mp4", "720p/init-1.mp4"]),
  );
  expect(edge.puts).not.toContain("720p/init-2.mp4");
});

test("the age of the queue is that of the oldest part since the opening, and dropped media waits as gaps", async () => {
  const edge = new MemoryEdge();
  const clock = new VirtualClock(1_760_000_000_000);
  const { broadcast } = begin(edge, { ...systemPlatform, clock });
  broadcast.beginTimeline(1_760_000_000_000);
  expect(broadcast.queueMs).toBe(0);
  push(broadcast, 0, 1);
  await broadcast.firstPart;
  edge.isOffline = true;
  push(broadcast, 1, 4);
  await clock.advance(700);
  expect(broadcast.queueMs).toBe(700);
  broadcast.dropWaiting(captureTrackName(TOP));
  edge.isOffline = false;
  const ending = broadcast.end();
  await clock.advance(5_000);
  await ending;
  expect(must(edge.parts.get("720p")).filter(({ gap }) => gap).length).toBeGreaterThan(3);
  expect(must(edge.parts.get("360p")).filter(({ gap }) => gap)).toEqual([]);
});

test("another publisher's lease is told at once, by its code", async () => {
  const edge = new MemoryEdge();
  const body = JSON.stringify({ type: PUBLISH_PROBLEM_TYPES.alreadyLive, title: "Already live" });
  edge.refusal = { status: 409, body, retryAfter: null };
  const { broadcast, fatal } = begin(edge);
  await expect(broadcast.firstPart).rejects.toThrow(/Another publisher is live/);
  expect(fatal.map(({ code }) => code)).toEqual(["already-live"]);
  await broadcast.close();
});
