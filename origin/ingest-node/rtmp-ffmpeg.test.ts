/** FFmpeg pushes by RTMP: what arrives is what the file holds. */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { IngestEvent, IngestFrame } from "../../core/ingest/media-event.ts";
import { VirtualClock } from "../../core/kit/virtual-clock.ts";
import { killOnExit } from "../kit/ffmpeg-process.ts";
import { makeCertificate } from "../testing/self-signed-certificate.ts";
import { startRtmpListener } from "./rtmp-listener.ts";
import type { SenderConnection, SenderEnd } from "./sender-connection.ts";

let folder = "";
let file = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "corral-rtmp-"));
  file = makeFile();
});
afterAll(() => rmSync(folder, { recursive: true }));

interface ProbedPacket {
  readonly codec_type: "video" | "audio";
  readonly pts: number;
  readonly dts: number;
  readonly size: string;
  readonly flags: string;
}

/** A file of 3 s with B-frames and AAC. */
function makeFile(): string {
  const file = join(folder, "source.flv");
  const inputs = ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=30:d=3", "-f", "lavfi", "-i", "sine=r=48000:d=3"];
  const video = ["-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "30"];
  execFileSync("ffmpeg", ["-v", "error", ...inputs, ...video, "-c:a", "aac", file]);
  return file;
}

function probe(file: string): { packets: ProbedPacket[]; streams: { extradata_size: number }[] } {
  const args = ["-v", "error", "-show_packets", "-show_streams", "-of", "json", file];
  return JSON.parse(execFileSync("ffprobe", args, { encoding: "utf8", maxBuffer: 10_000_000 }));
}

interface Push {
  readonly events: readonly IngestEvent[];
  readonly end: SenderEnd | null;
  readonly senders: readonly SenderConnection[];
  readonly code: number | null;
  readonly stderr: string;
}

interface PushOptions {
  /** Refuses with it. */
  readonly sentence?: string;
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** Pushes with FFmpeg's arguments to `path`. */
async function push(path: string, args: readonly string[], { sentence, tls }: PushOptions = {}): Promise<Push> {
  const events: IngestEvent[] = [];
  const senders: SenderConnection[] = [];
  let end: SenderEnd | null = null;
  const ended = Promise.withResolvers<void>();
  const onEnd = (how: SenderEnd): void => {
    end = how;
    ended.resolve();
  };
  const listener = await startRtmpListener({
    host: "127.0.0.1",
    port: 0,
    tls: tls ?? null,
    platform: { clock: new VirtualClock(), random: () => 0.5 },
    onSender: (sender) => {
      senders.push(sender);
      if (sentence !== undefined) sender.refuse(sentence);
      else sender.accept({ onEvent: (event) => events.push(event), onEnd });
    },
  });
  const url = `${tls === undefined ? "rtmp" : "rtmps"}://127.0.0.1:${listener.port}/${path}`;
  const child = spawn("ffmpeg", ["-v", "error", "-nostdin", ...args, "-f", "flv", url], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  killOnExit(child);
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  // FFmpeg exits before its last bytes are read here.
  if (sentence === undefined && senders.length > 0) await ended.promise;
  await listener.close();
  return { events, end, senders, code, stderr };
}

/** Sends the file's packets as they are. */
function copyArgs(...options: readonly string[]): string[] {
  return ["-i", file, "-c", "copy", "-copyts", ...options];
}

function framesOf(events: readonly IngestEvent[], media: "video" | "audio"): IngestFrame[] {
  return events.filter((event): event is IngestFrame => event.kind === "frame" && event.media === media);
}

test("the frames, times, sizes and configurations that arrive are those of the file", async () => {
  const { packets, streams } = probe(file);
  const { events, end, senders, code, stderr } = await push("live/demo/corral_x_y", copyArgs());
  expect([code, stderr, end]).toEqual([0, "", { kind: "goodbye" }]);
  expect(senders).toMatchObject([{ stream: "demo", key: "corral_x_y", protocol: "rtmp" }]);
  expect(events.filter(({ kind }) => kind === "metadata")).toMatchObject([
    { encoder: expect.stringMatching(/^Lavf/), width: 320, height: 180, frameRate: 30 },
  ]);
  const configs = events.flatMap((event) => (event.kind === "config" ? [event] : []));
  expect(configs.map(({ media, codec, record }) => [media, codec, record.length])).toEqual([
    ["video", "h264", streams[0]?.extradata_size],
    ["audio", "aac", streams[1]?.extradata_size],
  ]);
  for (const media of ["video", "audio"] as const) {
    const frames = framesOf(events, media);
    expect(frames.map(({ dts, ctsOffset, sync, data }) => [dts, dts + ctsOffset, sync, data.length])).toEqual(
      packets
        .filter(({ codec_type }) => codec_type === media)
        .map(({ dts, pts, size, flags }) => [dts, pts, flags.startsWith("K"), Number(size)]),
    );
    expect(frames.length).toBeGreaterThan(85);
    expect(frames.every(({ track }) => track === 0)).toBe(true);
  }
  expect(events.some((event) => event.kind === "frame" && event.ctsOffset > 0)).toBe(true);
});

test.each([
  ["the first extended timestamp", 16_776_500],
  ["FFmpeg's wraparound at 2^31", 2_147_482_000],
])("times continue beyond %s", async (_what, offsetMs) => {
  const options = ["-output_ts_offset", `${offsetMs}ms`];
  const { events, end } = await push("live/demo/corral_x_y", copyArgs(...options));
  expect(end).toEqual({ kind: "goodbye" });
  const { packets } = probe(file);
  for (const media of ["video", "audio"] as const) {
    const frames = framesOf(events, media).map(({ dts, data }) => [dts - offsetMs, data.length]);
    expect(frames).toEqual(
      packets.filter(({ codec_type }) => codec_type === media).map(({ dts, size }) => [dts, Number(size)]),
    );
  }
});

test("FFmpeg publishes by RTMPS", async () => {
  const { senders, events, end } = await push("live/demo/corral_x_y", copyArgs(), { tls: makeCertificate() });
  expect(senders).toMatchObject([{ protocol: "rtmps", key: "corral_x_y" }]);
  expect(end).toEqual({ kind: "goodbye" });
  expect(framesOf(events, "video")).toHaveLength(90);
});

test("FFmpeg shows the sentence of a refusal, and the sentence for an address that leads nowhere", async () => {
  const args = ["-f", "lavfi", "-i", "testsrc2=s=64x36:r=10:d=1", "-c:v", "libx264"];
  const refused = await push("live/demo/corral_x_y", args, {
    sentence: "This stream key is not known. Copy it from the studio.",
  });
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain("This stream key is not known. Copy it from the studio.");
  const lost = await push("live/Demo/corral_x_y", args);
  expect(lost.code).not.toBe(0);
  expect(lost.senders).toEqual([]);
  expect(lost.stderr).toContain("The stream name is invalid");
});
