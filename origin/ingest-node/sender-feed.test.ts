import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PassThrough } from "node:stream";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { IngestFrame } from "../../core/ingest/media-event.ts";
import { PassthroughError } from "../../core/ingest/passthrough/limits.ts";
import { VirtualClock } from "../../core/kit/virtual-clock.ts";
import type { EncoderConnection } from "../ingest/encoder-connection.ts";
import { type SimulatedSender, senderConfigs, senderFrames } from "../testing/simulated-sender.ts";
import { INGEST_NODE_LIMITS } from "./ingest-limits.ts";
import { SenderFeed } from "./sender-feed.ts";
import { probePackets } from "./testing/media-checks.ts";

const START = 1_760_000_000_000;
const OBS: SimulatedSender = { sizes: ["128x72"], fps: 30, gop: 250, hasAudio: true };
/** `FEED_OFFSET_S` in the timescale of RTMP. */
const OFFSET = 10_000;

let folder = "";
let clock: VirtualClock;
let feed: SenderFeed;
let overflows: number;
let connections: EncoderConnection[];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "corral-feed-"));
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  clock = new VirtualClock();
  overflows = 0;
  connections = [];
  const onOverflow = (): void => {
    overflows += 1;
  };
  feed = new SenderFeed({ clock, onOverflow, needsAudio: () => true });
});

/** The sender's frames, each at the time of its decoding. */
async function send(shape: SimulatedSender, fromS: number, untilS: number): Promise<IngestFrame[]> {
  const frames = senderFrames(shape, fromS, untilS);
  for (const frame of frames) {
    await clock.advance(Math.max(0, frame.dts - clock.monotonicMs()));
    feed.push(frame, START + frame.dts);
  }
  return frames;
}

const configure = (shape: SimulatedSender): void => {
  for (const config of senderConfigs(shape)) feed.push(config, START + clock.monotonicMs());
};

/** What was read of each connection. */
const received = new Map<EncoderConnection, Buffer[]>();

function open(isRead = true): void {
  feed.open((connection) => {
    connections.push(connection);
    received.set(connection, []);
    if (isRead) connection.stream.on("data", (chunk: Buffer) => received.get(connection)?.push(chunk));
  }, START + clock.monotonicMs());
}

/** The packets of the media so far of connection `i`. */
async function packetsOf(i: number): Promise<ReturnType<typeof probePackets>> {
  await new Promise((resolve) => setImmediate(resolve));
  const [path, connection] = [join(folder, "feed.mp4"), connections[i]];
  writeFileSync(path, Buffer.concat(connection === undefined ? [] : (received.get(connection) ?? [])));
  return probePackets(path);
}

const pictures = async (i: number): Promise<number> => (await packetsOf(i)).video.length;

test("FFmpeg gets every frame that came while the sender was judged, with the sender's times", async () => {
  configure(OBS);
  const frames = await send(OBS, 0, 4.1);
  open();
  await clock.advance(3_000);
  feed.end();
  const [connection] = connections;
  expect(connections).toHaveLength(1);
  expect(connection?.info).toMatchObject({
    video: { stream: 0, width: 128, height: 72, frameRate: { num: 30, den: 1 }, isInterlaced: false },
    audio: { stream: 1, channels: 2, sampleRate: 48_000 },
  });
  expect(connection?.programOffsetMs?.()).toBe(START - OFFSET);
  const { video, audio } = await packetsOf(0);
  const times = (media: string): number[] =>
    frames.filter((frame) => frame.media === media).map(({ dts }) => dts + OFFSET);
  expect(video.map(({ dts }) => dts)).toEqual(times("video"));
  expect(audio.map(({ dts }) => dts)).toEqual(times("audio"));
});

test("what waited is fed a second ahead and at twice real time, and then as it arrives", async () => {
  configure(OBS);
  await send(OBS, 0, 4);
  open();
  // Up to a second after the first one.
  expect(await pictures(0)).toBe(31);
  await send(OBS, 4, 5);
  expect((await pictures(0)) / OBS.fps).toBeCloseTo(3, 0);
  await send(OBS, 5, 8);
  expect(await pictures(0)).toBe(8 * OBS.fps);
  await send(OBS, 8, 8.1);
  expect(await pictures(0)).toBe(8.1 * OBS.fps);
});

test("a track that may come is waited for, and one that does not come is left out", async () => {
  configure({ ...OBS, hasAudio: false });
  open();
  await send({ ...OBS, hasAudio: false }, 0, 1.5);
  expect(connections).toHaveLength(0);
  await send({ ...OBS, hasAudio: false }, 1.5, 2.1);
  expect(connections[0]?.info).toMatchObject({ video: { stream: 0 }, audio: null });
});

test("another configuration ends the pipe with all that came, and the next pipe begins at a keyframe", async () => {
  const shape = { ...OBS, gop: 60 };
  configure(shape);
  open();
  const first = await send(shape, 0, 3.1);
  configure({ sizes: ["160x90"], fps: 30, gop: 60, hasAudio: true });
  expect(await pictures(0)).toBe(first.filter(({ media }) => media === "video").length);
  await send(shape, 3.1, 3.9);
  expect(connections).toHaveLength(1);
  await send(shape, 3.9, 5);
  expect(connections).toHaveLength(2);
  expect(connections[1]?.info.video).toMatchObject({ width: 160, height: 90 });
  feed.end();
  expect((await packetsOf(1)).video[0]).toMatchObject({ dts: 4_000 + OFFSET });
});

test("FFmpeg that is gone gets another pipe at the next keyframe", async () => {
  const shape = { ...OBS, gop: 60 };
  configure(shape);
  open();
  await send(shape, 0, 3);
  connections[0]?.close();
  await send(shape, 3, 5);
  expect(connections).toHaveLength(2);
  connections[0]?.close();
  await send(shape, 5, 6);
  expect(connections).toHaveLength(2);
});

test("a sender that was passed through holds nothing, and may still be fed from its next keyframe on", async () => {
  const shape = { ...OBS, gop: 60 };
  configure(shape);
  await send(shape, 0, 1);
  feed.release();
  await send(shape, 1, 10.5);
  open();
  await send(shape, 10.5, 14);
  feed.end();
  expect((await packetsOf(0)).video[0]).toMatchObject({ dts: 12_000 + OFFSET });
});

test("waiting media is bounded, before FFmpeg runs and while it does not read", async () => {
  const shape = { ...OBS, gop: 30, hasAudio: false };
  configure(shape);
  const data = new Uint8Array(1_000_000);
  const heldBytes = (i: number): number => {
    const stream = connections[i]?.stream as PassThrough;
    return stream.destroyed ? 0 : stream.writableLength + stream.readableLength;
  };
  const sendLarge = async (fromS: number, untilS: number): Promise<void> => {
    for (const frame of senderFrames(shape, fromS, untilS)) {
      await clock.advance(Math.max(0, frame.dts - clock.monotonicMs()));
      feed.push({ ...frame, data }, START + frame.dts);
    }
  };
  await sendLarge(0, 3.5);
  open(false);
  await sendLarge(3.5, 3.55);
  const { feedBytes } = INGEST_NODE_LIMITS;
  expect(heldBytes(0)).toBeLessThan(feedBytes);
  expect(overflows).toBe(0);
  await sendLarge(3.55, 7);
  expect(overflows).toBeGreaterThan(0);
  for (const i of connections.keys()) expect(heldBytes(i)).toBeLessThan(feedBytes + 2e6);
});

test("a sender that runs faster than real time is refused with a sentence", () => {
  configure(OBS);
  open();
  const push = (): void => {
    for (const frame of senderFrames(OBS, 0, 30)) feed.push(frame, START + frame.dts / 20);
  };
  expect(push).toThrow(PassthroughError);
});
