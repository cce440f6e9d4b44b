import fc from "fast-check";
import { expect, test } from "vitest";
import { FramePacer } from "./frame-pacer.ts";

const PERIOD = 1000 / 30;

test("an even source with jitter below half a period loses and repeats no picture, whatever its phase", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -0.35, max: 0.35, noNaN: true }), { minLength: 50, maxLength: 50 }),
      (jitter) => {
        const pacer = new FramePacer(30);
        for (const [i, off] of jitter.entries()) expect(pacer.place(5_000 + (i + off) * PERIOD)).toBe(i);
      },
    ),
  );
});

test("a source of twice the rate is halved, and one of half the rate is repeated", () => {
  const fast = new FramePacer(30);
  const slots = [...Array(60).keys()].map((i) => fast.place(i * (PERIOD / 2)));
  expect(slots.filter((slot) => slot !== null)).toEqual([...Array(31).keys()]);
  const slow = new FramePacer(30);
  const shown: number[] = [];
  for (let i = 0; i < 20; i += 1) {
    for (let tick = 0; tick < 4; tick += 1) {
      const repeated = slow.repeat(i * 2 * PERIOD + (tick * PERIOD) / 2);
      if (repeated !== null) shown.push(repeated);
    }
    const slot = slow.place((i + 1) * 2 * PERIOD);
    if (slot !== null) shown.push(slot);
  }
  expect(shown).toEqual([...new Set(shown)].sort((a, b) => a - b));
});

test("a still picture is repeated in every slot, and the grid goes on after the machine has slept", () => {
  const pacer = new FramePacer(30);
  expect(pacer.repeat(0)).toBeNull();
  pacer.place(0);
  const slots: number[] = [];
  for (let ms = 0; ms <= 1000; ms += 15) {
    const slot = pacer.repeat(ms);
    if (slot !== null) slots.push(slot);
  }
  expect(slots).toEqual([...Array(slots.length).keys()].map((i) => i + 1));
  expect(slots.length).toBeGreaterThanOrEqual(27);
  // 10 s asleep: one picture, then the present.
  expect(pacer.repeat(11_000)).toBe(Math.floor(11_000 / PERIOD - 1.9));
  expect(pacer.place(11_020)).toBeGreaterThan(327);
});
