/** Properties of any aired source, and measurements of its video and audio. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findOutputFault, outputFrames } from "../../core/media/cmaf/output-checker.ts";
import type { SourceOutput } from "./package-source.ts";

type PartOf = Extract<SourceOutput["outputs"][number], { kind: "part" }>;

/** The parts of a track, or of the leading one. */
export function outputParts({ outputs }: SourceOutput, track: string): PartOf[] {
  return outputs.filter((output): output is PartOf => output.kind === "part" && output.track === track);
}

/** Duration of a track in seconds. */
export function trackDurationS(aired: SourceOutput, track: string): number {
  const timescale = aired.renditions.find(({ name }) => name === track)?.timescale ?? 1;
  return outputParts(aired, track).reduce((sum, { meta }) => sum + meta.durationTicks, 0) / timescale;
}

/** Errors of an aired source, one per line; empty if it has the properties of every source. */
export function outputFaults(aired: SourceOutput): string[] {
  const { config, outputs, renditions, schedule, sessions, end } = aired;
  const faults: string[] = [];
  if (end.kind === "failed") faults.push(`it failed: ${end.message}`);
  if (sessions !== 1) faults.push(`it was started ${sessions} times`);
  if (outputs.some((output) => output.kind === "part" && output.meta.start?.discontinuity === true))
    faults.push("there is a discontinuity");
  if (outputs.length === 0) return [...faults, "nothing came out"];
  const frameS = Math.max(0.03, schedule === null ? 0 : schedule.frameTimeS(1)) + 0.001;
  const fault = findOutputFault(config, outputs, frameS);
  if (fault !== null) faults.push(fault);
  for (const { name, kind, timescale } of renditions) {
    const frames = outputFrames(outputs, name, kind, timescale, 1);
    const step = kind === "audio" ? 1024 : schedule === null ? 0 : Math.round(schedule.frameTimeS(1) * timescale);
    const odd = frames.filter((frame, i) => i > 0 && frame.pts - (frames[i - 1]?.pts ?? 0) !== step);
    if (odd.length > 0) faults.push(`${name}: ${odd.length} of ${frames.length} steps between frames are not ${step}`);
    const parts = outputParts(aired, name);
    const late = parts.filter(({ meta }) => meta.part === 0 && !meta.gap && !meta.independent);
    if (late.length > 0) faults.push(`${name}: ${late.length} segments begin without a keyframe`);
    // The first and last audio frames may be outside of the video.
    const gaps = parts.filter(({ meta }) => meta.gap && meta.durationTicks / timescale > 0.1);
    if (gaps.length > 0) faults.push(`${name}: ${gaps.length} gaps`);
  }
  return faults;
}

/** The playable media. */
export interface DecodableOutput {
  readonly outputs: SourceOutput["outputs"];
  readonly renditions: SourceOutput["renditions"];
  readonly config: Pick<SourceOutput["config"], "muxed">;
}

/** What a viewer sees and hears. */
export interface DecodedOutput {
  readonly width: number;
  readonly height: number;
  /** Luma and both chromas, averaged over each picture's middle. */
  readonly pictures: readonly { readonly atS: number; readonly yuv: readonly [number, number, number] }[];
  /** The first picture's luma, by row. */
  readonly luma: Uint8Array;
  /** Loudness per 2 ms, 0 to 1. */
  readonly loudness: readonly number[];
  /** Time of `loudness[0]`, seconds. */
  readonly soundStartS: number;
  /** ffprobe's description of the video. */
  readonly tags: Readonly<Record<string, string>>;
}

/** Samples per loudness value: 2 ms. */
const HOP = 96;

/** Decodes the output with FFmpeg as an independent player. Times are media time. */
export function decodeOutput(aired: DecodableOutput, pictureAt = 0): DecodedOutput {
  const folder = mkdtempSync(join(tmpdir(), "corral-judge-"));
  try {
    const video = aired.renditions.find(({ kind }) => kind === "video");
    const audio = aired.renditions.find(({ kind }) => kind === "audio");
    const write = (track: string): string => {
      const file = join(folder, `${track}.mp4`);
      const pieces = aired.outputs.flatMap((output) =>
        output.track !== track || (output.kind === "part" && output.meta.gap) ? [] : [output.bytes],
      );
      writeFileSync(file, Buffer.concat(pieces));
      return file;
    };
    const run = (program: string, args: string[]): Buffer =>
      execFileSync(program, ["-v", "error", ...args], {
        maxBuffer: 2_000_000_000,
        stdio: ["ignore", "pipe", "ignore"],
      });
    const [width, height] = video?.kind === "video" ? [video.width, video.height] : [0, 0];
    const pictures: { atS: number; yuv: [number, number, number] }[] = [];
    let luma: Uint8Array = new Uint8Array(0);
    let tags: Record<string, string> = {};
    if (video !== undefined) {
      const file = write(video.name);
      const as = ["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-"];
      // The middle of each picture as 2 by 2 samples: hours of whole pictures would not fit into memory.
      const raw = run("ffmpeg", ["-i", file, "-vf", "crop=iw/2:ih/2,scale=2:2:flags=area", ...as]);
      const times = run("ffprobe", [
        "-select_streams",
        "v",
        "-show_entries",
        "packet=pts_time",
        "-of",
        "csv=p=0",
        file,
      ]);
      const at = times.toString().trim().split("\n").map(Number);
      for (let i = 0; i * 6 < raw.length; i++) {
        const [a = 0, b = 0, c = 0, d = 0, u = 0, v = 0] = raw.subarray(i * 6, i * 6 + 6);
        pictures.push({ atS: at[i] ?? Number.NaN, yuv: [(a + b + c + d) / 4, u, v] });
      }
      const whole = run("ffmpeg", ["-i", file, "-vf", `select=eq(n\\,${pictureAt})`, ...as]);
      luma = new Uint8Array(whole.subarray(0, width * height));
      const shown = ["color_space", "color_transfer", "color_primaries", "color_range", "width", "height"];
      const text = run("ffprobe", [
        "-select_streams",
        "v",
        "-show_entries",
        `stream=${shown.join(",")}`,
        "-of",
        "json",
        file,
      ]);
      tags = (JSON.parse(text.toString()) as { streams: Record<string, string>[] }).streams[0] ?? {};
    }
    const loudness: number[] = [];
    let soundStartS = 0;
    if (audio !== undefined) {
      const isCarried = aired.config.muxed === true && video !== undefined;
      const file = isCarried ? write(video.name) : write(audio.name);
      const raw = run("ffmpeg", ["-i", file, "-map", "0:a", "-f", "s16le", "-ac", "1", "-ar", "48000", "-"]);
      const samples = new Int16Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + (raw.length & ~1)));
      for (let i = 0; i + HOP <= samples.length; i += HOP) {
        let sum = 0;
        for (let j = i; j < i + HOP; j++) sum += (samples[j] ?? 0) ** 2;
        loudness.push(Math.sqrt(sum / HOP) / 32_768);
      }
      const times = run("ffprobe", [
        "-select_streams",
        "a",
        "-show_entries",
        "packet=pts_time",
        "-of",
        "csv=p=0",
        file,
      ]);
      soundStartS = Number(times.toString().split("\n")[0]);
    }
    return { width, height, pictures, luma, loudness, soundStartS, tags };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Start times of white pictures, seconds. */
export function flashTimesS({ pictures }: DecodedOutput): number[] {
  return pictures.flatMap(({ atS, yuv: [y] }, i) => (y > 150 && (pictures[i - 1]?.yuv[0] ?? 0) <= 150 ? [atS] : []));
}

/** Start times of audio after silence, seconds. */
export function beepTimesS({ loudness, soundStartS }: DecodedOutput): number[] {
  const at = (i: number): number => soundStartS + (i * HOP) / 48_000;
  return loudness.flatMap((level, i) => {
    const quiet = loudness.slice(Math.max(0, i - 50), i).every((before) => before < 0.03);
    return level >= 0.03 && quiet ? [at(i)] : [];
  });
}

/** The largest distance between a flash and its nearest beep, milliseconds; infinite without a beep. */
export function maxAvOffsetMs(watched: DecodedOutput): number {
  const heard = beepTimesS(watched);
  const seen = flashTimesS(watched);
  if (seen.length === 0 || heard.length === 0) return Number.POSITIVE_INFINITY;
  return Math.max(...seen.map((flash) => Math.min(...heard.map((beep) => Math.abs(beep - flash) * 1000))));
}
