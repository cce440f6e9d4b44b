import { expect, test } from "vitest";
import { parseTrackName, type TrackName } from "../../kit/ids.ts";
import type { AudioTrackDescription, VideoTrackDescription } from "../codecs/track-description.ts";
import { type SlateFormat, slateFormatOf, slateFrameRate, slateKey } from "./slate-format.ts";
import { type EncodedSlate, SlateSchedule, slateGroupFrames } from "./slate-schedule.ts";

const name = (text: string): TrackName => parseTrackName(text) as TrackName;
const NTSC = { num: 30_000, den: 1001 };
const PICTURE: VideoTrackDescription = {
  ...{
    media: "video",
    codec: "h264",
    width: 1280,
    height: 720,
    pixelAspect: { num: 1, den: 1 },
    profile: 77,
    level: 31,
  },
  ...{ chromaFormat: 1, bitDepth: 8, isInterlaced: false, frameRate: null, colour: null, record: new Uint8Array() },
};
const SOUND: AudioTrackDescription = {
  ...{ media: "audio", codec: "aac", sampleRate: 44_100, outputRate: 44_100, channels: 2, frameSamples: 1024 },
  record: new Uint8Array(),
};

function encoded(format: SlateFormat, count: number): EncodedSlate {
  const info = { kind: format.media, codecs: "", timescale: format.timescale };
  return {
    format,
    init: { info, bytes: new Uint8Array() },
    frames: Array.from({ length: count }, (_, i) => Uint8Array.of(i)),
  };
}

const video = slateFormatOf({ timescale: 30_000, description: PICTURE, bitsPerSecond: 2_600_000 }, NTSC);
const audio = slateFormatOf({ timescale: 44_100, description: SOUND, bitsPerSecond: 128_000 }, NTSC);

function createSchedule(isKeyframe?: (n: number) => boolean): SlateSchedule {
  return new SlateSchedule(
    new Map([
      [name("720p"), encoded(video, slateGroupFrames({ frameRate: NTSC }))],
      [name("audio"), encoded(audio, 1)],
    ]),
    isKeyframe,
  );
}

test("a slate has the track's codec, profile, size and clock, the leader's rate, and less than the track's bit rate", () => {
  expect(video).toEqual({
    ...{ media: "video", codec: "h264", profile: 77, width: 1280, height: 720, timescale: 30_000 },
    ...{ frameRate: NTSC, bitsPerSecond: 2_097_152 },
  });
  expect(audio).toEqual({ media: "audio", codec: "aac", sampleRate: 44_100, channels: 2, timescale: 44_100 });
  expect([slateFrameRate(null), slateFrameRate({ num: 120, den: 1 })]).toEqual([
    { num: 30, den: 1 },
    { num: 120, den: 2 },
  ]);
  const other = slateFormatOf(
    { timescale: 30_000, description: { ...PICTURE, width: 640 }, bitsPerSecond: 2_600_000 },
    NTSC,
  );
  expect(slateKey(other)).not.toBe(slateKey(video));
  const similar = slateFormatOf({ timescale: 30_000, description: PICTURE, bitsPerSecond: 3_900_000 }, NTSC);
  expect(slateKey(similar)).toBe(slateKey(video));
});

test("frames come when they are over, in order, without holes, with a keyframe a group", () => {
  const schedule = createSchedule();
  expect(schedule.framesUntil(0.02)).toEqual([]);
  // As a timer asks for them.
  const frames = Array.from({ length: 70 }, (_, i) => schedule.framesUntil((i + 1) * 0.1)).flat();
  for (const [track, count, timescale] of [
    ["720p", 209, 30_000],
    ["audio", 301, 44_100],
  ] as const) {
    const own = frames.filter((each) => each.track === track).map(({ frame }) => frame);
    expect(own).toHaveLength(count);
    for (const [i, { dts, durationTicks }] of own.entries()) {
      expect(dts).toBe(i === 0 ? 0 : (own[i - 1]?.dts ?? 0) + (own[i - 1]?.durationTicks ?? 0));
      expect((dts + durationTicks) / timescale).toBeLessThanOrEqual(7 + 1e-6);
    }
  }
  const keyframes = frames.flatMap(({ track, frame }) => (track === "720p" && frame.sync ? [frame.dts / 1001] : []));
  expect(keyframes).toEqual([0, 60, 120, 180]);
  const data = frames.flatMap(({ track, frame }) => (track === "720p" ? [frame.data[0]] : []));
  expect(data.slice(58, 62)).toEqual([58, 59, 0, 1]);
});

test("an encoder's keyframe schedule is followed; a group is never exceeded", () => {
  const frames = createSchedule((n) => n % 45 === 0).framesUntil(5);
  const keyframes = frames.flatMap(({ track, frame }) => (track === "720p" && frame.sync ? [frame.dts / 1001] : []));
  expect(keyframes).toEqual([0, 45, 90, 135]);
  const rare = createSchedule((n) => n === 100).framesUntil(5);
  expect(rare.flatMap(({ track, frame }) => (track === "720p" && frame.sync ? [frame.dts / 1001] : []))).toEqual([
    0, 60, 100,
  ]);
});

test("a slate that ends covers all time up to the media that follows", () => {
  const schedule = createSchedule();
  // The 29th picture ends at 0.968 s.
  schedule.framesUntil(1);
  expect(schedule.finish(0.967).filter(({ track }) => track === "720p")).toHaveLength(0);
  expect(schedule.finish(0.97).filter(({ track }) => track === "720p")).toHaveLength(1);
});
