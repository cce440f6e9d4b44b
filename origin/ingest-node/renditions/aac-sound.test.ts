/** FFmpeg makes AAC of published Opus: its times, its silence, and its end. */
import { execFileSync } from "node:child_process";
import { expect, test, vi } from "vitest";
import type { PassthroughTrack } from "../../../core/ingest/passthrough/timeline-plan.ts";
import { parseStreamName, parseTrackName, type StreamName, type TrackName } from "../../../core/kit/ids.ts";
import { systemPlatform } from "../../../core/kit/system-platform.ts";
import type { CodedFrame } from "../../../core/media/cmaf/frame.ts";
import { boxBody, encodeTrack } from "../../testing/encoded-track.ts";
import { aacInit, describeAac, planAac } from "./aac-plan.ts";
import { AacSound } from "./aac-sound.ts";

const RATE = 48_000;
const PATIENCE = { timeout: 10_000, interval: 10 };
const OPUS = encodeTrack("-f lavfi -i sine=f=440:r=48000:d=6 -c:a libopus -b:a 96k -ac 2");
/** Media time of the first frame, ticks. */
const START = 123_456;

const SOURCE = {
  ...{ name: parseTrackName("audio") as TrackName, kind: "audio", timescale: RATE, frameRate: null, frameMs: 20 },
  description: {
    ...{ media: "audio", codec: "opus", sampleRate: RATE, outputRate: RATE, channels: 2, frameSamples: null },
    record: boxBody(OPUS.init, "dOps"),
  },
  ...{ init: { info: OPUS.info, bytes: OPUS.init }, bitsPerSecond: 96_000 },
} as const satisfies PassthroughTrack;

/** An encoder of AAC, and what it has published. */
class Trial {
  readonly frames: CodedFrame[] = [];
  readonly silences: number[] = [];
  readonly lines: string[] = [];
  readonly sound: AacSound;
  #sent = 0;

  constructor() {
    const rendition = planAac([SOURCE]);
    if (rendition === null) throw new Error("Opus has AAC beside it");
    this.sound = new AacSound({
      ...{ stream: parseStreamName("demo") as StreamName, rendition, platform: systemPlatform },
      log: { warn: (text) => this.lines.push(text) },
    });
    this.begin();
  }

  begin(): void {
    const sink = {
      push: (_track: TrackName, frame: CodedFrame) => this.frames.push(frame),
      markSilent: (_track: TrackName, untilTicks: number) => this.silences.push(untilTicks),
    };
    this.sound.beginTimeline(sink, SOURCE);
  }

  /** Gives `count` frames of Opus, at their times plus `shiftTicks`. */
  give(count: number, shiftTicks = 0): void {
    for (const frame of OPUS.frames.slice(this.#sent, this.#sent + count))
      this.sound.observe({ ...frame, dts: frame.dts + START + shiftTicks });
    this.#sent += count;
  }

  get endTicks(): number {
    const last = this.frames.at(-1);
    return last === undefined ? START : last.dts + last.durationTicks;
  }

  /** Waits for AAC within 0.2 s of `ticks`. */
  async until(ticks: number): Promise<void> {
    await vi.waitFor(() => expect(this.endTicks).toBeGreaterThan(ticks - 0.2 * RATE), PATIENCE);
  }
}

test("the plan is AAC beside Opus alone, announced as its init section has it", () => {
  const aac = planAac([SOURCE]);
  expect(aac).toMatchObject({ name: "audio-aac", channels: 2, sampleRate: RATE, timescale: RATE });
  expect(aac && aacInit(aac).info).toEqual({
    ...{ kind: "audio", codecs: "mp4a.40.2", channels: 2, sampleRate: RATE, timescale: RATE },
  });
  expect(aac && describeAac(aac, 333, 2_000)).toMatchObject({ codecs: "mp4a.40.2", channels: 2, partTargetMs: 333 });
  const surround = { ...SOURCE, description: { ...SOURCE.description, channels: 6 } };
  expect(planAac([surround])?.channels).toBe(2);
  const mono = planAac([{ ...SOURCE, description: { ...SOURCE.description, channels: 1 } }]);
  expect(mono && aacInit(mono).info).toMatchObject({ codecs: "mp4a.40.2", channels: 1 });
  expect(planAac([{ ...SOURCE, description: { ...SOURCE.description, codec: "aac" } }])).toBeNull();
  expect(planAac([])).toBeNull();
});

test("AAC follows the sender's sound without a hole, at its times", async () => {
  const trial = new Trial();
  for (let second = 1; second <= 3; second += 1) {
    trial.give(50);
    await trial.until(START + second * RATE);
  }
  const [first] = trial.frames;
  // The first frame has the first sample.
  expect(Math.abs((first?.dts ?? 0) - START)).toBeLessThan(1_100);
  expect(new Set(trial.frames.map(({ durationTicks }) => durationTicks))).toEqual(new Set([1_024]));
  expect(trial.frames.every(({ sync, ctsOffset }) => sync && ctsOffset === 0)).toBe(true);
  expect([trial.silences, trial.lines, trial.sound.missing]).toEqual([[], [], []]);
  trial.sound.close();
});

test("sound that pauses is silence in AAC, and a declared pause is one there too", async () => {
  const trial = new Trial();
  trial.give(50);
  await trial.until(START + RATE);
  const pause = 0.4 * RATE;
  trial.give(40, pause);
  await trial.until(START + 1.8 * RATE + pause);
  expect(new Set(trial.frames.map(({ durationTicks }) => durationTicks))).toEqual(new Set([1_024]));
  const pids = encoderPids();
  // An hour of it is not encoded.
  const until = START + 3_600 * RATE;
  trial.sound.observeSilence(until);
  expect(trial.silences).toEqual([until]);
  expect(trial.sound.missing).toEqual([]);
  trial.give(50, until - START);
  await trial.until(until + 2.8 * RATE);
  expect(trial.frames.filter(({ dts }) => dts > START + 2.4 * RATE && dts < until)).toEqual([]);
  expect(encoderPids()).not.toEqual(pids);
  trial.sound.close();
});

test("a timeline that continues the last one has the same encoder, and no hole; one that does not has another", async () => {
  const trial = new Trial();
  trial.give(50);
  await trial.until(START + RATE);
  const pids = encoderPids();
  trial.sound.endTimeline();
  const ended = trial.endTicks;
  trial.begin();
  trial.give(50);
  await trial.until(START + 2 * RATE);
  expect(encoderPids()).toEqual(pids);
  // What was under way is the next timeline's, from its first sample on.
  const next = trial.frames.find(({ dts }) => dts >= ended);
  expect(Math.abs((next?.dts ?? 0) - (START + RATE))).toBeLessThan(1_100);
  trial.sound.endTimeline();
  trial.begin();
  trial.give(50, -RATE);
  await vi.waitFor(() => expect(encoderPids()).not.toEqual(pids), PATIENCE);
  expect(trial.lines).toEqual([]);
  trial.sound.leave();
  await vi.waitFor(() => expect(encoderPids()).toEqual([]), PATIENCE);
});

test("an encoder that is killed is started again, gap parts stand for its time, and the end leaves no process", async () => {
  const trial = new Trial();
  trial.give(50);
  await trial.until(START + RATE);
  const [pid] = encoderPids();
  expect(pid).toBeGreaterThan(0);
  process.kill(pid ?? 0, "SIGKILL");
  await vi.waitFor(() => expect(trial.lines.join()).toMatch(/audio-aac is restarted in 0\.\d s/), PATIENCE);
  // Three seconds of which nothing comes.
  trial.give(150);
  expect(trial.silences.length).toBeGreaterThan(0);
  expect(trial.sound.missing).toEqual(["audio-aac"]);
  await vi.waitFor(() => expect(encoderPids()).toHaveLength(1), PATIENCE);
  trial.give(49);
  await vi.waitFor(() => expect(trial.sound.missing).toEqual([]), PATIENCE);
  trial.sound.close();
  await vi.waitFor(() => expect(encoderPids()).toEqual([]), PATIENCE);
});

/** Process ids of the FFmpegs of this process. */
function encoderPids(): number[] {
  const table = execFileSync("ps", ["-A", "-o", "pid=,ppid=,stat=,comm="], { encoding: "utf8" });
  return table.split("\n").flatMap((line) => {
    const [pid, parent, state, program] = line.trim().split(/\s+/);
    return Number(parent) === process.pid && program === "ffmpeg" && state?.startsWith("Z") === false
      ? [Number(pid)]
      : [];
  });
}
