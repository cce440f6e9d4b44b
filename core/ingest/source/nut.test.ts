import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { NutError, type NutFrame, NutReader } from "./nut.ts";

/** FFmpeg output: 30 pictures of 16 by 16, and two seconds of audio. */
const NUT = ["-f", "nut", "-"];
const PICTURES = execFileSync("ffmpeg", [
  ...["-v", "error", "-f", "lavfi", "-i", "testsrc2=s=16x16:r=30000/1001:d=1"],
  ...["-pix_fmt", "yuv420p", "-enc_time_base", "1:90000", "-c:v", "rawvideo", ...NUT],
]);
const SOUND = execFileSync("ffmpeg", [
  ...["-v", "error", "-f", "lavfi", "-i", "sine=r=48000:d=2", "-ac", "2", "-c:a", "pcm_s16le", ...NUT],
]);

function read(bytes: Uint8Array, size: number): NutFrame[] {
  const reader = new NutReader();
  const frames: NutFrame[] = [];
  // The reader's chunks are in reused memory.
  const chunk = new Uint8Array(size);
  for (let i = 0; i < bytes.length; i += size) {
    const part = bytes.subarray(i, i + size);
    chunk.set(part);
    frames.push(...reader.push(chunk.subarray(0, part.length)));
  }
  return frames;
}

test("raw pictures are read whole for any chunking of the pipe", () => {
  const whole = read(PICTURES, PICTURES.length);
  expect(whole).toHaveLength(30);
  for (const { bytes } of whole) expect(bytes).toHaveLength(384);
  for (const size of [1, 7, 383, 4096]) {
    expect(read(PICTURES, size)).toEqual(whole);
  }
});

test("audio is read to the last sample", () => {
  const bytes = read(SOUND, 1000).reduce((sum, frame) => sum + frame.bytes.length, 0);
  expect(bytes).toBe(2 * 48_000 * 4);
});

test("input that is not NUT is a NutError", () => {
  expect(() => read(new Uint8Array(100).fill(65), 100)).toThrow(NutError);
});

test("any damage gives frames or a NutError, and nothing else", () => {
  fc.assert(
    fc.property(fc.nat(PICTURES.length - 1), fc.nat(255), fc.integer({ min: 1, max: 5000 }), (at, value, size) => {
      const damaged = Uint8Array.from(PICTURES);
      damaged[at] = value;
      try {
        read(damaged, size);
      } catch (error) {
        expect(error).toBeInstanceOf(NutError);
      }
    }),
  );
});
