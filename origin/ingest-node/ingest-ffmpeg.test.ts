/** FFmpeg pushes by RTMP through a node to an edge: what is published is what the file holds. */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { killOnExit } from "../kit/ffmpeg-process.ts";
import { FakeEdge } from "../testing/fake-edge.ts";
import { IngestNode } from "./ingest-node.ts";
import { startRtmpListener } from "./rtmp-listener.ts";
import type { SenderListener } from "./sender-connection.ts";

const SECONDS = 4;
const SOURCE = `-f lavfi -i testsrc2=s=320x180:r=30000/1001:d=${SECONDS} -f lavfi -i sine=r=48000:d=${SECONDS}`;

let folder = "";
let edge: FakeEdge;
let node: IngestNode;
let listener: SenderListener;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "corral-ingest-"));
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(async () => {
  edge = await new FakeEdge().start();
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  node = new IngestNode({
    authorize: ({ key }) =>
      Promise.resolve(
        key === edge.key
          ? { kind: "granted", target: { edge: edge.url, key, publisher: "test-node" } }
          : { kind: "refused", sentence: "The stream key is wrong." },
      ),
    packaging: { partMs: 333, segmentMs: 2000, windowS: 60 },
    transcoder: null,
    ...{ reconnectMs: 0, log, platform: systemPlatform },
  });
  listener = await startRtmpListener({
    ...{ host: "127.0.0.1", port: 0, tls: null, platform: systemPlatform },
    onSender: (connection) => void node.admit(connection),
  });
});
afterEach(async () => {
  await node.close();
  await listener.close();
  await edge.stop();
});

function makeSource(options: string): string {
  const file = join(folder, `source-${options.length}.flv`);
  const args = `-v error -y ${SOURCE} -c:v libx264 -preset veryfast ${options} -c:a aac -ac 2`.split(" ");
  execFileSync("ffmpeg", [...args, file], { timeout: 60_000 });
  return file;
}

async function push(file: string, key = edge.key): Promise<{ code: number | null; stderr: string }> {
  const url = `rtmp://127.0.0.1:${listener.port}/live/demo/${key}`;
  const args = ["-v", "error", "-nostdin", "-re", "-i", file, "-c", "copy", "-f", "flv", url];
  const child = spawn("ffmpeg", args, { stdio: ["ignore", "ignore", "pipe"] });
  killOnExit(child);
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, stderr };
}

interface ProbedFrame {
  readonly media_type: string;
  readonly pts_time: string;
  readonly pict_type?: string;
}

/** Decoded frames of a file, in order of presentation. */
function decode(file: string): ProbedFrame[] {
  const args = `-v error -show_frames -show_entries frame=media_type,pts_time,pict_type -of json ${file}`.split(" ");
  const text = execFileSync("ffprobe", args, { encoding: "utf8", maxBuffer: 1 << 26, timeout: 30_000 });
  return (JSON.parse(text) as { frames: ProbedFrame[] }).frames;
}

/** What the edge has of a track, as a file. */
function publishedFile(track: string): string {
  const held = edge.tracks.get(track);
  const path = join(folder, `${track}.mp4`);
  writeFileSync(
    path,
    Buffer.concat([held?.inits.get(1) ?? Buffer.alloc(0), ...(held?.parts.map(({ bytes }) => bytes) ?? [])]),
  );
  return path;
}

test.each([
  ["without B-frames", "-g 60 -bf 0 -sc_threshold 0"],
  ["with B-frames and keyframes at cuts", "-g 60 -bf 2"],
])("a push %s is published whole, with even frames, and plays", { timeout: 60_000 }, async (_name, options) => {
  const file = makeSource(options);
  expect(await push(file)).toMatchObject({ code: 0 });
  await node.close();
  expect(edge.ended).toBe(true);
  expect(edge.config?.tracks).toMatchObject([
    { name: "180p", width: 320, height: 180, frameRate: 29.97, codecs: expect.stringMatching(/^avc1\.64/) },
    { name: "audio", codecs: "mp4a.40.2", channels: 2, sampleRate: 48_000 },
  ]);
  const sent = decode(file);
  const pictures = decode(publishedFile("180p"));
  const expected = sent.filter(({ media_type }) => media_type === "video");
  expect(pictures.map(({ pict_type }) => pict_type)).toEqual(expected.map(({ pict_type }) => pict_type));
  const times = pictures.map(({ pts_time }) => Number(pts_time));
  const steps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
  for (const step of steps) expect(step).toBeCloseTo(1001 / 30_000, 4);
  const sound = decode(publishedFile("audio"));
  // Sound before the first picture is not published.
  expect(sound.length).toBeGreaterThan((SECONDS * 48_000) / 1024 - 8);
  const samples = edge.tracks.get("audio")?.parts.filter(({ meta }) => !meta.gap && meta.close === undefined) ?? [];
  for (const { meta } of samples) expect(meta.durationTicks % 1024).toBe(0);
});

test("a wrong key is refused before any media, and FFmpeg ends", { timeout: 30_000 }, async () => {
  const { code } = await push(makeSource("-g 60 -bf 0 -sc_threshold 0"), "wrong");
  expect(code).not.toBe(0);
  expect([edge.requests, node.describe().size]).toEqual([0, 0]);
});
