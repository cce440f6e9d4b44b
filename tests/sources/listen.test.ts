/** Encoders that push in real time: one loses its audio, one reconnects with other media. */
import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { freePort } from "../support/ports.ts";
import { decodeOutput, outputParts, trackDurationS } from "./decode-output.ts";
import { AAC_ARGS, beepArgs, flashAndBeepArgs, H264_ARGS } from "./ffmpeg-args.ts";
import { packagePushedSource, type SourceOutput } from "./package-source.ts";

/** A push is retried for this long: between two encoders nothing listens for a moment. */
const TRY_MS = 20_000;

/** Pushes to `url` in real time until FFmpeg's inputs end. */
async function push(url: string, args: readonly string[]): Promise<void> {
  for (const untilMs = performance.now() + TRY_MS; performance.now() < untilMs; ) {
    const startedMs = performance.now();
    const child = spawn("ffmpeg", ["-v", "error", ...args, "-f", "flv", url], { stdio: "ignore" });
    const code = await new Promise((resolve) => child.once("close", resolve));
    if (code === 0 || performance.now() - startedMs > 3000) return;
    await sleep(200);
  }
  throw new Error(`nobody took ${args.join(" ")}`);
}

const real = (inputs: readonly string[]): string[] =>
  inputs.flatMap((word) => (word === "-f" ? ["-re", word] : [word]));
const LOW_DELAY = [...H264_ARGS, "-tune", "zerolatency"];

/** Segments with media, by timeline. */
function runsOf(aired: SourceOutput, track: string): number[] {
  let run = 0;
  const media: number[] = [];
  for (const { meta } of outputParts(aired, track)) {
    if (meta.start?.discontinuity === true) run += 1;
    if (!meta.gap) media[run] = (media[run] ?? 0) + 1;
  }
  return media;
}

test.concurrent("an encoder whose audio stops stays on air, with silence", { timeout: 90_000 }, async () => {
  const url = `rtmp://127.0.0.1:${await freePort()}/live/x`;
  const words = [
    ...real(flashAndBeepArgs({ seconds: 12, soundSeconds: 4 })),
    ...LOW_DELAY,
    ...AAC_ARGS,
    "-max_interleave_delta",
    "1",
  ];
  const aired = await packagePushedSource({}, url, (to) => push(to, words));
  expect(aired.sessions).toBe(1);
  expect(trackDurationS(aired, "90p")).toBeGreaterThan(10);
  expect(Math.abs(trackDurationS(aired, "audio") - trackDurationS(aired, "90p"))).toBeLessThan(0.1);
  // The very last part may only close its segment.
  expect(outputParts(aired, "audio").filter(({ meta }) => meta.gap && meta.close === undefined)).toEqual([]);
  expect(aired.messages.join("\n")).toMatch(/delivers no audio/);
});

test.concurrent("an encoder that reconnects without audio, in portrait, or with other codecs continues the broadcast", {
  timeout: 120_000,
}, async () => {
  const url = `rtmp://127.0.0.1:${await freePort()}/live/x`;
  const tall = ["-re", "-f", "lavfi", "-i", "color=white:s=90x160:r=30:d=6"];
  const old = [
    "-re",
    "-f",
    "lavfi",
    "-i",
    "color=white:s=160x120:r=15:d=6",
    "-re",
    ...beepArgs({ sampleRate: 22_050, layout: "mono" }),
  ];
  const aired = await packagePushedSource({}, url, async (to) => {
    await push(to, [...real(flashAndBeepArgs({ seconds: 6, sampleRate: 44_100 })), ...LOW_DELAY, ...AAC_ARGS]);
    await push(to, [...tall, ...LOW_DELAY, "-an"]);
    await push(to, [...old, "-c:v", "flv", "-c:a", "libmp3lame"]);
  });
  expect(aired.end.kind).toBe("stopped");
  for (const track of ["90p", "audio"]) {
    const runs = runsOf(aired, track);
    expect(runs).toHaveLength(3);
    // Six seconds of parts, minus what is read before the first frame.
    for (const parts of runs) expect(parts).toBeGreaterThan(8);
  }
  expect(aired.messages.join("\n")).toMatch(/has no audio now/);
  const watched = decodeOutput(aired);
  const at = (fraction: number): number => Math.floor(watched.pictures.length * fraction);
  // A white 9:16 picture within 16:9 has black at its sides; a 4:3 picture has less of it.
  expect(barsOf(aired, at(0.5))).toBeCloseTo(9 / 16 / (16 / 9), 1);
  expect(barsOf(aired, at(0.9))).toBeCloseTo(4 / 3 / (16 / 9), 1);
});

/** The share of a picture's middle row that is not black. */
function barsOf(aired: SourceOutput, picture: number): number {
  const { luma, width, height } = decodeOutput(aired, picture);
  const row = luma.subarray(Math.floor(height / 2) * width, Math.floor(height / 2 + 1) * width);
  return row.filter((value) => value > 100).length / width;
}
