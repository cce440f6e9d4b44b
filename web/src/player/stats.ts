/** Statistics for the panel, and for `window.corral` in tests and benches. */

import type { DelayWish, FlowObstacle } from "./delay-choice.ts";
import type { DelaySwitch } from "./delay-switch.ts";
import { bufferedAheadS } from "./live-edge-controller.ts";
import type { PlaybackCounts } from "./media-monitor.ts";
import type { RenditionList } from "./renditions.ts";
import type { WatchPhase, WatchView } from "./watch-state.ts";

/** A snapshot of playback. Seconds unless a name says otherwise; null if unknown. */
export interface PlaybackStats {
  readonly state: WatchPhase;
  /** Wall clock minus program time at the playhead. */
  readonly delayS: number | null;
  /** Behind the playlist's moving edge, without encoder and delivery. */
  readonly edgeDistanceS: number | null;
  readonly bufferS: number;
  /** Number of stalls since the page opened. */
  readonly stalls: number;
  /** What is on screen, e.g. `720p`. */
  readonly rendition: string | null;
  readonly renditions: readonly string[];
  /** The selection: a rendition's name or `auto`. */
  readonly chosen: string;
  /** How the media comes. */
  readonly delivery: "flow" | "ll-hls";
  /** Why it does not come by flow although the viewer wants the least delay; null if it does. */
  readonly flowObstacle: FlowObstacle | null;
  readonly rate: number;
  /** The current target delay: the hold-back with the margin from stalls. */
  readonly targetS: number | null;
  readonly droppedFrames: number;
  /** Bits per second, estimated. */
  readonly bandwidth: number | null;
  readonly programTimeMs: number | null;
  readonly currentTime: number;
  /** Monotonic time of the first presented picture, since the page began to load. */
  readonly firstPictureMs: number | null;
  readonly error: string | null;
}

/** `window.corral`: read-only except for the selection of a rendition. */
export interface CorralHandle {
  readonly stats: () => PlaybackStats;
  /** A name of `stats().renditions`, or `auto`. Returns whether it exists. */
  readonly setRendition: (name: string) => boolean;
  /** As in the delay menu, without storing it. */
  readonly setDelay: (wish: DelayWish) => void;
}

declare global {
  interface Window {
    corral?: CorralHandle;
  }
}

/** Reads all current values. */
export function readPlaybackStats(
  video: HTMLVideoElement,
  view: WatchView,
  player: DelaySwitch,
  renditions: RenditionList | null,
  counts: PlaybackCounts,
  serverNowMs: number,
): PlaybackStats {
  const reading = player.read();
  return {
    state: view.phase,
    delayS: reading.programTimeMs === null ? null : (serverNowMs - reading.programTimeMs) / 1000,
    edgeDistanceS: reading.edgeDistanceS,
    bufferS: bufferedAheadS(video),
    stalls: counts.stalls,
    rendition: reading.rendition,
    renditions: renditions === null ? [] : renditions.items.map((item) => item.name),
    chosen: renditions?.items[renditions.selectedIndex]?.name ?? "auto",
    delivery: player.isFlow ? "flow" : "ll-hls",
    flowObstacle: player.flowObstacle,
    rate: video.playbackRate,
    targetS: reading.targetS,
    droppedFrames: video.getVideoPlaybackQuality?.().droppedVideoFrames ?? 0,
    bandwidth: reading.bandwidth,
    programTimeMs: reading.programTimeMs,
    currentTime: video.currentTime,
    firstPictureMs: counts.firstPictureMs,
    error: view.error,
  };
}

/** Selects a rendition by name. */
export function chooseRendition(renditions: RenditionList | null, name: string): boolean {
  if (renditions === null) return false;
  const index = name === "auto" ? -1 : renditions.items.findIndex((item) => item.name === name);
  if (index === -1 && name !== "auto") return false;
  renditions.selectedIndex = index;
  return true;
}
