/** The renditions that OBS's multitrack video encodes for a canvas: the ladder that is published without transcoding. */

/** What a client prefers. Pixels, kbit/s. */
export interface ObsPreferences {
  /** The output size; the top rendition is no larger. */
  readonly width: number;
  readonly height: number;
  readonly frameRate: ObsFrameRate;
  readonly maxKilobitsPerSecond: number | null;
  readonly maxTracks: number | null;
}

/** Frames per second as a fraction. */
export interface ObsFrameRate {
  readonly numerator: number;
  readonly denominator: number;
}

/** One rendition to encode. */
export interface ObsRendition {
  readonly width: number;
  readonly height: number;
  readonly frameRate: ObsFrameRate;
  readonly kilobitsPerSecond: number;
}

/** Limits of a ladder, each with its reason. */
export const OBS_LADDER_LIMITS = {
  /** The client's processor encodes each rendition; three are what OBS's users run. */
  tracks: 3,
  /** Faster canvases are encoded at half their rate or less: players show no more. */
  framesPerSecond: 60,
  /** The rates of a ladder are reduced to this share before its top rendition is left out. */
  leastShare: 0.6,
  /** Below it a picture is not worth watching. */
  minKilobitsPerSecond: 200,
} as const;

/** Shorter side in pixels, and kbit/s at up to 30 frames per second. */
const STEPS: readonly (readonly [side: number, kilobitsPerSecond: number])[] = [
  [1080, 5_000],
  [720, 2_500],
  [480, 1_200],
  [360, 700],
  [240, 400],
];
/** More frames need more bits, but not twice as many. */
const HIGH_RATE_FACTOR = 1.4;
const HIGH_RATE_FPS = 31;

/**
 * The renditions for a client's preferences, the largest first; at least one. Their keyframes are aligned, and all have one
 * frame rate, so that they are renditions of one timeline.
 */
export function chooseObsLadder(preferences: ObsPreferences): readonly ObsRendition[] {
  const { width, height, maxKilobitsPerSecond, maxTracks } = preferences;
  const frameRate = limitFrameRate(preferences.frameRate);
  const factor = frameRate.numerator / frameRate.denominator >= HIGH_RATE_FPS ? HIGH_RATE_FACTOR : 1;
  const shorter = Math.min(width, height);
  const fitting = STEPS.filter(([side]) => side <= shorter);
  // A canvas below the lowest step, or between two, is encoded at its own size only where nothing else fits.
  const steps = fitting.length > 0 ? fitting : [[shorter, STEPS.at(-1)?.[1] ?? 0] as const];
  const tracks = Math.max(1, Math.min(maxTracks ?? OBS_LADDER_LIMITS.tracks, OBS_LADDER_LIMITS.tracks));
  const rates = fitRates(
    steps.map(([side, kilobits]) => ({ side, kilobitsPerSecond: kilobits * factor })),
    tracks,
    maxKilobitsPerSecond ?? Number.POSITIVE_INFINITY,
  );
  return rates.map(({ side, kilobitsPerSecond }) => ({
    width: evenPixels((width * side) / shorter),
    height: evenPixels((height * side) / shorter),
    frameRate,
    kilobitsPerSecond: Math.max(OBS_LADDER_LIMITS.minKilobitsPerSecond, Math.floor(kilobitsPerSecond)),
  }));
}

interface SteppedRate {
  readonly side: number;
  readonly kilobitsPerSecond: number;
}

/** The largest renditions whose rates, reduced together if need be, stay within `limit`. */
function fitRates(steps: readonly SteppedRate[], tracks: number, limit: number): readonly SteppedRate[] {
  for (let first = 0; ; first += 1) {
    const chosen = steps.slice(first, first + tracks);
    const share = Math.min(1, limit / chosen.reduce((sum, { kilobitsPerSecond }) => sum + kilobitsPerSecond, 0));
    if (share < OBS_LADDER_LIMITS.leastShare && first + 1 < steps.length) continue;
    return chosen.map(({ side, kilobitsPerSecond }) => ({ side, kilobitsPerSecond: kilobitsPerSecond * share }));
  }
}

/** OBS encodes at a whole divisor of the canvas's rate. */
function limitFrameRate({ numerator, denominator }: ObsFrameRate): ObsFrameRate {
  const divisor = Math.max(1, Math.ceil(numerator / denominator / OBS_LADDER_LIMITS.framesPerSecond));
  return { numerator, denominator: denominator * divisor };
}

/** Encoders of 4:2:0 pictures need even sizes. */
const evenPixels = (pixels: number): number => 2 * Math.max(1, Math.round(pixels / 2));
