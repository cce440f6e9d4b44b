/** Formats of the studio's numbers and texts of its phases. */
import type { StreamStatus } from "../../../core/broadcast/stream-status.ts";
import { formatCount } from "../kit/number-text.ts";

/** 0, 0.4, 12, 1.2K: a rate with as many digits as it needs. */
export function formatRate(value: number): string {
  return formatCount(Number(value.toFixed(1)));
}

/** 99.95 %; a ratio below one is never rounded to 100 %. */
export function formatPercent(share: number): string {
  if (share >= 1) return "100 %";
  return `${(Math.floor(share * 10_000) / 100).toFixed(2)} %`;
}

/** 1.000. */
export function formatRatio(value: number): string {
  return value.toFixed(3);
}

/** 0.42 s, 12 s, 3 min, 2 h. */
export function formatDuration(value: number): string {
  if (value < 10) return `${value.toFixed(2)} s`;
  if (value < 120) return `${Math.round(value)} s`;
  return value < 7_200 ? `${Math.round(value / 60)} min` : `${formatCount(Math.round(value / 3_600))} h`;
}

/** 4:05, 1:04:05, 2 d 1:04:05. */
export function formatUptime(ms: number): string {
  const whole = Math.max(0, Math.floor(ms / 1000));
  const two = (value: number): string => String(value).padStart(2, "0");
  const [days, hours, minutes] = [
    Math.floor(whole / 86_400),
    Math.floor(whole / 3_600) % 24,
    Math.floor(whole / 60) % 60,
  ];
  const clock = hours > 0 || days > 0 ? `${hours}:${two(minutes)}` : String(minutes);
  return `${days > 0 ? `${days} d ` : ""}${clock}:${two(whole % 60)}`;
}

/** 2.5 Mb/s, 128 kb/s. */
export function formatBitRate(bitsPerSecond: number): string {
  return bitsPerSecond >= 1e6 ? `${(bitsPerSecond / 1e6).toFixed(1)} Mb/s` : `${Math.round(bitsPerSecond / 1e3)} kb/s`;
}

/** The page's phase: a stream's state, no broadcast yet, or an invalid name; `asking` before the first answer. */
export type StudioPhase = "asking" | "none" | "unknown" | "stopped" | StreamStatus["state"];

/** A phase's badge and note. */
export function describeStudioPhase(
  phase: StudioPhase,
  name: string,
): { readonly badge: string; readonly note: string | null } {
  switch (phase) {
    case "asking":
      return { badge: "", note: null };
    case "none":
      return { badge: "NOT LIVE", note: `${name} isn’t live yet. This page updates automatically.` };
    case "unknown":
      return {
        badge: "",
        note: "No such stream. A stream name has at most 64 lowercase letters, digits, - and _.",
      };
    case "stopped":
      return { badge: "STOPPED", note: "The stream is stopped: publishing, playback and chat are blocked. See below." };
    case "live":
      return { badge: "LIVE", note: null };
    case "reconnecting":
      return {
        badge: "RECONNECTING",
        note: "The publisher lost its connection. Viewers see the last picture until it returns.",
      };
    case "ended":
      return {
        badge: "ENDED",
        note: "The broadcast has ended. These are its final figures; the next broadcast appears here.",
      };
  }
}
