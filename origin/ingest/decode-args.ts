/** FFmpeg arguments that decode a source to raw video and audio, as pure functions. */
import type { SourceTrack } from "../../core/ingest/source/source-clock.ts";
import { pictureGraph, soundGraph } from "../demo/film-graph.ts";
import { FIRST_PIPE } from "../kit/ffmpeg-process.ts";
import { inputArgs, type SourceInput } from "./input.ts";
import { type Canvas, RAW_AUDIO } from "./raw-media.ts";
import type { SourceAudio, SourceInfo, SourceVideo } from "./source-info.ts";

/** The job of one decoder process, with a pipe per track. */
export interface DecodeJob {
  readonly input: SourceInput;
  readonly video: SourceVideo | null;
  readonly audio: SourceAudio | null;
  /** Null without `video`. */
  readonly canvas: Canvas | null;
  /** See `SourceClockOptions`. */
  readonly mayJump: boolean;
  /** Seconds of a file to skip. */
  readonly resumeS: number;
  /** The wall clock at the demo's start, milliseconds since the epoch. */
  readonly startMs: number;
  /** Whether FFmpeg has the filters for tone mapping. */
  readonly canToneMap: boolean;
}

/** Timescale of the timestamps that FFmpeg prints, ticks per second. */
export const RAW_TIMESCALES: Readonly<Record<SourceTrack, number>> = { video: 90_000, audio: RAW_AUDIO.sampleRate };
const CODECS: Readonly<Record<SourceTrack, readonly string[]>> = {
  video: ["-fps_mode", "passthrough", "-enc_time_base", "1:90000", "-c:v", "rawvideo"],
  audio: ["-c:a", "pcm_s16le"],
};
/** A decoder whose reader disconnected before it connected exits after this time. */
const ACCEPT_MS = 10_000;
/** More channels than this are a recorder's tracks rather than a speaker layout: the first two are used. */
const MAX_SPEAKERS = 8;

/**
 * All arguments of the decoder. Frames leave in NUT on one Unix domain socket per track, on which FFmpeg listens at a path
 * of `sockets`; their timestamps on one pipe per track, from `FIRST_PIPE` on. Video comes first.
 */
export function decodeArgs(job: DecodeJob, sockets: readonly string[]): string[] {
  const { input, video, audio, canvas, resumeS } = job;
  const common = ["-hide_banner", "-loglevel", "error", "-nostdin", "-copyts"];
  const seek = resumeS > 0 ? ["-ss", resumeS.toFixed(3)] : [];
  const source = input.kind === "demo" ? demoInput(input, job) : [...timesArgs(job), ...inputArgs(input)];
  const outputs: string[] = [];
  const next = (track: SourceTrack, filters: string): string[] => {
    const i = outputs.filter((word) => word === "-map").length;
    const to = ["-map_metadata", "-1", "-map_chapters", "-1", "-flush_packets", "1", "-f", "nut"];
    const filter = [track === "video" ? "-vf" : "-af", `${filters},${timestampFilters(track, FIRST_PIPE + i)}`];
    return [...filter, ...CODECS[track], ...to, "-listen", "1", "-timeout", `${ACCEPT_MS}`, `unix:${sockets[i] ?? ""}`];
  };
  if (video !== null && canvas !== null) {
    const filters = input.kind === "demo" ? demoFilters(input, canvas, job.startMs) : videoFilters(video, canvas, job);
    outputs.push("-map", `0:${video.stream}?`, ...next("video", filters));
  }
  if (audio !== null) outputs.push("-map", `0:${audio.stream}?`, ...next("audio", audioFilters(audio)));
  return [...common, ...seek, ...source, ...outputs];
}

/**
 * A demuxer assigns missing timestamps (in MPEG-TS all but the first of a packet's frames) by the initial sample rate,
 * which a transmission may change; the decoder counts with the current one. Video needs the demuxer's timestamps, and so
 * does seeking.
 */
function timesArgs({ input, video, mayJump, resumeS }: DecodeJob): string[] {
  const isSoundAlone = video === null && input.kind === "file";
  return isSoundAlone && mayJump && resumeS === 0 ? ["-fflags", "+nofillin"] : [];
}

/** The source's tracks that `job` decodes, in pipe order. */
export function jobTracks({ video, audio, canvas }: DecodeJob): SourceTrack[] {
  return [
    ...(video !== null && canvas !== null ? ["video" as const] : []),
    ...(audio === null ? [] : ["audio" as const]),
  ];
}

/**
 * Filters that write the timestamp of each frame to a pipe: a muxer would force timestamps to increase, and so drop frames
 * after the source's clock was set back. The filter prints only frames with metadata, so each gets some.
 */
function timestampFilters(track: SourceTrack, pipe: number): string {
  const a = track === "audio" ? "a" : "";
  const print = `${a}metadata=mode=print:key=t:file='pipe\\:${pipe}':direct=1`;
  return `${a}settb=1/${RAW_TIMESCALES[track]},${a}metadata=mode=add:key=t:value=1,${print}`;
}

/** Any input, also when it changes, is scaled into the canvas with bars: progressive, BT.709, 4:2:0. */
function videoFilters(video: SourceVideo, { width, height }: Canvas, { canToneMap }: DecodeJob): string {
  const isHdr = video.transfer !== "sdr" && canToneMap;
  const fit = [
    // The displayed aspect ratio in whole even pixels; a rounding of less than one fills the canvas.
    `w=2*floor((min(${width}\\,${height}*dar)+1)/2)`,
    `h=2*floor((min(${height}\\,${width}/dar)+1)/2)`,
    "flags=bicubic",
  ];
  const matrix = isHdr
    ? []
    : [
        // Untagged colours are assumed to be the usual ones for the size.
        ...(video.hasMatrix
          ? []
          : [`in_color_matrix=${Math.min(video.width, video.height) >= 720 ? "bt709" : "bt601"}`]),
        "out_color_matrix=bt709",
        "out_range=tv",
      ];
  return [
    ...(video.isInterlaced ? ["bwdif=mode=send_frame:deint=interlaced"] : []),
    `scale=${[...fit, ...matrix].join(":")}`,
    ...(isHdr ? ["format=yuv420p10le", ...toneMap(video.transfer)] : []),
    "format=yuv420p",
    `pad=${width}:${height}:(ow-iw)/2:(oh-ih)/2:black`,
    "setsar=1",
  ].join(",");
}

/**
 * Diffuse white of 203 nits (ITU-R BT.2408) maps to 85 % of the signal, and mid-grey is preserved; brighter parts are
 * compressed above.
 */
function toneMap(transfer: SourceVideo["transfer"]): string[] {
  const from = transfer === "pq" ? "smpte2084" : "arib-std-b67";
  return [
    `zscale=tin=${from}:min=bt2020nc:pin=bt2020:rin=tv:t=linear:npl=203`,
    "format=gbrpf32le",
    "zscale=p=bt709",
    "tonemap=tonemap=mobius:desat=0",
    "zscale=t=bt709:m=bt709:r=tv",
  ];
}

function audioFilters({ channels }: SourceAudio): string {
  const firstTwo = channels > MAX_SPEAKERS ? ["pan=stereo|c0=c0|c1=c1"] : [];
  return [...firstTwo, `aresample=${RAW_AUDIO.sampleRate}`, "aformat=sample_fmts=s16:channel_layouts=stereo"].join(",");
}

/** The demo's video or audio, from generators in separate processes with timestamps from `startMs`. */
function demoInput(input: Extract<SourceInput, { kind: "demo" }>, job: DecodeJob): string[] {
  const { canvas } = job;
  const graph = input.film === null ? testCard(input, job) : filmGraph(input.film, canvas, input.frameRate);
  return ["-probesize", "32", "-analyzeduration", "0", "-f", "lavfi", "-i", graph];
}

function filmGraph(film: string, canvas: Canvas | null, frameRate: number): string {
  return canvas === null ? soundGraph(film) : pictureGraph(film, canvas, frameRate);
}

/** A picture that moves and counts, or a tone that beeps during the first tenth of every second of the wall clock. */
function testCard({ frameRate }: Extract<SourceInput, { kind: "demo" }>, { canvas, startMs }: DecodeJob): string {
  if (canvas !== null) return `testsrc2=s=${canvas.width}x${canvas.height}:r=${frameRate}`;
  const t = `mod(t+${(startMs % 1000) / 1000}\\,1)`;
  const beep = `0.25*sin(2*PI*880*${t})*lt(${t}\\,0.1)`;
  return `aevalsrc=exprs='${beep}|${beep}':s=${RAW_AUDIO.sampleRate}:n=480:c=stereo`;
}

/** The clock in the demo's picture: UTC, in milliseconds; in a box and large on the test card. */
function demoFilters(
  { font, film }: Extract<SourceInput, { kind: "demo" }>,
  { width, height }: Canvas,
  startMs: number,
): string {
  if (font === null) return "format=yuv420p";
  const wholeS = Math.floor(startMs / 1000);
  const t = `t+${(startMs % 1000) / 1000}`;
  const text = `%{pts\\:gmtime\\:${wholeS}\\:%H\\\\\\:%M\\\\\\:%S}.%{eif\\:floor(mod(${t}\\,1)*1000+0.01)\\:d\\:3}`;
  const shorter = Math.min(width, height);
  const look =
    film === null
      ? `fontsize=h/9:fontcolor=white:box=1:boxcolor=black@0.75:boxborderw=${Math.round(height / 45)}:y=h*0.07`
      : `fontsize=${Math.round(shorter / 20)}:fontcolor=white@0.85:shadowcolor=black@0.35:shadowx=1:shadowy=1:y=h*0.14`;
  return (
    `setpts=PTS+${(startMs % 1000) / 1000}/TB,` +
    `drawtext=fontfile=${font}:${look}:x=(w-text_w)/2:text='${text.replace(t, "t")}',setpts=PTS-${(startMs % 1000) / 1000}/TB,format=yuv420p`
  );
}

/** The tracks of the demo. */
export function demoSource({ width, height, frameRate }: Extract<SourceInput, { kind: "demo" }>): SourceInfo {
  const rate = { num: frameRate, den: 1 };
  const look = { isInterlaced: false, transfer: "sdr", hasMatrix: true, endS: null } as const;
  return {
    video: { stream: 0, width, height, frameRate: rate, ...look },
    audio: { stream: 0, channels: RAW_AUDIO.channels, sampleRate: RAW_AUDIO.sampleRate },
    durationS: null,
    mayJump: false,
    isStill: false,
    warnings: [],
  };
}

/** The decodable codecs in the output of `ffmpeg -hide_banner -codecs`. */
export function parseDecodable(output: string): Set<string> {
  return new Set([...output.matchAll(/^ D[A-Z.]{5} (\S+)/gm)].map((match) => match[1] ?? ""));
}
