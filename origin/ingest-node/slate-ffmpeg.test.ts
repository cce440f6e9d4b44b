/** FFmpeg pushes, its link breaks, and it comes back: the slate stands between, in one broadcast without a gap. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { killOnExit } from "../kit/ffmpeg-process.ts";
import { parseLadderFlags } from "../packager/ladder.ts";
import { PRESETS } from "../packager/presets.ts";
import { Transcoder } from "../packager/transcoder.ts";
import { FakeEdge } from "../testing/fake-edge.ts";
import { IngestNode } from "./ingest-node.ts";
import { startRtmpListener } from "./rtmp-listener.ts";
import type { SenderListener } from "./sender-connection.ts";
import { SlateLibrary } from "./slate-encoder.ts";

const SECONDS = 30;
const PATIENCE = { timeout: 15_000, interval: 50 };

let folder = "";
let edge: FakeEdge;
let node: IngestNode;
let listener: SenderListener;
let lines: string[];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "corral-slate-"));
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(async () => {
  edge = await new FakeEdge().start();
  lines = [];
  await startNode(null);
});
afterEach(stopNode);

async function startNode(transcoder: Transcoder | null): Promise<void> {
  const log = (text: string): void => void lines.push(text);
  node = new IngestNode({
    authorize: ({ key }) =>
      Promise.resolve({ kind: "granted", target: { edge: edge.url, key, publisher: "test-node" } }),
    packaging: { partMs: 333, segmentMs: 2000, windowS: 60 },
    transcoder,
    slates: new SlateLibrary({ picture: null, clock: systemPlatform.clock, log: { warn: log } }),
    log: { debug: log, info: log, warn: log, error: log },
    ...{ reconnectMs: 60_000, platform: systemPlatform },
  });
  listener = await startRtmpListener({
    ...{ host: "127.0.0.1", port: 0, tls: null, platform: systemPlatform },
    onSender: (connection) => void node.admit(connection),
  });
}

async function stopNode(): Promise<void> {
  await node.close();
  await listener.close();
  await edge.stop();
}

function makeSource(options: string): string {
  const file = join(folder, `source-${options.replaceAll(" ", "")}.flv`);
  const input = `-f lavfi -i testsrc2=s=320x180:r=30:d=${SECONDS} -f lavfi -i sine=r=48000:d=${SECONDS}`;
  const args = `-v error -y ${input} -c:v libx264 -preset veryfast -sc_threshold 0 ${options} -c:a aac -ac 2`;
  execFileSync("ffmpeg", [...args.split(" "), file], { timeout: 60_000 });
  return file;
}

/** Pushes `file` in real time. */
function push(file: string): ChildProcess {
  const url = `rtmp://127.0.0.1:${listener.port}/live/demo/${edge.key}`;
  const args = ["-v", "error", "-nostdin", "-re", "-i", file, "-c", "copy", "-f", "flv", url];
  const child = spawn("ffmpeg", args, { stdio: "ignore" });
  killOnExit(child);
  return child;
}

const partsOf = (track: string) => edge.tracks.get(track)?.parts ?? [];
const slateInits = (): number => edge.tracks.get("180p")?.inits.size ?? 0;

/** A track as one file, with each timeline's init section in front of it. */
function frameTypes(track: string): string[] {
  const held = edge.tracks.get(track);
  let file: Buffer[] = [];
  const all: string[] = [];
  const decode = (): void => {
    if (file.length < 2) return;
    const path = join(folder, "timeline.mp4");
    writeFileSync(path, Buffer.concat(file));
    const args = `-v error -show_frames -show_entries frame=pict_type -of csv=p=0 ${path}`.split(" ");
    all.push(...execFileSync("ffprobe", args, { encoding: "utf8", timeout: 30_000 }).split("\n").filter(Boolean));
  };
  for (const { meta, bytes } of held?.parts ?? []) {
    if (meta.start !== undefined && (meta.start.discontinuity || file.length === 0)) {
      decode();
      file = [held?.inits.get(meta.start.initVersion) ?? Buffer.alloc(0)];
    }
    file.push(bytes);
  }
  decode();
  return all;
}

/** Seconds of media from the first part to the last, and of gap parts. */
function secondsOf(track: string): { readonly total: number; readonly gaps: number } {
  const timescale = edge.config?.tracks.find(({ name }) => name === track)?.timescale ?? 1;
  const sum = (parts: ReturnType<typeof partsOf>): number =>
    parts.reduce((ticks, { meta }) => ticks + meta.durationTicks, 0) / timescale;
  return { total: sum(partsOf(track)), gaps: sum(partsOf(track).filter(({ meta }) => meta.gap)) };
}

test.each([
  ["without B-frames", "-g 60 -bf 0"],
  ["with B-frames", "-g 60 -bf 2"],
])(
  "a broken link is bridged by the slate, and the sender %s goes on after it",
  { timeout: 60_000 },
  async (_name, options) => {
    const file = makeSource(options);
    const first = push(file);
    await vi.waitFor(() => expect(lines.join("\n")).toContain("on the air"), PATIENCE);
    // The slate is made in the background.
    await vi.waitFor(() => expect(lines.join("\n")).toContain("the slate is ready"), PATIENCE);
    first.kill("SIGKILL");
    await vi.waitFor(() => expect(lines.join("\n")).toContain("a slate stands for the sender"), PATIENCE);
    const atCut = secondsOf("180p").total;
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(secondsOf("180p").total - atCut).toBeGreaterThan(2.4);
    const second = push(file);
    await vi.waitFor(() => expect(slateInits()).toBe(3), PATIENCE);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    second.kill("SIGKILL");
    await node.close();
    expect([edge.opened.length, edge.ended]).toEqual([1, true]);
    const [video, audio] = [secondsOf("180p"), secondsOf("audio")];
    expect(video.gaps).toBeLessThan(0.05);
    expect(audio.gaps).toBeLessThan(0.25);
    expect(Math.abs(video.total - audio.total)).toBeLessThan(0.1);
    // Every timeline decodes, and together they are as long as the time that has passed.
    expect(frameTypes("180p").length).toBeGreaterThan((video.total - 0.3) * 30);
    const starts = partsOf("180p").flatMap(({ meta }) => (meta.start?.discontinuity ? [meta.start.programTimeMs] : []));
    expect(starts).toHaveLength(2);
  },
);

test("renditions that are encoded here have the slate too", { timeout: 60_000 }, async () => {
  await stopNode();
  edge = await new FakeEdge().start();
  const ladder = parseLadderFlags("180p:300k,90p:100k");
  await startNode(
    new Transcoder({ mode: "always", limit: 1, ladder, preset: PRESETS.balanced, clock: systemPlatform.clock }),
  );
  const file = makeSource("-g 60 -bf 0");
  const first = push(file);
  await vi.waitFor(() => expect(lines.join("\n")).toContain("on the air"), PATIENCE);
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  first.kill("SIGKILL");
  await vi.waitFor(() => expect(slateInits()).toBe(2), PATIENCE);
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  const second = push(file);
  await vi.waitFor(() => expect(edge.tracks.get("90p")?.inits.size).toBe(3), PATIENCE);
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  second.kill("SIGKILL");
  await node.close();
  expect([edge.opened.length, edge.ended]).toEqual([1, true]);
  for (const track of ["180p", "90p", "audio"]) expect(secondsOf(track).gaps).toBeLessThan(0.1);
  const starts = (track: string) =>
    partsOf(track).flatMap(({ meta }) =>
      meta.part === 0 && meta.start !== undefined ? [meta.start.programTimeMs] : [],
    );
  expect(starts("90p")).toEqual(starts("180p"));
  expect(frameTypes("180p").length).toBeGreaterThan((secondsOf("180p").total - 0.3) * 30);
});

test("a sender that is silent is replaced after a second, and goes on at a keyframe", { timeout: 60_000 }, async () => {
  const sender = push(makeSource("-g 30 -bf 0"));
  await vi.waitFor(() => expect(lines.join("\n")).toContain("on the air"), PATIENCE);
  await vi.waitFor(() => expect(lines.join("\n")).toContain("the slate is ready"), PATIENCE);
  sender.kill("SIGSTOP");
  await vi.waitFor(() => expect(lines.join("\n")).toContain("a slate stands for the sender"), PATIENCE);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  sender.kill("SIGCONT");
  await vi.waitFor(() => expect(slateInits()).toBe(3), PATIENCE);
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  sender.kill("SIGKILL");
  await node.close();
  expect(edge.opened).toHaveLength(1);
  expect(secondsOf("180p").gaps).toBeLessThan(0.05);
});
