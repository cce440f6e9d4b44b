import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { opusSamples } from "./audio-format.ts";
import { fakeInit } from "./fake-media.ts";
import { type InitFacts, readFragmentFacts, readInitFacts } from "./media-facts.ts";

/** FFmpeg's fragmented MP4 of a second of a tone. */
function encode(...options: readonly string[]): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "corral-sound-"));
  try {
    const file = join(folder, "sound.mp4");
    const source = ["-v", "error", "-f", "lavfi", "-i", "sine=440:sample_rate=48000", "-t", "1"];
    const movflags = ["-movflags", "empty_moov+delay_moov+default_base_moof", "-frag_duration", "200000"];
    execFileSync("ffmpeg", [...source, ...options, ...movflags, file]);
    return readFileSync(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const read = (bytes: Uint8Array): InitFacts => {
  const init = readInitFacts(bytes);
  if (init === null) throw new Error("no init section");
  return init;
};

test.each<[string, readonly string[], string, number, number]>([
  ["AAC", ["-c:a", "aac"], "AAC-LC", 48_000, 1024],
  [
    "AAC at 44.1 kHz in ticks of 1/90000 s",
    ["-c:a", "aac", "-ar", "44100", "-video_track_timescale", "90000"],
    "AAC-LC",
    44_100,
    1024,
  ],
  ["Opus of 20 ms", ["-c:a", "libopus"], "Opus", 48_000, 960],
  ["Opus of 2.5 ms", ["-c:a", "libopus", "-frame_duration", "2.5"], "Opus", 48_000, 120],
  ["Opus of 60 ms", ["-c:a", "libopus", "-frame_duration", "60"], "Opus", 48_000, 2880],
  ["Opus of 120 ms, several frames a packet", ["-c:a", "libopus", "-frame_duration", "120"], "Opus", 48_000, 5760],
  ["AC-3", ["-c:a", "ac3", "-ar", "44100"], "AC-3", 44_100, 1536],
  ["E-AC-3", ["-c:a", "eac3"], "E-AC-3", 48_000, 1536],
  ["FLAC", ["-c:a", "flac", "-strict", "-2"], "FLAC", 48_000, 4608],
  ["MP3", ["-c:a", "libmp3lame"], "MP3", 48_000, 1152],
])("%s from FFmpeg: the parsed frame length is each frame's duration", (_, options, codec, sampleRate, samples) => {
  const bytes = encode(...options);
  const init = read(bytes);
  expect(init.audio?.format).toMatchObject({ codec, sampleRate, rateFault: null });
  const runs = readFragmentFacts(bytes, init)?.audio?.runs ?? [];
  const frames = runs.flatMap((run) => run.frames).slice(0, -1);
  expect(frames.length).toBeGreaterThan(0);
  for (const frame of frames) {
    expect(frame.samples).toBe(samples);
    expect(Math.abs(frame.durationTicks - (samples * init.timescale) / sampleRate)).toBeLessThanOrEqual(1);
  }
});

const formatOf = (sampleRate: number, audioConfig: readonly number[]) =>
  read(fakeInit([{ kind: "audio", timescale: sampleRate, sampleRate, audioConfig }])).audio?.format;

test("HE-AAC counts its 1,024 samples at the core rate, for either rate in the sample entry", () => {
  // Object type 5, core of 24,000 Hz, stereo, output of 48,000 Hz, then object type 2.
  const explicit = [0x2b, 0x11, 0x88, 0x00];
  const expected = { codec: "HE-AAC", sampleRate: 24_000, frameSamples: 1024, rateFault: null };
  expect(formatOf(48_000, explicit)).toEqual(expected);
  expect(formatOf(24_000, explicit)).toEqual(expected);
  // Object type 2 of 24,000 Hz: SBR may be in the stream alone.
  expect(formatOf(48_000, [0x13, 0x10])).toMatchObject({ sampleRate: 24_000, frameSamples: 1024, rateFault: null });
});

test("short frames, explicit rates and unknown object types of an AudioSpecificConfig are parsed", () => {
  // frameLengthFlag.
  expect(formatOf(48_000, [0x11, 0x94])).toMatchObject({ codec: "AAC-LC", frameSamples: 960 });
  // Object type 2, frequency index 15, 37,800 Hz in 24 bits, stereo.
  expect(formatOf(37_800, [0x17, 0x80, 0x49, 0xd4, 0x10])).toMatchObject({ sampleRate: 37_800, frameSamples: 1024 });
  // Object type 42 (escape 31, then 10): frames of several lengths, which the rest of the configuration tells.
  expect(formatOf(48_000, [0xf9, 0x46, 0x40, 0x00])).toMatchObject({ frameSamples: null });
  expect(formatOf(48_000, [])).toMatchObject({ codec: "mp4a", frameSamples: null });
});

test("a sample entry that contradicts its AudioSpecificConfig is reported", () => {
  expect(formatOf(48_000, [0x12, 0x10])?.rateFault).toBe("the sample entry says 48000 Hz, its esds 44100 Hz");
});

test("Opus packets contain their sample count; truncated ones have none", () => {
  const view = (...bytes: number[]) => new DataView(new Uint8Array(bytes).buffer);
  expect(opusSamples(view(0x08), 0, 1)).toBe(960); // SILK, 20 ms
  expect(opusSamples(view(0x60, 0), 0, 2)).toBe(480); // hybrid, 10 ms
  expect(opusSamples(view(0xf9, 0), 0, 2)).toBe(1920); // CELT, two of 20 ms
  expect(opusSamples(view(0xe3, 3), 0, 2)).toBe(360); // CELT, three of 2.5 ms
  expect(opusSamples(view(0xe3), 0, 1)).toBeNull();
  expect(opusSamples(view(0x08), 0, 9)).toBeNull();
});
