import { expect, test } from "vitest";
import { concatBytes } from "../../kit/bytes.ts";
import type { TrackName } from "../../kit/ids.ts";
import { CmafError } from "./errors.ts";
import { frameData, frameId, makeBox, readPartsBack, testInit, testInits, testTrackName } from "./fixtures.ts";
import type { CodedFrame } from "./frame.ts";
import { KeyframeSchedule } from "./keyframes.ts";
import { findOutputFault } from "./output-checker.ts";
import { Packager, type PackagerConfig, type PackagerOutput, partTargetFor } from "./packager.ts";

const STARTED_AT = 1_760_000_000_000;
const [VIDEO, LOW, AUDIO] = ["720p", "360p", "audio"].map(testTrackName) as [TrackName, TrackName, TrackName];
const PT = partTargetFor(333, 1000 / 30);
const TRACKS = {
  video: { name: VIDEO, kind: "video", timescale: 30, partTargetMs: PT },
  low: { name: LOW, kind: "video", timescale: 90_000, partTargetMs: PT },
  audio: { name: AUDIO, kind: "audio", timescale: 48_000, partTargetMs: PT },
} as const;

function configOf(...tracks: PackagerConfig["tracks"]): PackagerConfig {
  return { tracks, segmentTargetMs: 2000, targetDurationS: 2, startedAtMs: STARTED_AT };
}

function begun(config: PackagerConfig): Packager {
  const packager = new Packager(config);
  packager.beginTimeline({ inits: testInits(config), programOffsetMs: STARTED_AT });
  return packager;
}

/** Frame `i` of 30 fps video with a keyframe every 2 s, in ticks of `timescale`. */
function video(i: number, timescale = 30, sync = i % 60 === 0): CodedFrame {
  const frameTicks = timescale / 30;
  return { dts: i * frameTicks, ctsOffset: 0, durationTicks: frameTicks, sync, data: frameData(i) };
}

/** AAC frame `i`. */
function audio(i: number): CodedFrame {
  return { dts: i * 1024, ctsOffset: 0, durationTicks: 1024, sync: true, data: frameData(i) };
}

const labels = (outputs: readonly PackagerOutput[]): string[] =>
  outputs.flatMap((output) => {
    if (output.kind === "init") return [`${output.track} init ${output.version}`];
    const { msn, part, gap, close } = output.meta;
    return [`${output.track} ${msn}.${part}${gap ? " gap" : ""}${close === undefined ? "" : " close"}`];
  });

test("at scheduled keyframes a segment closes with its last frame in all tracks, and a missing keyframe is an error", () => {
  const packager = begun({
    ...configOf(TRACKS.video, TRACKS.low),
    keyframes: new KeyframeSchedule({ num: 30, den: 1 }, 2000),
  });
  const out: PackagerOutput[] = [];
  for (let i = 0; i < 60; i += 1) {
    out.push(...packager.push(VIDEO, video(i)));
    out.push(...packager.push(LOW, video(i, 90_000)));
  }
  expect(labels(out).filter((label) => label.endsWith("close"))).toEqual(["720p 0.5 close", "360p 0.5 close"]);
  expect(() => packager.push(VIDEO, video(60, 30, false))).toThrow(/did not make the keyframe/);
  expect(() => packager.push(VIDEO, video(61))).toThrow(CmafError);
  // The segment after the last received nothing, so there is none.
  expect(packager.endTimeline()).toEqual([]);
});

test("the part target is the nearest whole number of frames, rounded up to 10 µs", () => {
  expect(partTargetFor(333, 1000 / 30)).toBe(333.34);
  expect(partTargetFor(200, 1000 / 24)).toBe(208.34);
  expect(partTargetFor(333, 1001 / 30)).toBe(333.67);
  expect(partTargetFor(1000, 40)).toBe(1000);
  expect(partTargetFor(200, 1000)).toBe(1000);
  for (const fps of [15, 23.976, 24, 25, 29.97, 30, 48, 50, 59.94, 60]) {
    for (const wish of [200, 333, 1000]) {
      const frames = Math.round(wish / (1000 / fps));
      const target = partTargetFor(wish, 1000 / fps);
      expect(target).toBeGreaterThanOrEqual((frames * 1000) / fps - 1e-6);
      expect(target).toBeLessThan((frames * 1000) / fps + 0.0101);
      // Audio uses the same target.
      const aac = 1024 / 48;
      expect(Math.floor(target / aac) * aac).toBeGreaterThanOrEqual(0.85 * target);
    }
  }
});

test("a part is emitted with its last frame, and only a segment's last part waits for the next frame", () => {
  const packager = begun(configOf(TRACKS.video));
  const at: string[] = [];
  for (let i = 0; i <= 60; i++) for (const label of labels(packager.push(VIDEO, video(i)))) at.push(`${i}: ${label}`);
  expect(at).toEqual([
    "9: 720p 0.0",
    "19: 720p 0.1",
    "29: 720p 0.2",
    "39: 720p 0.3",
    "49: 720p 0.4",
    "60: 720p 0.5 close",
  ]);
});

test("following tracks close their segment with the last frame before the leader's keyframe", () => {
  const packager = begun(configOf(TRACKS.video, TRACKS.low, TRACKS.audio));
  const outputs: PackagerOutput[] = [];
  for (let i = 0; i <= 121; i++) {
    outputs.push(...packager.push(AUDIO, audio(2 * i)), ...packager.push(LOW, video(i, 90_000)));
    outputs.push(...packager.push(VIDEO, video(i)), ...packager.push(AUDIO, audio(2 * i + 1)));
  }
  outputs.push(...packager.end());
  expect(findOutputFault(configOf(TRACKS.video, TRACKS.low, TRACKS.audio), outputs, 0.034)).toBeNull();
  expect(labels(outputs).filter((label) => label.endsWith("close"))).toHaveLength(9);
});

test("a segment's prefix of iframeBytes ends with the keyframe's data", () => {
  const packager = begun(configOf(TRACKS.video));
  const outputs = [...Array(61).keys()].flatMap((i) => packager.push(VIDEO, video(i)));
  const parts = readPartsBack(outputs, VIDEO, testInit("video", 30));
  const prefix = parts[0]?.bytes.slice(0, parts.at(-1)?.meta.close?.iframeBytes);
  expect([...(prefix ?? []).slice(-4)]).toEqual([0, 0, 0, 0]);
  expect(prefix?.length).toBe((parts[0]?.bytes.length ?? 0) - 9 * 4);
});

test("a keyframe within a segment begins an independent part where the previous part may end there", () => {
  const packager = begun({ ...configOf(TRACKS.low), tracks: [{ ...TRACKS.low, name: VIDEO }] });
  // After 9 frames of a part; after 8, which borrow half a frame to reach the minimum; after 3, which are too short.
  const keys = new Set([0, 19, 37, 50]);
  const outputs: PackagerOutput[] = [];
  for (let i = 0; i < 60; i++) outputs.push(...packager.push(VIDEO, video(i, 90_000, keys.has(i))));
  outputs.push(...packager.end());
  const parts = readPartsBack(outputs, VIDEO, testInit("video", 90_000)).filter(({ meta }) => !meta.gap);
  expect(parts.map(({ meta, frames }) => [meta.durationTicks, frames.length, meta.independent])).toEqual([
    [30_000, 10, true],
    [27_000, 9, false],
    [30_000, 10, true],
    [25_500, 8, false],
    [28_500, 10, true],
    [30_000, 10, false],
    [9000, 3, false],
  ]);
});

test("decode time is program time since the start plus one second", () => {
  const packager = new Packager(configOf(TRACKS.video));
  const epoch = 1_760_000_000 * 30;
  packager.beginTimeline({ inits: testInits(configOf(TRACKS.video)), programOffsetMs: 500 });
  const outputs: PackagerOutput[] = [];
  for (let i = 0; i < 10; i++) outputs.push(...packager.push(VIDEO, { ...video(i), dts: epoch + i }));
  const [part] = readPartsBack(outputs, VIDEO, testInit("video", 30));
  expect(part?.frames[0]?.dts).toBe(45);
  expect(part?.meta.start).toEqual({ programTimeMs: STARTED_AT + 500, initVersion: 1, discontinuity: false });
});

test("video before the first keyframe and audio before that are dropped", () => {
  const packager = begun(configOf(TRACKS.video, TRACKS.audio));
  const outputs: PackagerOutput[] = [];
  for (let i = 0; i < 20; i++) outputs.push(...packager.push(AUDIO, audio(i)));
  for (let i = 0; i < 20; i++) outputs.push(...packager.push(VIDEO, video(i, 30, i === 6)));
  outputs.push(...packager.end());
  expect(readPartsBack(outputs, VIDEO, testInit("video", 30))[0]?.frames[0]?.data).toEqual(frameData(6));
  expect(readPartsBack(outputs, AUDIO, testInit("audio", 48_000))[0]?.frames[0]?.data).toEqual(frameData(9));
});

test("late audio is preceded by a gap, and missing audio is one gap", () => {
  for (const count of [60, 0]) {
    const config = configOf(TRACKS.video, TRACKS.audio);
    const packager = begun(config);
    const outputs: PackagerOutput[] = [];
    for (let i = 0; i < 70; i++) outputs.push(...packager.push(VIDEO, video(i)));
    for (let i = 30; i < 30 + count; i++) outputs.push(...packager.push(AUDIO, audio(i)));
    outputs.push(...packager.end());
    expect(findOutputFault(config, outputs, 0.034)).toBeNull();
    expect(labels(outputs)).toContain("audio 0.0 gap");
  }
});

test("a short part borrows time from a long frame, which then has one part, and the rest of its time is gap parts", () => {
  const packager = begun(configOf(TRACKS.video));
  const outputs = packager.push(VIDEO, video(0));
  outputs.push(...packager.push(VIDEO, { ...video(1), durationTicks: 29 }));
  for (let i = 30; i <= 60; i++) outputs.push(...packager.push(VIDEO, video(i)));
  expect(
    outputs.map((o) => (o.kind === "part" ? `${o.meta.part} ${o.meta.durationTicks}${o.meta.gap ? " gap" : ""}` : "")),
  ).toEqual([...["0 10", "1 10", "2 10 gap", "3 10", "4 10", "5 10"]]);
});

test.each([
  ["as one long frame", true],
  ["as a jump of the timestamps", false],
])(
  "audio that pauses over several segments, announced %s, has gap parts during the pause and continues at its time",
  (_name, isAnnounced) => {
    const config = configOf(TRACKS.video, TRACKS.audio);
    const packager = begun(config);
    const outputs: PackagerOutput[] = [];
    const during: string[] = [];
    for (let i = 0; i < 400; i++) {
      const step = packager.push(VIDEO, video(i));
      const s = i / 30;
      for (let a = Math.ceil((i * 48_000) / 30 / 1024); a * 1024 < ((i + 1) * 48_000) / 30; a++) {
        if (a > 70 && a < 400) continue;
        step.push(...packager.push(AUDIO, { ...audio(a), durationTicks: a === 70 && isAnnounced ? 330 * 1024 : 1024 }));
      }
      if (s > 3 && s < 8) during.push(...labels(step).filter((label) => label.startsWith("audio")));
      outputs.push(...step);
    }
    outputs.push(...packager.end());
    expect(findOutputFault(config, outputs, 0.034)).toBeNull();
    expect(during.length).toBe(isAnnounced ? 14 : 0);
    const frames = readPartsBack(outputs, AUDIO, testInit("audio", 48_000)).flatMap((part) => part.frames);
    const after = frames.find(({ data }) => frameId(data) === 400);
    expect((after?.dts ?? 0) + (after?.ctsOffset ?? 0)).toBe(48_000 + 400 * 1024);
  },
);

test("a source without keyframes is one error with track and time, and earlier media stays playable", () => {
  const config = configOf(TRACKS.video, TRACKS.audio);
  const packager = begun(config);
  const outputs: PackagerOutput[] = [];
  let error: unknown;
  for (let i = 0; i < 300 && error === undefined; i++) {
    try {
      outputs.push(...packager.push(AUDIO, audio(i)), ...packager.push(VIDEO, video(i, 30, i === 0)));
    } catch (caught) {
      error = caught;
    }
  }
  expect(error).toBeInstanceOf(CmafError);
  expect(String(error)).toContain("720p, at timestamp 2.433333 s: no keyframe came in time");
  expect(() => packager.push(AUDIO, audio(500))).toThrow("no keyframe came in time");
  outputs.push(...packager.endTimeline(), ...packager.end());
  expect(findOutputFault(config, outputs, 0.034)).toBeNull();
  const frames = readPartsBack(outputs, VIDEO, testInit("video", 30)).flatMap((part) => part.frames);
  expect(frames).toHaveLength(73);
});

test("renditions with different keyframes are one error that names both", () => {
  const packager = begun(configOf(TRACKS.video, TRACKS.low));
  const run = (): void => {
    for (let i = 0; i < 90; i++) {
      packager.push(VIDEO, video(i));
      packager.push(LOW, video(i, 90_000, i % 45 === 0));
    }
  };
  expect(run).toThrow("360p, at timestamp 2.000000 s: renditions not aligned: 720p has a keyframe at 2.000000 s");
  expect(labels(packager.endTimeline()).filter((label) => label.includes("1.")).length).toBeGreaterThan(1);
});

test.each<[string, Partial<CodedFrame>, string]>([
  ["backwards", { dts: 0 }, "decode time goes back"],
  ["a jump", { dts: 900 }, "the timestamps jump by 28.000 s"],
  ["a duration of nothing", { durationTicks: 0 }, "the frame lasts 0 ticks"],
  ["a negative duration", { durationTicks: -1 }, "the frame lasts -1 ticks"],
  ["an absurd duration", { durationTicks: 3000 }, "the timestamps jump by 100.000 s after this frame"],
  ["an absurd offset", { ctsOffset: -3000 }, "shown too far"],
  ["no number", { dts: Number.NaN }, "no whole number"],
  ["a fraction", { dts: 60.5 }, "no whole number"],
])("invalid decode times are one error that names the track: %s", (_name, change, message) => {
  const packager = begun(configOf(TRACKS.video));
  for (let i = 0; i < 60; i++) packager.push(VIDEO, video(i));
  const push = (): unknown => packager.push(VIDEO, { ...video(60), ...change });
  expect(push).toThrow(CmafError);
  expect(push).toThrow(message);
  expect(push).toThrow("720p, at timestamp");
  expect(labels(packager.endTimeline())).toEqual(["720p 0.5 close"]);
});

test("a follower that is silent or runs ahead of the leader is an error", () => {
  const silent = begun(configOf(TRACKS.video, TRACKS.audio));
  expect(() => [...Array(400).keys()].map((i) => silent.push(VIDEO, video(i)))).toThrow(
    "audio, at timestamp 0.000000 s: it has sent nothing for 10 s",
  );
  const alone = begun(configOf(TRACKS.video, TRACKS.audio));
  expect(() => [...Array(700).keys()].map((i) => alone.push(AUDIO, audio(i)))).toThrow(
    "frames wait for the leading track",
  );
});

test("between timelines gaps continue, and the next timeline begins with a discontinuity in every track", () => {
  const config = configOf(TRACKS.video, TRACKS.audio);
  const packager = new Packager(config);
  const outputs = packager.beginTimeline({ inits: testInits(config), programOffsetMs: STARTED_AT });
  for (let i = 0; i < 75; i++) outputs.push(...packager.push(VIDEO, video(i)), ...packager.push(AUDIO, audio(i)));
  outputs.push(...packager.endTimeline());
  for (let ms = 2500; ms <= 6000; ms += 100) outputs.push(...packager.fillGapUntil(STARTED_AT + ms));
  outputs.push(...packager.beginTimeline({ inits: testInits(config), programOffsetMs: STARTED_AT + 6100 }));
  for (let i = 0; i < 75; i++) outputs.push(...packager.push(VIDEO, video(i)), ...packager.push(AUDIO, audio(i)));
  outputs.push(...packager.end());
  expect(findOutputFault(config, outputs, 0.034)).toBeNull();
  expect(labels(outputs).filter((label) => label.includes("init"))).toEqual(["720p init 1", "audio init 1"]);
  const starts = outputs.flatMap((o) =>
    o.kind === "part" && o.meta.start !== undefined && o.track === VIDEO ? [o.meta.start] : [],
  );
  expect(starts.map(({ discontinuity }) => discontinuity)).toEqual([false, false, false, false, true, false]);
  expect(starts.map(({ programTimeMs }) => programTimeMs - STARTED_AT)).toEqual([0, 2000, 2500, 4500, 6100, 8100]);
});

test("a gap is announced part by part while it lasts", () => {
  const packager = begun(configOf(TRACKS.video));
  for (let i = 0; i < 30; i++) packager.push(VIDEO, video(i));
  packager.endTimeline();
  const seen = [1000, 1200, 1400, 1700, 2100].map((ms) => labels(packager.fillGapUntil(STARTED_AT + ms)).length);
  expect(seen).toEqual([0, 0, 0, 1, 1]);
  expect(labels(packager.end())).toEqual(["720p 1.2 gap close"]);
});

test("a timeline with a changed init section announces its version with its first segment, not with the gap before", () => {
  const config = configOf(TRACKS.video);
  const packager = begun(config);
  for (let i = 0; i < 30; i++) packager.push(VIDEO, video(i));
  packager.endTimeline();
  const info = { kind: "video", codecs: "hvc1.1.6.L93.B0", timescale: 30 } as const;
  const inits = new Map([[VIDEO, { info, bytes: concatBytes([testInit("video", 30), makeBox("free")]) }]]);
  const outputs = packager.beginTimeline({ inits, programOffsetMs: STARTED_AT + 3000 });
  for (let i = 0; i < 30; i++) outputs.push(...packager.push(VIDEO, video(i)));
  expect(labels(outputs)[0]).toBe("720p init 2");
  const versions = outputs.flatMap((o) =>
    o.kind === "part" && o.meta.start !== undefined ? [o.meta.start.initVersion] : [],
  );
  expect(versions).toEqual([1, 2]);
});

test("calls out of order and timelines that do not fit the tracks are errors with a reason", () => {
  const config = configOf(TRACKS.video, TRACKS.audio);
  const packager = new Packager(config);
  expect(() => new Packager(configOf())).toThrow("at least one track");
  expect(() => packager.push(VIDEO, video(0))).toThrow("720p: no timeline is open");
  expect(() => packager.beginTimeline({ inits: new Map(), programOffsetMs: 0 })).toThrow("720p: no init section came");
  const wrong = testInits(configOf({ ...TRACKS.video, timescale: 25 }, TRACKS.audio));
  expect(() => packager.beginTimeline({ inits: wrong, programOffsetMs: 0 })).toThrow(
    "timescale is 25 where 30 was announced",
  );
  packager.beginTimeline({ inits: testInits(config), programOffsetMs: STARTED_AT });
  expect(() => packager.fillGapUntil(STARTED_AT)).toThrow("a timeline is open");
  expect(() => packager.beginTimeline({ inits: testInits(config), programOffsetMs: 0 })).toThrow("a timeline is open");
  expect(packager.endTimeline()).toEqual([]);
  expect(packager.fillGapUntil(STARTED_AT + 1000)).toEqual([]);
  expect(packager.end()).toEqual([]);
});
