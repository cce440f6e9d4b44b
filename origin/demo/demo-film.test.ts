import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RAW_AUDIO } from "../ingest/raw-media.ts";
import { writeFilm } from "./demo-film.ts";
import { pictureGraph, soundGraph } from "./film-graph.ts";
import { composeMusic } from "./film-music.ts";
import { drawFilm, planFilm } from "./film-picture.ts";

const SIZES = [
  { width: 160, height: 90 },
  { width: 90, height: 160 },
] as const;
const FRAME_RATE = 30;
let folder: string;
let ids = 0;
const newId = (): string => {
  ids += 1;
  return `${ids}`;
};

beforeAll(async () => {
  // What means something in a filter graph.
  folder = join(await mkdtemp(join(tmpdir(), "corral-film-")), "it's a [film]: one, two; \\three");
  await mkdir(folder);
});

afterAll(() => rm(join(folder, ".."), { recursive: true, force: true }));

/** Raw output of FFmpeg for a graph. */
async function play(graph: string, args: readonly string[]): Promise<Buffer> {
  const words = ["-hide_banner", "-loglevel", "error", "-f", "lavfi", "-i", graph, ...args, "-"];
  const options = { encoding: "buffer", maxBuffer: 100_000_000 } as const;
  return (await promisify(execFile)("ffmpeg", words, options)).stdout;
}

test.each(SIZES)("FFmpeg plays the film of $width by $height, which moves", async (size) => {
  await writeFilm(folder, size, FRAME_RATE, newId);
  const frames = 12;
  const raw = await play(pictureGraph(folder, size, FRAME_RATE), ["-frames:v", `${frames}`, "-f", "rawvideo"]);
  const frameBytes = (size.width * size.height * 3) / 2;
  expect(raw.length).toBe(frames * frameBytes);
  // The nearest layer moves by two pixels in less than three frames of this size.
  const at = (n: number): Buffer => raw.subarray(n * frameBytes, (n + 1) * frameBytes);
  for (let n = 3; n < frames; n += 1) expect(at(n).equals(at(n - 3)), `frame ${n}`).toBe(false);
});

test("the sound goes on past its repetition", async () => {
  await writeFilm(folder, SIZES[0], FRAME_RATE, newId);
  const raw = await play(soundGraph(folder), ["-t", "20", "-f", "s16le"]);
  expect(raw.length).toBe(20 * RAW_AUDIO.sampleRate * RAW_AUDIO.channels * 2);
});

test("the files are written once, and two processes may write them at once", async () => {
  const size = { width: 64, height: 36 };
  await Promise.all([writeFilm(folder, size, FRAME_RATE, newId), writeFilm(folder, size, FRAME_RATE, newId)]);
  const names = await readdir(folder);
  expect(names.filter((name) => name.startsWith("64x36-"))).toHaveLength(planFilm(size, FRAME_RATE).length);
  expect(names.filter((name) => !/\.(pam|wav)$/.test(name))).toEqual([]);
  const before = ids;
  await writeFilm(folder, size, FRAME_RATE, newId);
  expect(ids).toBe(before);
});

test("layers repeat without a seam, and the sky is opaque", () => {
  const size = { width: 160, height: 90 };
  const strips = planFilm(size, FRAME_RATE);
  const rasters = drawFilm(size, FRAME_RATE, () => 0.5);
  expect(rasters.map(({ width, height }) => ({ width, height }))).toEqual(
    strips.map(({ width, height }) => ({ width, height })),
  );
  rasters.slice(1).forEach(({ width, height, rgba }, i) => {
    const { periodPx } = strips[i + 1] ?? expect.fail();
    for (let y = 0; y < height; y += 7) {
      for (let x = 0; x < size.width; x += 13) {
        const pixel = (column: number): Uint8Array =>
          rgba.subarray((y * width + column) * 4, (y * width + column) * 4 + 4);
        expect(pixel(x)).toEqual(pixel(x + periodPx));
      }
    }
  });
  expect(rasters[0]?.rgba.every((value, i) => i % 4 !== 3 || value === 255)).toBe(true);
});

test("the music has no click where it repeats, and never clips", () => {
  const samples = composeMusic(8_000);
  let highest = 0;
  for (let i = 2; i < samples.length; i += 1)
    highest = Math.max(highest, Math.abs((samples[i] ?? 0) - (samples[i - 2] ?? 0)));
  const loudest = samples.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  expect(loudest).toBeLessThan(32_767 / 2);
  expect(Math.abs((samples[0] ?? 0) - (samples.at(-2) ?? 0))).toBeLessThanOrEqual(highest);
});
