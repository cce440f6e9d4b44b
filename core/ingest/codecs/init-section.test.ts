import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import {
  audioSpecificConfig,
  boxBody,
  type EncodedTrack,
  encodeTrack,
  opusHead,
} from "../../../origin/testing/encoded-track.ts";
import { concatBytes } from "../../kit/bytes.ts";
import { writeFragment } from "../../media/cmaf/fragment.ts";
import type { IngestTrackConfig } from "../media-event.ts";
import { CodecConfigError } from "./codec-error.ts";
import { describeTrack } from "./describe-track.ts";
import { writeInitSection } from "./init-section.ts";
import { opusPacketSamples } from "./opus-config.ts";

const FOLDER = mkdtempSync(join(tmpdir(), "ingest-codecs-"));
afterAll(() => rmSync(FOLDER, { recursive: true }));

const picture = (size: string, rate: string): string => `-f lavfi -i testsrc2=size=${size}:rate=${rate} -t 0.5`;
const SINE = "-f lavfi -i sine=frequency=440:sample_rate=48000 -t 0.5";

type Codec = IngestTrackConfig["codec"];
/** Encoders' options, and what must be found; sizes that need cropping on purpose. */
const CASES: readonly (readonly [name: string, codec: Codec, options: string, found: object])[] = [
  [
    "H.264 High with a cropped size and NTSC rate",
    "h264",
    `${picture("642x358", "30000/1001")} -c:v libx264 -preset veryfast -profile:v high -pix_fmt yuv420p`,
    { width: 642, height: 358, frameRate: { num: 30_000, den: 1001 }, profile: 100, bitDepth: 8, colour: null },
  ],
  [
    "H.264 with tagged colours",
    "h264",
    `${picture("320x180", "25")} -c:v libx264 -preset ultrafast -color_primaries bt709 -color_trc smpte170m -colorspace bt709`,
    { frameRate: { num: 25, den: 1 }, colour: { transfer: 6, matrix: 1 } },
  ],
  [
    "H.264 of fields and wide pixels",
    "h264",
    `${picture("720x576", "25")} -c:v libx264 -preset ultrafast -flags +ildct+ilme -x264opts tff=1 -vf setsar=64/45`,
    { width: 720, height: 576, isInterlaced: true, pixelAspect: { num: 64, den: 45 } },
  ],
  [
    "H.264 High 4:4:4 with 10 bits",
    "h264",
    `${picture("322x182", "60")} -c:v libx264 -preset ultrafast -pix_fmt yuv444p10le`,
    { width: 322, height: 182, profile: 244, bitDepth: 10, chromaFormat: 3, colour: null },
  ],
  [
    "HEVC Main 10",
    "hevc",
    `${picture("642x358", "25")} -c:v libx265 -preset ultrafast -pix_fmt yuv420p10le -x265-params log-level=none -tag:v hvc1`,
    { width: 642, height: 358, profile: 2, bitDepth: 10, chromaFormat: 1, isInterlaced: false },
  ],
  [
    "AV1",
    "av1",
    `${picture("322x182", "25")} -c:v libaom-av1 -cpu-used 8 -usage realtime -pix_fmt yuv420p`,
    { width: 322, height: 182, profile: 0, bitDepth: 8, chromaFormat: 1 },
  ],
  ["AAC-LC", "aac", `${SINE} -c:a aac -ac 2`, { sampleRate: 48_000, channels: 2, frameSamples: 1024 }],
  ["AAC-LC 5.1", "aac", `${SINE} -c:a aac -ac 6`, { sampleRate: 48_000, channels: 6, frameSamples: 1024 }],
  ["Opus", "opus", `${SINE} -c:a libopus -ac 2`, { sampleRate: 48_000, channels: 2, frameSamples: null }],
];

function recordOf(codec: Codec, { init }: EncodedTrack): Uint8Array {
  if (codec === "aac") return audioSpecificConfig(init);
  if (codec === "opus") return opusHead(init);
  return boxBody(init, { h264: "avcC", hevc: "hvcC", av1: "av1C" }[codec]);
}

test.each(CASES)(
  "%s: the record is read, and the written init section equals the encoder's",
  (name, codec, options, found) => {
    const encoded = encodeTrack(options);
    const record = recordOf(codec, encoded);
    const track = describeTrack({ codec, record });
    expect(track).toMatchObject(found);
    const { info, bytes } = writeInitSection(track, encoded.info.timescale);
    // FFmpeg writes two channels into the sample entry of any layout.
    const { channels: _channels, ...own } = encoded.info;
    expect(info).toMatchObject(own);
    const samples = encoded.frames.map(({ durationTicks, ctsOffset, sync, data }) => ({
      durationTicks,
      ctsOffset,
      sync,
      data,
    }));
    const fragment = writeFragment(1, [{ trackId: 1, decodeTicks: 0, samples }]).bytes;
    const path = join(FOLDER, `${codec}-${name.length}.mp4`);
    writeFileSync(path, concatBytes([bytes, fragment]));
    const show =
      "stream=codec_name,codec_tag_string,width,height,channels,sample_rate,nb_read_frames,sample_aspect_ratio";
    const args = `-v error -count_frames -show_entries ${show} -of json ${path}`.split(" ");
    const probed = execFileSync("ffprobe", args, { encoding: "utf8", timeout: 20_000 });
    const [stream] = (JSON.parse(probed) as { streams: Record<string, unknown>[] }).streams;
    if (track.media === "video") {
      expect(stream).toMatchObject({ codec_name: codec, width: track.width, height: track.height });
      expect(stream?.["sample_aspect_ratio"] ?? "1:1").toBe(`${track.pixelAspect.num}:${track.pixelAspect.den}`);
    } else expect(stream).toMatchObject({ codec_name: codec, channels: track.channels, sample_rate: "48000" });
    expect(Number(stream?.["nb_read_frames"])).toBeGreaterThanOrEqual(samples.length - 1);
    if (codec === "opus") expect(samples.map(({ data }) => opusPacketSamples(data))).toContain(960);
  },
);

test("HE-AAC is counted in samples of its core, whether SBR is signalled first or behind", () => {
  // Explicit: object type 5, 24 kHz, stereo, output 48 kHz, AAC-LC.
  const explicit = describeTrack({ codec: "aac", record: Uint8Array.of(0x2b, 0x11, 0x88, 0x00) });
  expect(explicit).toMatchObject({ sampleRate: 24_000, outputRate: 48_000, channels: 2, frameSamples: 1024 });
  expect(writeInitSection(explicit, 24_000).info.codecs).toBe("mp4a.40.5");
  // AAC-LC of 24 kHz, then the synchronisation extension 0x2b7 with SBR at 48 kHz.
  const behind = describeTrack({ codec: "aac", record: Uint8Array.of(0x13, 0x10, 0x56, 0xe5, 0x98) });
  expect(behind).toMatchObject({ sampleRate: 24_000, outputRate: 48_000, channels: 2 });
  expect(writeInitSection(behind, 24_000).info.codecs).toBe("mp4a.40.2");
  // Implicit SBR is the core alone.
  const implicit = describeTrack({ codec: "aac", record: Uint8Array.of(0x13, 0x10) });
  expect(implicit).toMatchObject({ sampleRate: 24_000, outputRate: 24_000 });
  expect(() => describeTrack({ codec: "aac", record: Uint8Array.of(0x0b, 0x10) })).toThrow(/object type 1/);
});

test("any bytes as a record are described, or refused with a CodecConfigError", () => {
  const real: readonly (readonly [Codec, Uint8Array])[] = [
    ["h264", recordOf("h264", encodeTrack(`${picture("64x64", "25")} -c:v libx264 -preset ultrafast`))],
    ["hevc", recordOf("hevc", encodeTrack(`${picture("64x64", "25")} -c:v libx265 -x265-params log-level=none`))],
    ["av1", recordOf("av1", encodeTrack(`${picture("64x64", "25")} -c:v libaom-av1 -cpu-used 8 -usage realtime`))],
    ["aac", Uint8Array.of(0x13, 0x10, 0x56, 0xe5, 0x98)],
    ["opus", recordOf("opus", encodeTrack(`${SINE} -c:a libopus`))],
  ];
  const changes = fc.array(fc.tuple(fc.nat(200), fc.integer({ min: 0, max: 255 })), { maxLength: 6 });
  const input = fc.tuple(fc.constantFrom(...real), changes, fc.option(fc.nat(200)), fc.uint8Array({ maxLength: 60 }));
  fc.assert(
    fc.property(input, fc.boolean(), ([[codec, good], edits, cut, random], isRandom) => {
      const record = isRandom ? random : good.slice(0, cut ?? good.length);
      for (const [at, value] of edits) if (at < record.length) record[at] = value;
      try {
        const track = describeTrack({ codec, record });
        const { info } = writeInitSection(track, 90_000);
        expect(info.kind).toBe(track.media);
        if (track.media === "video") expect(info).toMatchObject({ width: track.width, height: track.height });
        else expect(info.channels).toBe(track.channels);
      } catch (error) {
        if (!(error instanceof CodecConfigError)) throw error;
      }
    }),
    { numRuns: 20_000 },
  );
  expect(() => describeTrack({ codec: "h264", record: new Uint8Array(70_000) })).toThrow(CodecConfigError);
});
