import fc from "fast-check";
import { expect, test } from "vitest";
import { cutChunk, describeChunk, mergeChunks } from "./chunk.ts";
import { CmafError } from "./errors.ts";
import { type FragmentSample, writeFragment } from "./fragment.ts";

/** Frames as encoders make them: mostly regular, with keyframes anywhere and pictures in another order. */
const sample: fc.Arbitrary<FragmentSample> = fc.record({
  durationTicks: fc.oneof(fc.constant(3000), fc.integer({ min: 1, max: 2 ** 31 })),
  ctsOffset: fc.oneof(
    fc.constant(0),
    fc.constantFrom(3000, 6000, -3000),
    fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  ),
  sync: fc.boolean(),
  data: fc.uint8Array({ maxLength: 20 }),
});

const part = fc.record({
  sequence: fc.nat(),
  trackId: fc.integer({ min: 1, max: 2 ** 31 }),
  decodeTicks: fc.oneof(fc.nat(), fc.integer({ min: 0, max: 2 ** 52 })),
  samples: fc.array(sample, { minLength: 1, maxLength: 30 }),
});

/** The frames in chunks of these sizes, the last one with the rest. */
function split(samples: readonly FragmentSample[], sizes: readonly number[]): FragmentSample[][] {
  const chunks: FragmentSample[][] = [];
  let at = 0;
  for (const size of [...sizes, samples.length]) {
    if (at < samples.length) chunks.push(samples.slice(at, at + size));
    at += size;
  }
  return chunks;
}

const sumTicks = (samples: readonly FragmentSample[]): number =>
  samples.reduce((sum, { durationTicks }) => sum + durationTicks, 0);

test("the chunks of a part, however it is split, merge to its bytes", () => {
  fc.assert(
    fc.property(part, fc.array(fc.integer({ min: 1, max: 7 }), { maxLength: 30 }), (run, sizes) => {
      const { sequence, trackId, samples } = run;
      const whole = writeFragment(sequence, [run]).bytes;
      let decodeTicks = run.decodeTicks;
      const chunks = split(samples, sizes).map((some) => {
        const chunk = writeFragment(sequence, [{ trackId, decodeTicks, samples: some }]).bytes;
        decodeTicks += sumTicks(some);
        return chunk;
      });
      expect(mergeChunks(chunks)).toEqual(whole);
    }),
  );
});

test("the rest of a part is the chunk of its last frames, and merges with what came before", () => {
  fc.assert(
    fc.property(part, fc.nat({ max: 30 }), (run, from) => {
      const whole = writeFragment(run.sequence, [run]).bytes;
      const rest = cutChunk(whole, from);
      const [before, after] = [run.samples.slice(0, from), run.samples.slice(from)];
      if (after.length === 0) {
        expect(rest).toBeNull();
        return;
      }
      const decodeTicks = run.decodeTicks + sumTicks(before);
      expect(rest).toEqual(writeFragment(run.sequence, [{ ...run, decodeTicks, samples: after }]).bytes);
      expect(describeChunk(rest ?? whole)).toEqual({
        ...{ frames: after.length, key: after[0]?.sync, durationTicks: sumTicks(after) },
      });
      const head = before.length === 0 ? [] : [writeFragment(run.sequence, [{ ...run, samples: before }]).bytes];
      expect(mergeChunks([...head, rest ?? whole])).toEqual(whole);
    }),
  );
});

test("bytes that are no chunk throw CmafError and nothing else", () => {
  fc.assert(
    fc.property(part, fc.nat(), fc.nat({ max: 255 }), fc.nat(), (run, at, byte, length) => {
      const bytes = writeFragment(run.sequence, [run]).bytes;
      bytes[at % bytes.length] = byte;
      const broken = bytes.subarray(0, bytes.length - (length % 3));
      try {
        mergeChunks([broken, writeFragment(1, [run]).bytes]);
      } catch (error) {
        expect(error).toBeInstanceOf(CmafError);
      }
    }),
    { numRuns: 500 },
  );
});

test("a part that carries its audio is not cut", () => {
  const one: FragmentSample = { durationTicks: 1, ctsOffset: 0, sync: true, data: new Uint8Array(3) };
  const muxed = writeFragment(
    1,
    [1, 2].map((trackId) => ({ trackId, decodeTicks: 0, samples: [one] })),
  ).bytes;
  expect(() => cutChunk(muxed, 0)).toThrow(/one run of samples/);
});
