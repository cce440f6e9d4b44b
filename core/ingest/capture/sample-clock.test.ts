import { expect, test } from "vitest";
import { SampleClock } from "./sample-clock.ts";

const RATE = 48_000;
const BLOCK = 960;

test("a block that is late moves nothing, and a clock that is off by 200 ppm is followed within 2 ms", () => {
  const clock = new SampleClock(RATE, 0);
  for (let i = 0; i < 30_000; i += 1) {
    const trueMs = (i + 1) * 20 * 1.0002;
    const late = i % 7 === 3 ? 15 : i % 3;
    clock.push(BLOCK, 1_000 + trueMs + late);
    if (i > 500) expect(Math.abs(clock.timeOf(clock.samples) - (1_000 + trueMs))).toBeLessThan(3);
  }
});

test("times never go back from packet to packet", () => {
  const clock = new SampleClock(RATE, 0);
  let before = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < 3_000; i += 1) {
    clock.push(BLOCK, 500 + (i + 1) * 20 + (i < 1_000 ? 40 : 0));
    const at = clock.timeOf(clock.samples - BLOCK);
    expect(at).toBeGreaterThan(before);
    before = at;
  }
});

test("sound that stops is silence until shortly before now, and what comes late for it is dropped", () => {
  const clock = new SampleClock(RATE, 0);
  for (let i = 0; i < 50; i += 1) expect(clock.push(BLOCK, (i + 1) * 20)).toBe(true);
  expect(clock.fillSilence(1_200)).toBe(0);
  const silent = clock.fillSilence(1_400);
  expect(silent).toBe((250 * RATE) / 1000);
  expect(clock.timeOf(clock.samples)).toBeCloseTo(1_250, 5);
  // The device delivers all that it held at once.
  const accepted = [...Array(20).keys()].filter(() => clock.push(BLOCK, 1_400)).length;
  expect(clock.timeOf(clock.samples)).toBeLessThanOrEqual(1_400 + 120);
  expect(accepted).toBeLessThan(20);
});

test("a broadcast without any sound begins with silence", () => {
  const clock = new SampleClock(RATE, 1_000);
  expect(clock.fillSilence(1_100)).toBe(0);
  expect(clock.fillSilence(1_310)).toBe((160 * RATE) / 1000);
  expect(clock.timeOf(0)).toBe(1_000);
});
