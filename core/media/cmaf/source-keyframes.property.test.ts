import fc from "fast-check";
import { expect, test } from "vitest";
import type { TrackName } from "../../kit/ids.ts";
import { frameData, testInits, testTrackName } from "./fixtures.ts";
import { findOutputFault, outputFrames } from "./output-checker.ts";
import { Packager, type PackagerConfig, type PackagerOutput, partTargetFor } from "./packager.ts";

const STARTED_AT = 1_760_000_000_000;
const [HIGH, LOW, AUDIO] = ["720p", "360p", "audio"].map(testTrackName) as [TrackName, TrackName, TrackName];
const FRAME = 3000;

function configOf(partMs: number): PackagerConfig {
  const partTargetMs = partTargetFor(partMs, 1000 / 30);
  return {
    tracks: [
      { name: HIGH, kind: "video", timescale: 90_000, partTargetMs },
      { name: LOW, kind: "video", timescale: 90_000, partTargetMs },
      { name: AUDIO, kind: "audio", timescale: 48_000, partTargetMs },
    ],
    segmentTargetMs: 2000,
    targetDurationS: 4,
    startedAtMs: STARTED_AT,
    maxKeyframeMs: 4000,
  };
}

function begin(config: PackagerConfig, outputs: PackagerOutput[]): Packager {
  const packager = new Packager(config);
  outputs.push(...packager.beginTimeline({ inits: testInits(config), programOffsetMs: STARTED_AT }));
  return packager;
}

const frames = (most: number): fc.Arbitrary<number[]> =>
  fc.array(fc.integer({ min: 5, max: most }), { minLength: 3, maxLength: 12 });
/** Distances between keyframes in frames: up to 2 s, or up to 4 s if that was seen early. */
const distances = fc.oneof(
  frames(60),
  frames(120).map((rest) => [120, ...rest]),
  frames(120).map((rest) => [rest[0] ?? 30, 120, ...rest]),
  fc.integer({ min: 8, max: 120 }).map((each) => new Array<number>(10).fill(each)),
);

test("keyframes anywhere up to 4 s apart give segments within a target duration of 4 s, aligned in all tracks", () => {
  const input = fc.tuple(distances, fc.constantFrom(200, 333, 1000), fc.constantFrom(0, 1, 2));
  fc.assert(
    fc.property(input, ([groups, partMs, delay]) => {
      const config = configOf(partMs);
      const outputs: PackagerOutput[] = [];
      const packager = begin(config, outputs);
      const keys = new Set<number>([0]);
      let total = 0;
      for (const group of groups) {
        total += group;
        keys.add(total);
      }
      let audio = 0;
      for (let i = 0; i < total; i += 1) {
        const frame = { dts: i * FRAME, ctsOffset: delay * FRAME, durationTicks: FRAME, sync: keys.has(i) };
        outputs.push(...packager.push(HIGH, { ...frame, data: frameData(i) }));
        outputs.push(...packager.push(LOW, { ...frame, data: frameData(i) }));
        for (; audio * 1024 * 30 < i * 48_000; audio += 1) {
          const sound = { dts: audio * 1024, ctsOffset: 0, durationTicks: 1024, sync: true, data: frameData(audio) };
          outputs.push(...packager.push(AUDIO, sound));
        }
      }
      outputs.push(...packager.end());
      expect(findOutputFault(config, outputs, 0.12)).toBeNull();
      expect(outputFrames(outputs, HIGH, "video", 90_000)).toHaveLength(total);
      // No segment is closed by an invented gap, but for the broadcast's last.
      const gaps = outputs.filter((output) => output.kind === "part" && output.track === HIGH && output.meta.gap);
      expect(gaps.length).toBeLessThan(2);
    }),
    { numRuns: 150 },
  );
});

test("keyframes closer than a segment are joined, once their distance is known", () => {
  const config = configOf(333);
  const outputs: PackagerOutput[] = [];
  const packager = begin({ ...config, tracks: config.tracks.slice(0, 1) }, outputs);
  for (let i = 0; i <= 600; i += 1) {
    const frame = { dts: i * FRAME, ctsOffset: 0, durationTicks: FRAME, sync: i % 15 === 0, data: frameData(i) };
    outputs.push(...packager.push(HIGH, frame));
  }
  const starts = outputs.flatMap((output) =>
    output.kind === "part" && output.meta.start !== undefined ? [output.meta.start.programTimeMs - STARTED_AT] : [],
  );
  expect(starts.slice(0, 6)).toEqual([0, 500, 2000, 4000, 6000, 8000]);
});

test("a keyframe at a scene's cut costs one long segment, not every following one", () => {
  const config = configOf(333);
  const outputs: PackagerOutput[] = [];
  const packager = begin({ ...config, tracks: config.tracks.slice(0, 1) }, outputs);
  // A keyframe every 2 s; the encoder counts from the cut at frame 178.
  const isKeyframe = (i: number): boolean => (i < 178 ? i % 60 === 0 : (i - 178) % 60 === 0);
  for (let i = 0; i <= 600; i += 1) {
    const frame = { dts: i * FRAME, ctsOffset: 0, durationTicks: FRAME, sync: isKeyframe(i), data: frameData(i) };
    outputs.push(...packager.push(HIGH, frame));
  }
  const starts = outputs.flatMap((output) =>
    output.kind === "part" && output.meta.start !== undefined ? [output.meta.start.programTimeMs - STARTED_AT] : [],
  );
  expect(starts.slice(0, 7).map((ms) => Math.round(ms / 100))).toEqual([0, 20, 40, 79, 99, 119, 139]);
});

test("an audio track that is marked silent gets gap parts, and is heard again from where its frames continue", () => {
  const config = configOf(333);
  const outputs: PackagerOutput[] = [];
  const packager = begin(config, outputs);
  const isHeard = (seconds: number): boolean => seconds < 3 || seconds >= 20;
  let audio = 0;
  let silentUntil = 0;
  for (let i = 0; i < 30 * 24; i += 1) {
    const frame = { dts: i * FRAME, ctsOffset: 0, durationTicks: FRAME, sync: i % 60 === 0, data: frameData(i) };
    outputs.push(...packager.push(HIGH, frame), ...packager.push(LOW, frame));
    for (; audio * 1024 * 30 < i * 48_000; audio += 1) {
      const sound = { dts: audio * 1024, ctsOffset: 0, durationTicks: 1024, sync: true, data: frameData(audio) };
      if (isHeard(sound.dts / 48_000) && sound.dts >= silentUntil) outputs.push(...packager.push(AUDIO, sound));
    }
    if (i > 120 && i < 600 && i % 10 === 0) {
      silentUntil = (i / 30 - 1) * 48_000;
      outputs.push(...packager.markSilent(AUDIO, silentUntil));
    }
  }
  outputs.push(...packager.end());
  expect(findOutputFault(config, outputs, 0.034)).toBeNull();
  const gaps = outputs.filter((output) => output.kind === "part" && output.track === AUDIO && output.meta.gap);
  expect(gaps.length).toBeGreaterThan(40);
  const heard = outputFrames(outputs, AUDIO, "audio", 48_000).map(({ pts }) => pts / 48_000 - 1);
  expect(Math.max(...heard.slice(1).map((time, i) => time - (heard[i] ?? 0)))).toBeGreaterThan(16);
  expect(heard.at(-1)).toBeGreaterThan(23.9);
});

test("an audio track that never sends is silent from the beginning", () => {
  const config = configOf(333);
  const outputs: PackagerOutput[] = [];
  const packager = begin(config, outputs);
  for (let i = 0; i < 30 * 14; i += 1) {
    const frame = { dts: i * FRAME, ctsOffset: 0, durationTicks: FRAME, sync: i % 60 === 0, data: frameData(i) };
    outputs.push(...packager.push(HIGH, frame), ...packager.push(LOW, frame));
    if (i > 45 && i % 10 === 0) outputs.push(...packager.markSilent(AUDIO, (i / 30 - 1) * 48_000));
  }
  outputs.push(...packager.end());
  expect(findOutputFault(config, outputs, 0.034)).toBeNull();
  expect(outputFrames(outputs, AUDIO, "audio", 48_000)).toEqual([]);
});
