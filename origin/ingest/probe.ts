/** Probes an input with ffprobe, and this machine's FFmpeg. */
import { execFile } from "node:child_process";
import { measuredFrameRate } from "../../core/ingest/source/frame-rate.ts";
import { SourceError } from "../kit/errors.ts";
import { demoSource, parseDecodable } from "./decode-args.ts";
import { type FfmpegInput, inputArgs, JOIN_PROBE_US, type SourceInput } from "./input.ts";
import { selectTracks } from "./select-tracks.ts";
import type { SourceInfo } from "./source-info.ts";

/** Limits of a probe. */
const PROBE_LIMITS = {
  /** An input without media for this long is refused with a sentence that names it. */
  probeMs: 20_000,
  /** ffprobe's output has a few kilobytes. */
  outputBytes: 4_000_000,
  /** Number of pictures of a file from which its rate is measured. */
  motionFrames: 400,
} as const;

/** Probes `input`. Throws `SourceError` with one sentence that names it. */
export async function probeSource(input: SourceInput, signal: AbortSignal): Promise<SourceInfo> {
  if (input.kind === "demo") return demoSource(input);
  const decodable = runProgram("ffmpeg", ["-hide_banner", "-codecs"], signal).then(({ stdout }) =>
    parseDecodable(stdout),
  );
  let info = await runFfprobe(input, [], decodable, signal);
  // Video is announced, but no keyframe arrived that states its size.
  if (input.kind === "live" && info.isUndecided)
    info = await runFfprobe(input, ["-analyzeduration", `${JOIN_PROBE_US}`], decodable, signal);
  if (info.video === null && info.audio === null) {
    throw new SourceError([`${input.url} has no video or audio that can be broadcast.`, ...info.warnings].join(" "));
  }
  return input.kind === "file" && input.format !== "lavfi" ? measureMotion(input, info, signal) : info;
}

async function runFfprobe(
  input: FfmpegInput,
  more: readonly string[],
  decodable: Promise<ReadonlySet<string>>,
  signal: AbortSignal,
): Promise<SourceInfo & { readonly isUndecided: boolean }> {
  const shown = ["-v", "error", "-of", "json", "-show_streams", "-show_format", "-show_programs"];
  const { stdout, stderr, failed } = await runProgram("ffprobe", [...shown, ...more, ...inputArgs(input)], signal);
  if (failed !== null) throw new SourceError(`Cannot read ${input.url}: ${failed === "" ? lastLine(stderr) : failed}.`);
  try {
    return selectTracks(stdout, await decodable);
  } catch (cause) {
    throw new SourceError(`Cannot read ${input.url}: ffprobe's output is malformed.`, { cause });
  }
}

/** Measures the rate of a file's motion from its pictures, and whether there is more than one. */
async function measureMotion(input: FfmpegInput, info: SourceInfo, signal: AbortSignal): Promise<SourceInfo> {
  const { video } = info;
  if (video === null) return info;
  const args = [
    ...["-v", "error", "-of", "csv=p=0", "-select_streams", `${video.stream}`],
    ...["-show_entries", "packet=pts_time,dts_time", "-read_intervals", `%+#${PROBE_LIMITS.motionFrames}`],
  ];
  const { stdout } = await runProgram("ffprobe", [...args, ...inputArgs(input)], signal);
  const lines = stdout.split("\n").filter((line) => line.trim() !== "");
  const columns = [0, 1].map((column) => lines.map((line) => Number.parseFloat(line.split(",")[column] ?? "")));
  const times = columns.find((column) => column.length > 0 && column.every((time) => Number.isFinite(time))) ?? [];
  const isStill = info.audio === null && lines.length === 1;
  // Each field of interlaced video may be a packet of its own; the demuxer counts frames.
  const measured = video.isInterlaced && video.frameRate !== null ? null : measuredFrameRate(times, tickOf(times));
  return { ...info, isStill, video: { ...video, frameRate: measured ?? video.frameRate } };
}

/** The rounding of timestamps, seconds: whole milliseconds, or finer. */
function tickOf(times: readonly number[]): number {
  return times.every((time) => Math.abs(time * 1000 - Math.round(time * 1000)) < 1e-4) ? 0.001 : 0.000_02;
}

/** The output of `ffmpeg -encoders`. Throws `SourceError` without FFmpeg. */
export async function listEncoders(signal: AbortSignal): Promise<string> {
  const { stdout, failed } = await runProgram("ffmpeg", ["-hide_banner", "-encoders"], signal);
  if (failed !== null) throw new SourceError(`FFmpeg cannot be started: ${failed}.`);
  return stdout;
}

/** Whether FFmpeg has the filters for tone mapping. */
export async function canToneMap(signal: AbortSignal): Promise<boolean> {
  const { stdout } = await runProgram("ffmpeg", ["-hide_banner", "-filters"], signal);
  return / zscale /.test(stdout) && / tonemap /.test(stdout);
}

/** Path of a font for the demo's clock, or null: the monospaced DejaVu, from fontconfig if installed. */
export async function findFont(signal: AbortSignal): Promise<string | null> {
  const { stdout, failed } = await runProgram("fc-match", ["-f", "%{file}", "DejaVu Sans Mono:bold"], signal);
  const path = stdout.trim();
  return failed === null && /\.(ttf|otf|ttc)$/i.test(path) && !/[:'\\,;[\]]/.test(path) ? path : null;
}

interface ProgramResult {
  readonly stdout: string;
  readonly stderr: string;
  /** Null on success, else the reason; empty if the program printed it on standard error. */
  readonly failed: string | null;
}

function runProgram(program: string, args: string[], signal: AbortSignal): Promise<ProgramResult> {
  const options = {
    signal,
    timeout: PROBE_LIMITS.probeMs,
    killSignal: "SIGKILL",
    maxBuffer: PROBE_LIMITS.outputBytes,
  } as const;
  return new Promise((resolve) => {
    execFile(program, args, options, (error, stdout, stderr) => {
      let failed: string | null = null;
      if (error !== null) {
        if (error.code === "ENOENT") failed = `${program} is not installed`;
        else if (error.killed === true) failed = `no answer within ${PROBE_LIMITS.probeMs / 1000} s`;
        else failed = "";
      }
      resolve({ stdout, stderr, failed });
    });
  });
}

/** FFmpeg's last line, without the repeated address and the full stop. */
function lastLine(stderr: string): string {
  const line = stderr.trim().split("\n").at(-1) ?? "";
  return line.replace(/^.*: (?=[A-Z][a-z])/, "").replace(/\.$/, "") || "FFmpeg gave no reason";
}
