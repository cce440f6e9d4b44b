import fc from "fast-check";
import { expect, test } from "vitest";
import { BROADCAST_LIMITS } from "../broadcast/broadcast-limits.ts";
import type { ChunkMeta } from "../broadcast/broadcast-log.ts";
import type { TrackChunk } from "../broadcast/part-chunks.ts";
import type { TrackName } from "../kit/ids.ts";
import { encodeChunkBundle, parseChunkBundle, parseChunkedPartForm } from "./chunk-bundle.ts";

const START = { programTimeMs: 1_700_000_000_000, initVersion: 1, discontinuity: false };

const meta: fc.Arbitrary<ChunkMeta> = fc
  .record({
    msn: fc.nat({ max: 999_999_999 }),
    part: fc.nat({ max: 3 }),
    frame: fc.nat({ max: 3 }),
    frames: fc.integer({ min: 1, max: 9 }),
    key: fc.boolean(),
    durationTicks: fc.integer({ min: 1 }),
  })
  .map((value) => (value.part === 0 && value.frame === 0 ? { ...value, start: START } : value));

const chunk: fc.Arbitrary<TrackChunk> = fc.record({
  track: fc.constantFrom("720p" as TrackName, "audio" as TrackName),
  meta,
  bytes: fc.uint8Array({ minLength: 1, maxLength: 30 }),
});

const chunks = fc.array(chunk, { minLength: 1, maxLength: 9 });

test("a bundle is read as it was written", () => {
  fc.assert(
    fc.property(chunks, (some) => {
      expect(parseChunkBundle(encodeChunkBundle(some))).toEqual(some);
    }),
  );
});

test("a bundle that is cut, longer or has other bytes in it is refused or read, and never throws", () => {
  fc.assert(
    fc.property(chunks, fc.nat(), fc.nat({ max: 255 }), fc.integer({ min: -40, max: 40 }), (some, at, byte, by) => {
      const whole = encodeChunkBundle(some);
      const other = new Uint8Array(Math.max(0, whole.byteLength + by));
      other.set(whole.subarray(0, other.byteLength));
      if (by !== 0) expect(typeof parseChunkBundle(other)).toBe("string");
      whole[at % whole.byteLength] = byte;
      parseChunkBundle(whole);
    }),
  );
});

test.each<[string, Partial<Record<keyof ChunkMeta, unknown>>]>([
  ["no frames", { frames: 0 }],
  ["a frame that no part has", { frame: BROADCAST_LIMITS.framesPerPart }],
  ["no start where a segment begins", { part: 0, frame: 0 }],
  ["a start elsewhere", { part: 1, frame: 0, start: START }],
  ["a part that no segment has", { part: BROADCAST_LIMITS.partsPerSegment }],
  ["a duration of nothing", { durationTicks: 0 }],
  ["a segment number that is no number", { msn: "1" }],
])("a chunk with %s is refused", (_name, over) => {
  const good: ChunkMeta = { msn: 1, part: 1, frame: 0, frames: 1, key: true, durationTicks: 1 };
  const bundle = (of: object): Uint8Array =>
    encodeChunkBundle([{ track: "audio" as TrackName, meta: of as ChunkMeta, bytes: new Uint8Array(1) }]);
  expect(parseChunkBundle(bundle(good))).toHaveLength(1);
  expect(parseChunkBundle(bundle({ ...good, ...over }))).toBe("A chunk has `track`, `meta` and `byteLength`.");
});

test("the header of a part that follows its chunks has their frames and the part's length", () => {
  expect(parseChunkedPartForm('{"frames":3,"byteLength":900}')).toEqual({ frames: 3, byteLength: 900 });
  for (const text of ["", "3", '{"frames":0,"byteLength":9}', '{"frames":3}', `{"frames":3,"byteLength":1e9}`])
    expect(typeof parseChunkedPartForm(text), text).toBe("string");
});
