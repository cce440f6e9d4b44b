import fc from "fast-check";
import { expect, test } from "vitest";
import { AudioSync } from "./audio-sync.ts";

const RATE = 48_000;

/** `count` stereo samples of a constant level, which identifies them in the output. */
function level(count: number, value: number): Int16Array {
  return new Int16Array(count * 2).fill(value);
}

/** The left channel from 0 to the end of the received samples. */
function heard(sync: AudioSync): number[] {
  const out: number[] = [];
  while (sync.nextSample < sync.endSample)
    out.push(...sync.emitSamples(Math.min(1024, sync.endSample - sync.nextSample)).filter((_, i) => i % 2 === 0));
  return out;
}

test("consecutive blocks pass unchanged", () => {
  const sync = new AudioSync(RATE, 2);
  for (let i = 0; i < 20; i++) sync.push((i * 1024) / RATE, level(1024, 1000));
  const out = heard(sync);
  expect(out).toHaveLength(20 * 1024);
  // Only the beginning is faded in from silence.
  expect(out.slice(192).every((sample) => sample === 1000)).toBe(true);
  expect(sync.counters()).toEqual({ silence: 0, stretched: 0, dropped: 0 });
});

test("timestamps in milliseconds cause no stretching", () => {
  const sync = new AudioSync(RATE, 2);
  for (let i = 0; i < 3000; i++) {
    sync.push(Math.round((i * 1024 * 1000) / RATE) / 1000, level(1024, 1));
    sync.emitSamples(1024);
  }
  expect(sync.counters()).toMatchObject({ silence: 0, stretched: 0, dropped: 0 });
});

test("a hole becomes silence, and the audio after it keeps its timestamps", () => {
  const sync = new AudioSync(RATE, 2);
  sync.push(0, level(4800, 500));
  sync.push(1, level(4800, 700));
  const out = heard(sync);
  expect(out.slice(4800, 48_000).every((sample) => sample === 0)).toBe(true);
  expect(out[48_000 + 500]).toBe(700);
});

test("the rest of one pass's audio yields to the beginning of the next pass", () => {
  const sync = new AudioSync(RATE, 2);
  for (let i = 0; i < 4; i++) sync.push((i * 1024) / RATE, level(1024, 100));
  sync.emitSamples(1024);
  sync.endInput();
  sync.resumeInput(3000);
  // The codec delay before it is dropped, because there is audio.
  sync.push((3000 - 512) / RATE, level(1024, 200));
  sync.push((3000 + 512) / RATE, level(1024, 300));
  expect(sync.endSample).toBe(3000 + 1536);
  const out = heard(sync);
  expect(out[2999 - 1024]).toBe(100);
  expect(out[3000 + 200 - 1024]).toBe(200);
  expect(out[3000 + 511 - 1024]).toBe(200);
  expect(out[3000 + 512 - 1024]).toBe(300);
  // Emitted audio stays.
  sync.endInput();
  sync.resumeInput(0);
  expect(sync.endSample).toBe(sync.nextSample);
});

test("missing audio is replaced by silence at once, and late audio is not played after it", () => {
  const sync = new AudioSync(RATE, 2);
  sync.push(0, level(1024, 9));
  expect(sync.areSamplesDecided(1024)).toBe(true);
  sync.emitSamples(1024);
  expect(sync.areSamplesDecided(1024)).toBe(false);
  sync.emitSamples(1024);
  sync.push(1024 / RATE, level(2048, 5));
  expect(sync.nextSample).toBe(2048);
  expect(sync.emitSamples(1024)[2 * 1000]).toBe(5);
  expect(sync.counters()).toMatchObject({ silence: 1024, dropped: 1024 });
});

test("a source with a drifting clock stays within its slack for hours, by inaudible stretches", () => {
  const block = new Int16Array(1024);
  for (const ppm of [-400, -85, 85, 2000]) {
    const sync = new AudioSync(RATE, 1);
    let worst = 0;
    for (let i = 0; i < (2 * 3600 * RATE) / 1024; i++) {
      const positionS = ((i * 1024) / RATE) * (1 + ppm / 1e6);
      sync.push(positionS, block);
      worst = Math.max(worst, Math.abs(sync.endSample / RATE - (positionS + 1024 / RATE)));
      sync.emitSamples(sync.endSample - sync.nextSample);
    }
    expect(worst).toBeLessThan(0.02);
    expect(sync.counters()).toMatchObject({ silence: 0, dropped: 0 });
  }
});

test("an offset smaller than a hole is corrected within eight blocks", () => {
  for (const offS of [-0.025, 0.025]) {
    const sync = new AudioSync(RATE, 2);
    for (let i = 0; i < 100; i++) sync.push((i * 1024) / RATE, level(1024, 1));
    const from = sync.endSample / RATE;
    for (let i = 0; i < 20; i++) sync.push(from + offS + (i * 1024) / RATE, level(1024, 1));
    expect(Math.abs(sync.endSample / RATE - (from + offS + (20 * 1024) / RATE))).toBeLessThan(0.005);
  }
});

test("any blocks at any times give no hole, no overlap and at most the requested amount", () => {
  const blocks = fc.array(
    fc.record({
      stepS: fc.double({ min: -0.3, max: 0.5, noNaN: true }),
      count: fc.integer({ min: 1, max: 4000 }),
      take: fc.nat(3),
    }),
    { minLength: 1, maxLength: 60 },
  );
  fc.assert(
    fc.property(blocks, (all) => {
      const sync = new AudioSync(RATE, 2);
      let positionS = 0;
      let taken = 0;
      for (const { stepS, count, take } of all) {
        sync.push(positionS, level(count, 3));
        positionS += count / RATE + stepS;
        for (let i = 0; i < take; i++) {
          expect(sync.emitSamples(1024)).toHaveLength(2048);
          taken += 1024;
        }
        expect(sync.nextSample).toBe(taken);
      }
    }),
  );
});
