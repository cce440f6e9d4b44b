/** A trial encode: whether FFmpeg encodes a few pictures as a broadcast needs them. */
import { existsSync, readdirSync } from "node:fs";
import type { Clock } from "../../core/kit/clock.ts";
import { FragmentReader } from "../../core/media/cmaf/fragment-reader.ts";
import type { CodedFrame } from "../../core/media/cmaf/frame.ts";
import { KeyframeSchedule } from "../../core/media/cmaf/keyframes.ts";
import { rawFrameBytes } from "../ingest/raw-media.ts";
import { describeFailure, FfmpegProcess } from "../kit/ffmpeg-process.ts";
import type { EncoderMachine } from "./choose-encoders.ts";
import { encodeVideoArgs } from "./encode-args.ts";
import type { EncodeJob } from "./encoder.ts";
import type { HardwareFamily } from "./encoder-families.ts";
import type { VideoRendition } from "./ladder.ts";

/** The size of a trial. */
const TRIAL_LIMITS = {
  /** Pictures: three keyframes, and enough between them that an encoder with B-frames or a delay of its own shows it. */
  pictures: 15,
  /** Distance of its keyframes, milliseconds. */
  segmentMs: 200,
  /** A driver may take seconds to start; one that takes longer is broken. */
  timeoutMs: 10_000,
} as const;

/**
 * Encodes a few pictures with the arguments of `job`. Resolves with null if every rendition comes whole, in order and with
 * the forced keyframes, else with the reason as a sentence.
 */
export async function tryEncode(job: EncodeJob, clock: Clock): Promise<string | null> {
  const { canvas, preset, encoders } = job;
  const videos = job.renditions.filter((each): each is VideoRendition => each.kind === "video");
  if (canvas === null || job.schedule === null) return null;
  const schedule = new KeyframeSchedule(job.schedule.frameRate, TRIAL_LIMITS.segmentMs);
  const readers = videos.map(({ name }) => new FragmentReader(`the trial (${name})`));
  const frames: CodedFrame[][] = videos.map(() => []);
  const onData = (pipe: number, chunk: Uint8Array): void => {
    for (const event of readers[pipe]?.push(chunk) ?? []) {
      if (event.kind === "frame") frames[pipe]?.push({ ...event.frame, data: new Uint8Array(0) });
    }
  };
  const args = encodeVideoArgs(videos, canvas, schedule, preset, encoders);
  const encoder = new FfmpegProcess(args, videos.length, true, { onData });
  let isLate = false;
  const cancel = clock.startTimer(TRIAL_LIMITS.timeoutMs, () => {
    isLate = true;
    encoder.kill();
  });
  for (let n = 0; n < TRIAL_LIMITS.pictures; n += 1) encoder.stdin?.write(testPicture(rawFrameBytes(canvas), n));
  encoder.stdin?.end();
  const exit = await encoder.done;
  cancel();
  if (isLate) return `No picture came within ${TRIAL_LIMITS.timeoutMs / 1000} s.`;
  return (
    describeFailure(exit) ?? frames.map((each) => judgeFrames(each, schedule)).find((each) => each !== null) ?? null
  );
}

/** What is wrong with a rendition's frames, as a sentence, or null. */
export function judgeFrames(
  frames: readonly Pick<CodedFrame, "sync" | "dts" | "ctsOffset">[],
  schedule: KeyframeSchedule,
): string | null {
  if (frames.length !== TRIAL_LIMITS.pictures)
    return `Of ${TRIAL_LIMITS.pictures} pictures ${frames.length} came out of the encoder.`;
  if (frames.some(({ sync }, n) => schedule.isKeyframe(n) && !sync)) return "The encoder ignores forced keyframes.";
  const shownAt = frames.map(({ dts, ctsOffset }) => dts + ctsOffset);
  const isReordered = shownAt.some((time, n) => n > 0 && time <= (shownAt[n - 1] ?? 0));
  return isReordered ? "The encoder reorders pictures." : null;
}

/** This machine, of whose FFmpeg `listed` are the encoders. */
export function inspectEncoders(listed: ReadonlySet<string>, clock: Clock): EncoderMachine {
  const { platform } = process;
  return {
    ...{ platform, listed },
    hasDevice: (family) => hasEncoderDevice(family, platform),
    tryEncode: (job) => tryEncode(job, clock),
  };
}

/** Whether the device of a hardware family seems to be here. True where it cannot be known without a trial. */
function hasEncoderDevice(family: HardwareFamily, platform: NodeJS.Platform): boolean {
  if (platform !== "linux") return true;
  // /dev/dxg is the GPU of a Windows host.
  if (family === "nvenc") return existsSync("/dev/nvidiactl") || existsSync("/dev/dxg");
  return listFolder("/dev/dri").some((name) => name.startsWith("renderD"));
}

function listFolder(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** Picture `n`: another grey each time. */
function testPicture(bytes: number, n: number): Uint8Array {
  return new Uint8Array(bytes).fill(16 + ((n * 37) % 200));
}
