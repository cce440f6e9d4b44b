/** Silence in FFmpeg's own frames: none of sound, all of digital silence. */
import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { IngestFrame } from "../media-event.ts";
import { TransportDemuxer } from "../mpegts/demuxer.ts";
import { isSilentAudio } from "./silent-audio.ts";

const SPEECH =
  "flite=text='Good evening and welcome. Tonight we talk about bridges and rivers.':voice=slt,aresample=48000";

/** The share of FFmpeg's frames that are told to be silent. */
function silentShare(codec: "aac" | "opus", source: string, options: string): number {
  const encoder = codec === "aac" ? "aac" : "libopus";
  const input = ["-v", "error", "-f", "lavfi", "-i", source, "-t", "6", "-ar", "48000"];
  const output = [...options.split(" "), "-c:a", encoder, "-f", "mpegts", "-"];
  const bytes = execFileSync("ffmpeg", [...input, ...output], { maxBuffer: 1 << 26, timeout: 60_000 });
  const demuxer = new TransportDemuxer();
  const events = [...demuxer.push(bytes), ...demuxer.end()];
  const frames = events.filter((event): event is IngestFrame => event.kind === "frame");
  expect(frames.length).toBeGreaterThan(100);
  return frames.filter(({ data }) => isSilentAudio(codec, data)).length / frames.length;
}

test.each([
  ["aac", "-ac 2 -b:a 160k"],
  ["aac", "-ac 1 -b:a 64k"],
  ["aac", "-ac 6 -b:a 320k"],
  ["opus", "-ac 2 -b:a 128k"],
  ["opus", "-ac 2 -b:a 128k -vbr off"],
  ["opus", "-ac 1 -b:a 64k"],
] as const)(
  "silence in %s with %s is told, and the noise of a quiet room is not",
  { timeout: 60_000 },
  (codec, options) => {
    expect(silentShare(codec, "anullsrc=r=48000:cl=stereo", options)).toBeGreaterThan(0.98);
    expect(silentShare(codec, "anoisesrc=r=48000:c=pink:seed=7,volume=-70dB", options)).toBe(0);
  },
);

test.each(["aac", "opus"] as const)(
  "speech and a tone in %s are never told to be silent for long",
  { timeout: 60_000 },
  (codec) => {
    expect(silentShare(codec, `${SPEECH},volume=-30dB`, "-ac 2 -b:a 128k")).toBeLessThan(0.2);
    expect(silentShare(codec, "sine=r=48000", "-ac 2 -b:a 128k")).toBeLessThan(0.01);
  },
);

test("broken frames throw nothing", { timeout: 600_000 }, () => {
  fc.assert(
    fc.property(fc.constantFrom("aac" as const, "opus" as const), fc.uint8Array({ maxLength: 400 }), (codec, data) => {
      expect(typeof isSilentAudio(codec, data)).toBe("boolean");
    }),
    { numRuns: Number(process.env["CORRAL_FUZZ_INPUTS"] ?? 3_000) },
  );
});
