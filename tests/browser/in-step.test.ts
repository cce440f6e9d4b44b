/** Whether Chromium sees the flash when it hears the beep, in what the origin makes of odd sources. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type AirOptions, air } from "../sources/air.ts";
import { faultsOf } from "../sources/judge.ts";
import { AAC, concatenate, ffmpeg, flashAndBeep, H264 } from "../sources/make.ts";
import { launchBrowser } from "../support/browser.ts";
import { measure } from "../support/in-step.ts";

/** Nobody sees or hears that picture and sound are this far apart, milliseconds. */
const IN_STEP_MS = 40;

interface Case {
  readonly name: string;
  readonly make: (folder: string) => string;
  readonly loop?: true;
  readonly air?: Omit<AirOptions, "input">;
  /** Beeps in the first `withinS` seconds; in all without. */
  readonly beeps: number;
  readonly withinS?: number;
}

const TS = [...H264, ...AAC, "-f", "mpegts"];

/** Seven seconds: the flash after a loop comes a second early. */
function clip(folder: string): string {
  ffmpeg(folder, ...flashAndBeep({ seconds: 7 }), ...H264, ...AAC, "clip.mp4");
  return "clip.mp4";
}

function formats(folder: string): string {
  const mono = flashAndBeep({ seconds: 6, sampleRate: 44_100, layout: "mono" });
  ffmpeg(folder, ...flashAndBeep({ seconds: 6 }), ...TS, "first.ts");
  ffmpeg(folder, ...mono, ...TS, "-output_ts_offset", "6", "second.ts");
  ffmpeg(folder, ...flashAndBeep({ seconds: 6 }), ...TS, "-output_ts_offset", "12", "third.ts");
  concatenate(folder, "joined.ts", ["first.ts", "second.ts", "third.ts"]);
  return "joined.ts";
}

/** Sound whose clock is a third of a second ahead in the end. */
function drifting(folder: string): string {
  const shape = { seconds: 660, rate: "10", layout: "mono", drift: 1.0005 };
  ffmpeg(folder, ...flashAndBeep(shape), ...H264, "-c:a", "pcm_s16le", "gains.mkv");
  return "gains.mkv";
}

const repeated = { make: clip, loop: true, withinS: 29, beeps: 17 } as const;

const CASES: readonly Case[] = [
  { name: "a file, repeated four times and begun anew", ...repeated, air: { untilS: 30 } },
  { name: "the same with sound in the picture's track", ...repeated, air: { untilS: 30, muxed: true } },
  { name: "from 48 kHz stereo to 44.1 kHz mono and back", make: formats, beeps: 9 },
  { name: "sound whose clock gains 0.5 ms a second, for eleven minutes", make: drifting, beeps: 330 },
];

let browser: Browser;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "corral-in-step-"));
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

test.each(CASES)("Chromium shows the flash when it plays the beep: $name", async ({ make, loop, withinS, ...more }) => {
  const url = join(folder, make(folder));
  const aired = await air({ ...more.air, input: { kind: "file", url, loop: loop ?? false } });
  expect(faultsOf(aired)).toEqual([]);
  const { beeps, beats, buffered } = await measure(browser, aired, withinS);
  expect(buffered).toHaveLength(1);
  expect(beeps).toBe(more.beeps);
  const apart = beats.filter(({ beepS, flashS }) => !(Math.abs(beepS - (flashS ?? Number.NaN)) * 1000 <= IN_STEP_MS));
  expect(apart).toEqual([]);
});
