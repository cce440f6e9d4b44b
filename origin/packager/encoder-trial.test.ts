/** Trials with the machine's own FFmpeg: its software encoders, and hardware encoders without hardware. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { KeyframeSchedule } from "../../core/media/cmaf/keyframes.ts";
import { testSourceInfo } from "../testing/source-info.ts";
import { createEncodeJob } from "./encode-plan.ts";
import { FASTEST_AOM } from "./encoder-options.ts";
import { judgeFrames, tryEncode } from "./encoder-trial.ts";
import { parseLadderFlags, planRenditions } from "./ladder.ts";
import { PRESETS } from "./presets.ts";

const { clock } = systemPlatform;
const jobOf = (ladder: string, encoders: Record<string, string>) =>
  createEncodeJob(planRenditions(testSourceInfo(640, 360), parseLadderFlags(ladder)), PRESETS.ultra, encoders);

test("the software encoders pass their trial: every picture in order, with the forced keyframes", {
  timeout: 60_000,
}, async () => {
  expect(await tryEncode(jobOf("360p:500k,180p:200k", { h264: "libx264" }), clock)).toBeNull();
  expect(await tryEncode(jobOf("360p:500k:hevc", { hevc: "libx265" }), clock)).toBeNull();
  expect(await tryEncode(jobOf("360p:500k:av1", { av1: "libaom-av1" }), clock)).toBeNull();
  // Before 3.2 libaom ends at 9.
  const fastest = await tryEncode(jobOf("360p:500k:av1", { av1: FASTEST_AOM }), clock);
  expect(fastest ?? "cpu-used").toContain("cpu-used");
});

test("SVT-AV1 passes its trial with FFmpeg 6 and later; before, the trial finds that it ignores forced keyframes", {
  timeout: 60_000,
}, async () => {
  const banner = execFileSync("ffmpeg", ["-hide_banner", "-version"], { encoding: "utf8" });
  const major = Number(/^ffmpeg version n?(\d+)/.exec(banner)?.[1]);
  const expected = major >= 6 ? null : "The encoder ignores forced keyframes.";
  expect(await tryEncode(jobOf("360p:500k:av1", { av1: "libsvtav1" }), clock)).toBe(expected);
});

test.skipIf(existsSync("/dev/dri") || existsSync("/dev/nvidiactl"))(
  "hardware that is not here fails its trial with FFmpeg's reason",
  { timeout: 60_000 },
  async () => {
    expect(await tryEncode(jobOf("360p:500k", { h264: "h264_nvenc" }), clock)).toMatch(
      /FFmpeg ended with code \d+\..*cuda/,
    );
    expect(await tryEncode(jobOf("360p:500k", { h264: "h264_vaapi" }), clock)).toMatch(/VAAPI|device/i);
  },
);

test("lost pictures, ignored keyframes and reordering fail a trial", () => {
  const schedule = new KeyframeSchedule({ num: 30, den: 1 }, 200);
  const frames = Array.from({ length: 15 }, (_, n) => ({ sync: schedule.isKeyframe(n), dts: n, ctsOffset: 0 }));
  expect(judgeFrames(frames, schedule)).toBeNull();
  expect(judgeFrames(frames.slice(1), schedule)).toBe("Of 15 pictures 14 came out of the encoder.");
  expect(
    judgeFrames(
      frames.map((frame, n) => ({ ...frame, sync: n === 0 })),
      schedule,
    ),
  ).toContain("ignores");
  expect(
    judgeFrames(
      frames.map((frame, n) => ({ ...frame, ctsOffset: n === 3 ? 2 : 0 })),
      schedule,
    ),
  ).toContain("reorders");
});
