import fc from "fast-check";
import { expect, test } from "vitest";
import { VideoSync } from "./video-sync.ts";

const RATE = { num: 30, den: 1 };

/** The output when pictures arrive as fast as possible, and each frame is taken as soon as it is decided. */
function shown(positions: readonly number[], rate = RATE): string[] {
  const sync = new VideoSync<string>(rate, "blank");
  const out: string[] = [];
  for (const [i, position] of positions.entries()) {
    sync.push(position, `${i}`);
    while (sync.isNextFrameDecided) out.push(sync.emitFrame());
  }
  sync.endInput();
  while (sync.nextFrame < sync.endFrame) out.push(sync.emitFrame());
  return out;
}

test("pictures at the frame rate are each output once, on arrival", () => {
  const sync = new VideoSync<number>(RATE, -1);
  for (let i = 0; i < 100; i++) {
    sync.push(i / 30, i);
    expect(sync.isNextFrameDecided).toBe(true);
    expect(sync.emitFrame()).toBe(i);
    expect(sync.isNextFrameDecided).toBe(false);
  }
  expect(sync.counters()).toEqual({ repeated: 0, dropped: 0 });
});

test("jittering timestamps repeat and drop nothing", () => {
  const jitter = fc.array(fc.double({ min: -0.3, max: 0.3, noNaN: true }), { minLength: 10, maxLength: 300 });
  fc.assert(
    fc.property(jitter, (offsets) => {
      const out = shown(offsets.map((offset, i) => (i + (i === 0 ? 0 : offset)) / 30));
      expect(out).toEqual(offsets.map((_, i) => `${i}`));
    }),
  );
});

test("for any input frames are numbered without holes, in order, each within a frame of its time", () => {
  const steps = fc.array(fc.double({ min: 0.001, max: 0.4, noNaN: true }), { minLength: 1, maxLength: 200 });
  const rates = fc.constantFrom(
    { num: 30, den: 1 },
    { num: 30_000, den: 1001 },
    { num: 12, den: 1 },
    { num: 60, den: 1 },
  );
  fc.assert(
    fc.property(steps, rates, (distances, rate) => {
      let at = 0;
      const positions = distances.map((step, i) => {
        at += i === 0 ? 0 : step;
        return at;
      });
      const frames = shown(positions, rate).map(Number);
      for (const [n, picture] of frames.entries()) {
        const positionS = positions[picture] ?? Number.NaN;
        expect(positionS).toBeLessThanOrEqual(((n + 1) * rate.den) / rate.num);
        if (n > 0) expect(picture).toBeGreaterThanOrEqual(frames[n - 1] ?? 0);
      }
    }),
  );
});

test("a permanent offset of more than half a frame, as after a splice, is corrected once", () => {
  const positions = Array.from({ length: 200 }, (_, i) => (i < 50 ? i : i + 0.65) / 30);
  const frames = shown(positions).map(Number);
  const repeated = frames.filter((picture, n) => picture === frames[n - 1]);
  expect(repeated).toHaveLength(1);
  expect(frames[150]).toBe(149);
});

test("a hole is filled with the previous picture", () => {
  expect(shown([0, 1 / 30, 5 / 30])).toEqual(["0", "1", "1", "1", "1", "2"]);
});

test("of a source with a higher rate, the last picture of each frame is output", () => {
  const positions = Array.from({ length: 20 }, (_, i) => i / 60);
  expect(shown(positions)).toEqual(["0", "2", "4", "6", "8", "10", "12", "14", "16", "18", "19"]);
});

test("a late picture is output only if no newer one is there", () => {
  const sync = new VideoSync<string>(RATE, "blank");
  for (let n = 0; n < 10; n++) sync.emitFrame();
  sync.push(2 / 30, "late");
  expect(sync.isNextFrameDecided).toBe(false);
  expect(sync.emitFrame()).toBe("late");
  expect(sync.counters().dropped).toBe(1);
});

test("before the first picture the output waits for one that is due soon, and is black before a later one", () => {
  expect(shown([2 / 30])).toEqual(["0", "0", "0"]);
  expect(shown([2]).slice(0, 60)).toEqual(Array.from({ length: 60 }, () => "blank"));
});

test("each picture is released once, when it can no longer be output", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -0.1, max: 0.2, noNaN: true }), { maxLength: 100 }),
      fc.nat(3),
      (steps, thin) => {
        const released: string[] = [];
        const sync = new VideoSync<string>(RATE, "blank", (picture) => released.push(picture));
        let at = 0;
        for (const [i, step] of steps.entries()) {
          at = Math.max(0, at + step);
          sync.push(at, `${i}`);
          if (i % 7 === 0) sync.keepNewest(thin);
          while (sync.isNextFrameDecided) expect(released).not.toContain(sync.emitFrame());
        }
        expect(new Set(released).size).toBe(released.length);
        expect(released.length + sync.queuedFrames + 1).toBe(steps.length + 1);
      },
    ),
  );
});
