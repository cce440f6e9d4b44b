/** FFmpeg pushes what is passed through: lower renditions are encoded beside it, in the same broadcast. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { systemPlatform } from "../../../core/kit/system-platform.ts";
import { FragmentReader } from "../../../core/media/cmaf/fragment-reader.ts";
import { killOnExit } from "../../kit/ffmpeg-process.ts";
import { parseLadderFlags } from "../../packager/ladder.ts";
import { PRESETS } from "../../packager/presets.ts";
import { Transcoder } from "../../packager/transcoder.ts";
import { FakeEdge } from "../../testing/fake-edge.ts";
import { IngestNode } from "../ingest-node.ts";
import { startRtmpListener } from "../rtmp-listener.ts";
import type { SenderListener } from "../sender-connection.ts";
import { SlateLibrary } from "../slate-encoder.ts";
import { LowerLadder } from "./lower-ladder.ts";

const SECONDS = 40;
const PATIENCE = { timeout: 20_000, interval: 50 };
const TRACKS = ["180p", "120p", "90p", "audio"];

let folder = "";
let edge: FakeEdge;
/** Of the stream `other`. */
let other: FakeEdge;
let node: IngestNode;
let listener: SenderListener;
let transcoder: Transcoder;
let lines: string[];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "corral-lower-"));
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(async () => {
  edge = await new FakeEdge().start();
  other = await new FakeEdge().start();
  lines = [];
  const log = (text: string): void => void lines.push(text);
  const ladder = parseLadderFlags("180p:400k,120p:200k,90p:100k");
  transcoder = new Transcoder({
    ...{ mode: "auto", limit: 1, ladder, preset: PRESETS.balanced, clock: systemPlatform.clock },
  });
  await transcoder.prepare();
  node = new IngestNode({
    authorize: ({ key, stream }) => {
      const { url } = stream === "other" ? other : edge;
      return Promise.resolve({ kind: "granted", target: { edge: url, key, publisher: "test-node" } });
    },
    packaging: { partMs: 333, segmentMs: 2000, windowS: 60 },
    transcoder,
    lower: new LowerLadder(transcoder),
    slates: new SlateLibrary({ picture: null, clock: systemPlatform.clock, log: { warn: log } }),
    log: { debug: log, info: log, warn: log, error: log },
    ...{ reconnectMs: 60_000, platform: systemPlatform },
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
  await other.stop();
});

function makeSource(options: string): string {
  const file = join(folder, `source${options.replaceAll(" ", "")}.flv`);
  const input = `-f lavfi -i testsrc2=s=320x180:r=30:d=${SECONDS} -f lavfi -i sine=r=48000:d=${SECONDS}`;
  const args = `-v error -y ${input} -c:v libx264 -preset veryfast ${options} -c:a aac -ac 2`;
  execFileSync("ffmpeg", [...args.split(" "), file], { timeout: 60_000 });
  return file;
}

const senders = new Set<number>();

function push(file: string, stream = "demo"): ChildProcess {
  const url = `rtmp://127.0.0.1:${listener.port}/live/${stream}/${edge.key}`;
  const args = ["-v", "error", "-nostdin", "-re", "-i", file, "-c", "copy", "-f", "flv", url];
  const child = spawn("ffmpeg", args, { stdio: "ignore" });
  killOnExit(child);
  senders.add(child.pid ?? 0);
  return child;
}

/** Process ids of the node's FFmpegs. */
function encoderPids(): number[] {
  const table = execFileSync("ps", ["-A", "-o", "pid=,ppid=,stat=,args="], { encoding: "utf8" });
  return table.split("\n").flatMap((line) => {
    const [pid, parent, state] = line.trim().split(/\s+/);
    const isEncoder = Number(parent) === process.pid && line.includes("force_key_frames") && !state?.startsWith("Z");
    return isEncoder && !senders.has(Number(pid)) ? [Number(pid)] : [];
  });
}

const partsOf = (track: string) => edge.tracks.get(track)?.parts ?? [];
const mediaOf = (track: string) => partsOf(track).filter(({ meta }) => !meta.gap);
const starts = (track: string): number[] =>
  partsOf(track).flatMap(({ meta }) => (meta.start === undefined ? [] : [meta.start.programTimeMs]));
const timescaleOf = (track: string): number => edge.config?.tracks.find(({ name }) => name === track)?.timescale ?? 1;
const gapsOf = (track: string): number =>
  partsOf(track)
    .filter(({ meta }) => meta.gap)
    .reduce((ticks, { meta }) => ticks + meta.durationTicks, 0) / timescaleOf(track);
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The version of the init section of a track's first media: gap parts before it may have another one. */
function initOf(track: string): number {
  const first = partsOf(track).findIndex(({ meta }) => !meta.gap);
  return partsOf(track).findLast(({ meta }, i) => i <= first && meta.start !== undefined)?.meta.start?.initVersion ?? 1;
}

/** Times of a track's pictures and whether each can be decoded, by FFmpeg; only of the first timeline. */
function pictures(track: string): { readonly time: number; readonly type: string }[] {
  const held = edge.tracks.get(track);
  const second = partsOf(track).findIndex(({ meta }) => meta.start?.discontinuity === true);
  const parts = second === -1 ? partsOf(track) : partsOf(track).slice(0, second);
  const init = held?.inits.get(initOf(track)) ?? Buffer.alloc(0);
  const path = join(folder, "track.mp4");
  writeFileSync(path, Buffer.concat([init, ...parts.map(({ bytes }) => bytes)]));
  const args = `-v error -show_frames -show_entries frame=pts_time,pict_type -of csv=p=0 ${path}`.split(" ");
  const rows = execFileSync("ffprobe", args, { encoding: "utf8", timeout: 30_000 }).split("\n").filter(Boolean);
  return rows.map((row) => ({ time: Number(row.split(",")[0]), type: row.split(",")[1] ?? "" }));
}

test.each([
  ["even keyframes", "-g 60 -bf 0 -sc_threshold 0"],
  ["B-frames", "-g 60 -bf 2 -sc_threshold 0"],
])(
  "a sender with %s is the top rendition; the others have its keyframes, segments and pictures",
  {
    timeout: 90_000,
  },
  async (_name, options) => {
    const file = makeSource(options);
    await sleep(300);
    const begunMs = performance.now();
    const sender = push(file);
    await vi.waitFor(() => expect(mediaOf("180p").length).toBeGreaterThan(0), PATIENCE);
    const topMs = performance.now() - begunMs;
    expect(edge.config?.tracks.map(({ name }) => name)).toEqual(TRACKS);
    for (const track of ["120p", "90p"])
      await vi.waitFor(() => expect(mediaOf(track).length).toBeGreaterThan(0), PATIENCE);
    const lowerMs = performance.now() - begunMs;
    await sleep(8_000);
    expect([transcoder.places.used, encoderPids().length]).toEqual([1, 1]);
    sender.kill("SIGKILL");
    await sleep(1_500);
    await node.close();
    expect([edge.opened.length, edge.ended, transcoder.places.used, encoderPids()]).toEqual([1, true, 0, []]);
    for (const track of ["120p", "90p"]) {
      expect(starts(track)).toEqual(starts("180p"));
      const init = new FragmentReader(track).push(
        edge.tracks.get(track)?.inits.get(initOf(track)) ?? new Uint8Array(0),
      )[0];
      const announced = edge.config?.tracks.find(({ name }) => name === track);
      expect(init).toMatchObject({
        info: { codecs: announced?.codecs, width: announced?.width, height: announced?.height },
      });
      const lower = pictures(track);
      // On a busy machine the encoder starts late, and gap parts stand before its first picture.
      const fromS = (lower[0]?.time ?? 0) - 0.001;
      const top = pictures("180p").filter(({ time }) => time >= fromS);
      expect(lower.length).toBeGreaterThan(top.length - 15);
      const known = new Set(top.map(({ time }) => time.toFixed(3)));
      expect(lower.filter(({ time }) => !known.has(time.toFixed(3)))).toEqual([]);
      expect(lower.filter(({ type }) => type === "I").length).toBe(top.filter(({ type }) => type === "I").length);
    }
    expect(gapsOf("180p")).toBeLessThan(0.1);
    expect(lowerMs - topMs).toBeLessThan(8_000);
  },
);

test("an encoder that dies costs gap parts of its renditions, and starts anew at a keyframe", {
  timeout: 90_000,
}, async () => {
  const sender = push(makeSource("-g 60 -bf 0 -sc_threshold 0"));
  await vi.waitFor(() => expect(mediaOf("90p").length).toBeGreaterThan(6), PATIENCE);
  const [pid] = encoderPids();
  process.kill(pid ?? 0, "SIGKILL");
  await vi.waitFor(() => expect(lines.join("\n")).toMatch(/encoder of 120p, 90p is restarted/), PATIENCE);
  const before = mediaOf("90p").length;
  await vi.waitFor(() => expect(mediaOf("90p").length).toBeGreaterThan(before + 9), PATIENCE);
  await sleep(1_000);
  sender.kill("SIGKILL");
  await node.close();
  expect([edge.opened.length, gapsOf("180p") < 0.05]).toEqual([1, true]);
  expect(starts("90p")).toEqual(starts("180p"));
});

test("an encoder that hangs is restarted, and the top rendition goes on", { timeout: 90_000 }, async () => {
  const sender = push(makeSource("-g 60 -bf 0 -sc_threshold 0"));
  await vi.waitFor(() => expect(mediaOf("90p").length).toBeGreaterThan(6), PATIENCE);
  await sleep(4_000);
  const [pid] = encoderPids();
  process.kill(pid ?? 0, "SIGSTOP");
  await vi.waitFor(() => expect(lines.join("\n")).toMatch(/restarted .* does not keep up/), PATIENCE);
  const before = mediaOf("90p").length;
  await vi.waitFor(() => expect(mediaOf("90p").length).toBeGreaterThan(before + 9), PATIENCE);
  sender.kill("SIGKILL");
  await node.close();
  expect([edge.opened.length, gapsOf("180p") < 0.05]).toEqual([1, true]);
  expect(gapsOf("90p")).toBeGreaterThan(0.5);
  expect(starts("90p")).toEqual(starts("180p"));
});

test("without a free place only the sender's picture is published, and the health says so", {
  timeout: 60_000,
}, async () => {
  const release = transcoder.places.acquire();
  const sender = push(makeSource("-g 60 -bf 0 -sc_threshold 0"));
  await vi.waitFor(() => expect(mediaOf("180p").length).toBeGreaterThan(6), PATIENCE);
  expect(edge.config?.tracks.map(({ name }) => name)).toEqual(["180p", "audio"]);
  const ids = (): string[] => (edge.health.at(-1)?.checks ?? []).map(({ id }) => id);
  await vi.waitFor(() => expect(ids()).toContain("rendition-shed"), PATIENCE);
  expect(encoderPids()).toEqual([]);
  sender.kill("SIGKILL");
  release?.();
});

test("the encoder goes to a sender that cannot be passed through, and comes back after it", {
  timeout: 120_000,
}, async () => {
  const sender = push(makeSource("-g 60 -bf 0 -sc_threshold 0"));
  await vi.waitFor(() => expect(mediaOf("90p").length).toBeGreaterThan(6), PATIENCE);
  const unfit = push(makeSource("-g 400 -bf 2"), "other");
  const names = (): string[] => other.config?.tracks.map(({ name }) => name) ?? [];
  await vi.waitFor(() => expect(names()).toEqual(TRACKS), PATIENCE);
  expect([transcoder.places.firm, transcoder.places.spared]).toEqual([1, 0]);
  const ids = (): string[] => (edge.health.at(-1)?.checks ?? []).map(({ id }) => id);
  await vi.waitFor(() => expect(ids()).toContain("capacity-wait"), PATIENCE);
  expect(ids()).not.toContain("rendition-shed");
  await vi.waitFor(() => expect(gapsOf("90p")).toBeGreaterThan(1), PATIENCE);
  await vi.waitFor(() => expect(other.tracks.get("90p")?.parts.length ?? 0).toBeGreaterThan(0), PATIENCE);
  const before = mediaOf("90p").length;
  unfit.kill("SIGINT");
  await vi.waitFor(() => expect(lines.join("\n")).toMatch(/120p, 90p are encoded again/), PATIENCE);
  await vi.waitFor(() => expect(mediaOf("90p").length).toBeGreaterThan(before + 6), PATIENCE);
  await vi.waitFor(() => expect(ids()).not.toContain("capacity-wait"), PATIENCE);
  sender.kill("SIGKILL");
  await node.close();
  expect([edge.opened.length, gapsOf("180p") < 0.05]).toEqual([1, true]);
  expect(starts("90p")).toEqual(starts("180p"));
  expect([transcoder.places.used, encoderPids()]).toEqual([0, []]);
});
