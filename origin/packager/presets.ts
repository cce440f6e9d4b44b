/**
 * Latency presets. The viewers' delay is about encode + part + PART-HOLD-BACK (3 parts) + one fetch; the number of
 * requests, and with it the bill, falls with the part's duration.
 *
 * A part target should be at least the viewers' 95th percentile round trip (Apple's authoring rules): a viewer whose
 * round trip is longer than a part falls behind by a part on each request.
 */

/** Part and segment durations. */
export interface Preset {
  readonly name: PresetName;
  /** Requested part duration, milliseconds; each track rounds it to whole frames. */
  readonly partMs: number;
  /** Requested segment duration, milliseconds: the interval of forced keyframes. */
  readonly segmentMs: number;
  /** x264's speed preset: faster costs quality and reduces encoding delay. */
  readonly x264: "superfast" | "veryfast";
  /** One line for the help text. */
  readonly note: string;
}

/** Values of `--preset`. */
export type PresetName = "balanced" | "ultra" | "scale";

/** All presets by name. */
export const PRESETS: Readonly<Record<PresetName, Preset>> = {
  balanced: {
    name: "balanced",
    partMs: 333,
    segmentMs: 2000,
    x264: "veryfast",
    note: "parts 0.333 s, segments 2 s: about a second of delay, for round trips up to 0.3 s",
  },
  ultra: {
    name: "ultra",
    partMs: 200,
    segmentMs: 2000,
    x264: "superfast",
    note: "parts 0.2 s, segments 2 s: lowest delay, for round trips up to 0.2 s",
  },
  scale: {
    name: "scale",
    partMs: 1000,
    segmentMs: 6000,
    x264: "veryfast",
    note: "parts 1 s, segments 6 s: a third of the requests, for round trips up to 1 s",
  },
};

/** The preset named `name`, or null. */
export function parsePreset(name: string): Preset | null {
  return Object.hasOwn(PRESETS, name) ? PRESETS[name as PresetName] : null;
}
