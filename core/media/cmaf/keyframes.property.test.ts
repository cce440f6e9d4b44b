import fc from "fast-check";
import { expect, test } from "vitest";
import type { TrackName } from "../../kit/ids.ts";
import type { Rational } from "../../kit/rational.ts";
import { frameData, testInits, testTrackName } from "./fixtures.ts";
import { KeyframeSchedule } from "./keyframes.ts";
import { findOutputFault } from "./output-checker.ts";
import { Packager, type PackagerConfig, type PackagerOutput, partTargetFor } from "./packager.ts";
import { timescaleFor } from "./video-timescale.ts";

const [HIGH, LOW, AUDIO] = ["720p", "360p", "audio"].map(testTrackName) as [TrackName, TrackName, TrackName];
const STARTED_AT = 1_760_000_000_000;
const SIX_HOURS_S = 21_600;

const ntsc = fc.constantFrom(24_000, 30_000, 48_000, 60_000, 120_000, 240_000).map((num) => ({ num, den: 1001 }));
const whole = fc.integer({ min: 1, max: 240 }).map((num) => ({ num, den: 1 }));
const odd = fc
  .tuple(fc.integer({ min: 1, max: 100_000 }), fc.integer({ min: 1, max: 5000 }))
  .map(([num, den]) => ({ num, den }))
  .filter(({ num, den }) => num / den >= 1 && num / den <= 240);
const milliseconds = fc.integer({ min: 1000, max: 240_000 }).map((num) => ({ num, den: 1000 }));
const rate: fc.Arbitrary<Rational> = fc.oneof(ntsc, whole, odd, milliseconds, fc.constant({ num: 125, den: 4 }));
const segmentMs = fc.oneof(fc.integer({ min: 500, max: 10_000 }), fc.constantFrom(500, 1000, 2000, 6000));

/** The value of FFmpeg's evaluator, which computes in doubles, for the schedule's expression at frame `n`. */
function byFfmpeg(schedule: KeyframeSchedule, n: number): boolean {
  const [, a, b] = /floor\(n\*(\d+)\/(\d+)\)/.exec(schedule.ffmpegExpression) ?? [];
  return n === 0 || Math.floor((n * Number(a)) / Number(b)) > Math.floor(((n - 1) * Number(a)) / Number(b));
}

test("for any rate and segment duration, six hours of segments begin at the first frame at or after each multiple", () => {
  fc.assert(
    fc.property(rate, segmentMs, (frameRate, ms) => {
      const schedule = new KeyframeSchedule(frameRate, ms);
      const { num, den } = schedule.frameRate;
      const last = Math.floor((SIX_HOURS_S * num) / den);
      for (let n = 0; n < last; ) {
        const next = schedule.nextKeyframeAfter(n);
        if (next - n > schedule.maxIntervalFrames) throw new Error(`${next - n} frames from ${n}`);
        for (const at of [n, n + 1, next - 1, next]) {
          const due = at === n || at === next;
          if (schedule.isKeyframe(at) !== due || byFfmpeg(schedule, at) !== due) throw new Error(`frame ${at}`);
        }
        // Exact: next is the first frame at or after a multiple of the segment duration, unless frames are longer.
        const scaled = BigInt(next) * BigInt(den) * 1000n;
        const segment = BigInt(num) * BigInt(ms);
        const early = BigInt(next - 1) * BigInt(den) * 1000n;
        if (scaled / segment === early / segment) throw new Error(`no multiple between ${next - 1} and ${next}`);
        n = next;
      }
    }),
    { numRuns: 40 },
  );
}, 60_000);

test("every segment of any schedule rounds to its target duration", () => {
  fc.assert(
    fc.property(rate, segmentMs, (frameRate, ms) => {
      const schedule = new KeyframeSchedule(frameRate, ms);
      expect(Math.round(schedule.frameTimeS(schedule.maxIntervalFrames) + 0.02)).toBeLessThanOrEqual(
        schedule.targetDurationS,
      );
      expect(schedule.targetDurationS).toBeLessThanOrEqual(Math.ceil(ms / 1000) + 1);
    }),
  );
});

test("a frame of any rate lasts a whole number of ticks", () => {
  fc.assert(
    fc.property(rate, ({ num, den }) => {
      const timescale = timescaleFor({ num, den });
      expect(Number.isInteger((timescale * den) / num)).toBe(true);
      expect(timescale).toBeGreaterThanOrEqual(24_000);
      expect(timescale).toBeLessThan(2 ** 32);
    }),
  );
});

/** A timeline of `seconds` with two renditions and audio, as the encoder produces it. */
function packaged(frameRate: Rational, ms: number, partWishMs: number, seconds: number, muxed: boolean) {
  const schedule = new KeyframeSchedule(frameRate, ms);
  const timescale = timescaleFor(frameRate);
  const frameTicks = (timescale * frameRate.den) / frameRate.num;
  const partTargetMs = partTargetFor(partWishMs, (1000 * frameRate.den) / frameRate.num);
  const config: PackagerConfig = {
    tracks: [
      { name: HIGH, kind: "video", timescale, partTargetMs },
      { name: LOW, kind: "video", timescale, partTargetMs },
      { name: AUDIO, kind: "audio", timescale: 48_000, partTargetMs },
    ],
    segmentTargetMs: ms,
    targetDurationS: schedule.targetDurationS,
    startedAtMs: STARTED_AT,
    keyframes: schedule,
    muxed,
  };
  const packager = new Packager(config);
  const outputs: PackagerOutput[] = packager.beginTimeline({ inits: testInits(config), programOffsetMs: STARTED_AT });
  let sound = 0;
  for (let n = 0; schedule.frameTimeS(n) < seconds; n++) {
    for (; (sound * 1024) / 48_000 <= schedule.frameTimeS(n); sound++) {
      const frame = { dts: sound * 1024, ctsOffset: 0, durationTicks: 1024, sync: true, data: frameData(sound) };
      outputs.push(...packager.push(AUDIO, frame));
    }
    for (const track of [LOW, HIGH]) {
      const sync = schedule.isKeyframe(n);
      const frame = { dts: n * frameTicks, ctsOffset: 0, durationTicks: frameTicks, sync, data: frameData(n) };
      outputs.push(...packager.push(track, frame));
    }
  }
  outputs.push(...packager.end());
  return { config, outputs, schedule, timescale };
}

/** The first frame of each segment of `track`, computed from decode times. */
function cuts(outputs: readonly PackagerOutput[], track: TrackName, frameTicks: number): number[] {
  let ticks = 0;
  const found: number[] = [];
  for (const output of outputs) {
    if (output.kind !== "part" || output.track !== track) continue;
    if (output.meta.part === 0) {
      if (!output.meta.independent) throw new Error(`segment ${output.meta.msn} of ${track} begins without a keyframe`);
      found.push(ticks / frameTicks);
    }
    ticks += output.meta.durationTicks;
  }
  return found;
}

test("any rate is cut at its keyframes, in all renditions alike, and satisfies every rule", () => {
  fc.assert(
    fc.property(rate, segmentMs, fc.constantFrom(200, 333, 1000), fc.boolean(), (frameRate, ms, partWish, muxed) => {
      const frameMs = (1000 * frameRate.den) / frameRate.num;
      const { config, outputs, schedule, timescale } = packaged(frameRate, ms, Math.min(partWish, ms / 2), 24, muxed);
      expect(findOutputFault(config, outputs, Math.max(0.03, frameMs / 1000) + 0.001)).toBeNull();
      const frameTicks = (timescale * frameRate.den) / frameRate.num;
      const high = cuts(outputs, HIGH, frameTicks);
      expect(cuts(outputs, LOW, frameTicks)).toEqual(high);
      expect(high.filter((n) => !schedule.isKeyframe(n))).toEqual([]);
      expect(high.length).toBeGreaterThan(1);
    }),
    { numRuns: 60 },
  );
}, 60_000);

test.each([
  { num: 24_000, den: 1001 },
  { num: 30_000, den: 1001 },
  { num: 125, den: 4 },
])(
  "six hours at $num/$den are cut without a fault",
  (frameRate) => {
    const { outputs, schedule, timescale } = packaged(frameRate, 2000, 333, SIX_HOURS_S, false);
    const frameTicks = (timescale * frameRate.den) / frameRate.num;
    const starts = cuts(outputs, HIGH, frameTicks);
    for (const [i, n] of starts.entries()) {
      if (i + 1 < starts.length && starts[i + 1] !== schedule.nextKeyframeAfter(n)) throw new Error(`after frame ${n}`);
    }
    expect(starts).toHaveLength(SIX_HOURS_S / 2);
  },
  120_000,
);
