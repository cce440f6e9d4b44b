/** FFmpeg arguments that encode raw video and audio into renditions, as pure functions. */
import type { KeyframeSchedule } from "../../core/media/cmaf/keyframes.ts";
import { type Canvas, RAW_AUDIO } from "../ingest/raw-media.ts";
import { FIRST_PIPE } from "../kit/ffmpeg-process.ts";
import { encoderArgs, encoderDeviceArgs, encoderFilters } from "./encoder-options.ts";
import type { AudioRendition, Rendition, VideoCodec, VideoRendition } from "./ladder.ts";
import type { Preset } from "./presets.ts";

/** The encoder of each codec on this machine, chosen by `chooseEncoders`; ids as in `encoder-options.ts`. */
export type EncoderByCodec = Readonly<Partial<Record<VideoCodec, string>>>;

/**
 * Seconds added to every timestamp: AAC's first frame is 1024 samples before zero, and `tfdt` is unsigned.
 */
export const ENCODE_OFFSET_S = 10;

/** The video encoder: raw frames of `canvas` on standard input, rendition `i` on descriptor `FIRST_PIPE + i`. */
export function encodeVideoArgs(
  renditions: readonly VideoRendition[],
  canvas: Canvas,
  schedule: KeyframeSchedule,
  preset: Preset,
  encoders: EncoderByCodec,
): string[] {
  const { num, den } = schedule.frameRate;
  const idOf = ({ codec }: VideoRendition): string => encoders[codec] ?? "";
  const raw = ["-f", "rawvideo", "-pixel_format", "yuv420p", "-video_size", `${canvas.width}x${canvas.height}`];
  const outputs = renditions.flatMap((rendition, index) => [
    ...["-map", `[v${index}]`, "-fps_mode", "passthrough"],
    ...encoderArgs(idOf(rendition), rendition, schedule, preset),
    ...["-enc_time_base", `1:${rendition.timescale}`, "-video_track_timescale", `${rendition.timescale}`],
    ...muxerArgs(rendition),
    `pipe:${FIRST_PIPE + index}`,
  ]);
  const graph = videoGraph(renditions, canvas, idOf);
  const devices = encoderDeviceArgs(renditions.map(idOf));
  return [
    ...COMMON_ARGS,
    ...devices,
    ...raw,
    "-framerate",
    `${num}/${den}`,
    "-i",
    "pipe:0",
    "-filter_complex",
    graph,
    ...outputs,
  ];
}

/** The audio encoder: samples on standard input, the rendition on descriptor `FIRST_PIPE`. */
export function encodeAudioArgs(rendition: AudioRendition): string[] {
  const raw = ["-f", "s16le", "-ar", `${RAW_AUDIO.sampleRate}`, "-ch_layout", "stereo", "-i", "pipe:0"];
  const aac = ["-c:a", "aac", "-profile:a", "aac_low", "-b:a", `${rendition.bitsPerSecond}`];
  const layout = ["-ar", `${rendition.sampleRate}`, "-ac", `${rendition.channels}`];
  return [...COMMON_ARGS, ...raw, "-map", "0:a:0", ...aac, ...layout, ...muxerArgs(rendition), `pipe:${FIRST_PIPE}`];
}

/** Raw media needs no probing. Not `nobuffer`: probed media would be lost. */
const COMMON_ARGS = [...["-hide_banner", "-loglevel", "error", "-probesize", "32", "-analyzeduration", "0"]] as const;

function videoGraph(
  renditions: readonly VideoRendition[],
  canvas: Canvas,
  idOf: (rendition: VideoRendition) => string,
): string {
  const colours = "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709";
  const labels = renditions.map((_, index) => `[s${index}]`).join("");
  const branches = renditions.map((rendition, index) => {
    const { width, height } = rendition;
    const same = width === canvas.width && height === canvas.height;
    return `[s${index}]${same ? "" : `scale=${width}:${height}:flags=bicubic,`}setsar=1${encoderFilters(idOf(rendition))}[v${index}]`;
  });
  return [`[0:v:0]${colours},split=${renditions.length}${labels}`, ...branches].join(";");
}

function muxerArgs(rendition: Rendition): string[] {
  // libaom emits its sequence header only with the first frame.
  const late = rendition.kind === "video" && rendition.codec === "av1" ? "+delay_moov" : "";
  const flags = `+frag_every_frame+empty_moov+default_base_moof+frag_discont+negative_cts_offsets+skip_trailer${late}`;
  // Without edit lists and with unchanged timestamps in every output, the tracks stay in sync.
  const exact = ["-use_editlist", "0", "-avoid_negative_ts", "disabled", "-flush_packets", "1"];
  return ["-output_ts_offset", `${ENCODE_OFFSET_S}`, "-f", "mp4", "-movflags", flags, ...exact];
}

/** The names in the output of `ffmpeg -hide_banner -encoders`. */
export function parseEncoders(output: string): Set<string> {
  return new Set([...output.matchAll(/^ [VA][A-Z.]{5} (\S+)/gm)].map((match) => match[1] ?? ""));
}
