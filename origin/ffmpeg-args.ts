/** FFmpeg's command lines, as pure functions: one process, one output per track, each to a pipe of its own. */

import type { AudioRendition, Rendition, SourceInfo, VideoCodec, VideoRendition } from "./ladder.ts";
import type { Preset } from "./presets.ts";

/** What is read. */
export type Input =
  /** The built-in picture and tone; its timestamps are wall clock, see `demoGraph`. */
  | {
      readonly kind: "demo";
      readonly font: string | null;
      readonly width: number;
      readonly height: number;
      readonly frameRate: number;
    }
  /** Media with an end, read at its own speed. */
  | { readonly kind: "file"; readonly url: string; readonly loop: boolean; readonly format?: string }
  /** Media that comes when it comes. `listen`: an encoder connects to us. */
  | { readonly kind: "live"; readonly url: string; readonly listen: boolean; readonly format?: string };

/** What one FFmpeg process is to do. Track `i` leaves on file descriptor `FIRST_PIPE + i`. */
export interface EncodeJob {
  readonly input: Input;
  readonly source: SourceInfo;
  readonly renditions: readonly Rendition[];
  readonly preset: Preset;
  /** FFmpeg's encoder for each codec, as `chooseEncoder` found it on this machine. */
  readonly encoders: Readonly<Partial<Record<VideoCodec, string>>>;
}

/** File descriptor of the first track's pipe. */
export const FIRST_PIPE = 3;

/** Encoders that can be used for each codec, best first. */
export const ENCODERS: Readonly<Record<VideoCodec, readonly string[]>> = {
  h264: ["libx264", "libopenh264"],
  hevc: ["libx265"],
  // SVT-AV1 1.4 refuses a bound on the bit rate with low delay, and counts a 90 kHz clock as its frame rate.
  av1: ["libaom-av1"],
};

/** Microseconds that a network read may hang before FFmpeg gives the connection up. */
const NETWORK_TIMEOUT_US = 10_000_000;
/**
 * Seconds added to every timestamp of sources that begin at zero: AAC's first frame lies 1024 samples before zero, and
 * `tfdt` has no sign.
 */
const TIMESTAMP_OFFSET_S = 10;
/**
 * A demo that the machine held up for less than this catches up with the clock as fast as it can; `realtime` would take
 * what is later for a new beginning, and its pictures would stay late by so much for good.
 */
const CATCH_UP_S = 3600;
/** Keyframes are due this much before the exact instant, so that rounded timestamps don't cost a frame. */
const KEYFRAME_TOLERANCE_S = 0.002;

/** All arguments of the encode. `resumeS`: seconds of a file that were encoded before and are skipped. */
export function encodeArgs(job: EncodeJob, resumeS = 0): string[] {
  const videos = job.renditions.filter((rendition) => rendition.kind === "video");
  const seek = resumeS > 0 ? ["-ss", resumeS.toFixed(3)] : [];
  const graph = videos.length === 0 ? [] : ["-filter_complex", videoGraph(job, videos)];
  const outputs = job.renditions.flatMap((rendition, index) => [
    ...(rendition.kind === "video" ? videoOutput(job, rendition) : audioOutput(job, rendition, resumeS)),
    ...muxerArgs(job.input, rendition),
    `pipe:${FIRST_PIPE + index}`,
  ]);
  return ["-hide_banner", "-loglevel", "error", "-nostdin", ...seek, ...inputArgs(job.input), ...graph, ...outputs];
}

/** The arguments up to and with `-i`, for FFmpeg and, without the pacing, for ffprobe. */
export function inputArgs(input: Input, forProbe = false): string[] {
  if (input.kind === "demo") {
    const fast = ["-probesize", "32", "-analyzeduration", "0"];
    return [...fast, "-copyts", "-f", "lavfi", "-i", demoGraph(input)];
  }
  const format = input.format === undefined ? [] : ["-f", input.format];
  if (input.kind === "file") {
    const pace = forProbe ? [] : ["-re", ...(input.loop ? ["-stream_loop", "-1"] : [])];
    return [...pace, ...protocolArgs(input.url, false), ...format, "-i", input.url];
  }
  const lowDelay = ["-fflags", "+nobuffer+genpts", "-flags", "low_delay"];
  // A feed's header says what is in it.
  if (input.url.startsWith("pipe:")) lowDelay.push("-probesize", "100000", "-analyzeduration", "100000");
  return [...lowDelay, ...protocolArgs(input.url, input.listen), ...format, "-i", listenUrl(input.url, input.listen)];
}

function protocolArgs(url: string, listen: boolean): string[] {
  const scheme = /^([a-z0-9+]+):\/\//i.exec(url)?.[1]?.toLowerCase();
  switch (scheme) {
    case "http":
    case "https":
      return [
        "-rw_timeout",
        `${NETWORK_TIMEOUT_US}`,
        "-reconnect",
        "1",
        "-reconnect_streamed",
        "1",
        "-reconnect_delay_max",
        "5",
      ];
    case "rtmp":
    case "rtmps":
      return listen ? ["-listen", "1"] : ["-rw_timeout", `${NETWORK_TIMEOUT_US}`];
    case "rtsp":
      return ["-rtsp_transport", "tcp"];
    default:
      return [];
  }
}

/** SRT says in its address who calls whom. */
function listenUrl(url: string, listen: boolean): string {
  if (!listen || !/^srt:\/\//i.test(url) || /[?&]mode=/.test(url)) return url;
  return `${url}${url.includes("?") ? "&" : "?"}mode=listener`;
}

/**
 * The demo's sources in one lavfi graph. Both clocks start from the wall clock, read as the first frames pass a few
 * milliseconds apart, in whole milliseconds; `realtime` then holds the picture to it, and the tone, being read in step,
 * with it. So timestamps are programme time. The tone beeps for the first tenth of every second of that clock.
 *
 * lavfi gives out what has the lowest timestamp, once it has seen one of each: the tone would wait for the picture after
 * it. Between here and the output its timestamps are a picture's duration early.
 */
function demoGraph(input: Extract<Input, { kind: "demo" }>): string {
  const tone =
    "anullsrc=r=48000:cl=mono:n=480,asettb=1/48000,asetpts='PTS-STARTPTS+floor(RTCSTART/1000)*48'," +
    "aeval=exprs='0.25*sin(2*PI*880*mod(t\\,1))*lt(mod(t\\,1)\\,0.1)|0.25*sin(2*PI*880*mod(t\\,1))*lt(mod(t\\,1)\\,0.1)'" +
    `:channel_layout=stereo,asetpts=PTS-${toneLead(input.frameRate)}`;
  const picture =
    `testsrc2=s=${input.width}x${input.height}:r=${input.frameRate},realtime=limit=${CATCH_UP_S},settb=1/90000,` +
    "setpts='PTS-STARTPTS+floor(RTCSTART/1000)*90'";
  return `${tone}[out0];${picture}[out1]`;
}

/** Samples by which the demo's tone runs ahead within FFmpeg. */
function toneLead(frameRate: number): number {
  return Math.round(48_000 / frameRate);
}

/** The clock that is burnt into the demo: the frame's own timestamp, UTC, to the millisecond. */
function clockFilter(font: string, height: number): string {
  const text = "%{pts\\:gmtime\\:0\\:%H\\\\\\:%M\\\\\\:%S}.%{eif\\:floor(mod(t\\,1)*1000+0.01)\\:d\\:3}";
  return (
    `drawtext=fontfile=${font}:fontsize=h/9:fontcolor=white:box=1:boxcolor=black@0.75:boxborderw=${Math.round(height / 45)}:` +
    `x=(w-text_w)/2:y=h*0.07:text='${text}'`
  );
}

function videoGraph(job: EncodeJob, videos: readonly VideoRendition[]): string {
  const first = videos[0];
  const head: string[] = [];
  if (job.input.kind === "demo") {
    if (job.input.font !== null) head.push(clockFilter(job.input.font, job.input.height));
  } else if (first !== undefined) {
    head.push(`fps=${first.frameRate.num}/${first.frameRate.den}`);
  }
  const entry = job.input.kind === "demo" ? "[0:1]" : "[0:v:0]";
  const labels = videos.map((_, index) => `[s${index}]`).join("");
  const branches = videos.map(
    ({ width, height }, index) =>
      `[s${index}]scale=${width}:${height}:flags=bicubic,setsar=1,format=yuv420p[v${index}]`,
  );
  return [`${entry}${[...head, `split=${videos.length}`].join(",")}${labels}`, ...branches].join(";");
}

function videoOutput(job: EncodeJob, rendition: VideoRendition): string[] {
  const videos = job.renditions.filter((other) => other.kind === "video");
  const frames = Math.round((job.preset.segmentMs / 1000) * (rendition.frameRate.num / rendition.frameRate.den));
  const every = job.preset.segmentMs / 1000 - KEYFRAME_TOLERANCE_S;
  return [
    ...["-map", `[v${videos.indexOf(rendition)}]`, "-fps_mode", "passthrough"],
    ...encoderArgs(job.encoders[rendition.codec] ?? "", job.preset),
    ...[
      "-b:v",
      `${rendition.bitsPerSecond}`,
      "-maxrate",
      `${rendition.maxBitsPerSecond}`,
      "-bufsize",
      `${rendition.bufferBits}`,
    ],
    ...["-g", `${frames}`, "-force_key_frames", `expr:if(isnan(prev_forced_t),1,gte(t,prev_forced_t+${every}))`],
    ...["-enc_time_base", `1:${rendition.timescale}`, "-video_track_timescale", `${rendition.timescale}`],
  ];
}

function encoderArgs(encoder: string, preset: Preset): string[] {
  const fast = preset.x264 === "superfast";
  switch (encoder) {
    case "libx264":
      return ["-c:v", encoder, "-preset", preset.x264, "-tune", "zerolatency", "-bf", "0", "-sc_threshold", "0"];
    case "libx265":
      return [
        ...["-c:v", encoder, "-preset", fast ? "ultrafast" : "superfast", "-tune", "zerolatency", "-tag:v", "hvc1"],
        ...["-x265-params", "log-level=error:scenecut=0:bframes=0:open-gop=0:repeat-headers=0"],
      ];
    case "libaom-av1":
      return [
        "-c:v",
        encoder,
        "-usage",
        "realtime",
        "-cpu-used",
        fast ? "10" : "8",
        "-lag-in-frames",
        "0",
        "-row-mt",
        "1",
      ];
    default:
      return ["-c:v", encoder, "-bf", "0"];
  }
}

function audioOutput(job: EncodeJob, rendition: AudioRendition, resumeS: number): string[] {
  const common = ["-c:a", "aac", "-profile:a", "aac_low", "-b:a", `${rendition.bitsPerSecond}`];
  const layout = ["-ar", `${rendition.sampleRate}`, "-ac", `${rendition.channels}`];
  if (job.input.kind === "demo") {
    return ["-map", "0:0", "-af", `asetpts=PTS+${toneLead(job.input.frameRate)}`, ...common, ...layout];
  }
  // Holes in a source's audio become silence, and audio that ends before the picture goes on as silence.
  const filters = ["aresample=async=1000:first_pts=0"];
  const { video, durationS } = job.source;
  if (video !== null && durationS !== null && job.input.kind === "file" && !job.input.loop) {
    filters.push(`apad=whole_dur=${Math.max(0, durationS - resumeS)}`);
  }
  return ["-map", "0:a:0", "-af", filters.join(","), ...common, ...layout];
}

function muxerArgs(input: Input, rendition: Rendition): string[] {
  // libaom tells its sequence header only with the first frame.
  const late = rendition.kind === "video" && rendition.codec === "av1" ? "+delay_moov" : "";
  const flags = `+frag_every_frame+empty_moov+default_base_moof+frag_discont+negative_cts_offsets+skip_trailer${late}`;
  const offset = input.kind === "demo" ? [] : ["-output_ts_offset", `${TIMESTAMP_OFFSET_S}`];
  // Without edit lists, and with timestamps left as they are in every output, the tracks stay in step.
  const exact = ["-use_editlist", "0", "-avoid_negative_ts", "disabled", "-flush_packets", "1"];
  return [...offset, "-map_metadata", "-1", "-f", "mp4", "-movflags", flags, ...exact];
}

/** The encoder to use for `codec` among the names that `ffmpeg -encoders` lists, or null. */
export function chooseEncoder(codec: VideoCodec, available: ReadonlySet<string>): string | null {
  return ENCODERS[codec].find((name) => available.has(name)) ?? null;
}

/** The names in the output of `ffmpeg -hide_banner -encoders`. */
export function parseEncoders(output: string): Set<string> {
  return new Set([...output.matchAll(/^ [VA][A-Z.]{5} (\S+)/gm)].map((match) => match[1] ?? ""));
}
