/** A sender of Opus at an ingest node: AAC beside it from the first part on, also of its slate, and of its return. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { IngestEvent } from "../../../core/ingest/media-event.ts";
import { systemPlatform } from "../../../core/kit/system-platform.ts";
import { boxBody, encodeTrack } from "../../testing/encoded-track.ts";
import { FakeEdge } from "../../testing/fake-edge.ts";
import { IngestNode } from "../ingest-node.ts";
import { SlateLibrary } from "../slate-encoder.ts";
import { FakeSender } from "../testing/fake-sender.ts";

const PATIENCE = { timeout: 20_000, interval: 20 };
const SECONDS = 16;
const TICK_MS = 10;

let edge: FakeEdge;
let node: IngestNode;
let lines: string[];

beforeEach(async () => {
  edge = await new FakeEdge().start();
  lines = [];
  const log = (text: string): void => void lines.push(text);
  node = new IngestNode({
    authorize: ({ key }) =>
      Promise.resolve({ kind: "granted", target: { edge: edge.url, key, publisher: "test-node" } }),
    packaging: { partMs: 333, segmentMs: 2_000, windowS: 60 },
    slates: new SlateLibrary({ picture: null, clock: systemPlatform.clock, log: { warn: log } }),
    log: { debug: log, info: log, warn: log, error: log },
    ...{ hasAac: true, transcoder: null, reconnectMs: 60_000, platform: systemPlatform },
  });
});
afterEach(async () => {
  await node.close();
  await edge.stop();
});

/** RFC 7845 §5.1, of two channels. */
function opusHead(): Uint8Array {
  const head = Buffer.from("OpusHead\u0001\u0002", "latin1");
  const rest = Buffer.alloc(9);
  rest.writeUInt16LE(312, 0);
  rest.writeUInt32LE(48_000, 2);
  return Buffer.concat([head, rest]);
}

/** What a sender with a keyframe every second sends, by its media time, milliseconds. */
function makeMedia(): {
  readonly configs: IngestEvent[];
  readonly frames: { readonly atMs: number; readonly event: IngestEvent }[];
} {
  const video = encodeTrack(
    `-f lavfi -i testsrc2=size=160x96:rate=30:d=${SECONDS} -c:v libx264 -preset ultrafast -g 30 -bf 0 -sc_threshold 0`,
  );
  const audio = encodeTrack(`-f lavfi -i sine=r=48000:d=${SECONDS} -c:a libopus -b:a 64k -ac 2`);
  const timescales = { video: video.info.timescale, audio: 48_000 };
  const configs: IngestEvent[] = [
    {
      kind: "config",
      media: "video",
      track: 0,
      codec: "h264",
      timescale: timescales.video,
      record: boxBody(video.init, "avcC"),
    },
    { kind: "config", media: "audio", track: 0, codec: "opus", timescale: timescales.audio, record: opusHead() },
  ];
  const frames = (["video", "audio"] as const).flatMap((media) =>
    (media === "video" ? video : audio).frames.map(({ dts, ctsOffset, sync, data }) => ({
      atMs: (dts * 1_000) / timescales[media],
      event: { kind: "frame", media, track: 0, dts, ctsOffset, sync, data } as const,
    })),
  );
  return { configs, frames: frames.toSorted((a, b) => a.atMs - b.atMs) };
}

/** Sends media in real time, from where it is now, until `stop`. */
function send(sender: FakeSender, { configs, frames }: ReturnType<typeof makeMedia>, beganMs: number): () => void {
  for (const config of configs) sender.send(config);
  let at = frames.findIndex(({ atMs }) => atMs >= performance.now() - beganMs);
  const timer = setInterval(() => {
    for (let next = frames[at]; next !== undefined && next.atMs <= performance.now() - beganMs; next = frames[at]) {
      sender.send(next.event);
      at += 1;
    }
  }, TICK_MS);
  return () => clearInterval(timer);
}

const partsOf = (track: string) => edge.tracks.get(track)?.parts ?? [];
const mediaParts = (): number => partsOf("audio-aac").filter(({ meta }) => !meta.gap).length;
const secondsOf = (track: string): number =>
  partsOf(track).reduce((ticks, { meta }) => ticks + meta.durationTicks, 0) / 48_000;
/** Waits for `count` further parts of AAC that are no gaps. */
async function moreMedia(count: number): Promise<void> {
  const before = mediaParts();
  await vi.waitFor(() => expect(mediaParts()).toBeGreaterThanOrEqual(before + count), PATIENCE);
}

test("AAC is beside Opus, and goes on with the slate and with the sender's return", { timeout: 60_000 }, async () => {
  const media = makeMedia();
  const beganMs = performance.now();
  const first = new FakeSender("secret");
  await node.admit(first);
  const stop = send(first, media, beganMs);
  await moreMedia(3);
  expect(edge.config?.tracks.map(({ name, codecs }) => [name, codecs])).toEqual([
    ["96p", expect.stringMatching(/^avc1/)],
    ["audio", "opus"],
    ["audio-aac", "mp4a.40.2"],
  ]);
  await vi.waitFor(() => expect(lines.join("\n")).toContain("the slate is ready"), PATIENCE);
  stop();
  first.end({ kind: "lost", detail: "its link broke" });
  await vi.waitFor(() => expect(lines.join("\n")).toContain("a slate stands"), PATIENCE);
  await moreMedia(4);
  const second = new FakeSender("secret");
  await node.admit(second);
  const stopSecond = send(second, media, beganMs);
  await vi.waitFor(() => expect(lines.filter((line) => line.includes("connected again"))).toHaveLength(1), PATIENCE);
  await moreMedia(8);
  stopSecond();
  second.end({ kind: "goodbye" });
  await node.close();
  expect(edge.opened).toHaveLength(1);
  expect(Math.abs(secondsOf("audio") - secondsOf("audio-aac"))).toBeLessThan(0.05);
  expect(lines.filter((line) => line.includes("restarted"))).toEqual([]);
});
