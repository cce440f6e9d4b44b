import fc from "fast-check";
import { expect, test } from "vitest";
import type { TrackName } from "../../kit/ids.ts";
import { frameData, testInits, testTrackName } from "./fixtures.ts";
import { findOutputFault, outputFrames } from "./output-checker.ts";
import { Packager, type PackagerConfig, type PackagerOutput, partTargetFor } from "./packager.ts";

const STARTED_AT = 1_760_000_000_000;
const [HIGH, LOW, AUDIO] = ["720p", "360p", "audio"].map(testTrackName) as [TrackName, TrackName, TrackName];
const FRAME = 3000;
const GROUP = 30;
const TOTAL = 300;
/** Frames by which the optional track may lag before it is marked. */
const PATIENCE = 45;

const partTargetMs = partTargetFor(333, 1000 / 30);
const CONFIG: PackagerConfig = {
  tracks: [
    { name: HIGH, kind: "video", timescale: 90_000, partTargetMs },
    { name: LOW, kind: "video", timescale: 90_000, partTargetMs, isOptional: true },
    { name: AUDIO, kind: "audio", timescale: 48_000, partTargetMs },
  ],
  segmentTargetMs: 2000,
  targetDurationS: 4,
  startedAtMs: STARTED_AT,
  maxKeyframeMs: 4000,
};

/** The optional track's frames: how late each is, which never come, and which have a wrong time. */
interface Losses {
  readonly delay: number;
  readonly initAt: number;
  readonly lost: readonly (readonly [from: number, count: number])[];
  readonly askew: readonly number[];
  readonly reordering: number;
}

function publish({ delay, initAt, lost, askew, reordering }: Losses): PackagerOutput[] {
  const inits = testInits(CONFIG);
  const init = inits.get(LOW);
  const others = new Map([...inits].filter(([name]) => name !== LOW));
  const packager = new Packager(CONFIG);
  const outputs = packager.beginTimeline({ inits: others, programOffsetMs: STARTED_AT });
  const isLost = (i: number): boolean => i < 0 || lost.some(([from, count]) => i >= from && i < from + count);
  let hasInit = false;
  let lowEnd = 0;
  let audio = 0;
  const provide = (): void => {
    if (!hasInit && init !== undefined) outputs.push(...packager.provideInit(LOW, init));
    hasInit = true;
  };
  const pushLow = (i: number): void => {
    if (isLost(i) || i * FRAME < lowEnd) return;
    provide();
    const off = askew.includes(i) ? FRAME / 3 : 0;
    const frame = { dts: i * FRAME + off, ctsOffset: reordering * FRAME, durationTicks: FRAME, sync: i % GROUP === 0 };
    outputs.push(...packager.push(LOW, { ...frame, data: frameData(i) }));
    lowEnd = (i + 1) * FRAME;
  };
  for (let i = 0; i < TOTAL; i += 1) {
    const frame = { dts: i * FRAME, ctsOffset: reordering * FRAME, durationTicks: FRAME, sync: i % GROUP === 0 };
    outputs.push(...packager.push(HIGH, { ...frame, data: frameData(i) }));
    for (; audio * 1024 * 30 < i * 48_000; audio += 1) {
      const sound = { dts: audio * 1024, ctsOffset: 0, durationTicks: 1024, sync: true, data: frameData(audio) };
      outputs.push(...packager.push(AUDIO, sound));
    }
    if (i >= initAt) pushLow(i - delay);
    if (i * FRAME - lowEnd > PATIENCE * FRAME) {
      provide();
      lowEnd = (i - PATIENCE + 5) * FRAME;
      outputs.push(...packager.markSilent(LOW, lowEnd));
    }
  }
  provide();
  outputs.push(...packager.end());
  return outputs;
}

const losses: fc.Arbitrary<Losses> = fc.record({
  delay: fc.integer({ min: 0, max: 40 }),
  initAt: fc.integer({ min: 0, max: 100 }),
  lost: fc.array(fc.tuple(fc.integer({ min: 0, max: TOTAL }), fc.integer({ min: 1, max: 120 })), { maxLength: 3 }),
  askew: fc.array(fc.integer({ min: 0, max: TOTAL }), { maxLength: 2 }),
  reordering: fc.constantFrom(0, 2),
});

test("an optional track that is late, has holes or does not fit leaves the other tracks as they are", () => {
  fc.assert(
    fc.property(losses, (input) => {
      const outputs = publish(input);
      expect(findOutputFault(CONFIG, outputs, 0.12)).toBeNull();
      expect(outputFrames(outputs, HIGH, "video", 90_000)).toHaveLength(TOTAL);
      const gaps = outputs.filter((output) => output.kind === "part" && output.track === HIGH && output.meta.gap);
      expect(gaps.length).toBeLessThan(2);
    }),
    { numRuns: 300 },
  );
});

test("without losses it has every frame, however late", () => {
  for (const delay of [0, 1, 20, 40]) {
    const outputs = publish({ delay, initAt: 0, lost: [], askew: [], reordering: 0 });
    expect(outputFrames(outputs, LOW, "video", 90_000)).toHaveLength(TOTAL - delay);
  }
});

test("after a hole it goes on at the next keyframe that begins a segment, with gap parts until then", () => {
  const outputs = publish({ delay: 2, initAt: 0, lost: [[70, 80]], askew: [], reordering: 0 });
  const frames = outputFrames(outputs, LOW, "video", 90_000);
  expect(frames.length).toBeGreaterThanOrEqual(70 + TOTAL - 180 - 2);
  const parts = outputs.filter((output) => output.kind === "part" && output.track === LOW);
  expect(parts.some((part) => part.kind === "part" && part.meta.gap)).toBe(true);
});

test("one that never comes is all gaps", () => {
  const outputs = publish({ delay: 0, initAt: TOTAL, lost: [], askew: [], reordering: 0 });
  expect(findOutputFault(CONFIG, outputs, 0.12)).toBeNull();
  expect(outputFrames(outputs, LOW, "video", 90_000)).toHaveLength(0);
});
