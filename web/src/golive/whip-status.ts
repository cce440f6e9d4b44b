/** How a WebRTC session fares, from the connection's own statistics. Pure. */
import type { CaptureStatus } from "./worker/messages.ts";

/** The used part of an `outbound-rtp` entry of a picture (W3C webrtc-stats). */
export interface OutboundPicture {
  /** Milliseconds. */
  readonly timestamp: number;
  readonly bytesSent?: number;
  readonly framesEncoded?: number;
  readonly frameWidth?: number;
  readonly frameHeight?: number;
  readonly qualityLimitationReason?: string;
}

/** The entry of the picture in a report; null before the first. */
export function findOutboundPicture(report: Iterable<unknown>): OutboundPicture | null {
  for (const entry of report) {
    const { type, kind } = entry as { readonly type?: string; readonly kind?: string };
    if (type === "outbound-rtp" && kind === "video") return entry as OutboundPicture;
  }
  return null;
}

/** The status between two entries; null if they tell no time. `isAway`: the connection is interrupted. */
export function readWhipStatus(before: OutboundPicture, now: OutboundPicture, isAway: boolean): CaptureStatus | null {
  const spanS = (now.timestamp - before.timestamp) / 1_000;
  if (spanS <= 0) return null;
  const rate = (name: "bytesSent" | "framesEncoded"): number =>
    Math.max(0, (now[name] ?? 0) - (before[name] ?? 0)) / spanS;
  const { frameWidth = 0, frameHeight = 0, qualityLimitationReason } = now;
  const side = Math.min(frameWidth, frameHeight);
  return {
    ...{ queueMs: 0, delayMs: 0, isTopDropped: false, isSkipping: false, checks: [] },
    bitsPerSecond: rate("bytesSent") * 8,
    framesPerSecond: rate("framesEncoded"),
    isOverloaded: qualityLimitationReason === "cpu",
    renditions: side > 0 ? [`${side}p`] : [],
    isPaused: isAway,
  };
}
