import fc from "fast-check";
import { expect, test } from "vitest";
import type { TrackName } from "../../kit/ids.ts";
import type { Rational } from "../../kit/rational.ts";
import { frameData, frameId, testInits, testTrackName } from "./fixtures.ts";
import type { CodedFrame } from "./frame.ts";
import { KeyframeSchedule } from "./keyframes.ts";
import { findOutputFault, MUXED_AUDIO_TRACK_ID, outputFrames } from "./output-checker.ts";
import { Packager, type PackagerConfig, type PackagerOutput, partTargetFor } from "./packager.ts";

/** Presentation times of video, ticks of 90 kHz, from 0 up. */
type Clock = (frame: number) => number;

interface Scenario {
  readonly clock: Clock;
  readonly frameMs: number;
  readonly partWishMs: number;
  readonly segmentMs: number;
  /** Reordering in frames: 0, or B-frames between every two anchors. */
  readonly bFrames: number;
  readonly leadingFrames: number;
  readonly audioTimescale: number;
  readonly audioFrame: number;
  readonly audioLeadMs: number;
  readonly keyframes: KeyframeSchedule | null;
  readonly muxed: boolean;
  readonly epoch: boolean;
  readonly runs: readonly {
    readonly frames: number;
    readonly audioCutMs: number;
    readonly outageMs: number;
    readonly extraKey: number;
  }[];
  /** Skew between tracks at arrival, milliseconds. */
  readonly skewMs: readonly [number, number, number];
}

/** Enough to cover every clock with and without B-frames; a few thousand were run when the rules were written. */
const RUNS = 60;
const STARTED_AT = 1_760_000_000_000;
/** `rate`: constant frame duration, so that keyframes can be scheduled. */
interface Kind {
  readonly clock: (noise: readonly number[]) => Clock;
  readonly frameMs: number;
  readonly rate?: Rational;
}

const steady = (num: number, den: number): Kind => ({
  clock: () => (i) => (i * 90_000 * den) / num,
  frameMs: (1000 * den) / num,
  rate: { num, den },
});

const CLOCKS: Record<string, Kind> = {
  "30 fps": steady(30, 1),
  "29.97 fps": steady(30_000, 1_001),
  "25 fps": steady(25, 1),
  "24 fps": steady(24, 1),
  "60 fps": steady(60, 1),
  "30 fps in milliseconds": { clock: () => (i) => Math.round((i * 1000) / 30) * 90, frameMs: 1000 / 30 },
  "30 fps, jittered by 3 ms": {
    clock: (noise) => (i) => (Math.round((i * 1000) / 30) + ((noise[i % noise.length] ?? 0) % 4)) * 90,
    frameMs: 1000 / 30,
  },
  "any rate": {
    clock: (noise) => {
      const times = [0];
      for (let i = 0; i < 2000; i++)
        times.push((times[i] ?? 0) + 450 + (((noise[i % noise.length] ?? 0) * 97) % 14_000));
      return (i) => times[i] ?? 0;
    },
    frameMs: 50,
  },
};

const scenario: fc.Arbitrary<Scenario> = fc
  .record({
    rate: fc.constantFrom(...Object.keys(CLOCKS)),
    noise: fc.array(fc.nat(1000), { minLength: 7, maxLength: 40 }),
    partWishMs: fc.constantFrom(200, 333, 500, 1000),
    segmentMs: fc.constantFrom(1000, 2000),
    bFrames: fc.constantFrom(0, 0, 1, 2),
    leadingFrames: fc.nat(5),
    audio: fc.constantFrom([48000, 1024], [44100, 1024], [48000, 960], [16000, 1024]),
    audioLeadMs: fc.integer({ min: -400, max: 400 }),
    epoch: fc.boolean(),
    scheduled: fc.boolean(),
    muxed: fc.boolean(),
    runs: fc.array(
      fc.record({
        frames: fc.integer({ min: 3, max: 260 }),
        audioCutMs: fc.integer({ min: -300, max: 900 }),
        outageMs: fc.integer({ min: -200, max: 5000 }),
        extraKey: fc.nat(60),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    skewMs: fc.tuple(fc.nat(700), fc.nat(700), fc.nat(700)),
  })
  .map(({ rate, noise, audio, scheduled, ...rest }) => {
    const kind = CLOCKS[rate] ?? steady(30, 1);
    const keyframes = scheduled && kind.rate !== undefined ? new KeyframeSchedule(kind.rate, rest.segmentMs) : null;
    const { frameMs } = kind;
    const [audioTimescale = 1, audioFrame = 1] = audio;
    return { ...rest, clock: kind.clock(noise), frameMs, keyframes, audioTimescale, audioFrame };
  });

const [HIGH, LOW, AUDIO] = ["720p", "360p", "audio"].map(testTrackName) as [TrackName, TrackName, TrackName];

/** Video frames in decode order: groups of one segment, each a keyframe, anchors, and B-frames before their anchor. */
function videoFrames(s: Scenario, count: number, extraKey: number, base: number): CodedFrame[] {
  const keys = new Set<number>();
  for (let k = 0; k * s.segmentMs * 90 <= s.clock(count); k++) {
    let i = s.leadingFrames;
    while (s.clock(i) - s.clock(s.leadingFrames) < k * s.segmentMs * 90) i++;
    keys.add(i);
  }
  if (extraKey > 10) keys.add(s.leadingFrames + extraKey);
  const order: number[] = [];
  for (let i = 0; i < count; ) {
    let anchor = Math.min(i + (keys.has(i) ? 0 : s.bFrames), count - 1);
    for (let j = i; j <= anchor; j++) if (keys.has(j) && j > i) anchor = j - 1;
    order.push(anchor);
    for (let j = i; j < anchor; j++) order.push(j);
    i = anchor + 1;
  }
  return order.map((display, i) => ({
    dts: base + s.clock(i),
    ctsOffset: s.clock(display) - s.clock(i),
    durationTicks: s.clock(i + 1) - s.clock(i),
    sync: keys.has(display),
    data: frameData(display),
  }));
}

interface Played {
  readonly config: PackagerConfig;
  readonly outputs: PackagerOutput[];
  /** Expected frames, with presentation times in seconds of program time; timelines in order. */
  readonly expected: ReadonlyMap<TrackName, { id: number; ptsS: number }[]>;
}

function play(s: Scenario): Played {
  const partTargetMs = partTargetFor(s.partWishMs, s.frameMs);
  const config: PackagerConfig = {
    tracks: [
      { name: HIGH, kind: "video", timescale: 90_000, partTargetMs },
      { name: LOW, kind: "video", timescale: 90_000, partTargetMs },
      { name: AUDIO, kind: "audio", timescale: s.audioTimescale, partTargetMs },
    ],
    segmentTargetMs: s.segmentMs,
    targetDurationS: s.segmentMs / 1000 + 1,
    startedAtMs: STARTED_AT,
    ...(s.keyframes === null ? {} : { keyframes: s.keyframes }),
    muxed: s.muxed,
  };
  const packager = new Packager(config);
  const outputs: PackagerOutput[] = [];
  const expected = new Map<TrackName, { id: number; ptsS: number }[]>([HIGH, LOW, AUDIO].map((name) => [name, []]));
  let programMs = STARTED_AT + 500;
  for (const [r, run] of s.runs.entries()) {
    const baseS = s.epoch ? 1_760_000_000 + r * 100 : 0;
    const programOffsetMs = programMs - baseS * 1000;
    const id = (n: number): number => r * 100_000 + n;
    const video = videoFrames(s, run.frames + s.leadingFrames, run.extraKey, baseS * 90_000);
    const high = video.map((frame) => ({ ...frame, data: frameData(id(frameId(frame.data))) }));
    const endMs = s.clock(run.frames + s.leadingFrames) / 90 - run.audioCutMs;
    const audio: CodedFrame[] = [];
    const first = Math.round((s.audioLeadMs * s.audioTimescale) / 1000) + baseS * s.audioTimescale;
    for (let i = 0; (i * s.audioFrame * 1000) / s.audioTimescale + s.audioLeadMs < endMs; i++) {
      const data = frameData(id(i));
      audio.push({ dts: first + i * s.audioFrame, ctsOffset: 0, durationTicks: s.audioFrame, sync: true, data });
    }
    outputs.push(...packager.beginTimeline({ inits: testInits(config), programOffsetMs }));
    const arrivals = [
      ...high.map((frame) => ({ track: HIGH, frame, at: frame.dts / 90 + (s.skewMs[0] ?? 0) })),
      ...high.map((frame) => ({ track: LOW, frame, at: frame.dts / 90 + (s.skewMs[1] ?? 0) })),
      ...audio.map((frame) => ({
        track: AUDIO,
        frame,
        at: (frame.dts * 1000) / s.audioTimescale + (s.skewMs[2] ?? 0),
      })),
    ].sort((a, b) => a.at - b.at);
    for (const { track, frame } of arrivals) outputs.push(...packager.push(track, frame));
    outputs.push(...packager.endTimeline());
    const key = video.findIndex(({ sync }) => sync);
    const keyMs = key < 0 ? Number.POSITIVE_INFINITY : s.clock(s.leadingFrames) / 90;
    for (const name of [HIGH, LOW]) {
      for (const frame of key < 0 ? [] : high.slice(key)) {
        expected
          .get(name)
          ?.push({ id: frameId(frame.data), ptsS: (frame.dts + frame.ctsOffset) / 90_000 + programOffsetMs / 1000 });
      }
    }
    for (const frame of audio) {
      const ptsS = frame.dts / s.audioTimescale;
      if (ptsS - baseS > keyMs / 1000 + s.audioFrame / s.audioTimescale) {
        expected.get(AUDIO)?.push({ id: frameId(frame.data), ptsS: ptsS + programOffsetMs / 1000 });
      }
    }
    programMs += s.clock(run.frames + s.leadingFrames) / 90 + run.outageMs;
    for (let now = programMs - run.outageMs; now < programMs - 400; now += 170)
      outputs.push(...packager.fillGapUntil(now));
  }
  outputs.push(...packager.end());
  return { config, outputs, expected };
}

/** The output of each track's frames: muxed audio in each video track. */
function placesOf({ tracks, muxed }: PackagerConfig) {
  const own = tracks.map((track) => ({ ...track, within: track.name, trackId: 1 }));
  if (!muxed) return own;
  const pictures = own.filter(({ kind }) => kind === "video");
  const sound = own.filter(({ kind }) => kind === "audio");
  return [
    ...pictures,
    ...sound.flatMap((track) =>
      pictures.map(({ name }) => ({ ...track, within: name, trackId: MUXED_AUDIO_TRACK_ID })),
    ),
  ];
}

test("any sequence of frames becomes parts and segments that satisfy every rule", () => {
  fc.assert(
    fc.property(scenario, (s) => {
      const { config, outputs } = play(s);
      const frameS = Math.max(0.16, s.audioFrame / s.audioTimescale) + 0.001;
      expect(findOutputFault(config, outputs, frameS)).toBeNull();
    }),
    { numRuns: RUNS },
  );
}, 60_000);

test("no frame is lost, repeated or reordered, and each keeps its presentation time to the tick", () => {
  fc.assert(
    fc.property(scenario, (s) => {
      const { config, outputs, expected } = play(s);
      for (const { name, kind, timescale, within, trackId } of placesOf(config)) {
        const got = outputFrames(outputs, within, kind, timescale, trackId).map(({ data, pts }) => ({
          id: frameId(data),
          ptsS: pts / timescale,
        }));
        const due = expected.get(name) ?? [];
        const ids = new Set(due.map(({ id }) => id));
        // Audio within a frame of the first keyframe may or may not be kept.
        const kept = kind === "audio" ? got.filter(({ id }) => ids.has(id)) : got;
        expect(kept.map(({ id }) => id)).toEqual(due.map(({ id }) => id));
        expect(got.length - due.length).toBeLessThanOrEqual(kind === "audio" ? 2 * s.runs.length : 0);
        let shift = 0;
        for (const [i, { ptsS }] of kept.entries()) {
          // A timeline that begins before the last one's end is moved after it as a whole.
          const off = ptsS + STARTED_AT / 1000 - 1 - (due[i]?.ptsS ?? 0);
          if (Math.floor((kept[i]?.id ?? 0) / 100_000) !== Math.floor((kept[i - 1]?.id ?? -1) / 100_000)) shift = off;
          expect(off).toBeGreaterThan(-1.01 / timescale);
          expect(Math.abs(off - shift)).toBeLessThan(2e-6);
        }
      }
    }),
    { numRuns: RUNS },
  );
}, 60_000);

test("wrong durations and missing frames break no rule, and presentation times stay exact", () => {
  const lies = fc.array(fc.record({ claim: fc.double({ min: 0.1, max: 3, noNaN: true }), missing: fc.nat(20) }), {
    minLength: 5,
    maxLength: 60,
  });
  fc.assert(
    fc.property(lies, lies, fc.boolean(), (videoLies, audioLies, muxed) => {
      const config: PackagerConfig = {
        tracks: [
          { name: HIGH, kind: "video", timescale: 15_360, partTargetMs: 333.34 },
          { name: AUDIO, kind: "audio", timescale: 48_000, partTargetMs: 333.34 },
        ],
        segmentTargetMs: 2000,
        targetDurationS: 3,
        startedAtMs: STARTED_AT,
        muxed,
      };
      const lied = (
        ticks: number,
        times: readonly number[],
        of: typeof lies extends fc.Arbitrary<infer T> ? T : never,
      ): CodedFrame[] =>
        times.flatMap((dts, i) => {
          const lie = of[i % of.length];
          const sync = ticks === 1024 || i % 60 === 0;
          if (lie?.missing === 0 && !(sync && ticks === 512)) return [];
          return [{ dts, ctsOffset: 0, durationTicks: Math.ceil(ticks * (lie?.claim ?? 1)), sync, data: frameData(i) }];
        });
      const video = lied(
        512,
        Array.from({ length: 300 }, (_, i) => i * 512),
        videoLies,
      );
      const audio = lied(
        1024,
        Array.from({ length: 460 }, (_, i) => i * 1024),
        audioLies,
      );
      const packager = new Packager(config);
      const outputs = packager.beginTimeline({ inits: testInits(config), programOffsetMs: STARTED_AT });
      const all = [
        ...video.map((frame) => ({ track: HIGH, frame, at: frame.dts / 15_360 })),
        ...audio.map((frame) => ({ track: AUDIO, frame, at: frame.dts / 48_000 })),
      ].sort((a, b) => a.at - b.at);
      for (const { track, frame } of all) outputs.push(...packager.push(track, frame));
      outputs.push(...packager.end());
      expect(findOutputFault(config, outputs, 0.15)).toBeNull();
      const [shown = [], heard = []] = placesOf(config).map(({ kind, timescale, within, trackId }) =>
        outputFrames(outputs, within, kind, timescale, trackId).map(({ data, pts }) => [
          frameId(data),
          pts - timescale,
        ]),
      );
      expect(shown).toEqual(video.map(({ dts, data }) => [frameId(data), dts]));
      expect(heard).toEqual(audio.map(({ dts, data }) => [frameId(data), dts]).slice(-heard.length));
      expect(audio.length - heard.length).toBeLessThanOrEqual(1);
    }),
    { numRuns: RUNS },
  );
}, 60_000);
