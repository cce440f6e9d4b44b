/** Slates of a real FFmpeg. */
import { expect, test } from "vitest";
import type { SlateFormat } from "../../core/ingest/slate/slate-format.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { SlateLibrary } from "./slate-encoder.ts";

const VIDEO: SlateFormat = {
  ...{ media: "video", codec: "h264", profile: 77, width: 640, height: 360, timescale: 30_000 },
  ...{ frameRate: { num: 30_000, den: 1001 }, bitsPerSecond: 524_288 },
};
const FORMATS: readonly (readonly [string, SlateFormat, RegExp])[] = [
  ["H.264 of the track's profile", VIDEO, /^avc1\.4d/],
  ["H.264 in portrait", { ...VIDEO, profile: 100, width: 180, height: 320 }, /^avc1\.64/],
  ["HEVC", { ...VIDEO, codec: "hevc", profile: null }, /^hvc1\./],
  ["AV1", { ...VIDEO, codec: "av1", profile: null }, /^av01\./],
];

function createLibrary(picture: string | null = null, lines: string[] = []): SlateLibrary {
  return new SlateLibrary({ picture, clock: systemPlatform.clock, log: { warn: (text) => void lines.push(text) } });
}

test.each(FORMATS)(
  "a slate in %s is one group of the track's rate, in its clock",
  { timeout: 60_000 },
  async (_name, format, codecs) => {
    const slate = await createLibrary().prepare(format);
    expect(slate?.init.info.codecs).toMatch(codecs);
    expect(slate?.init.info).toMatchObject({ timescale: 30_000 });
    if (format.media === "video")
      expect(slate?.init.info).toMatchObject({ width: format.width, height: format.height });
    expect(slate?.frames).toHaveLength(60);
    const bytes = (slate?.frames ?? []).reduce((sum, { length }) => sum + length, 0);
    expect((bytes * 8) / 2).toBeLessThan(524_288);
  },
);

test.each([
  ["aac", 44_100, 1, "mp4a.40.2"],
  ["aac", 48_000, 6, "mp4a.40.2"],
  ["opus", 48_000, 2, "opus"],
] as const)(
  "silence in %s at %i Hz with %i channels is one small frame",
  async (codec, sampleRate, channels, codecs) => {
    const slate = await createLibrary().prepare({ media: "audio", codec, sampleRate, channels, timescale: sampleRate });
    expect(slate?.init.info).toMatchObject({ codecs, sampleRate, timescale: sampleRate });
    expect(slate?.frames).toHaveLength(1);
    expect(slate?.frames[0]?.length).toBeLessThan(100);
  },
);

test("a format is encoded once; what cannot be encoded is logged", async () => {
  const library = createLibrary();
  expect(library.prepare({ ...VIDEO })).toBe(library.prepare(VIDEO));
  const lines: string[] = [];
  expect(await createLibrary("/no/such.png", lines).prepare(VIDEO)).toBeNull();
  expect(lines.join()).toMatch(/^No slate in h264, so gaps stand .* No such file/);
});
