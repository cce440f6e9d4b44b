/** Levels of sound that FFmpeg decodes. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SoundLevel } from "../../core/ingest/health/sound-meter.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { measureSound } from "./measured-sound.ts";
import { probeSource } from "./probe.ts";
import { createSourceOpener } from "./source-opener.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "corral-sound-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The levels of four seconds of `filters`, and how many samples went on. */
async function measure(filters: string): Promise<{ levels: SoundLevel[]; samples: number }> {
  const file = join(folder, "sound.mp4");
  const args = ["-v", "error", "-y", "-f", "lavfi", "-i", filters, "-t", "4", "-ac", "2", "-c:a", "aac", file];
  execFileSync("ffmpeg", args, { timeout: 30_000 });
  const { clock } = systemPlatform;
  const signal = AbortSignal.timeout(30_000);
  const input = { kind: "file", url: file, loop: false } as const;
  const source = await probeSource(input, signal);
  const shared = { input, source, canvas: null, hasAudio: true, canToneMap: false, clock };
  const open = createSourceOpener({ ...shared, log: { warn: () => {} }, epochNowMs: () => clock.nowMs() }, null);
  const levels: SoundLevel[] = [];
  let samples = 0;
  const reader = measureSound(await open(signal), (level) => levels.push(level)).read(0, () => {});
  reader.start({
    onVideoFrame: () => {},
    onAudioSamples: (_ptsS, { length }) => {
      samples += length;
    },
    onEnd: () => {},
  });
  await reader.done;
  return { levels, samples };
}

test("silence, a quiet room and clipping have their levels, and every sample goes on", {
  timeout: 60_000,
}, async () => {
  const silence = await measure("anullsrc=r=48000:cl=stereo");
  expect(silence.levels.map(({ dbfs }) => dbfs)).toEqual([0, 0, 0, 0].map(() => Number.NEGATIVE_INFINITY));
  expect(silence.samples).toBeGreaterThanOrEqual(4 * 96_000);
  const room = await measure("anoisesrc=r=48000:c=white:seed=3,volume=-64dB");
  for (const { dbfs } of room.levels) expect(dbfs).toBeGreaterThan(-75);
  for (const { dbfs } of room.levels) expect(dbfs).toBeLessThan(-60);
  const clipping = await measure("sine=f=300:r=48000,aformat=channel_layouts=stereo,volume=40dB:precision=fixed");
  for (const { clippedShare } of clipping.levels.slice(1)) expect(clippedShare).toBeGreaterThan(0.05);
});
