/** Broadcast settings for load and cost: tracks, their bytes, and the requests of one viewer. */
import { DEFAULT_LADDER } from "../../origin/packager/ladder.ts";
import { PRESETS, type PresetName } from "../../origin/packager/presets.ts";

/** Settings of a broadcast. */
export interface BroadcastSettings {
  readonly name: string;
  readonly partMs: number;
  readonly segmentMs: number;
  /** Bytes per second of each track. */
  readonly tracks: readonly { readonly name: string; readonly bytesPerSecond: number }[];
  /** Track choices of viewers: indices into `tracks`, and the share of viewers; the shares sum to 1. */
  readonly renditionChoices: readonly { readonly tracks: readonly number[]; readonly share: number }[];
  /** Viewers have one response each, with a write every `unitMs`; absent: they request playlists and parts. */
  readonly flow?: { readonly unitMs: number };
}

/** A player asks for the successor of its response after so long, on average. */
const SUCCESSOR_MS = 555_000;
/** Requests of a viewer by flow beside its joins, an hour: successors as the player makes them; the rest are assumptions. */
const FLOW_REQUESTS = { successors: 3_600_000 / SUCCESSOR_MS, switches: 2, reconnects: 1 } as const;
/** Requests of its join: the stream's status and the response. */
const FLOW_JOIN_REQUESTS = 2;

/** The share of viewers per ladder step, the best first: an assumption. */
const RENDITION_SHARES = [0.5, 0.3, 0.2];

/** Audio in a separate track, or muxed into each video track. */
export type TrackLayout = "separate" | "muxed";

/** The default ladder with these part and segment durations. `steps`: number of its renditions, the best first. */
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

/** Parts of half a second: the setting of the cost goal. */
export const halfSecondSettings = (tracks: TrackLayout): BroadcastSettings =>
  ladderSettings("0.5 s parts", { partMs: 500, segmentMs: 2_000 }, tracks);

/** Target duration of the broadcast, seconds. */
export const settingsTargetDurationS = ({ segmentMs }: BroadcastSettings): number =>
  Math.max(1, Math.ceil(segmentMs / 1_000));

/** Bytes per second of the tracks in a set; bit `i` of `mask` is track `i`. */
export const trackBytesPerSecond = ({ tracks }: BroadcastSettings, mask: number): number =>
  tracks.reduce((sum, track, index) => sum + ((mask >> index) & 1) * track.bytesPerSecond, 0);

/** The track set of a choice. */
export const trackMask = (tracks: readonly number[]): number => tracks.reduce((mask, index) => mask | (1 << index), 0);

/** Tracks that one viewer follows. */
export const tracksPerViewer = ({ renditionChoices }: BroadcastSettings): number =>
  renditionChoices[0]?.tracks.length ?? 1;

/** Requests per second of a live viewer: a playlist and a part per part of each track, or the responses by flow. */
export const viewerRequestsPerSecond = (settings: BroadcastSettings): number =>
  settings.flow === undefined
    ? (2_000 / settings.partMs) * tracksPerViewer(settings)
    : (FLOW_REQUESTS.successors + FLOW_REQUESTS.switches + FLOW_REQUESTS.reconnects) / 3_600;

/** Parts that a player requests before it waits for the next one: those within PART-HOLD-BACK, three parts and a fraction. */
export const JOIN_PARTS = 4;

/**
 * Requests of a viewer who watches for `seconds`: the multivariant playlist; a playlist, an init section and the first
 * parts of each track; then a playlist and a part for each part.
 */
export function viewerRequests(settings: BroadcastSettings, seconds: number): number {
  if (seconds <= 0) return 0;
  if (settings.flow !== undefined) return FLOW_JOIN_REQUESTS + seconds * viewerRequestsPerSecond(settings);
  const rounds = Math.floor((seconds * 1_000) / settings.partMs);
  return 1 + tracksPerViewer(settings) * (2 + JOIN_PARTS + 2 * rounds);
}

/** Requests of a viewer's join. */
export const joinRequests = (settings: BroadcastSettings): number =>
  settings.flow === undefined ? 1 + tracksPerViewer(settings) * (2 + JOIN_PARTS) : FLOW_JOIN_REQUESTS;

/** Writes to each child of a node per second: a part of each track, or one of all tracks' chunks. */
export const childWritesPerSecond = (settings: BroadcastSettings): number =>
  settings.flow === undefined ? (1_000 / settings.partMs) * settings.tracks.length : 1_000 / settings.flow.unitMs;

/** The publisher's requests per second: a part of each track, and chunks of all tracks between them. */
export const publisherRequestsPerSecond = (settings: BroadcastSettings): number =>
  (1_000 / settings.partMs) * settings.tracks.length + (settings.flow === undefined ? 0 : 1_000 / settings.flow.unitMs);

/** Bytes per second of one viewer, on average over the choices. */
export const viewerBytesPerSecond = (settings: BroadcastSettings): number =>
  settings.renditionChoices.reduce(
    (sum, { tracks, share }) => sum + share * trackBytesPerSecond(settings, trackMask(tracks)),
    0,
  );
