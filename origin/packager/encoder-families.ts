/** The values of `--encoder`: families of encoders, and FFmpeg's encoder of each for a codec. Pure. */
import { UsageError } from "../kit/errors.ts";
import { encoderName, LOW_POWER } from "./encoder-options.ts";
import type { VideoCodec } from "./ladder.ts";

/** Families in hardware. */
const HARDWARE_FAMILIES = ["nvenc", "qsv", "vaapi", "videotoolbox"] as const;
export type HardwareFamily = (typeof HARDWARE_FAMILIES)[number];

/** Values of `--encoder`. */
export const ENCODER_FAMILIES = ["auto", "x264", "nvenc", "vaapi", "qsv", "videotoolbox", "svtav1"] as const;
export type EncoderFamily = (typeof ENCODER_FAMILIES)[number];

/** Software encoders per codec, best first. */
export const SOFTWARE_ENCODERS: Readonly<Record<VideoCodec, readonly string[]>> = {
  h264: ["libx264", "libopenh264"],
  hevc: ["libx265"],
  av1: ["libaom-av1"],
};

/** The family named `text`. Throws `UsageError`. */
export function parseEncoderFamily(text: string): EncoderFamily {
  const family = ENCODER_FAMILIES.find((known) => known === text);
  if (family === undefined) throw new UsageError(`--encoder is ${ENCODER_FAMILIES.join(", ")}, not "${text}".`);
  return family;
}

/** The codec of renditions that name none: AV1 with `svtav1`, which encodes nothing else. */
export function defaultCodecOf(family: EncoderFamily): VideoCodec {
  return family === "svtav1" ? "av1" : "h264";
}

/** The hardware families that a system has, best first. */
export function hardwareFamiliesOf(platform: NodeJS.Platform): readonly HardwareFamily[] {
  if (platform === "darwin") return ["videotoolbox"];
  return platform === "linux" ? ["nvenc", "qsv", "vaapi"] : ["nvenc", "qsv"];
}

/** The encoders of a hardware family for `codec` that FFmpeg lists, best first; ids as in `encoder-options.ts`. */
export function hardwareEncoders(family: HardwareFamily, codec: VideoCodec, listed: ReadonlySet<string>): string[] {
  const name = `${codec}_${family}`;
  const hasLowPower = family === "qsv" || family === "vaapi";
  return (hasLowPower ? [`${name}${LOW_POWER}`, name] : [name]).filter((id) => listed.has(encoderName(id)));
}

/** The software encoder for `codec` among those that FFmpeg lists, or null. */
export function softwareEncoder(codec: VideoCodec, listed: ReadonlySet<string>): string | null {
  return SOFTWARE_ENCODERS[codec].find((name) => listed.has(name)) ?? null;
}
