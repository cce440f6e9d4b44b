/** The packager alone: an hour of a four-track ladder at full speed; CPU and memory. */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TrackName } from "../core/kit/ids.ts";
import { FragmentReader } from "../core/media/cmaf/fragment-reader.ts";
import type { InitInfo } from "../core/media/cmaf/frame.ts";
import { Packager, partTargetFor } from "../core/media/cmaf/packager.ts";
import { type BenchFigure, formatFixed, median } from "./stats.ts";

/** 64 s hold whole numbers of frames: 1,920 at 30 fps, 3,000 of AAC at 48 kHz. */
const LOOP_S = 64;
const LOOPS = 56;
const SLICES = 128;
const LADDER = [
  ["720p", "1280x720", "2500k"],
  ["480p", "854x480", "1200k"],
  ["360p", "640x360", "700k"],
] as const;

interface TrackRecording {
  readonly name: TrackName;
  readonly kind: "video" | "audio";
  readonly bytes: Uint8Array;
}

/** What the measuring process reports. */
interface PackagerReport {
  readonly cpuMsPerSecond: number;
  /** Bytes of heap and buffers after a garbage collection, one per loop. */
  readonly memory: readonly number[];
}

/** Records a sample of the ladder, then measures in a separate process that can force garbage collection. */
export async function measurePackager(): Promise<BenchFigure[]> {
  const folder = await mkdtemp(join(tmpdir(), "corral-bench-"));
  try {
    await recordLadder(folder);
    const report = await measureInChild(folder);
    const quarter = LOOPS / 4;
    const second = median(report.memory.slice(quarter, 2 * quarter));
    const last = median(report.memory.slice(3 * quarter));
    const growth = last / second - 1;
    return [
      {
        figure: "packager CPU, 4 tracks, per second of media (FFmpeg not counted)",
        goal: "≤ 25 ms",
        measured: `${formatFixed(report.cpuMsPerSecond)} ms`,
        met: report.cpuMsPerSecond <= 25,
        values: { cpuMsPerSecond: report.cpuMsPerSecond, mediaSeconds: LOOPS * LOOP_S },
      },
      {
        figure: "packager memory over an hour of media, pushed at full speed",
        goal: "last quarter within 5 % of the second",
        measured: `${formatFixed(growth * 100)} % (${formatFixed(second / 1e6, 1)} MB → ${formatFixed(last / 1e6, 1)} MB)`,
        met: Math.abs(growth) <= 0.05,
        values: { secondQuarterBytes: second, lastQuarterBytes: last },
      },
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function recordLadder(folder: string): Promise<void> {
  const fragments = [
    "-f",
    "mp4",
    "-movflags",
    "+frag_every_frame+empty_moov+default_base_moof+frag_discont+negative_cts_offsets",
    // The first AAC frame is before zero, and tfdt is unsigned.
    "-output_ts_offset",
    "10",
    "-use_editlist",
    "0",
    "-y",
  ];
  const args = ["-hide_banner", "-loglevel", "error", "-nostdin"];
  args.push("-f", "lavfi", "-i", `testsrc2=rate=30:duration=${LOOP_S + 1}`);
  args.push("-f", "lavfi", "-i", `sine=sample_rate=48000:duration=${LOOP_S + 1}`);
  for (const [name, size, rate] of LADDER) {
    args.push("-map", "0:v", "-s", size, "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency");
    args.push("-b:v", rate, "-minrate", rate, "-maxrate", rate, "-bufsize", rate, "-nal-hrd", "cbr");
    args.push("-g", "60", "-keyint_min", "60", "-sc_threshold", "0", "-pix_fmt", "yuv420p");
    args.push("-video_track_timescale", "90000", ...fragments, join(folder, `${name}.mp4`));
  }
  args.push("-map", "1:a", "-c:a", "aac", "-b:a", "128k", "-ac", "2", ...fragments, join(folder, "audio.mp4"));
  await new Promise<void>((resolve, reject) => {
    const child = spawn("ffmpeg", args, { stdio: ["ignore", "inherit", "inherit"] });
    child.once("error", reject);
    child.once("exit", (code) => (code === 0 ? resolve() : reject(new Error(`ffmpeg ended with code ${code}`))));
  });
}

function measureInChild(folder: string): Promise<PackagerReport> {
  return new Promise((resolve, reject) => {
    const script = fileURLToPath(import.meta.url);
    const child = spawn(process.execPath, ["--expose-gc", script, folder], { stdio: ["ignore", "pipe", "inherit"] });
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.once("error", reject);
    child.once("exit", (code) => {
      if (code === 0) resolve(JSON.parse(Buffer.concat(chunks).toString()) as PackagerReport);
      else reject(new Error(`the measuring process ended with code ${code}`));
    });
  });
}

/** In the measuring process: the same media repeatedly, with later timestamps each time. */
async function packageInChild(folder: string): Promise<PackagerReport> {
  const tracks: TrackRecording[] = await Promise.all(
    [...LADDER.map(([name]) => name), "audio"].map(async (name) => ({
      name: name as TrackName,
      kind: name === "audio" ? ("audio" as const) : ("video" as const),
      bytes: await readFile(join(folder, `${name}.mp4`)),
    })),
  );
  const collect = globalThis.gc;
  if (collect === undefined) throw new Error("needs --expose-gc");
  let target: Packager | null = null;
  const memory: number[] = [];
  let cpuUs = 0;
  for (let loop = 0; loop < LOOPS; loop += 1) {
    const before = process.cpuUsage();
    const readers = tracks.map(({ name }) => new FragmentReader(name));
    const inits = new Map<TrackName, { info: InitInfo; bytes: Uint8Array }>();
    const held: (() => void)[] = [];
    const firsts: number[] = [];
    for (let slice = 0; slice < SLICES; slice += 1) {
      tracks.forEach(({ name, bytes }, index) => {
        const size = bytes.byteLength / SLICES;
        const chunk = bytes.subarray(Math.floor(slice * size), Math.floor((slice + 1) * size));
        for (const event of readers[index]?.push(chunk) ?? []) {
          if (event.kind === "init") {
            inits.set(name, event);
            continue;
          }
          const loopTicks = LOOP_S * (inits.get(name)?.info.timescale ?? 0);
          const first = firsts[index] ?? event.frame.dts;
          firsts[index] = first;
          if (event.frame.dts >= first + loopTicks) continue;
          const ticks = event.frame.dts + loop * loopTicks;
          const push = (): void => void target?.push(name, { ...event.frame, dts: ticks });
          if (target === null) held.push(push);
          else push();
        }
      });
      if (target === null && inits.size === tracks.length) {
        target = createPackager(tracks, inits);
        for (const push of held) push();
      }
    }
    const used = process.cpuUsage(before);
    cpuUs += used.user + used.system;
    collect();
    const { heapUsed, external } = process.memoryUsage();
    memory.push(heapUsed + external);
  }
  return { cpuMsPerSecond: cpuUs / 1000 / (LOOPS * LOOP_S), memory };
}

function createPackager(
  tracks: readonly TrackRecording[],
  inits: Parameters<Packager["beginTimeline"]>[0]["inits"],
): Packager {
  const packager = new Packager({
    tracks: tracks.map(({ name, kind }) => ({
      name,
      kind,
      timescale: inits.get(name)?.info.timescale ?? 0,
      partTargetMs: partTargetFor(333, 1000 / 30),
    })),
    segmentTargetMs: 2000,
    targetDurationS: 2,
    startedAtMs: 1_700_000_000_000,
  });
  packager.beginTimeline({ inits, programOffsetMs: 1_700_000_000_000 });
  return packager;
}

const [, script, folder] = process.argv;
if (script === fileURLToPath(import.meta.url) && folder !== undefined) {
  process.stdout.write(JSON.stringify(await packageInChild(folder)));
}
