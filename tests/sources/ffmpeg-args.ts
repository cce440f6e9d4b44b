/** Creates odd sources with FFmpeg's generators. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Runs FFmpeg in `folder`. */
export function runFfmpeg(folder: string, ...args: string[]): void {
  execFileSync("ffmpeg", ["-v", "error", "-y", ...args], { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
}

/** Generators and encoders shared by most sources. */
export interface FlashBeepShape {
  readonly size?: string;
  readonly rate?: string;
  readonly seconds?: number;
  readonly soundSeconds?: number;
  readonly sampleRate?: number;
  readonly layout?: string;
  /** The audio clock relative to the video's: 1.0001 gains 0.1 ms per second. */
  readonly drift?: number;
}

/** Frames between two flashes: two seconds, rounded to whole frames. */
function periodFrames(rate: string): number {
  const [num = 25, den = 1] = rate.split("/").map(Number);
  return Math.round((2 * num) / den);
}

/** A white flash and a beep in the first tenth of every other second: inputs 0 and 1. */
export function flashAndBeepArgs(shape: FlashBeepShape = {}): string[] {
  return [...flashArgs(shape), ...beepArgs(shape)];
}

/** The flash alone. */
export function flashArgs({ size = "160x90", rate = "25", seconds = 6 }: FlashBeepShape = {}): string[] {
  const period = periodFrames(rate);
  const white = `drawbox=color=white:t=fill:enable='lt(mod(n\\,${period})\\,${Math.max(1, Math.round(period / 20))})'`;
  return ["-f", "lavfi", "-i", `color=c=black:s=${size}:r=${rate}:d=${seconds},${white}`];
}

/** The beep alone. */
export function beepArgs(shape: FlashBeepShape = {}): string[] {
  const { rate = "25", seconds = 6, soundSeconds = seconds, sampleRate = 48_000, layout = "stereo", drift = 1 } = shape;
  const [num = 25, den = 1] = rate.split("/").map(Number);
  const periodS = (periodFrames(rate) * den) / num;
  const tone = `0.5*sin(2*PI*1000*t)*lt(mod(t*${drift}\\,${periodS})\\,0.1)`;
  const channels = { mono: 1, stereo: 2, "5.1": 6 }[layout] ?? 2;
  const exprs = Array.from({ length: channels }, () => tone).join("|");
  const slower = drift === 1 ? "" : `,asetpts=PTS*${drift}`;
  return [
    "-f",
    "lavfi",
    "-i",
    `aevalsrc=exprs='${exprs}':s=${sampleRate}:c=${layout}:d=${soundSeconds / drift}${slower}`,
  ];
}

/** Common encoders. */
export const H264_ARGS: readonly string[] = [
  ...["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "50"],
];
export const AAC_ARGS: readonly string[] = ["-c:a", "aac", "-b:a", "96k"];

/** Concatenates `parts`, like a recorder that continues the same file. */
export function concatenateFiles(folder: string, name: string, parts: readonly string[]): void {
  writeFileSync(join(folder, name), Buffer.concat(parts.map((part) => readFileSync(join(folder, part)))));
}

/** Overwrites the number of `field` in an FLV header. */
export function overwriteFlvNumber(folder: string, name: string, field: string, value: number): void {
  const bytes = readFileSync(join(folder, name));
  const at = bytes.indexOf(field);
  if (at < 0) throw new Error(`${name} has no ${field}`);
  bytes.writeDoubleBE(value, at + field.length + 1);
  writeFileSync(join(folder, name), bytes);
}
