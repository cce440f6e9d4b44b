/** What is broadcast, as far as load and money go: tracks, their bytes, and what one viewer asks for. */
import { DEFAULT_LADDER } from "../../origin/packager/ladder.ts";
import { PRESETS, type PresetName } from "../../origin/packager/presets.ts";

/** Settings of a broadcast. */
export interface BroadcastSettings {
  readonly name: string;
  readonly partMs: number;
  readonly segmentMs: number;
  /** Bytes a second of each track. */
  readonly tracks: readonly { readonly name: string; readonly bytesPerSecond: number }[];
  /** What viewers follow: indices into `tracks`, and the part of the viewers that does; the parts sum to 1. */
  readonly renditionChoices: readonly { readonly tracks: readonly number[]; readonly share: number }[];
}

/** Which part of the viewers takes each step of the ladder, the best first: an assumption. */
const RENDITION_SHARES = [0.5, 0.3, 0.2];

/** Sound in a track of its own, or in each picture's track. */
export type TrackLayout = "separate" | "muxed";

/** The default ladder in parts and segments of these lengths. `steps`: how many of its pictures, the best first. */
export function ladderSettings(
  name: string,
  { partMs, segmentMs }: { readonly partMs: number; readonly segmentMs: number },
  tracks: TrackLayout,
  steps: number = DEFAULT_LADDER.video.length,
): BroadcastSettings {
  const { video, audioBitsPerSecond } = DEFAULT_LADDER;
  const pictures = video.slice(0, steps);
  const shares = RENDITION_SHARES.slice(0, steps);
  const whole = shares.reduce((sum, share) => sum + share, 0);
  const sound = audioBitsPerSecond / 8;
  const muxed = tracks === "muxed";
  return {
    name: `${name}, ${tracks}`,
    partMs,
    segmentMs,
    tracks: [
      ...pictures.map((step) => ({ name: step.name, bytesPerSecond: step.bitsPerSecond / 8 + (muxed ? sound : 0) })),
      ...(muxed ? [] : [{ name: "audio", bytesPerSecond: sound }]),
    ],
    renditionChoices: shares.map((share, index) => ({
      tracks: muxed ? [index] : [index, pictures.length],
      share: share / whole,
    })),
  };
}

/** The default ladder at a preset. */
export const presetSettings = (preset: PresetName, tracks: TrackLayout): BroadcastSettings =>
  ladderSettings(preset, PRESETS[preset], tracks);

/** Parts of half a second: what the goal for the bill speaks of. */
export const halfSecondSettings = (tracks: TrackLayout): BroadcastSettings =>
  ladderSettings("0.5 s parts", { partMs: 500, segmentMs: 2_000 }, tracks);

/** Target duration of the broadcast, seconds. */
export const settingsTargetDurationS = ({ segmentMs }: BroadcastSettings): number =>
  Math.max(1, Math.ceil(segmentMs / 1_000));

/** Bytes a second of the tracks in a set; bit `i` of `mask` stands for track `i`. */
export const trackBytesPerSecond = ({ tracks }: BroadcastSettings, mask: number): number =>
  tracks.reduce((sum, track, index) => sum + ((mask >> index) & 1) * track.bytesPerSecond, 0);

/** The set of tracks that a choice follows. */
export const trackMask = (tracks: readonly number[]): number => tracks.reduce((mask, index) => mask | (1 << index), 0);

/** Tracks that one viewer follows. */
export const tracksPerViewer = ({ renditionChoices }: BroadcastSettings): number =>
  renditionChoices[0]?.tracks.length ?? 1;

/** Requests a second of a viewer who watches live: a playlist and a part for each part of each track. */
export const viewerRequestsPerSecond = (settings: BroadcastSettings): number =>
  (2_000 / settings.partMs) * tracksPerViewer(settings);

/** Parts that a player takes before it waits for the next one: those within PART-HOLD-BACK, three parts and a bit. */
export const JOIN_PARTS = 4;

/**
 * Requests of a viewer who watches for `seconds`: the multivariant playlist; a playlist, an init section and the first
 * parts of each track; then a playlist and a part for each part.
 */
export function viewerRequests(settings: BroadcastSettings, seconds: number): number {
  if (seconds <= 0) return 0;
  const rounds = Math.floor((seconds * 1_000) / settings.partMs);
  return 1 + tracksPerViewer(settings) * (2 + JOIN_PARTS + 2 * rounds);
}

/** Requests of a viewer's join. */
export const joinRequests = (settings: BroadcastSettings): number => 1 + tracksPerViewer(settings) * (2 + JOIN_PARTS);
