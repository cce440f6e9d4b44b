/** Asks ffprobe what an input is and FFmpeg what this machine can encode. */
import { execFile } from "node:child_process";
import { z } from "zod";
import { SourceError } from "./errors.ts";
import { type Input, inputArgs } from "./ffmpeg-args.ts";
import type { Rational, SourceInfo } from "./ladder.ts";

/** Bounds on a probe. */
export const LIMITS = {
  /** An input that shows no media for this long is refused with a sentence that names it. */
  probeMs: 20_000,
  /** ffprobe's answer is a few kilobytes. */
  outputBytes: 4_000_000,
} as const;

const Probe = z.object({
  streams: z
    .array(
      z.object({
        codec_type: z.string().optional(),
        width: z.number().optional(),
        height: z.number().optional(),
        sample_aspect_ratio: z.string().optional(),
        avg_frame_rate: z.string().optional(),
        r_frame_rate: z.string().optional(),
        channels: z.number().optional(),
        sample_rate: z.string().optional(),
        disposition: z.object({ attached_pic: z.number().optional() }).optional(),
        side_data_list: z.array(z.object({ rotation: z.number().optional() })).optional(),
      }),
    )
    .default([]),
  format: z.object({ duration: z.string().optional() }).optional(),
});

/** What ffprobe's JSON says of a source. Throws where it is not what ffprobe writes. */
export function parseProbe(json: string): SourceInfo {
  const { streams, format } = Probe.parse(JSON.parse(json));
  const picture = streams.find(
    ({ codec_type, width, height, disposition }) =>
      codec_type === "video" && disposition?.attached_pic !== 1 && (width ?? 0) > 0 && (height ?? 0) > 0,
  );
  const sound = streams.find(({ codec_type }) => codec_type === "audio");
  const durationS = Number(format?.duration);
  return {
    video: picture === undefined ? null : shownPicture(picture),
    audio:
      sound === undefined ? null : { channels: sound.channels ?? 2, sampleRate: Number(sound.sample_rate ?? 48_000) },
    durationS: durationS > 0 ? durationS : null,
  };
}

function shownPicture(stream: z.infer<typeof Probe>["streams"][number]): NonNullable<SourceInfo["video"]> {
  const aspect = parseRational(stream.sample_aspect_ratio ?? "", ":");
  const width = Math.round((stream.width ?? 0) * (aspect === null ? 1 : aspect.num / aspect.den));
  const height = stream.height ?? 0;
  const rotation = stream.side_data_list?.find((data) => data.rotation !== undefined)?.rotation ?? 0;
  const turned = Math.abs(rotation) % 180 === 90;
  const frameRate = parseRational(stream.avg_frame_rate ?? "", "/") ?? parseRational(stream.r_frame_rate ?? "", "/");
  return { width: turned ? height : width, height: turned ? width : height, frameRate };
}

function parseRational(text: string, separator: string): Rational | null {
  const [num, den] = text.split(separator).map(Number);
  return num !== undefined && den !== undefined && num > 0 && den > 0 ? { num, den } : null;
}

/** Probes `input`. Throws `SourceError` with one sentence that names it. */
export async function probe(input: Input, signal: AbortSignal): Promise<SourceInfo> {
  if (input.kind === "demo") {
    const { width, height, frameRate } = input;
    const video = { width, height, frameRate: { num: frameRate, den: 1 } };
    return { video, audio: { channels: 2, sampleRate: 48_000 }, durationS: null };
  }
  const args = ["-v", "error", "-of", "json", "-show_streams", "-show_format", ...inputArgs(input, true)];
  const { stdout, stderr, failed } = await run("ffprobe", args, signal);
  if (failed !== null) throw new SourceError(`Cannot read ${input.url}: ${failed === "" ? lastLine(stderr) : failed}.`);
  try {
    const info = parseProbe(stdout);
    if (info.video === null && info.audio === null) throw new SourceError(`${input.url} has neither video nor audio.`);
    return info;
  } catch (cause) {
    if (cause instanceof SourceError) throw cause;
    throw new SourceError(`Cannot read ${input.url}: ffprobe's answer makes no sense.`, { cause });
  }
}

/** What `ffmpeg -encoders` prints. Throws `SourceError` where there is no FFmpeg. */
export async function listEncoders(signal: AbortSignal): Promise<string> {
  const { stdout, failed } = await run("ffmpeg", ["-hide_banner", "-encoders"], signal);
  if (failed !== null) throw new SourceError(`FFmpeg does not run here: ${failed}.`);
  return stdout;
}

/** Path of a font for the demo's clock, or null. Asks fontconfig, where there is one, for the fixed-width DejaVu. */
export async function findFont(signal: AbortSignal): Promise<string | null> {
  const { stdout, failed } = await run("fc-match", ["-f", "%{file}", "DejaVu Sans Mono:bold"], signal);
  const path = stdout.trim();
  return failed === null && /\.(ttf|otf|ttc)$/i.test(path) && !/[:'\\,;[\]]/.test(path) ? path : null;
}

interface Finished {
  readonly stdout: string;
  readonly stderr: string;
  /** Null on success, else why; empty where the program itself said so on standard error. */
  readonly failed: string | null;
}

function run(program: string, args: string[], signal: AbortSignal): Promise<Finished> {
  const options = { signal, timeout: LIMITS.probeMs, killSignal: "SIGKILL", maxBuffer: LIMITS.outputBytes } as const;
  return new Promise((resolve) => {
    execFile(program, args, options, (error, stdout, stderr) => {
      let failed: string | null = null;
      if (error !== null) {
        if (error.code === "ENOENT") failed = `${program} is not installed`;
        else if (error.killed === true) failed = `no answer within ${LIMITS.probeMs / 1000} s`;
        else failed = "";
      }
      resolve({ stdout, stderr, failed });
    });
  });
}

/** FFmpeg's last word, without the address that it repeats and the full stop. */
function lastLine(stderr: string): string {
  const line = stderr.trim().split("\n").at(-1) ?? "";
  return line.replace(/^.*: (?=[A-Z][a-z])/, "").replace(/\.$/, "") || "FFmpeg gave no reason";
}
