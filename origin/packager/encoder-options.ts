/**
 * FFmpeg's options of each video encoder: no look-ahead, no reordering, and keyframes where they are forced only. Pure.
 * An encoder's id is FFmpeg's name, with `+low_power` behind it for Intel's fixed-function variant, `+speed10` for libaom's.
 */
import type { KeyframeSchedule } from "../../core/media/cmaf/keyframes.ts";
import type { VideoRendition } from "./ladder.ts";
import type { Preset } from "./presets.ts";

/** Suffix of the ids of Intel's fixed-function variants. */
export const LOW_POWER = "+low_power";

/** The id of libaom at its greatest speed. */
export const FASTEST_AOM = "libaom-av1+speed10";

/**
 * A hardware encoder's own keyframe interval, in intervals of the schedule: whether a forced keyframe restarts its count
 * depends on the driver, so its own keyframes are rare. Those of software encoders are counted from the last keyframe.
 */
const HARDWARE_INTERVALS = 10;

/** FFmpeg's name of an encoder. */
export function encoderName(id: string): string {
  return id.replace(/\+.*$/, "");
}

/** Options in front of the inputs: the devices that encoders and filters use. */
export function encoderDeviceArgs(ids: readonly string[]): string[] {
  return ids.some(isVaapi) ? ["-init_hw_device", "vaapi=gpu", "-filter_hw_device", "gpu"] : [];
}

/** Filters between the scaled picture and the encoder, each with a comma in front. */
export function encoderFilters(id: string): string {
  if (isVaapi(id)) return ",format=nv12,hwupload";
  return id.includes("_qsv") ? ",format=nv12" : "";
}

/** The options of the encoder of one rendition: speed, delay, bit rate and keyframes. */
export function encoderArgs(
  id: string,
  rendition: VideoRendition,
  schedule: KeyframeSchedule,
  preset: Preset,
): string[] {
  const interval = schedule.maxIntervalFrames * (isHardware(id) ? HARDWARE_INTERVALS : 1);
  return [
    ...encoderSpeedArgs(id, rendition, preset),
    // hvc1: parameter sets are in the init section only, which Apple's players require.
    ...(rendition.codec === "hevc" ? ["-tag:v", "hvc1"] : []),
    ...["-b:v", `${rendition.bitsPerSecond}`],
    // SVT-AV1 rejects a maximum bit rate with a constant one.
    ...(id === "libsvtav1" ? [] : ["-maxrate", `${rendition.maxBitsPerSecond}`]),
    ...["-bufsize", `${rendition.bufferBits}`],
    // The encoder's own keyframe interval is never shorter than the schedule's.
    ...["-g", `${interval + 1}`, "-force_key_frames", schedule.ffmpegExpression],
  ];
}

/** The encoder and its options of speed and delay: no look-ahead, no reordering, no keyframes at cuts. */
export function encoderSpeedArgs(id: string, rendition: VideoRendition, preset: Preset): string[] {
  return ["-c:v", encoderName(id), ...speedArgs(id, rendition, preset)];
}

/** H.264's High profile at a level, which is ten times its number: 31 is level 3.1. Null of an encoder that takes none. */
export function highProfileArgs(id: string, level: number): string[] | null {
  const text = id.includes("_qsv") ? `${level}` : (level / 10).toFixed(1);
  return id === "libx264" || isHardware(id) ? ["-profile:v", "high", "-level:v", text] : null;
}

function speedArgs(id: string, { frameRate }: VideoRendition, preset: Preset): string[] {
  const fast = preset.x264 === "superfast";
  const family = /_(nvenc|qsv|vaapi|videotoolbox)/.exec(id)?.[1] ?? id;
  const lowPower = id.endsWith(LOW_POWER) ? ["-low_power", "1"] : [];
  switch (family) {
    case "libx264":
      return ["-preset", preset.x264, "-tune", "zerolatency", "-bf", "0", "-sc_threshold", "0"];
    case "libx265":
      return [
        ...["-preset", fast ? "ultrafast" : "superfast", "-tune", "zerolatency"],
        ...["-x265-params", "log-level=error:scenecut=0:bframes=0:open-gop=0:repeat-headers=0"],
      ];
    case "libaom-av1":
    case FASTEST_AOM: {
      // FFmpeg's own option ends at 8; libaom from 3.2 on takes 9 and 10 in real time.
      const speed = id === FASTEST_AOM ? ["-aom-params", "cpu-used=10"] : [];
      return ["-usage", "realtime", "-cpu-used", "8", ...speed, "-lag-in-frames", "0", "-row-mt", "1"];
    }
    case "libsvtav1": {
      // The rate is given, because older versions take the encoder's clock of 90 kHz for it.
      const rate = `fps-num=${frameRate.num}:fps-denom=${frameRate.den}`;
      return ["-preset", fast ? "12" : "10", "-svtav1-params", `pred-struct=1:rc=2:scd=0:lookahead=0:${rate}`];
    }
    case "nvenc":
      return [
        ...["-preset", "p4", "-tune", "ull", "-zerolatency", "1", "-delay", "0", "-rc", "cbr", "-bf", "0"],
        ...["-forced-idr", "1", "-no-scenecut", "1", "-rc-lookahead", "0"],
      ];
    case "qsv":
      return ["-preset", "veryfast", "-async_depth", "1", "-bf", "0", "-forced_idr", "1", ...lowPower];
    case "vaapi":
      // Each forced keyframe is an IDR picture: `idr_interval` counts others between them.
      return ["-async_depth", "1", "-rc_mode", "CBR", "-bf", "0", "-idr_interval", "0", ...lowPower];
    case "videotoolbox":
      return ["-realtime", "1", "-prio_speed", "1", "-bf", "0", "-allow_sw", "0"];
    default:
      return ["-bf", "0"];
  }
}

function isVaapi(id: string): boolean {
  return id.includes("_vaapi");
}

function isHardware(id: string): boolean {
  return /_(nvenc|qsv|vaapi|videotoolbox)/.test(id);
}
