import { expect, test } from "vitest";
import type { PassthroughTrack } from "../../../core/ingest/passthrough/timeline-plan.ts";
import { parseTrackName, type TrackName } from "../../../core/kit/ids.ts";
import type { CodedFrame } from "../../../core/media/cmaf/frame.ts";
import { DEFAULT_LADDER, parseLadderFlags, type VideoRendition } from "../../packager/ladder.ts";
import { LeaderTimes, RenditionFrames } from "./rendition-frames.ts";
import { avcLevelOf, describeLowerTrack, emptyInit, planLowerRenditions } from "./rendition-plan.ts";

function topTrack(width: number, height: number, name = `${Math.min(width, height)}p`): PassthroughTrack {
  const init = emptyInit(15_360);
  return {
    ...{ name: parseTrackName(name) as TrackName, kind: "video", timescale: 15_360, init },
    description: {
      ...{ media: "video", codec: "hevc", width, height, pixelAspect: { num: 1, den: 1 }, profile: 1, level: 93 },
      ...{ chromaFormat: 1, bitDepth: 8, isInterlaced: false, frameRate: null, colour: null, record: new Uint8Array() },
    },
    ...{ frameRate: { num: 30, den: 1 }, frameMs: 1000 / 30, bitsPerSecond: 4_000_000 },
  };
}

const sizes = (renditions: readonly VideoRendition[]) =>
  renditions.map(({ name, width, height, timescale }) => `${name} ${width}x${height} ${timescale}`);

test("the ladder's steps below the sender's picture are encoded, in its shape and clock", () => {
  expect(sizes(planLowerRenditions([topTrack(1280, 720)], DEFAULT_LADDER))).toEqual([
    "480p 854x480 15360",
    "360p 640x360 15360",
  ]);
  expect(sizes(planLowerRenditions([topTrack(1080, 1920)], DEFAULT_LADDER))).toEqual([
    "720p 720x1280 15360",
    "480p 480x854 15360",
    "360p 360x640 15360",
  ]);
  expect(planLowerRenditions([topTrack(640, 360)], DEFAULT_LADDER)).toEqual([]);
  // Several tracks are a ladder; other codecs than H.264 cannot be announced before they are encoded.
  expect(planLowerRenditions([topTrack(1280, 720), topTrack(640, 360)], DEFAULT_LADDER)).toEqual([]);
  expect(sizes(planLowerRenditions([topTrack(1280, 720)], parseLadderFlags("480p:1M:hevc,360p:500k")))).toEqual([
    "360p 640x360 15360",
  ]);
});

test("a rendition has less than the one above it, also below a sender of a low rate", () => {
  const low = { ...topTrack(1280, 720), bitsPerSecond: 1_000_000 };
  const rates = planLowerRenditions([low], DEFAULT_LADDER).map((each) => [each.bitsPerSecond, each.bufferBits]);
  expect(rates).toEqual([
    [700_000, 350_000],
    [490_000, 245_000],
  ]);
});

test("a rendition is announced with the level that its encoder is told", () => {
  const [first, second] = planLowerRenditions([topTrack(1920, 1080)], DEFAULT_LADDER);
  expect(first && describeLowerTrack(first, 333.34, 2000)).toMatchObject({
    ...{ name: "720p", codecs: "avc1.64001f", width: 1280, height: 720, frameRate: 30, partTargetMs: 333.34 },
  });
  expect(first && avcLevelOf({ ...first, frameRate: { num: 60, den: 1 } })).toBe(32);
  expect(second && avcLevelOf(second)).toBe(31);
  expect(second && avcLevelOf({ ...second, width: 640, height: 360 })).toBe(30);
});

const frameAt = (dts: number, sync = false): CodedFrame => ({
  ...{ dts, ctsOffset: 0, durationTicks: 512, sync, data: new Uint8Array() },
});

test("an encoder's frames get the leader's times, and wait for them", () => {
  const times = new LeaderTimes(15_360);
  const frames = new RenditionFrames();
  for (const pts of [1000, 1512, 2024, 2536]) frames.add(frameAt(pts + 9, pts === 1000));
  expect(frames.take(times, 0)).toEqual([]);
  // B-frames are decoded after pictures that are shown later.
  for (const pts of [1000, 2024, 1512]) times.add(pts);
  const taken = frames.take(times, 1024);
  expect(taken.map(({ dts, ctsOffset, durationTicks, sync }) => [dts, ctsOffset, durationTicks, sync])).toEqual([
    [-24, 1024, 512, true],
    [488, 1024, 512, false],
  ]);
  // A picture that the leader does not have is dropped; the one before it lasts until the next.
  frames.add(frameAt(2700));
  frames.add(frameAt(3048));
  for (const pts of [2536, 3048, 3560]) times.add(pts);
  expect(frames.take(times, 0).map(({ dts, durationTicks }) => [dts, durationTicks])).toEqual([
    [2024, 512],
    [2536, 512],
  ]);
});
