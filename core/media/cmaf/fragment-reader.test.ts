import fc from "fast-check";
import { expect, test } from "vitest";
import { concatBytes } from "../../kit/bytes.ts";
import {
  AAC_CONFIG,
  AVC_CONFIG,
  audioEntry,
  bigEndianWords,
  fmp4Pipe,
  frameData,
  makeBox,
  makeInitSection,
  testInit,
  videoEntry,
} from "./fixtures.ts";
import { writeFragment } from "./fragment.ts";
import { FragmentReader, type FragmentReaderEvent } from "./fragment-reader.ts";
import type { CodedFrame } from "./frame.ts";

function read(bytes: Uint8Array, chunk = bytes.length): FragmentReaderEvent[] {
  const reader = new FragmentReader("pipe");
  const events: FragmentReaderEvent[] = [];
  for (let at = 0; at < bytes.length; at += chunk) events.push(...reader.push(bytes.subarray(at, at + chunk)));
  reader.end();
  return events;
}

function codecsOf(entry: Uint8Array): string | undefined {
  const [event] = read(makeInitSection(1000, entry));
  return event?.kind === "init" ? event.info.codecs : undefined;
}

const FRAMES: readonly CodedFrame[] = Array.from({ length: 12 }, (_, i) => ({
  dts: 1_760_000_000 * 90_000 + i * 3000,
  ctsOffset: [0, 6000, -3000, -3000][i % 4] ?? 0,
  durationTicks: 3000,
  sync: i % 4 === 0,
  data: frameData(i),
}));

test("frames are read unchanged, with decode times beyond 2^32, for any chunking of the pipe", () => {
  const init = testInit("video", 90_000);
  const pipe = fmp4Pipe(init, FRAMES);
  const whole = read(pipe);
  expect(whole[0]).toEqual({
    kind: "init",
    info: { kind: "video", codecs: "avc1.64001f", timescale: 90_000, width: 640, height: 360 },
    bytes: init,
  });
  expect(whole.slice(1)).toEqual(FRAMES.map((frame) => ({ kind: "frame", frame })));
  fc.assert(
    fc.property(fc.integer({ min: 1, max: pipe.length }), (chunk) => {
      expect(read(pipe, chunk)).toEqual(whole);
    }),
    { numRuns: 30 },
  );
});

test("a fragment of several samples gives one frame per sample", () => {
  const pipe = concatBytes([
    testInit("video", 90_000),
    writeFragment(1, [{ trackId: 1, decodeTicks: FRAMES[0]?.dts ?? 0, samples: FRAMES }]).bytes,
  ]);
  expect(read(pipe).slice(1)).toEqual(FRAMES.map((frame) => ({ kind: "frame", frame })));
});

test("codec strings follow RFC 6381 for each codec that HLS carries", () => {
  const hvcC = makeBox("hvcC", [1, 0x21, 0x60, 0, 0, 0, 0xb0, 0, 0, 0, 0, 0, 93, ...new Array<number>(10).fill(0)]);
  expect(codecsOf(videoEntry("avc1", AVC_CONFIG))).toBe("avc1.64001f");
  expect(codecsOf(videoEntry("avc3", AVC_CONFIG))).toBe("avc3.64001f");
  expect(codecsOf(videoEntry("hvc1", hvcC))).toBe("hvc1.1.6.H93.B0");
  expect(codecsOf(videoEntry("hev1", hvcC))).toBe("hev1.1.6.H93.B0");
  expect(codecsOf(videoEntry("av01", makeBox("av1C", [0x81, 0x04, 0x0c, 0])))).toBe("av01.0.04M.08");
  expect(codecsOf(videoEntry("av01", makeBox("av1C", [0x81, 0x2d, 0xcc, 0])))).toBe("av01.1.13H.10");
  expect(codecsOf(audioEntry("mp4a", AAC_CONFIG))).toBe("mp4a.40.2");
  expect(codecsOf(audioEntry("Opus", makeBox("dOps", new Uint8Array(11))))).toBe("opus");
  expect(codecsOf(audioEntry("ac-3", makeBox("dac3", [0, 0, 0])))).toBe("ac-3");
  expect(codecsOf(audioEntry("ec-3", makeBox("dec3", [0, 0, 0, 0, 0])))).toBe("ec-3");
  expect(codecsOf(audioEntry("fLaC", makeBox("dfLa", new Uint8Array(42))))).toBe("flac");
});

const INIT = testInit("video", 90_000);
const FRAGMENT = writeFragment(1, [{ trackId: 1, decodeTicks: 0, samples: FRAMES.slice(0, 2) }]).bytes;
const moof = (...traf: Uint8Array[]): Uint8Array => makeBox("moof", ...traf);
const tfhd = makeBox("tfhd", bigEndianWords(0x020038, 1, 3000, 4, 0));
const tfdt = makeBox("tfdt", bigEndianWords(0, 0));

const BAD: readonly (readonly [name: string, bytes: Uint8Array, message: string])[] = [
  ["a fragment before the moov", FRAGMENT, "pipe, box moof, at byte 8: a fragment before the moov"],
  ["media without a moof", concatBytes([INIT, makeBox("mdat", [1])]), "box mdat, at byte"],
  ["two moofs in a row", concatBytes([INIT, FRAGMENT.subarray(0, FRAGMENT.length - 16), FRAGMENT]), "has no mdat"],
  ["two moovs", concatBytes([INIT, INIT]), "a second moov"],
  [
    "an unknown codec",
    makeInitSection(1000, videoEntry("vp09", makeBox("vpcC"))),
    "box moov/trak/mdia/minf/stbl/stsd/vp09",
  ],
  ["a codec without its configuration", makeInitSection(1000, videoEntry("avc1", makeBox("free"))), "it has no avcC"],
  ["a timescale of nothing", makeInitSection(0, videoEntry("avc1", AVC_CONFIG)), "box moov/trak, at byte"],
  [
    "a child larger than its parent",
    concatBytes([INIT, moof(makeBox("traf", bigEndianWords(4000), new TextEncoder().encode("tfhd")))]),
    "box moof/traf/tfhd",
  ],
  [
    "a run that is cut short",
    concatBytes([INIT, moof(makeBox("traf", tfhd, tfdt, makeBox("trun", bigEndianWords(0x301, 9, 0))))]),
    "moof/traf/trun",
  ],
  [
    "a run of a billion samples",
    concatBytes([INIT, moof(makeBox("traf", tfhd, tfdt, makeBox("trun", bigEndianWords(1, 1e9, 0))))]),
    "1000000000 samples",
  ],
  [
    "a run before its header",
    concatBytes([INIT, moof(makeBox("traf", makeBox("trun", bigEndianWords(1, 1, 0))))]),
    "before tfhd or tfdt",
  ],
  [
    "a sample outside the mdat",
    concatBytes([
      INIT,
      moof(makeBox("traf", tfhd, tfdt, makeBox("trun", bigEndianWords(1, 1, 0)))),
      makeBox("mdat", bigEndianWords(0)),
    ]),
    "outside it",
  ],
  [
    "another track",
    concatBytes([INIT, moof(makeBox("traf", makeBox("tfhd", bigEndianWords(0, 7))))]),
    "moof/traf/tfhd, at byte",
  ],
  [
    "a decode time beyond 2^53",
    concatBytes([INIT, moof(makeBox("traf", tfhd, makeBox("tfdt", bigEndianWords(0x01000000, 0x200000, 0))))]),
    "beyond 2^53",
  ],
  ["nothing in the moof", concatBytes([INIT, moof()]), "it has no traf"],
];

test.each(BAD)("%s is one error that names the input, the box and its offset", (_name, bytes, message) => {
  expect(() => read(concatBytes([makeBox("free"), bytes]))).toThrow(message);
});

test("a pipe that ends between a moof and its mdat is truncated", () => {
  const pipe = concatBytes([INIT, FRAGMENT]);
  expect(() => read(pipe.subarray(0, pipe.length - 16))).toThrow("before the last fragment's mdat");
});

test("a last frame without a duration from FFmpeg gets the previous frame's duration", () => {
  const frames = FRAMES.slice(0, 2).map((frame, i) => ({ ...frame, durationTicks: i === 0 ? 3000 : 0 }));
  const events = read(fmp4Pipe(INIT, frames));
  expect(events.map((event) => (event.kind === "frame" ? event.frame.durationTicks : null))).toEqual([
    null,
    3000,
    3000,
  ]);
});
