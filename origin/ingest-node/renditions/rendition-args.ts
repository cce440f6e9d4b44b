/** FFmpeg arguments that decode a sender's feed and encode renditions with its keyframes. Pure. */
import { FIRST_PIPE } from "../../kit/ffmpeg-process.ts";
import {
  encoderDeviceArgs,
  encoderFilters,
  encoderSpeedArgs,
  highProfileArgs,
} from "../../packager/encoder-options.ts";
import type { AudioRendition, VideoRendition } from "../../packager/ladder.ts";
import type { Preset } from "../../packager/presets.ts";
import { avcLevelOf } from "./rendition-plan.ts";

/** Beyond the longest distance of keyframes that is passed through, frames at 60 a second: the encoder has none of its own. */
const MAX_GROUP = 600;

/** The feed on standard input, rendition `i` on descriptor `FIRST_PIPE + i`; timestamps are the feed's. `encoder`: an id for H.264. */
export function renditionArgs(renditions: readonly VideoRendition[], preset: Preset, encoder: string): string[] {
  const quiet = ["-hide_banner", "-loglevel", "error", "-copyts"];
  // A feed's header describes its content.
  const input = ["-fflags", "+genpts", "-flags", "low_delay", "-probesize", "100000", "-analyzeduration", "100000"];
  const outputs = renditions.flatMap((rendition, index) => [
    ...["-map", `[v${index}]`, "-fps_mode", "passthrough", "-force_key_frames", "source"],
    ...encoderSpeedArgs(encoder, rendition, preset),
    ...["-g", `${MAX_GROUP}`, ...(highProfileArgs(encoder, avcLevelOf(rendition)) ?? [])],
    ...["-b:v", `${rendition.bitsPerSecond}`, "-maxrate", `${rendition.maxBitsPerSecond}`],
    ...["-bufsize", `${rendition.bufferBits}`],
    ...["-enc_time_base", `1:${rendition.timescale}`, "-video_track_timescale", `${rendition.timescale}`],
    ...["-f", "mp4", "-movflags", FRAGMENTS, "-use_editlist", "0", "-avoid_negative_ts", "disabled"],
    ...["-flush_packets", "1", `pipe:${FIRST_PIPE + index}`],
  ]);
  const devices = encoderDeviceArgs([encoder]);
  const graph = graphOf(renditions, encoderFilters(encoder));
  return [...quiet, ...devices, ...input, "-f", "mp4", "-i", "pipe:0", "-filter_complex", graph, ...outputs];
}

/**
 * Opus in fragments on standard input, AAC on descriptor `FIRST_PIPE`; timestamps are the input's, and time without sound is
 * silence.
 */
export function aacArgs({ bitsPerSecond, sampleRate, channels }: AudioRendition): string[] {
  const quiet = ["-hide_banner", "-loglevel", "error", "-copyts"];
  const input = ["-probesize", "32", "-analyzeduration", "0", "-f", "mp4", "-i", "pipe:0", "-map", "0:a:0"];
  const resample = ["-af", "aresample=async=1:min_hard_comp=0.05", "-ar", `${sampleRate}`, "-ac", `${channels}`];
  return [
    ...[...quiet, ...input, ...resample, "-c:a", "aac", "-b:a", `${bitsPerSecond}`],
    ...["-f", "mp4", "-movflags", FRAGMENTS, "-use_editlist", "0", "-avoid_negative_ts", "disabled"],
    ...["-flush_packets", "1", `pipe:${FIRST_PIPE}`],
  ];
}

const FRAGMENTS = "+frag_every_frame+empty_moov+default_base_moof+frag_discont+negative_cts_offsets+skip_trailer";

function graphOf(renditions: readonly VideoRendition[], filters: string): string {
  const labels = renditions.map((_, index) => `[s${index}]`).join("");
  const branches = renditions.map(({ width, height }, index) => {
    // A sender that returns with another shape is shown with bars.
    const fit = `scale=${width}:${height}:force_original_aspect_ratio=decrease:force_divisible_by=2:flags=bicubic`;
    return `[s${index}]${fit},pad=${width}:${height}:(ow-iw)/2:(oh-ih)/2,setsar=1,format=yuv420p${filters}[v${index}]`;
  });
  return [`[0:v:0]split=${renditions.length}${labels}`, ...branches].join(";");
}
