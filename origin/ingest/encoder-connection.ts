/**
 * Waits for an encoder to connect. A listening address accepts one connection, so the input cannot be probed and then
 * reopened: a relay accepts it, reports its properties, and passes it on unchanged.
 */
import { spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { announcedFrameRate } from "../../core/ingest/source/frame-rate.ts";
import { SourceError } from "../kit/errors.ts";
import { killOnExit } from "../kit/ffmpeg-process.ts";
import { inputArgs, type SourceInput } from "./input.ts";
import type { SourceInfo } from "./source-info.ts";

/** Kept characters of the relay's standard error: its description of the input has a few hundred. */
const STDERR_CHARACTERS = 20_000;

/** A connected encoder. */
export interface EncoderConnection {
  readonly info: SourceInfo;
  /** The received media, in the format of the input that reads it. */
  readonly stream: Readable;
  /** See `SynchronizerOptions`; absent if the connection does not know. */
  readonly programOffsetMs?: () => number | null;
  close(): void;
}

/** FFmpeg's input arguments for a feed on its standard input. */
export const PIPED_INPUT: SourceInput = { kind: "live", url: "pipe:0", listen: false, format: "nut" };

/** Waits without a timeout until an encoder has connected. Throws `SourceError`. */
export function acceptEncoder(
  input: Extract<SourceInput, { kind: "live" }>,
  signal: AbortSignal,
): Promise<EncoderConnection> {
  // A paused track delays no other, so nothing waits for interleaving.
  const prompt = ["-max_interleave_delta", "1", "-flush_packets", "1"];
  const streams = ["-map", "0:v:0?", "-map", "0:a:0?", "-c", "copy", ...prompt, "-f", "nut", "pipe:1"];
  const args = ["-hide_banner", "-loglevel", "info", "-nostats", "-nostdin", ...inputArgs(input), ...streams];
  const child = spawn("ffmpeg", args, { stdio: ["ignore", "pipe", "pipe"] });
  killOnExit(child);
  const close = (): void => {
    child.kill("SIGKILL");
  };
  return new Promise((resolve, reject) => {
    let said = "";
    const check = (): void => {
      if (!said.includes("Stream mapping:") || child.stdout.readableLength === 0) return;
      child.stdout.off("readable", check);
      signal.removeEventListener("abort", close);
      resolve({ info: parseBanner(said), stream: child.stdout, close });
    };
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      if (said.length < STDERR_CHARACTERS) said += text;
      check();
    });
    child.stdout.on("readable", check);
    child.once("error", (cause) => reject(new SourceError(`FFmpeg cannot be started: ${cause.message}.`, { cause })));
    child.once("close", () => {
      const reason = said.trim().split("\n").at(-1) ?? "";
      reject(new SourceError(`No encoder could connect to ${input.url}: ${reason.replace(/\.$/, "") || "stopped"}.`));
    });
    signal.addEventListener("abort", close, { once: true });
    if (signal.aborted) close();
  });
}

/** Parses FFmpeg's description of its first input; a feed has video first, then audio. */
export function parseBanner(text: string): SourceInfo {
  const input = text.slice(0, text.indexOf("Stream mapping:"));
  const line = /Video: .*/.exec(input)?.[0] ?? "";
  const picture = /, (\d{2,5})x(\d{2,5})(?: \[SAR (\d+):(\d+))?/.exec(line);
  const [rate, base] = [/, ([\d.]+) fps/, /, ([\d.]+k?) tbr/].map((pattern) => rational(pattern.exec(line)?.[1]));
  const sound = /Audio: .*?, (\d+) Hz/.exec(input);
  const aspect = picture?.[3] === undefined ? 1 : Number(picture[3]) / Number(picture[4]);
  return {
    video:
      picture === null
        ? null
        : {
            stream: 0,
            width: Math.round(Number(picture[1]) * aspect),
            height: Number(picture[2]),
            frameRate: announcedFrameRate(rate ?? null, base ?? null),
            endS: null,
            isInterlaced: /(top|bottom) (first|coded first)/.test(line),
            transfer: /smpte2084/.test(line) ? "pq" : /arib-std-b67/.test(line) ? "hlg" : "sdr",
            hasMatrix: /\((?:tv|pc), (?:bt|smpte|fcc)/.test(line),
          },
    audio: sound === null ? null : { stream: picture === null ? 0 : 1, channels: 2, sampleRate: Number(sound[1]) },
    durationS: null,
    mayJump: true,
    isStill: false,
    warnings: [],
  };
}

/** FFmpeg prints a rate with two decimals, and thousands as `k`. */
function rational(text: string | undefined): { num: number; den: number } | null {
  if (text === undefined) return null;
  const rate = Number(text.replace("k", "")) * (text.endsWith("k") ? 1000 : 1);
  return { num: Math.round(rate * 100), den: 100 };
}
