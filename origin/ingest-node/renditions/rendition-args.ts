/** FFmpeg arguments that decode a sender's feed and encode renditions with its keyframes. Pure. */
import { FIRST_PIPE } from "../../kit/ffmpeg-process.ts";
import type { VideoRendition } from "../../packager/ladder.ts";
import type { Preset } from "../../packager/presets.ts";
import { avcLevelOf } from "./rendition-plan.ts";

/** Beyond the longest distance of keyframes that is passed through, frames at 60 a second: the encoder has none of its own. */
const MAX_GROUP = 600;

/** The feed on standard input, rendition `i` on descriptor `FIRST_PIPE + i`; timestamps are the feed's. */
export function renditionArgs(renditions: readonly VideoRendition[], preset: Preset): string[] {
  const quiet = ["-hide_banner", "-loglevel", "error", "-copyts"];
  // A feed's header describes its content.
  const input = ["-fflags", "+genpts", "-flags", "low_delay", "-probesize", "100000", "-analyzeduration", "100000"];
  const outputs = renditions.flatMap((rendition, index) => [
    ...["-map", `[v${index}]`, "-fps_mode", "passthrough", "-force_key_frames", "source"],
    ...["-c:v", "libx264", "-preset", preset.x264, "-tune", "zerolatency", "-bf", "0", "-sc_threshold", "0"],
    ...["-g", `${MAX_GROUP}`, "-profile:v", "high", "-level:v", (avcLevelOf(rendition) / 10).toFixed(1)],
    ...["-b:v", `${rendition.bitsPerSecond}`, "-maxrate", `${rendition.maxBitsPerSecond}`],
    ...["-bufsize", `${rendition.bufferBits}`],
    ...["-enc_time_base", `1:${rendition.timescale}`, "-video_track_timescale", `${rendition.timescale}`],
    ...["-f", "mp4", "-movflags", FRAGMENTS, "-use_editlist", "0", "-avoid_negative_ts", "disabled"],
    ...["-flush_packets", "1", `pipe:${FIRST_PIPE + index}`],
  ]);
  return [...quiet, ...input, "-f", "mp4", "-i", "pipe:0", "-filter_complex", graphOf(renditions), ...outputs];
}

const FRAGMENTS = "+frag_every_frame+empty_moov+default_base_moof+frag_discont+negative_cts_offsets+skip_trailer";

function graphOf(renditions: readonly VideoRendition[]): string {
  const labels = renditions.map((_, index) => `[s${index}]`).join("");
  const branches = renditions.map(({ width, height }, index) => {
    // A sender that returns with another shape is shown with bars.
    const fit = `scale=${width}:${height}:force_original_aspect_ratio=decrease:force_divisible_by=2:flags=bicubic`;
    return `[s${index}]${fit},pad=${width}:${height}:(ow-iw)/2:(oh-ih)/2,setsar=1,format=yuv420p[v${index}]`;
  });
  return [`[0:v:0]split=${renditions.length}${labels}`, ...branches].join(";");
}
