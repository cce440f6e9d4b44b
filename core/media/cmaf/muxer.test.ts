import { createFile, MP4BoxBuffer } from "mp4box";
import { expect, test } from "vitest";
import type { TrackName } from "../../kit/ids.ts";
import { frameData, frameId, readPartsBack, testInit, testInits, testTrackName } from "./fixtures.ts";
import type { CodedFrame } from "./frame.ts";
import { KeyframeSchedule } from "./keyframes.ts";
import { findOutputFault, MUXED_AUDIO_TRACK_ID } from "./output-checker.ts";
import { Packager, type PackagerConfig, type PackagerOutput } from "./packager.ts";

const STARTED_AT = 1_760_000_000_000;
const [VIDEO, LOW, AUDIO] = ["720p", "360p", "audio"].map(testTrackName) as [TrackName, TrackName, TrackName];
const CONFIG: PackagerConfig = {
  tracks: [
    { name: VIDEO, kind: "video", timescale: 90_000, partTargetMs: 333.34 },
    { name: LOW, kind: "video", timescale: 90_000, partTargetMs: 333.34 },
    { name: AUDIO, kind: "audio", timescale: 48_000, partTargetMs: 333.34 },
  ],
  segmentTargetMs: 2000,
  targetDurationS: 2,
  startedAtMs: STARTED_AT,
  keyframes: new KeyframeSchedule({ num: 30, den: 1 }, 2000),
  muxed: true,
};

/** Frame `i` of 30 fps video with a keyframe every 2 s. */
function video(i: number): CodedFrame {
  return { dts: i * 3000, ctsOffset: 0, durationTicks: 3000, sync: i % 60 === 0, data: frameData(i) };
}

/** AAC frame `i`. */
function audio(i: number, frames = 1): CodedFrame {
  return { dts: i * 1024, ctsOffset: 0, durationTicks: 1024 * frames, sync: true, data: frameData(i) };
}

/** A packager that receives video and audio in order of time, while both are available. */
class Show {
  readonly outputs: PackagerOutput[];
  readonly packager: Packager;
  #pictures = 0;
  #sounds = 0;

  constructor() {
    this.packager = new Packager(CONFIG);
    this.outputs = this.packager.beginTimeline({ inits: testInits(CONFIG), programOffsetMs: STARTED_AT });
  }

  /** Pushes video up to `untilS` and audio up to `soundS`; returns the emitted parts of the first track. */
  play(untilS: number, soundS: number): string[] {
    const from = this.outputs.length;
    for (; this.#pictures < untilS * 30; this.#pictures++) {
      for (; this.#sounds * 1024 < Math.min(soundS, this.#pictures / 30) * 48_000; this.#sounds++)
        this.outputs.push(...this.packager.push(AUDIO, audio(this.#sounds)));
      for (const track of [VIDEO, LOW]) this.outputs.push(...this.packager.push(track, video(this.#pictures)));
    }
    for (; this.#sounds * 1024 < soundS * 48_000; this.#sounds++)
      this.outputs.push(...this.packager.push(AUDIO, audio(this.#sounds)));
    return this.labels(from);
  }

  finish(): string[] {
    const from = this.outputs.length;
    this.outputs.push(...this.packager.end());
    return this.labels(from);
  }

  labels(from: number): string[] {
    return this.outputs.slice(from).flatMap((output) => {
      if (output.kind !== "part" || output.track !== VIDEO) return [];
      return [`${output.meta.msn}.${output.meta.part}${output.meta.gap ? " gap" : ""}`];
    });
  }

  /** The content of each part of `track`: the number of pictures, and the audio. */
  carried(track: TrackName): { pictures: number; sounds: number[] }[] {
    const sound = readPartsBack(this.outputs, track, testInit("audio", 48_000), MUXED_AUDIO_TRACK_ID);
    return readPartsBack(this.outputs, track, testInit("video", 90_000)).map(({ frames }, i) => ({
      pictures: frames.length,
      sounds: (sound[i]?.frames ?? []).map(({ data }) => frameId(data)),
    }));
  }
}

const count = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

test("each part of each video track carries the audio that begins within it, and audio is no track of its own", () => {
  const show = new Show();
  show.play(4, 4);
  show.finish();
  expect(findOutputFault(CONFIG, show.outputs, 0.034)).toBeNull();
  expect(new Set(show.outputs.map(({ track }) => track))).toEqual(new Set([VIDEO, LOW]));
  for (const track of [VIDEO, LOW]) {
    const parts = show.carried(track).filter(({ pictures }) => pictures > 0);
    expect(parts).toHaveLength(12);
    for (const [i, { pictures, sounds }] of parts.entries()) {
      expect(pictures).toBe(10);
      expect(sounds).toEqual(count(Math.ceil((i * 16_000) / 1024), Math.ceil(((i + 1) * 16_000) / 1024)));
    }
  }
});

test("a part is emitted with its last picture if its audio has arrived, and otherwise with its last audio frame", () => {
  const show = new Show();
  expect(show.play(0.3, 0.4)).toEqual([]);
  expect(show.play(1 / 3, 0.4)).toEqual(["0.0"]);
  expect(show.play(2 / 3, 0.6)).toEqual([]);
  expect(show.play(2 / 3, 0.67)).toEqual(["0.1"]);
});

test("missing audio delays a part by half a second, and late audio goes into a later part", () => {
  const show = new Show();
  expect(show.play(0.8, 0.1)).toEqual([]);
  expect(show.play(0.9, 0.1)).toEqual(["0.0"]);
  expect(show.play(1.2, 1.2)).toEqual(["0.1", "0.2"]);
  show.play(2, 2);
  show.finish();
  expect(findOutputFault(CONFIG, show.outputs, 0.034)).toBeNull();
  const parts = show.carried(VIDEO);
  expect(parts[0]?.sounds).toEqual(count(0, 5));
  expect(parts[1]?.sounds).toEqual(count(5, 32));
  expect(parts.flatMap(({ sounds }) => sounds)).toEqual(count(0, 94));
});

test("paused audio is not waited for", () => {
  const show = new Show();
  show.outputs.push(...show.packager.push(AUDIO, audio(0, 100)));
  expect(show.play(1, 0)).toEqual(["0.0", "0.1", "0.2"]);
});

test("audio after the last picture continues in parts and segments without pictures, which are not independent", () => {
  const show = new Show();
  show.play(1, 6);
  show.finish();
  expect(findOutputFault(CONFIG, show.outputs, 0.034)).toBeNull();
  const parts = show.carried(LOW);
  expect(parts.flatMap(({ sounds }) => sounds)).toEqual(count(0, 282));
  expect(parts.filter(({ pictures }) => pictures > 0)).toHaveLength(3);
  const metas = show.outputs.flatMap((output) => (output.kind === "part" && output.track === LOW ? [output.meta] : []));
  expect(new Set(metas.map(({ msn }) => msn))).toEqual(new Set([0, 1, 2]));
  expect(metas.slice(0, -1).filter(({ gap }) => gap)).toEqual([]);
  expect(metas.filter(({ independent }) => independent)).toHaveLength(1);
});

test("between timelines nothing is waited for, and the next timeline's audio begins with its pictures", () => {
  const show = new Show();
  show.play(1, 1);
  show.outputs.push(...show.packager.endTimeline());
  const from = show.outputs.length;
  show.outputs.push(...show.packager.fillGapUntil(STARTED_AT + 2000));
  expect(show.labels(from)).toEqual(["1.0 gap"]);
  show.outputs.push(...show.packager.beginTimeline({ inits: testInits(CONFIG), programOffsetMs: STARTED_AT + 2500 }));
  for (let i = 0; i < 30; i++) {
    for (const a of [2 * i - 20, 2 * i - 19]) show.outputs.push(...show.packager.push(AUDIO, audio(a)));
    for (const track of [VIDEO, LOW]) show.outputs.push(...show.packager.push(track, video(i)));
  }
  show.finish();
  expect(findOutputFault(CONFIG, show.outputs, 0.034)).toBeNull();
  expect(show.outputs.filter(({ kind }) => kind === "init")).toHaveLength(2);
  const after = show.carried(VIDEO).filter(({ pictures }) => pictures > 0);
  expect(after[3]?.sounds[0]).toBe(0);
});

test("too much audio without pictures is one error that names it", () => {
  const show = new Show();
  show.play(0.1, 0);
  expect(() => {
    for (let i = 0; i < 700; i++) show.packager.push(AUDIO, audio(i));
  }).toThrow("audio: 640 frames wait for the pictures");
  show.finish();
});

test("the init section holds both tracks under separate ids", () => {
  const [init] = new Show().outputs;
  const file = createFile();
  file.appendBuffer(MP4BoxBuffer.fromArrayBuffer((init?.bytes ?? new Uint8Array(0)).slice().buffer, 0));
  const { tracks, isFragmented } = file.getInfo();
  expect(isFragmented).toBe(true);
  expect(tracks.map(({ id, codec, timescale }) => [id, codec, timescale])).toEqual([
    [1, "avc1.64001f", 90_000],
    [2, "mp4a.40.2", 48_000],
  ]);
});
