/** What this browser can encode. */
import {
  type CaptureRendition,
  type CaptureSource,
  chooseCaptureLadder,
} from "../../../core/ingest/capture/capture-ladder.ts";
import { audioEncoderConfig, videoEncoderConfig } from "./encoder-config.ts";
import type { CaptureMode } from "./golive-view.ts";
import type { AudioFormat } from "./worker/messages.ts";

/** Stereo sound at the rate of both codecs. */
const SOUND = { sampleRate: 48_000, channels: 2, bitsPerSecond: 128_000 } as const;

/** How the browser can publish. WebCodecs counts only with what the publishing worker needs besides. */
export async function detectCaptureMode(): Promise<CaptureMode> {
  const hasWebCodecs =
    typeof VideoEncoder === "function" &&
    typeof AudioEncoder === "function" &&
    typeof OffscreenCanvas === "function" &&
    typeof AudioWorkletNode === "function" &&
    typeof AbortSignal.any === "function" &&
    typeof Promise.withResolvers === "function";
  if (hasWebCodecs) {
    const ladder = await probeLadder({ width: 640, height: 360, frameRate: 30 });
    if (ladder.length > 0 && (await chooseAudioFormat()) !== null) return "webcodecs";
  }
  return typeof RTCPeerConnection === "function" ? "whip" : "none";
}

/** The ladder for a source; empty if nothing can be encoded. */
export function probeLadder(source: CaptureSource): Promise<CaptureRendition[]> {
  return chooseCaptureLadder(source, async (rendition) => {
    try {
      return (await VideoEncoder.isConfigSupported(videoEncoderConfig(rendition))).supported === true;
    } catch {
      // A configuration that the browser does not even know.
      return false;
    }
  });
}

/** AAC, which every player has, else Opus; null if the browser encodes neither. */
export async function chooseAudioFormat(): Promise<AudioFormat | null> {
  for (const codec of ["aac", "opus"] as const) {
    const format: AudioFormat = { codec, ...SOUND };
    try {
      if ((await AudioEncoder.isConfigSupported(audioEncoderConfig(format))).supported === true) return format;
    } catch {
      // As above.
    }
  }
  return null;
}
