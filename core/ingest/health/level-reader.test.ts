import { expect, test } from "vitest";
import { LevelReader } from "./level-reader.ts";
import type { SoundLevel } from "./sound-meter.ts";

/** The levels of two seconds of 1,000 samples in pieces of 77. */
function levelsOf(sampleAt: (index: number) => number): SoundLevel[] {
  const reader = new LevelReader(1_000);
  const samples = Int16Array.from({ length: 2_100 }, (_, index) => sampleAt(index));
  const levels: SoundLevel[] = [];
  for (let at = 0; at < samples.length; at += 77) {
    const level = reader.push(samples.subarray(at, at + 77));
    if (level !== null) levels.push(level);
  }
  return levels;
}

test("a sine of half of full scale has -9 dB, and silence has minus infinity", () => {
  const [sine] = levelsOf((index) => 16_384 * Math.sin(index / 3));
  expect(sine?.dbfs).toBeCloseTo(-9.03, 1);
  expect(sine?.clippedShare).toBe(0);
  expect(levelsOf(() => 0)).toMatchObject([{ dbfs: Number.NEGATIVE_INFINITY, clippedShare: 0 }, { clippedShare: 0 }]);
});

test("samples at full scale of either sign are clipped", () => {
  const [level] = levelsOf((index) => (index % 100 === 0 ? 32_767 : index % 100 === 1 ? -32_768 : 1_000));
  expect(level?.clippedShare).toBeCloseTo(0.02, 2);
});
