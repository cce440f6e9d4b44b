/** Sources for tests. */
import type { SourceInfo } from "../ingest/source-info.ts";

/** A source with video and audio. */
export function testSourceInfo(width: number, height: number, num = 30, den = 1): SourceInfo {
  const look = { isInterlaced: false, transfer: "sdr", hasMatrix: true, endS: null } as const;
  return {
    video: { stream: 0, width, height, frameRate: { num, den }, ...look },
    audio: { stream: 1, channels: 2, sampleRate: 44_100 },
    durationS: null,
    mayJump: false,
    isStill: false,
    warnings: [],
  };
}
