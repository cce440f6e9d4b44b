/** CPU of a broadcast: the origin's own process, its decoders and encoders, compared with one FFmpeg. */
import { execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import type { LocalEdge } from "../origin/local-edge/edge.ts";
import { childProcessesOf } from "../tests/support/origin-process.ts";
import { startBroadcast } from "./broadcast.ts";
import { type BenchFigure, formatFixed, median } from "./stats.ts";

/** The broadcast and FFmpeg alone take turns, so that other load affects both. */
const TURNS = 5;
const TURN_S = 8;
const WARM_UP_MS = 4_000;
/** Milliseconds per clock tick of a process. */
const TICK_MS = 1000 / Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

/** CPU time of the demo with the default ladder, per second of media. */
export async function measureOriginCpu(edge: LocalEdge, adminToken: string): Promise<BenchFigure[]> {
  const turns: { own: number; decoders: number; encoders: number; alone: number }[] = [];
  for (let turn = 0; turn < TURNS; turn++) {
    const running = await startBroadcast(edge, adminToken, `bench-origin-${turn}`, []);
    try {
      await running.waitForOutput("/watch/");
      await sleep(WARM_UP_MS);
      const pid = running.process.pid ?? 0;
      const before = readCpuUse(pid);
      await sleep(TURN_S * 1000);
      const after = readCpuUse(pid);
      const each = (of: (use: CpuUse) => number): number => (of(after) - of(before)) / TURN_S;
      const { own, decoders, encoders } = {
        own: each((use) => use.own),
        decoders: each((use) => use.decoders),
        encoders: each((use) => use.encoders),
      };
      turns.push({ own, decoders, encoders, alone: 0 });
    } finally {
      await running.interrupt();
    }
    const last = turns.at(-1);
    if (last !== undefined) last.alone = await ffmpegAloneMs();
  }
  const of = (pick: (turn: (typeof turns)[number]) => number): number => median(turns.map(pick));
  const ratio = of(({ own, decoders, encoders, alone: single }) => (own + decoders + encoders) / single);
  return [
    {
      figure: "CPU of a broadcast ÷ one FFmpeg encoding the same to null output, median of 5 pairs",
      goal: "≤ 1.3",
      measured: `${formatFixed(ratio)} (origin ${formatFixed(
        of(({ own }) => own),
        0,
      )} ms, decoders ${formatFixed(
        of(({ decoders }) => decoders),
        0,
      )} ms, encoders ${formatFixed(
        of(({ encoders }) => encoders),
        0,
      )} ms a second)`,
      met: ratio <= 1.3,
      values: {
        ratio,
        originMsPerSecond: of(({ own }) => own),
        decodersMsPerSecond: of(({ decoders }) => decoders),
        encodersMsPerSecond: of(({ encoders }) => encoders),
        ffmpegAloneMsPerSecond: of(({ alone: single }) => single),
      },
    },
  ];
}

interface CpuUse {
  readonly own: number;
  readonly decoders: number;
  readonly encoders: number;
}

/** CPU time so far, milliseconds. */
function readCpuUse(pid: number): CpuUse {
  const ffmpegs = childProcessesOf(pid).filter(({ name }) => name === "ffmpeg");
  const isDecoder = (child: number): boolean => readFileSync(`/proc/${child}/cmdline`, "utf8").includes("\0nut\0");
  const sum = (children: typeof ffmpegs): number => children.reduce((all, child) => all + cpuMs(child.pid), 0);
  return {
    own: cpuMs(pid),
    decoders: sum(ffmpegs.filter((child) => isDecoder(child.pid))),
    encoders: sum(ffmpegs.filter((child) => !isDecoder(child.pid))),
  };
}

function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** The same video, audio and ladder in one FFmpeg at real-time speed with null output: ms per second of media. */
async function ffmpegAloneMs(): Promise<number> {
  const rates = ["2500k", "1200k", "700k"];
  const graph =
    "testsrc2=s=1280x720:r=30,drawtext=text='%{pts\\:gmtime}':fontsize=h/9:x=(w-text_w)/2:y=h*0.07," +
    "format=yuv420p,split=3[a][s1][s2];[s1]scale=854:480:flags=bicubic[b];[s2]scale=640:360:flags=bicubic[c]";
  const outputs = ["[a]", "[b]", "[c]"].flatMap((label, i) => [
    ...["-map", label, "-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-bf", "0", "-g", "60"],
    ...[
      "-b:v",
      rates[i] ?? "",
      "-maxrate",
      rates[i] ?? "",
      "-bufsize",
      rates[i] ?? "",
      "-t",
      `${TURN_S}`,
      "-f",
      "null",
      "-",
    ],
  ]);
  const tone = ["-f", "lavfi", "-re", "-i", "sine=r=48000"];
  const sound = ["-map", "0:a", "-ac", "2", "-c:a", "aac", "-b:a", "128k", "-t", `${TURN_S}`, "-f", "null", "-"];
  const words = ["-v", "info", "-nostats", "-nostdin", ...tone, "-filter_complex", graph, ...outputs, ...sound];
  const child = spawn("ffmpeg", [...words, "-benchmark"], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  await new Promise((resolve) => child.once("close", resolve));
  const [, user, system] = /utime=([\d.]+)s stime=([\d.]+)s/.exec(said) ?? [];
  return ((Number(user) + Number(system)) * 1000) / TURN_S;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
