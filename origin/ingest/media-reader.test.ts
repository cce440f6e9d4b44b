import { expect, test } from "vitest";
import { VirtualClock } from "../../core/kit/virtual-clock.ts";
import { unpooledFrame } from "./frame-pool.ts";
import { LoopRecording } from "./media-reader.ts";

test("a short recording is read again, each track up to its pause and on from there, never within the call that resumes it", async () => {
  const clock = new VirtualClock();
  const recording = new LoopRecording(clock, ["video", "audio"]);
  for (let index = 0; index < 4; index += 1) {
    recording.addVideoFrame(index / 25, unpooledFrame(new Uint8Array([index])));
    recording.addAudioSamples(index / 25, new Int16Array([index]));
  }
  const reader = recording.createReader();
  if (reader === null) throw new Error("too long");
  const read: string[] = [];
  reader.start({
    onVideoFrame: (_ptsS, { bytes }) => {
      read.push(`video ${bytes[0]}`);
      if (bytes[0] === 1) reader.pause("video");
    },
    onAudioSamples: (_ptsS, samples) => void read.push(`audio ${samples[0]}`),
    onEnd: (track) => void read.push(`end of ${track}`),
  });
  expect(read).toEqual([]);
  await clock.advance(0);
  const sound = ["audio 0", "audio 1", "audio 2", "audio 3", "end of audio"];
  expect(read).toEqual(["video 0", "video 1", ...sound]);
  read.splice(0);
  reader.resume("video");
  expect(read).toEqual([]);
  await clock.advance(0);
  expect(read).toEqual(["video 2", "video 3", "end of video"]);
});

test("a recording that is stopped calls no handler any more, and a long one cannot be read again", async () => {
  const clock = new VirtualClock();
  const recording = new LoopRecording(clock, ["audio"]);
  recording.addAudioSamples(0, new Int16Array(2));
  const reader = recording.createReader();
  let calls = 0;
  const count = (): void => {
    calls += 1;
  };
  reader?.start({ onVideoFrame: count, onAudioSamples: count, onEnd: count });
  reader?.stop();
  await clock.advance(1);
  expect(calls).toBe(0);
  recording.addAudioSamples(60, new Int16Array(2));
  expect(recording.createReader()).toBeNull();
});
