/** Configurations of the browser's encoders. */
import type { CaptureRendition } from "../../../core/ingest/capture/capture-ladder.ts";
import type { AudioFormat } from "./worker/messages.ts";

/** The encoder of a rendition: in real time, with parameter sets outside the pictures. */
export function videoEncoderConfig(rendition: CaptureRendition): VideoEncoderConfig {
  const { width, height, codec, bitsPerSecond, framesPerSecond, acceleration } = rendition;
  return {
    ...{ codec, width, height, bitrate: bitsPerSecond, framerate: framesPerSecond },
    hardwareAcceleration: acceleration,
    latencyMode: "realtime",
    bitrateMode: "variable",
    avc: { format: "avc" },
  };
}

/** The sound's encoder. */
export function audioEncoderConfig({ codec, sampleRate, channels, bitsPerSecond }: AudioFormat): AudioEncoderConfig {
  return {
    codec: codec === "aac" ? "mp4a.40.2" : "opus",
    sampleRate,
    numberOfChannels: channels,
    bitrate: bitsPerSecond,
  };
}
