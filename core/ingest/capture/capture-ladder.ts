/** The renditions that a browser encodes: chosen by the source's size and by what its encoders support. */

/** Limits and bit rates. */
const CAPTURE_LADDER_LIMITS = {
  /** Pictures per second: a browser's encoders run beside the page, and viewers' delay gains nothing above it. */
  framesPerSecond: 30,
  /** Rates below it make motion uneven; a camera in low light is repeated up to it. */
  minFramesPerSecond: 15,
} as const;

/** Bits per second by the length of the shorter side, for pictures of 16:9 at 30 per second. */
const BITS_BY_SHORT_SIDE: Readonly<Record<number, number>> = {
  1080: 4_500_000,
  720: 2_500_000,
  480: 1_200_000,
  360: 700_000,
  240: 350_000,
};

/** Ladders by their shorter sides, the best first. */
const LADDERS: readonly (readonly number[])[] = [[1080, 480], [720, 360], [480, 240], [360], [240]];
/** Above it only a hardware encoder keeps up with a camera. */
const MAX_SOFTWARE_SHORT_SIDE = 720;

/** ITU-T H.264 table A-1: level, largest picture and rate in macroblocks. */
const LEVELS: readonly (readonly [level: number, maxFrame: number, maxPerSecond: number])[] = [
  [0x1e, 1_620, 40_500],
  [0x1f, 3_600, 108_000],
  [0x20, 5_120, 216_000],
  [0x28, 8_192, 245_760],
  [0x2a, 8_704, 522_240],
  [0x33, 36_864, 983_040],
];
/** High, main and constrained baseline, as in the codec string. */
const PROFILES = ["6400", "4d00", "42e0"] as const;

/** What the camera or the screen gives. */
export interface CaptureSource {
  readonly width: number;
  readonly height: number;
  /** Pictures per second. */
  readonly frameRate: number;
}

/** One rendition. */
export interface CaptureRendition {
  readonly width: number;
  readonly height: number;
  readonly framesPerSecond: number;
  readonly bitsPerSecond: number;
  /** RFC 6381. */
  readonly codec: string;
  readonly acceleration: "prefer-hardware" | "no-preference";
}

/** Whether the browser encodes a rendition in real time. */
export type EncoderProbe = (rendition: CaptureRendition) => Promise<boolean>;

/** The best ladder that the browser encodes, the largest rendition first; empty if it encodes none. */
export async function chooseCaptureLadder(source: CaptureSource, probe: EncoderProbe): Promise<CaptureRendition[]> {
  const shortSide = Math.min(source.width, source.height);
  const fitting = LADDERS.filter(([top = 0]) => top <= shortSide);
  for (const sides of fitting.length > 0 ? fitting : [[shortSide]]) {
    const ladder: CaptureRendition[] = [];
    for (const side of sides) {
      const rendition = await chooseEncoder(source, side, probe);
      if (rendition !== null) ladder.push(rendition);
    }
    if (ladder.length === sides.length) return ladder;
  }
  return [];
}

async function chooseEncoder(
  source: CaptureSource,
  shortSide: number,
  probe: EncoderProbe,
): Promise<CaptureRendition | null> {
  for (const acceleration of ["prefer-hardware", "no-preference"] as const) {
    if (acceleration === "no-preference" && shortSide > MAX_SOFTWARE_SHORT_SIDE) continue;
    for (const profile of PROFILES) {
      const rendition = describeRendition(source, shortSide, profile, acceleration);
      if (await probe(rendition)) return rendition;
    }
  }
  return null;
}

function describeRendition(
  source: CaptureSource,
  shortSide: number,
  profile: (typeof PROFILES)[number],
  acceleration: CaptureRendition["acceleration"],
): CaptureRendition {
  const scale = shortSide / Math.min(source.width, source.height);
  const [width, height] = [evenSize(source.width * scale), evenSize(source.height * scale)];
  const framesPerSecond = gridRateOf(source.frameRate);
  const macroblocks = Math.ceil(width / 16) * Math.ceil(height / 16);
  const [level] = LEVELS.find(([, frame, rate]) => macroblocks <= frame && macroblocks * framesPerSecond <= rate) ?? [
    0x34,
  ];
  const codec = `avc1.${profile}${level.toString(16).padStart(2, "0")}`;
  const bitsPerSecond = BITS_BY_SHORT_SIDE[shortSide] ?? 250_000;
  return { width, height, framesPerSecond, bitsPerSecond, codec, acceleration };
}

/** The even rate on which pictures are placed: the source's, whole, within the limits. */
export function gridRateOf(frameRate: number): number {
  const { framesPerSecond, minFramesPerSecond } = CAPTURE_LADDER_LIMITS;
  if (!(frameRate > 0)) return framesPerSecond;
  // Half of 50 and 60: an even rate drops every second picture.
  const rate = frameRate > 45 ? frameRate / 2 : frameRate;
  return Math.min(framesPerSecond, Math.max(minFramesPerSecond, Math.round(rate)));
}

/** H.264 of 4:2:0 has even sizes. */
function evenSize(pixels: number): number {
  return Math.max(2, 2 * Math.round(pixels / 2));
}
