import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { NutError, type NutFrame, NutReader } from "./nut.ts";

/** What FFmpeg writes: 30 pictures of 16 by 16, from 100 s on; and two seconds of sound. */
const OFFSET = ["-output_ts_offset", "100", "-f", "nut", "-"];
const PICTURES = execFileSync("ffmpeg", [
  ...["-v", "error", "-f", "lavfi", "-i", "testsrc2=s=16x16:r=30000/1001:d=1"],
  ...["-pix_fmt", "yuv420p", "-enc_time_base", "1:90000", "-c:v", "rawvideo", ...OFFSET],
]);
const SOUND = execFileSync("ffmpeg", [
  ...["-v", "error", "-f", "lavfi", "-i", "sine=r=48000:d=2", "-ac", "2", "-c:a", "pcm_s16le", ...OFFSET],
]);

function read(bytes: Uint8Array, size: number): NutFrame[] {
  const reader = new NutReader();
  const frames: NutFrame[] = [];
  for (let i = 0; i < bytes.length; i += size) frames.push(...reader.push(bytes.subarray(i, i + size)));
  return frames;
}

const bytesOf = ({ pieces }: NutFrame): Buffer => Buffer.concat(pieces);

test("raw pictures come out with exact times and bytes, in whatever pieces the pipe brings them", () => {
  const whole = read(PICTURES, PICTURES.length);
  expect(whole).toHaveLength(30);
  for (const [i, frame] of whole.entries()) {
    expect(frame.ptsS).toBeCloseTo(100 + (i * 1001) / 30_000, 4);
    expect(frame.byteLength).toBe(384);
  }
  for (const size of [1, 7, 383, 4096]) {
    const pieces = read(PICTURES, size);
    expect(pieces.map(bytesOf)).toEqual(whole.map(bytesOf));
    expect(pieces.map(({ ptsS }) => ptsS)).toEqual(whole.map(({ ptsS }) => ptsS));
  }
});

test("sound comes out without a hole", () => {
  const frames = read(SOUND, 1000);
  let next = 100;
  for (const { ptsS, byteLength } of frames) {
    expect(ptsS).toBeCloseTo(next, 6);
    next += byteLength / 4 / 48_000;
  }
  expect(next).toBeCloseTo(102, 6);
});

test("what is no NUT is an error of its kind", () => {
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
