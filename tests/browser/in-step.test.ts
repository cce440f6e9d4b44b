/** Audio/video sync in Chromium of the origin's output for odd sources. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { outputFaults } from "../sources/decode-output.ts";
import {
  AAC_ARGS,
  concatenateFiles,
  type FlashBeepShape,
  flashAndBeepArgs,
  H264_ARGS,
  runFfmpeg,
} from "../sources/ffmpeg-args.ts";
import { type PackageSourceOptions, packageSource } from "../sources/package-source.ts";
import { measureAvSync } from "../support/av-sync.ts";
import { launchBrowser } from "../support/browser.ts";

/** An offset below this is imperceptible, milliseconds. */
const IN_STEP_MS = 40;

interface Case {
  readonly name: string;
  readonly make: (folder: string) => string;
  readonly loop?: true;
  readonly air?: Omit<PackageSourceOptions, "input">;
  /** Beeps in the first `withinS` seconds; in total without it. */
  readonly beeps: number;
  readonly withinS?: number;
}

/** Seven seconds, after which the next flash is a second early. */
function clip(shape: FlashBeepShape): (folder: string) => string {
  return (folder) => {
    runFfmpeg(folder, ...flashAndBeepArgs({ seconds: 7, ...shape }), ...H264_ARGS, ...AAC_ARGS, "clip.mp4");
    return "clip.mp4";
  };
}

/** Several audio frames share one timestamp in MPEG-TS, more at lower bit rates. */
function formats(folder: string): string {
  const piece = (name: string, atS: number, shape: FlashBeepShape, bitRate: string): string => {
    const offset = ["-output_ts_offset", `${atS}`];
    runFfmpeg(
      folder,
      ...flashAndBeepArgs(shape),
      ...H264_ARGS,
      ...AAC_ARGS,
      "-b:a",
      bitRate,
      ...offset,
      "-f",
      "mpegts",
      name,
    );
    return name;
  };
  concatenateFiles(folder, "joined.ts", [
    piece("1.ts", 0, { seconds: 6 }, "96k"),
    piece("2.ts", 6, { seconds: 6, sampleRate: 44_100, layout: "mono" }, "48k"),
    piece("3.ts", 12, { seconds: 8, sampleRate: 32_000, layout: "mono" }, "24k"),
  ]);
  return "joined.ts";
}

/** Audio whose clock is 150 ms ahead at the end, almost four times the tolerance. */
function drifting(folder: string): string {
  const shape = { seconds: 300, rate: "10", layout: "mono", drift: 1.0005 };
  runFfmpeg(folder, ...flashAndBeepArgs(shape), ...H264_ARGS, "-c:a", "pcm_s16le", "gains.mkv");
  return "gains.mkv";
}

const repeated = { loop: true, withinS: 29, beeps: 17 } as const;
/** Its audio ends within the last picture. */
const slow = clip({ rate: "5", soundSeconds: 7.08 });

const CASES: readonly Case[] = [
  { name: "a file, repeated four times and begun anew", ...repeated, make: clip({}), air: { untilS: 30 } },
  { name: "five pictures a second, repeated", ...repeated, make: slow, air: { untilS: 30 } },
  { name: "sound in the picture's track, repeated", ...repeated, make: clip({}), air: { untilS: 30, muxed: true } },
  { name: "from 48 kHz stereo to 44.1 kHz mono, and to 32 kHz", make: formats, beeps: 10 },
  { name: "audio whose clock gains 0.5 ms a second, for five minutes", make: drifting, beeps: 150 },
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
  const aired = await packageSource({ ...more.air, input: { kind: "file", url, loop: loop ?? false } });
  expect(outputFaults(aired)).toEqual([]);
  const { beeps, pairs, buffered } = await measureAvSync(browser, aired, withinS);
  expect(buffered).toHaveLength(1);
  expect(beeps).toBe(more.beeps);
  const apart = pairs.filter(({ beepS, flashS }) => !(Math.abs(beepS - (flashS ?? Number.NaN)) * 1000 <= IN_STEP_MS));
  expect(apart).toEqual([]);
});
