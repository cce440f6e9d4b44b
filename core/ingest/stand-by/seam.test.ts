import fc from "fast-check";
import { expect, test } from "vitest";
import type { TrackName } from "../../kit/ids.ts";
import type { PassthroughOutput } from "../passthrough/passthrough-timeline.ts";
import { HeldGroup, programTimeOf, type TimelineBegin, type TimelineMedia } from "./held-group.ts";
import { STAND_BY_LIMITS } from "./limits.ts";
import { Seam } from "./seam.ts";

const START_MS = 1_700_000_000_000;
const [VIDEO, AUDIO] = ["720p" as TrackName, "audio" as TrackName];
const FPS = 25;
const GROUP_FRAMES = 50;

/** A timeline of 25 pictures a second, with a keyframe every 2 s, and sound. Only what the seam reads is real. */
const BEGIN = {
  kind: "begin",
  programOffsetMs: START_MS,
  startsAtMs: START_MS,
  tracks: [
    { name: VIDEO, timescale: 90_000 },
    { name: AUDIO, timescale: 48_000 },
  ],
} as unknown as TimelineBegin;

const picture = (index: number, bytes = 100): TimelineMedia => {
  const sync = index % GROUP_FRAMES === 0;
  const frame = { dts: index * 3_600, ctsOffset: 0, durationTicks: 3_600, sync, data: new Uint8Array(bytes) };
  return { kind: "frame", track: VIDEO, frame };
};
const sound = (index: number): TimelineMedia => {
  const frame = { dts: index * 1_920, ctsOffset: 0, durationTicks: 1_920, sync: true, data: new Uint8Array(20) };
  return { kind: "frame", track: AUDIO, frame };
};

/** A sender's output of a time, each with its program time; sound comes `lagMs` after the picture of its time. */
function mediaOf(
  fromMs: number,
  untilMs: number,
  lagMs = 0,
): { readonly atMs: number; readonly media: TimelineMedia }[] {
  const all: { readonly atMs: number; readonly media: TimelineMedia }[] = [];
  for (let index = Math.ceil((fromMs * FPS) / 1000); (index * 1000) / FPS < untilMs; index += 1) {
    const atMs = START_MS + (index * 1000) / FPS;
    all.push({ atMs, media: picture(index) }, { atMs: atMs + lagMs, media: sound(index) });
  }
  return all.sort((a, b) => a.atMs - b.atMs);
}

interface Published {
  /** Program time and duration as published, milliseconds from the first one. */
  readonly fromMs: number;
  readonly untilMs: number;
  readonly atMs: number;
  readonly media: TimelineMedia;
}

/** What is published of the sender's pictures after a switch at `switchMs`, when media up to `writtenMs` is. */
function publish(
  switchMs: number,
  writtenMs: number,
  untilMs: number,
  lagMs = 0,
): { pictures: Published[]; begins: number[] } {
  const group = new HeldGroup(null);
  group.push(BEGIN);
  for (const { atMs, media } of mediaOf(0, switchMs + 1_000, lagMs)) if (atMs <= START_MS + switchMs) group.push(media);
  const seam = new Seam(group, START_MS + writtenMs);
  const pictures: Published[] = [];
  const begins: number[] = [];
  let begin: TimelineBegin = BEGIN;
  let endMs = writtenMs;
  const take = (outputs: readonly PassthroughOutput[], atMs: number): void => {
    for (const output of outputs) {
      if (output.kind === "begin") {
        begin = output;
        begins.push(output.startsAtMs - START_MS);
      } else if (output.kind === "frame" && output.track === VIDEO) {
        // The packager places a timeline that begins too early at the end of what is written.
        const fromMs = programTimeOf(output, begin) - START_MS;
        pictures.push({ fromMs, untilMs: fromMs + 1000 / FPS, atMs: atMs - START_MS, media: output });
        endMs = Math.max(endMs, fromMs + 1000 / FPS);
      }
    }
  };
  take(seam.open(START_MS + switchMs), START_MS + switchMs);
  for (const { atMs, media } of mediaOf(0, untilMs, lagMs))
    if (atMs > START_MS + switchMs) take(seam.push(media, atMs), atMs);
  expect(seam.isOver).toBe(true);
  return { pictures, begins };
}

test("whatever the phase of the keyframes, no time is missing, nothing is ahead of the clock, and the clock's time returns", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2_100, max: 8_000 }), fc.integer({ min: 0, max: 600 }), (switchMs, silentMs) => {
      const writtenMs = switchMs - silentMs;
      const { pictures, begins } = publish(switchMs, writtenMs, switchMs + 5_000);
      expect(begins.length).toBeLessThanOrEqual(2);
      let endMs = writtenMs;
      let missingMs = 0;
      for (const { fromMs, untilMs, atMs } of pictures) {
        missingMs += Math.max(0, fromMs - endMs);
        endMs = Math.max(endMs, untilMs);
        // Published when it is due: at most a shift and a picture ahead.
        expect(fromMs - atMs).toBeLessThanOrEqual(STAND_BY_LIMITS.closeMs + 1);
        expect(atMs - fromMs).toBeLessThanOrEqual(silentMs + 1000 / FPS + STAND_BY_LIMITS.closeMs);
      }
      // What is silent before a keyframe that came meanwhile is the only time without media.
      expect(missingMs).toBeLessThanOrEqual(Math.max(0, silentMs) + 1);
      const last = pictures.at(-1);
      const ownMs = last?.media.kind === "frame" ? last.media.frame.dts / 90 : Number.NaN;
      expect(Math.abs((last?.fromMs ?? 0) - ownMs)).toBeLessThanOrEqual(STAND_BY_LIMITS.closeMs);
    }),
  );
});

test("the first picture of each timeline is a keyframe, with the sound of its time", () => {
  const { pictures, begins } = publish(3_500, 3_400, 8_000);
  expect(begins).toHaveLength(2);
  // Its group begins at 2 s and is published from 3.4 s on.
  expect(begins[0]).toBeCloseTo(3_400, 3);
  expect(begins[1]).toBeCloseTo(4_000, -2);
  const [first] = pictures;
  expect(first?.media).toMatchObject({ frame: { sync: true, dts: 180_000 } });
});

test("a keyframe that has just come is the beginning of the only timeline", () => {
  const { begins } = publish(4_040, 4_100, 8_000);
  expect(begins).toEqual([4_000]);
  const late = publish(4_300, 3_900, 8_000);
  expect(late.begins).toEqual([3_900]);
});

test("a group holds sound of its keyframe's time, whichever came first", () => {
  const group = new HeldGroup(BEGIN);
  for (const { media } of mediaOf(0, 1_990)) group.push(media);
  group.push(sound(50));
  expect(group.push(picture(50))).toBe(true);
  group.push(picture(51));
  expect(group.media.map((each) => [each.track, programTimeOf(each, BEGIN) - START_MS])).toEqual([
    [AUDIO, 1_960],
    [AUDIO, 2_000],
    [VIDEO, 2_000],
    [VIDEO, 2_040],
  ]);
});

test("a group that is too large, or whose timeline has ended, is not held; the next keyframe begins another one", () => {
  const group = new HeldGroup(BEGIN);
  group.push(picture(0));
  for (let index = 1; index < 40; index += 1) group.push(picture(index, 1_000_000));
  expect(group.media).toEqual([]);
  group.push(picture(50));
  expect(group.media).toHaveLength(1);
  group.push({ kind: "end", reason: "a test" });
  expect([group.begin, group.media]).toEqual([null, []]);
  group.push(picture(100));
  expect(group.media).toEqual([]);
});
