/** FFmpeg pushes what cannot be passed through: the node encodes it anew, or refuses it. */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { killOnExit } from "../kit/ffmpeg-process.ts";
import { parseLadderFlags } from "../packager/ladder.ts";
import { PRESETS } from "../packager/presets.ts";
import { Transcoder } from "../packager/transcoder.ts";
import { FakeEdge, type FakeEdgeTrack } from "../testing/fake-edge.ts";
import { IngestNode } from "./ingest-node.ts";
import { startRtmpListener } from "./rtmp-listener.ts";
import type { SenderListener } from "./sender-connection.ts";

const SECONDS = 9;
const FPS = 30;

let folder = "";
let rare = "";
let edge: FakeEdge;
let node: IngestNode;
let listener: SenderListener;
let lines: string[];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "corral-transcode-"));
  rare = makeSource("rare", "-g 250 -bf 2");
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(async () => {
  edge = await new FakeEdge().start();
  lines = [];
});
afterEach(async () => {
  await node.close();
  await listener.close();
  await edge.stop();
});

async function startNode(transcoder: Transcoder | null, reconnectMs = 0): Promise<void> {
  const log = (text: string): void => void lines.push(text);
  node = new IngestNode({
    authorize: ({ key }) =>
      Promise.resolve(
        key === edge.key
          ? { kind: "granted", target: { edge: edge.url, key, publisher: "test-node" } }
          : { kind: "refused", sentence: "The stream key is wrong." },
      ),
    packaging: { partMs: 333, segmentMs: 2000, windowS: 60 },
    log: { debug: log, info: log, warn: log, error: log },
    ...{ transcoder, reconnectMs, platform: systemPlatform },
  });
  listener = await startRtmpListener({
    ...{ host: "127.0.0.1", port: 0, tls: null, platform: systemPlatform },
    onSender: (connection) => void node.admit(connection),
  });
}

function createTranscoder(mode: "auto" | "always", limit = 1): Transcoder {
  const ladder = parseLadderFlags("180p:300k,90p:100k");
  return new Transcoder({ mode, limit, ladder, preset: PRESETS.ultra, clock: systemPlatform.clock });
}

function makeSource(name: string, options: string): string {
  const file = join(folder, `${name}.flv`);
  const source = `-f lavfi -i testsrc2=s=320x180:r=${FPS}:d=${SECONDS} -f lavfi -i sine=r=48000:d=${SECONDS}`;
  const args = `-v error -y ${source} -c:v libx264 -preset veryfast -sc_threshold 0 ${options} -c:a aac -ac 2`;
  execFileSync("ffmpeg", [...args.split(" "), file], { timeout: 60_000 });
  return file;
}

/** Pushes `file` in real time until its end or the node's; resolves with FFmpeg's exit code. */
function push(file: string, { key = edge.key, stream = "demo" } = {}): Promise<number | null> {
  const url = `rtmp://127.0.0.1:${listener.port}/live/${stream}/${key}`;
  const child = spawn("ffmpeg", ["-v", "error", "-nostdin", "-re", "-i", file, "-c", "copy", "-f", "flv", url], {
    stdio: "ignore",
  });
  killOnExit(child);
  senders.add(child.pid ?? 0);
  return new Promise((resolve) => child.once("close", resolve));
}

const senders = new Set<number>();

/** Process ids of the FFmpegs that the node has started and that still run. */
function transcoderPids(): number[] {
  const table = execFileSync("ps", ["-A", "-o", "pid=,ppid=,stat=,comm="], { encoding: "utf8" });
  const rows = table.split("\n").map((line) => line.trim().split(/\s+/));
  return rows
    .flatMap(([pid, parent, state, program]) =>
      Number(parent) === process.pid && program === "ffmpeg" && state?.startsWith("Z") === false ? [Number(pid)] : [],
    )
    .filter((pid) => !senders.has(pid));
}

const mediaOf = (track: FakeEdgeTrack | undefined) => track?.parts.filter(({ meta }) => !meta.gap) ?? [];

/** Starts of the segments that begin with a keyframe, milliseconds since the epoch. */
function segmentStarts(name: string): number[] {
  return mediaOf(edge.tracks.get(name)).flatMap(({ meta }) =>
    meta.part === 0 && meta.start !== undefined ? [meta.start.programTimeMs] : [],
  );
}

/** Number of pictures that FFmpeg decodes from what the edge has of a track. */
function countFrames(name: string): number {
  const path = join(folder, `${name}.mp4`);
  const track = edge.tracks.get(name);
  const init = track?.inits.get(1) ?? Buffer.alloc(0);
  writeFileSync(path, Buffer.concat([init, ...mediaOf(track).map(({ bytes }) => bytes)]));
  const args = `-v error -count_frames -select_streams v:0 -show_entries stream=nb_read_frames -of csv=p=0 ${path}`;
  return Number(execFileSync("ffprobe", args.split(" "), { encoding: "utf8", timeout: 30_000 }));
}

test.each([
  ["tells its settings", 1],
  ["tells nothing, and is on the air while it is judged", 2],
])(
  "a sender with rare keyframes and B-frames becomes the ladder, with all that came: one that %s",
  {
    timeout: 90_000,
  },
  async (_name, broadcasts) => {
    await startNode(createTranscoder("auto"), 60_000);
    const pushed = push(
      broadcasts === 1 ? rare : makeSource("silent", "-g 250 -bf 2 -bsf:v filter_units=remove_types=6"),
    );
    if (broadcasts > 1)
      await vi.waitFor(() => expect(edge.config?.tracks).toHaveLength(2), { timeout: 10_000, interval: 20 });
    const judgedFromMs = edge.config?.startedAtMs ?? null;
    await vi.waitFor(
      () => expect(edge.config?.tracks.map(({ name }) => name)).toEqual(["180p", "90p", "audio"]),
      30_000,
    );
    expect(lines.join("\n")).toMatch(
      /No keyframe has come for 4 s; set the keyframe interval to 2 s .* encoded anew here/,
    );
    expect(transcoderPids().length).toBeGreaterThan(0);
    expect(await pushed).toBe(0);
    // The sender has said goodbye: nothing runs while the broadcast waits, and it ends after 3 s.
    await vi.waitFor(() => expect(transcoderPids()).toEqual([]), { timeout: 15_000, interval: 100 });
    await vi.waitFor(() => expect(edge.ended).toBe(true), { timeout: 15_000, interval: 100 });
    expect(edge.opened).toHaveLength(broadcasts);
    expect(lines.filter((line) => line.includes("Restarting"))).toEqual([]);
    const starts = segmentStarts("180p");
    expect(starts.length).toBeGreaterThanOrEqual(4);
    expect(segmentStarts("90p")).toEqual(starts);
    // Both broadcasts begin with the same picture, at the same program time.
    if (judgedFromMs !== null) expect(Math.abs((starts[0] ?? 0) - judgedFromMs)).toBeLessThan(100);
    const pictures = countFrames("180p");
    expect(pictures).toBeGreaterThanOrEqual(SECONDS * FPS - 8);
    expect(countFrames("90p")).toBe(pictures);
    expect(transcoderPids()).toEqual([]);
  },
);

test("without transcoding such a sender is refused with the sentence, and no FFmpeg is started", {
  timeout: 60_000,
}, async () => {
  await startNode(null);
  expect(await push(rare)).not.toBe(0);
  const refusal = lines.find((line) => line.includes("is refused"));
  expect(refusal).toMatch(/No keyframe has come for 4 s; set the keyframe interval to 2 s/);
  expect([transcoderPids(), edge.opened.length]).toEqual([[], 0]);
});

test("beyond the limit the sentence says so; what can be passed through still is, and neither starts an FFmpeg", {
  timeout: 60_000,
}, async () => {
  const transcoder = createTranscoder("auto");
  const release = transcoder.places.acquire();
  await startNode(transcoder);
  expect(await push(rare, { stream: "rare" })).not.toBe(0);
  expect(lines.join("\n")).toMatch(/rare: the sender is refused: No keyframe .* as many .* as this machine can \(1\)/);
  expect(transcoderPids()).toEqual([]);
  const fit = push(makeSource("fit", "-g 60 -bf 2"), { stream: "fit" });
  await vi.waitFor(() => expect(lines.join("\n")).toContain("fit: passed through"), { timeout: 20_000 });
  expect(transcoderPids()).toEqual([]);
  expect(await fit).toBe(0);
  release?.();
});

test("a sender that returns within the window continues the same transcoded broadcast", {
  timeout: 90_000,
}, async () => {
  const transcoder = createTranscoder("always");
  await startNode(transcoder, 60_000);
  const parts = (): number => mediaOf(edge.tracks.get("180p")).length;
  expect(await push("no-such-file", { key: "wrong" })).not.toBe(0);
  expect([transcoderPids(), transcoder.places.used]).toEqual([[], 0]);
  const first = push(rare);
  await vi.waitFor(() => expect(parts()).toBeGreaterThan(5), { timeout: 20_000 });
  expect(transcoder.places.used).toBe(1);
  for (const pid of senders) if (isRunning(pid)) process.kill(pid, "SIGKILL");
  await first;
  await vi.waitFor(() => expect(transcoderPids()).toEqual([]), { timeout: 15_000, interval: 100 });
  const before = parts();
  const second = push(rare);
  await vi.waitFor(() => expect(parts()).toBeGreaterThan(before + 5), { timeout: 20_000 });
  await node.close();
  expect([edge.opened.length, edge.ended, transcoder.places.used]).toEqual([1, true, 0]);
  expect(transcoderPids()).toEqual([]);
  const parts180 = edge.tracks.get("180p")?.parts ?? [];
  const resumed = parts180.findIndex(({ meta }) => meta.start?.discontinuity === true);
  expect(parts180.slice(0, resumed).some(({ meta }) => meta.gap)).toBe(true);
  expect(await second).not.toBe(0);
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
