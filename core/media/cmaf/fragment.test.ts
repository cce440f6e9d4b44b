import { createFile, MP4BoxBuffer } from "mp4box";
import { expect, test } from "vitest";
import { concatBytes } from "../../kit/bytes.ts";
import { testInit } from "./fixtures.ts";
import { type FragmentSample, writeFragment } from "./fragment.ts";

const sample = (durationTicks: number, size: number, sync: boolean, ctsOffset = 0): FragmentSample => ({
  durationTicks,
  ctsOffset,
  sync,
  data: new Uint8Array(size).fill(size),
});

/** mp4box's reading of one fragment. */
function judged(samples: readonly FragmentSample[], dts: number): unknown[] {
  const { bytes } = writeFragment(5, [{ trackId: 1, decodeTicks: dts, samples }]);
  const file = createFile(true);
  const whole = concatBytes([testInit("video", 90_000), bytes]);
  const got: unknown[] = [];
  file.onReady = () => {
    file.setExtractionOptions(1, null, { nbSamples: 1 });
    file.start();
  };
  file.onSamples = (_id, _user, list) => {
    for (const s of list) got.push([s.dts, s.cts - s.dts, s.duration, s.is_sync, s.size, s.data?.[0]]);
  };
  file.appendBuffer(MP4BoxBuffer.fromArrayBuffer(whole.slice().buffer, 0));
  file.flush();
  return got;
}

test.each<[string, FragmentSample[]]>([
  ["one keyframe", [sample(3000, 9, true)]],
  ["one other frame", [sample(3000, 9, false)]],
  ["a keyframe and others", [sample(3000, 9, true), sample(3000, 5, false), sample(3000, 7, false)]],
  ["equal sizes", [sample(3000, 5, true), sample(3000, 5, true)]],
  ["varying durations", [sample(2970, 9, true), sample(3060, 5, false), sample(1, 7, false)]],
  ["a keyframe in the middle", [sample(3000, 9, false), sample(3000, 5, true), sample(3000, 7, false)]],
  ["B-frames", [sample(3000, 9, true), sample(3000, 5, false, 6000), sample(3000, 7, false, -3000)]],
])("mp4box reads the written samples from a part: %s", (_name, samples) => {
  let dts = 2 ** 33 + 17;
  const expected = samples.map((s) => {
    const row = [dts, s.ctsOffset, s.durationTicks, s.sync, s.data.length, s.data[0]];
    dts += s.durationTicks;
    return row;
  });
  expect(judged(samples, 2 ** 33 + 17)).toEqual(expected);
});

test("packaging adds under 1 % to 2.5 Mb/s video, alone or with sound, and under 6 % to 128 kb/s audio at parts of 0.333 s", () => {
  const video = Array.from({ length: 10 }, (_, i) => sample(3000, 10_000 + i, i === 0, i % 3 === 0 ? 0 : 3000));
  const audio = Array.from({ length: 15 }, (_, i) => sample(1024, 330 + (i % 20), true));
  const share = (...tracks: FragmentSample[][]): number => {
    const media = tracks.flat().reduce((sum, s) => sum + s.data.length, 0);
    const runs = tracks.map((samples, i) => ({ trackId: i + 1, decodeTicks: 0, samples }));
    return (writeFragment(1, runs).bytes.length - media) / media;
  };
  expect(share(video)).toBeLessThan(0.01);
  expect(share(audio)).toBeLessThan(0.06);
  expect(share(video, audio)).toBeLessThan(0.01);
});

test("the first sample's end offset covers its data, so a prefix decodes to one picture", () => {
  const { bytes, firstSampleEnd } = writeFragment(1, [
    { trackId: 1, decodeTicks: 0, samples: [sample(1, 40, true), sample(1, 60, false)] },
    { trackId: 2, decodeTicks: 0, samples: [sample(1, 7, true)] },
  ]);
  expect(bytes.length - firstSampleEnd).toBe(67);
  expect(bytes[firstSampleEnd - 1]).toBe(40);
  expect(bytes[firstSampleEnd]).toBe(60);
});
