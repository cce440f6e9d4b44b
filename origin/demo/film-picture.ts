/** The picture of the demo film: a pasture with a fence at dusk, as layers that move past each other. Pure. */
import type { Random } from "../../core/kit/clock.ts";
import type { Canvas } from "../ingest/raw-media.ts";

/** An image of straight RGBA, 8 bits a channel. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly rgba: Uint8Array;
}

/** The place of a layer. It repeats after `periodPx`, and is one canvas wider than that if it moves. */
export interface FilmStrip {
  readonly width: number;
  readonly height: number;
  readonly periodPx: number;
  /** Its upper edge in the canvas. */
  readonly topPx: number;
  /** How far it moves to the left per frame. */
  readonly pxPerFrame: number;
}

type Colour = readonly [number, number, number];

/** From the zenith to the horizon, with the share of the sky's height at which each stands. */
const SKY: readonly (readonly [number, Colour])[] = [
  [0, [22, 24, 66]],
  [0.35, [74, 50, 116]],
  [0.62, [190, 86, 112]],
  [0.82, [246, 148, 96]],
  [1, [255, 206, 132]],
];
/** Where the sky ends, of the canvas's height. */
const HORIZON = 0.68;
/** Centre and radius of the sun, of the canvas's height; its place in the width is that of the golden ratio. */
const SUN = { y: 0.56, radius: 0.085, x: 0.382, colour: [255, 240, 200] } as const;
/** Stars a pixel of the upper sky. */
const STAR_SHARE = 1 / 2_600;
/** A ridge turns into the colour of its foot over this height. */
const HAZE = 0.2;
/** A ridge's height is computed so often per column of pixels: trees are steeper than a pixel. */
const COLUMN_SAMPLES = 4;
/** Heights of trees are of the canvas's; `slimness` is half of the width at the foot, of the tree's height. */
const TREE = { minHeight: 0.025, maxHeight: 0.085, slimness: 0.2, tiers: 5 } as const;

/** A ridge of hills: sums of waves, so that it repeats. All of the canvas's height but `waves`, which are cycles a period. */
interface Ridge {
  readonly top: number;
  readonly colour: Colour;
  /** Colour at its foot: haze. */
  readonly foot: Colour;
  readonly waves: readonly (readonly [cycles: number, amplitude: number, phase: number])[];
  /** Canvas widths of a period. */
  readonly period: number;
  /** Canvas heights a second. */
  readonly speed: number;
  readonly trees: number;
}

const RIDGES: readonly Ridge[] = [
  {
    ...{ top: 0.5, colour: [168, 88, 128], foot: [226, 132, 120], period: 1, speed: 0.008, trees: 0 },
    waves: [
      [1, 0.04, 0.6],
      [3, 0.025, 2.1],
      [7, 0.008, 0.3],
    ],
  },
  {
    ...{ top: 0.59, colour: [112, 64, 116], foot: [168, 92, 120], period: 1.25, speed: 0.02, trees: 0 },
    waves: [
      [2, 0.035, 1.2],
      [5, 0.016, 4.4],
      [11, 0.005, 2.2],
    ],
  },
  {
    ...{ top: 0.68, colour: [66, 44, 92], foot: [98, 62, 108], period: 1.5, speed: 0.05, trees: 46 },
    waves: [
      [2, 0.03, 3.3],
      [5, 0.012, 0.7],
    ],
  },
  {
    ...{ top: 0.79, colour: [36, 28, 62], foot: [54, 38, 76], period: 1.5, speed: 0.1, trees: 16 },
    waves: [
      [1, 0.022, 5.1],
      [3, 0.014, 2.6],
    ],
  },
];
/** The ground before the camera with its fence, of the canvas's height. */
const FENCE = {
  groundTop: 0.93,
  colour: [16, 13, 34],
  postEvery: 0.27,
  postWidth: 0.018,
  postTop: 0.78,
  railWidth: 0.013,
  rails: [0.815, 0.862, 0.909],
  posts: 8,
  speed: 0.25,
} as const;

/** The layers' places from back to front; the first one fills the canvas and stands still. `frameRate` in frames a second. */
export function planFilm(canvas: Canvas, frameRate: number): FilmStrip[] {
  const { width, height } = canvas;
  const moving = (periodPx: number, top: number, speed: number): FilmStrip => {
    const topPx = even(top * height) - 2;
    const pxPerFrame = (speed * height) / frameRate;
    return { width: periodPx + width, height: height - topPx, periodPx, topPx, pxPerFrame };
  };
  const everyPx = even(FENCE.postEvery * height);
  const posts = Math.max(FENCE.posts, Math.ceil(width / everyPx));
  return [
    { width, height, periodPx: width, topPx: 0, pxPerFrame: 0 },
    ...RIDGES.map((ridge) => moving(even(ridge.period * width), ridge.top - relief(ridge), ridge.speed)),
    moving(everyPx * posts, FENCE.postTop - 0.02, FENCE.speed),
  ];
}

/** The layers of `planFilm`. `random` places stars and trees. */
export function drawFilm(canvas: Canvas, frameRate: number, random: Random): Raster[] {
  const [sky, ...rest] = planFilm(canvas, frameRate);
  if (sky === undefined) return [];
  return [
    drawSky(canvas, random),
    ...rest.map((strip, i) => {
      const ridge = RIDGES[i];
      return ridge === undefined ? drawFence(strip, canvas.height) : drawRidge(ridge, strip, canvas.height, random);
    }),
  ];
}

/** How far a ridge and its trees rise above its `top`, of the canvas's height. */
function relief({ waves, trees }: Ridge): number {
  return waves.reduce((sum, [, amplitude]) => sum + amplitude, 0) + (trees > 0 ? TREE.maxHeight : 0);
}

function drawSky({ width, height }: Canvas, random: Random): Raster {
  const rgba = new Uint8Array(width * height * 4);
  const [sunX, sunY, radius] = [SUN.x * width, SUN.y * height, SUN.radius * height];
  for (let y = 0; y < height; y += 1) {
    const sky = mixStops(Math.min(1, y / (HORIZON * height)));
    for (let x = 0; x < width; x += 1) {
      const distance = Math.hypot(x - sunX, y - sunY);
      const glow = 0.55 * Math.exp(-Math.max(0, distance - radius) / (radius * 2.4));
      const disc = clamp(radius - distance + 0.5);
      // Noise of a level keeps the gradient from showing bands.
      const grain = (random() - 0.5) * 1.6;
      const colour = mix(mix(sky, SUN.colour, glow), SUN.colour, disc);
      put(rgba, (y * width + x) * 4, [colour[0] + grain, colour[1] + grain, colour[2] + grain], 1);
    }
  }
  const stars = Math.round(width * height * 0.4 * STAR_SHARE);
  for (let i = 0; i < stars; i += 1) {
    const y = Math.floor(random() ** 1.6 * height * 0.4);
    const x = Math.floor(random() * (width - 1));
    const light = (0.3 + 0.7 * random()) * (1 - y / (height * 0.42));
    for (const [at, share] of [
      [y * width + x, 1],
      [y * width + x + 1, 0.5],
      [(y + 1) * width + x, 0.5],
    ] as const) {
      const from: Colour = [rgba[at * 4] ?? 0, rgba[at * 4 + 1] ?? 0, rgba[at * 4 + 2] ?? 0];
      put(rgba, at * 4, mix(from, [255, 250, 235], light * share), 1);
    }
  }
  return { width, height, rgba };
}

function drawRidge(ridge: Ridge, { width, height, periodPx, topPx }: FilmStrip, unit: number, random: Random): Raster {
  const crest = new Float64Array(periodPx * COLUMN_SAMPLES);
  for (let i = 0; i < crest.length; i += 1) {
    const turn = (2 * Math.PI * i) / crest.length;
    crest[i] = (ridge.top - ridge.waves.reduce((sum, [n, a, phase]) => sum + a * Math.sin(n * turn + phase), 0)) * unit;
  }
  const bare = crest.slice();
  for (let i = 0; i < ridge.trees; i += 1) growTree(crest, bare, Math.floor(random() * crest.length), unit, random);
  const rgba = new Uint8Array(width * height * 4);
  for (let y = 0; y < height; y += 1) {
    const depth = clamp((y + topPx - (ridge.top - relief(ridge) / 2) * unit) / (HAZE * unit));
    const colour = mix(ridge.colour, ridge.foot, depth);
    for (let x = 0; x < width; x += 1) {
      const first = (x % periodPx) * COLUMN_SAMPLES;
      let cover = 0;
      for (let i = first; i < first + COLUMN_SAMPLES; i += 1) cover += clamp(y + topPx - (crest[i] ?? 0) + 0.5);
      put(rgba, (y * width + x) * 4, colour, cover / COLUMN_SAMPLES);
    }
  }
  return { width, height, rgba };
}

/** A conifer on the bare hill: tiers of branches that grow narrower to the top. */
function growTree(crest: Float64Array, bare: Float64Array, at: number, unit: number, random: Random): void {
  const height = (TREE.minHeight + (TREE.maxHeight - TREE.minHeight) * random() ** 2) * unit;
  const half = height * TREE.slimness * COLUMN_SAMPLES;
  const top = (bare[at] ?? 0) - height;
  for (let dx = -Math.ceil(half); dx <= half; dx += 1) {
    const i = (at + dx + crest.length) % crest.length;
    const fromTop = (Math.abs(dx) / half) * TREE.tiers;
    const tier = Math.floor(fromTop);
    // Each tier begins a little above the end of the one before it.
    const y = top + ((tier + 0.55 * (fromTop - tier)) / TREE.tiers) * height * 1.05;
    crest[i] = Math.min(crest[i] ?? 0, Math.max(y, top));
  }
}

function drawFence({ width, height, periodPx, topPx }: FilmStrip, unit: number): Raster {
  const everyPx = even(FENCE.postEvery * unit);
  const rgba = new Uint8Array(width * height * 4);
  for (let y = 0; y < height; y += 1) {
    const v = (y + topPx) / unit;
    for (let x = 0; x < width; x += 1) {
      const inPeriod = x % periodPx;
      const turn = (2 * Math.PI * inPeriod) / periodPx;
      const ground = FENCE.groundTop + 0.006 * Math.sin(3 * turn) + 0.002 * Math.sin(41 * turn);
      const post = Math.floor(inPeriod / everyPx);
      const fromPost = inPeriod - (post + 0.5) * everyPx;
      // Rails hang a little between posts; posts are of several heights.
      const along = fromPost / everyPx;
      const sag = 0.004 * (1 - 4 * (Math.abs(along) - 0.5) ** 2);
      const rail = FENCE.rails.reduce(
        (cover, at) => Math.max(cover, clamp((FENCE.railWidth / 2 - Math.abs(v - at - sag + 0.002)) * unit + 0.5)),
        0,
      );
      const postTop = FENCE.postTop + 0.006 * Math.sin(2.4 * post);
      const upright =
        clamp((FENCE.postWidth / 2) * unit - Math.abs(fromPost) + 0.5) * clamp((v - postTop) * unit + 0.5);
      put(rgba, (y * width + x) * 4, FENCE.colour, Math.max(rail, upright, clamp((v - ground) * unit + 0.5)));
    }
  }
  return { width, height, rgba };
}

function mixStops(at: number): Colour {
  for (let i = 1; i < SKY.length; i += 1) {
    const [from, to] = [SKY[i - 1], SKY[i]];
    if (from === undefined || to === undefined || at > to[0]) continue;
    return mix(from[1], to[1], (at - from[0]) / (to[0] - from[0]));
  }
  return SKY[SKY.length - 1]?.[1] ?? [0, 0, 0];
}

function mix(from: Colour, to: Colour, share: number): Colour {
  const at = (i: 0 | 1 | 2): number => from[i] + (to[i] - from[i]) * share;
  return [at(0), at(1), at(2)];
}

function put(rgba: Uint8Array, at: number, [r, g, b]: Colour, alpha: number): void {
  rgba[at] = Math.max(0, Math.min(255, Math.round(r)));
  rgba[at + 1] = Math.max(0, Math.min(255, Math.round(g)));
  rgba[at + 2] = Math.max(0, Math.min(255, Math.round(b)));
  rgba[at + 3] = Math.round(255 * alpha);
}

function clamp(value: number): number {
  return Math.max(0, Math.min(1, value));
}

function even(value: number): number {
  return 2 * Math.round(value / 2);
}
