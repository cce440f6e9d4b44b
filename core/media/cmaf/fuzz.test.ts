import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { concatBytes } from "../../kit/bytes.ts";
import { CmafError } from "./errors.ts";
import { bigEndianWords, fmp4Pipe, frameData, makeBox, testInit, testInits, testTrackName } from "./fixtures.ts";
import { FragmentReader } from "./fragment-reader.ts";
import type { CodedFrame } from "./frame.ts";
import { CMAF_LIMITS } from "./limits.ts";
import { Packager } from "./packager.ts";

/** Total bytes of the frames from `bytes`, or the `CmafError`; other errors are thrown. */
function outcome(bytes: Uint8Array, chunk = 4096): number | CmafError {
  const reader = new FragmentReader("pipe");
  let total = 0;
  try {
    for (let at = 0; at < bytes.length; at += chunk) {
      for (const event of reader.push(bytes.subarray(at, at + chunk))) {
        if (event.kind === "frame") total += event.frame.data.length;
      }
    }
    reader.end();
    return total;
  } catch (error) {
    if (error instanceof CmafError) return error;
    throw error;
  }
}

const FRAMES: readonly CodedFrame[] = Array.from({ length: 6 }, (_, i) => ({
  dts: i * 3000,
  ctsOffset: i % 2 === 0 ? 0 : -300,
  durationTicks: 3000,
  sync: i === 0,
  data: frameData(i),
}));
const PIPE = fmp4Pipe(testInit("video", 90_000), FRAMES);

/** Each file of the corpus with its expected result: bytes of frames, or a part of the error's message. */
const CORPUS: Readonly<Record<string, number | string>> = {
  "child-beyond-parent.bin": "pipe, box moof/traf, at byte 554: its size 4096 does not fit",
  "child-size-zero.bin": "pipe, box moof/traf, at byte 554: its size 0 does not fit",
  "descriptor-runs-over.bin":
    "pipe, box moov/trak/mdia/minf/stbl/stsd/mp4a/esds, at byte 373: a descriptor's length runs over four bytes",
  "empty-moov.bin": "pipe, box moov, at byte 16: one track is expected, not 0",
  "garbage.bin": "pipe, box ?P??, at byte 0: no such box belongs here",
  "mpeg-ts.bin": "pipe, box ????, at byte 0: no such box belongs here",
  "nested.bin": "pipe, box moov, at byte 0: one track is expected, not 0",
  "oversized-64.bin": "pipe, box mdat, at byte 0: its size 18446744073709552000 is over the limit of 33554432",
  "oversized-mdat.bin": "pipe, box mdat, at byte 546: its size 2147483647 is over the limit of 33554432",
  "run-negative-offset.bin": "pipe, box mdat, at byte 626: a sample of 4 bytes at -2147483728 lies outside it",
  "run-of-billions.bin": "pipe, box moof/traf/trun, at byte 606: 4294967295 samples in one fragment",
  "size-below-header.bin": "pipe, box moov, at byte 0: its size 4 is below its header",
  "size-zero.bin": "pipe, box mdat, at byte 546: a box without a size cannot end in a live stream",
  "text.bin": "pipe, box /1.1, at byte 0: no such box belongs here",
  "time-beyond-2-53.bin": "pipe, box moof/traf/tfdt, at byte 590: a 64-bit field is 18446744073709552000, beyond 2^53",
  "truncated-after-moof.bin": "pipe, box mdat: the stream ended before the last fragment's mdat",
  "truncated-in-header.bin": "pipe, box header, at byte 546: the stream ended after 5 of 8 bytes",
  "truncated-in-mdat.bin": "pipe, box mdat, at byte 870: the stream ended after 10 of 12 bytes",
  "two-tracks.bin": "pipe, box moov, at byte 0: one track is expected, not 2",
  "valid.bin": 12,
  "valid-large-size.bin": 12,
};

test("every file of the corpus gives its expected result for any chunking", () => {
  const folder = new URL("./corpus/", import.meta.url);
  const files = readdirSync(folder).sort();
  expect(files).toEqual(Object.keys(CORPUS).sort());
  for (const file of files) {
    const bytes = new Uint8Array(readFileSync(new URL(file, folder)));
    for (const chunk of [1, 7, 4096]) {
      const got = outcome(bytes, chunk);
      const due = CORPUS[file];
      if (typeof due === "number") expect([file, got]).toEqual([file, due]);
      else expect(`${file}: ${got instanceof CmafError ? got.message : got}`).toContain(due);
    }
  }
});

test("a valid pipe with any bytes changed, removed or doubled gives frames or a CmafError, nothing else", () => {
  const change = fc.record({ at: fc.nat(PIPE.length - 1), byte: fc.nat(255), cut: fc.nat(40), twice: fc.boolean() });
  fc.assert(
    fc.property(
      fc.array(change, { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 1, max: 2000 }),
      (changes, chunk) => {
        let bytes: Uint8Array = PIPE.slice();
        for (const { at, byte, cut, twice } of changes) {
          bytes[at % bytes.length] = byte;
          const end = twice ? Math.max(0, at - cut) : Math.min(bytes.length, at + cut);
          if (cut > 20) bytes = concatBytes([bytes.slice(0, at), bytes.slice(end)]);
        }
        const got = outcome(bytes, chunk);
        if (typeof got === "number") expect(got).toBeLessThanOrEqual(bytes.length);
        else expect(got.message).toMatch(/^pipe, box /);
      },
    ),
    { numRuns: 3000 },
  );
}, 30_000);

const BOXES = [
  "ftyp",
  "moov",
  "moof",
  "mdat",
  "traf",
  "tfhd",
  "tfdt",
  "trun",
  "trak",
  "mdia",
  "minf",
  "stbl",
  "stsd",
  "mvex",
  "trex",
];

test("randomly nested boxes give a CmafError or nothing", () => {
  const { tree } = fc.letrec<{ tree: Uint8Array }>((tie) => ({
    tree: fc.oneof(
      { depthSize: "small" },
      fc
        .tuple(fc.constantFrom(...BOXES, "avc1", "mp4a", "esds", "tkhd", "mdhd"), fc.uint8Array({ maxLength: 60 }))
        .map(([t, b]) => makeBox(t, b)),
      fc.tuple(fc.constantFrom(...BOXES), fc.array(tie("tree"), { maxLength: 4 })).map(([t, b]) => makeBox(t, ...b)),
    ),
  }));
  fc.assert(
    fc.property(fc.array(tree, { maxLength: 5 }), fc.boolean(), (boxes, valid) => {
      const got = outcome(concatBytes([...(valid ? [testInit("audio", 48_000)] : []), ...boxes]));
      if (typeof got !== "number") expect(got.message).toMatch(/^pipe, box /);
    }),
    { numRuns: 2000 },
  );
}, 30_000);

test("random bytes give a CmafError", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (bytes) => {
      expect(outcome(bytes)).toBeInstanceOf(CmafError);
    }),
    { numRuns: 1000 },
  );
});

test("a size field alone reserves no memory, and boxes nested 125,000 deep are not parsed recursively", () => {
  const announced = concatBytes([
    new Uint8Array(bigEndianWords(CMAF_LIMITS.mdatBytes)),
    new TextEncoder().encode("mdat"),
    new Uint8Array(100),
  ]);
  const before = process.memoryUsage().arrayBuffers;
  const readers = Array.from({ length: 100 }, () => {
    const reader = new FragmentReader("pipe");
    reader.push(announced);
    return reader;
  });
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000);
  expect(() => readers[0]?.end()).toThrow("mdat");
  for (const types of [
    ["moov", "trak", "mdia", "minf", "stbl"],
    ["moov", "trak"],
    ["moov", "moov"],
  ]) {
    const nest: Uint8Array = new Uint8Array(1_000_000);
    for (let i = 0; i * 8 < nest.length; i++) {
      nest.set(bigEndianWords(nest.length - i * 8), i * 8);
      nest.set(new TextEncoder().encode(types[i % types.length]), i * 8 + 4);
    }
    expect(outcome(nest)).toBeInstanceOf(CmafError);
  }
});

test("any frames give a CmafError or output, and the timeline can always be ended", () => {
  const tick = fc.oneof(fc.integer({ min: -100, max: 500_000 }), fc.constantFrom(Number.NaN, 2 ** 53, -1, 0.5, 1e308));
  const frame = fc.record({
    dts: tick,
    ctsOffset: tick,
    durationTicks: tick,
    sync: fc.boolean(),
    data: fc.uint8Array({ maxLength: 3 }),
  });
  const names = [testTrackName("720p"), testTrackName("audio")] as const;
  const config = {
    tracks: [
      { name: names[0], kind: "video" as const, timescale: 90_000, partTargetMs: 333.34 },
      { name: names[1], kind: "audio" as const, timescale: 48_000, partTargetMs: 333.34 },
    ],
    segmentTargetMs: 2000,
    targetDurationS: 2,
    startedAtMs: 0,
  };
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), frame), { maxLength: 30 }), (pushes) => {
      const packager = new Packager(config);
      packager.beginTimeline({ inits: testInits(config), programOffsetMs: 0 });
      try {
        for (const [video, one] of pushes) packager.push(names[video ? 0 : 1], one);
      } catch (error) {
        if (!(error instanceof CmafError)) throw error;
      }
      packager.end();
    }),
    { numRuns: 1000 },
  );
});
