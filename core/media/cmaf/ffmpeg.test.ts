import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFile, MP4BoxBuffer } from "mp4box";
import { afterAll, expect, test } from "vitest";
import { concatBytes } from "../../kit/bytes.ts";
import { testTrackName } from "./fixtures.ts";
import { FragmentReader } from "./fragment-reader.ts";
import type { CodedFrame, InitInfo } from "./frame.ts";
import { Packager, type PackagerOutput, partTargetFor } from "./packager.ts";

const FOLDER = mkdtempSync(join(tmpdir(), "cmaf-"));
afterAll(() => rmSync(FOLDER, { recursive: true }));

/** Output of FFmpeg and its encoders goes into the error, not to the terminal. */
const STDIO: ["ignore", "pipe", "pipe"] = ["ignore", "pipe", "pipe"];
const EPOCH = 1_760_000_000;
/** AC-3's `moov` needs a packet first, so FFmpeg refuses it without `delay_moov`; FLAC it calls experimental. */
const FRAGMENTED = [
  ..."-strict -2 -movflags +frag_every_frame+empty_moov+default_base_moof+frag_discont+negative_cts_offsets".split(" "),
  ..."-use_editlist 0 -f mp4 pipe:1".split(" "),
];
const VIDEO = (rate: string): string => `-f lavfi -i testsrc2=size=160x96:rate=${rate}`;
const SINE = "-f lavfi -i sine=frequency=440:sample_rate=48000";
const X264 = "-c:v libx264 -preset veryfast -g 999 -sc_threshold 0 -force_key_frames expr:gte(t,n_forced)";

interface Recording {
  readonly info: InitInfo;
  readonly init: Uint8Array;
  readonly frames: readonly CodedFrame[];
}

/** FFmpeg's output on one pipe. */
function record(options: string): Recording {
  const args = ["-v", "error", ...options.split(" "), ...FRAGMENTED];
  const pipe = new Uint8Array(execFileSync("ffmpeg", args, { maxBuffer: 1 << 28, stdio: STDIO }));
  const reader = new FragmentReader("pipe");
  const [first, ...rest] = reader.push(pipe);
  reader.end();
  if (first?.kind !== "init") throw new Error("no init section came first");
  const frames = rest.flatMap((event) => (event.kind === "frame" ? [event.frame] : []));
  return { info: first.info, init: first.bytes, frames };
}

/** The recording, repackaged: init section and all parts. */
function repackage(recording: Recording, frameMs: number): { bytes: Uint8Array; outputs: readonly PackagerOutput[] } {
  const { info, init, frames } = recording;
  const name = testTrackName("track");
  const tracks = [{ name, kind: info.kind, timescale: info.timescale, partTargetMs: partTargetFor(333, frameMs) }];
  const packager = new Packager({ tracks, segmentTargetMs: 1000, targetDurationS: 2, startedAtMs: EPOCH * 1000 });
  const outputs = packager.beginTimeline({ inits: new Map([[name, { info, bytes: init }]]), programOffsetMs: 0 });
  for (const frame of frames) outputs.push(...packager.push(name, frame));
  outputs.push(...packager.end());
  return { bytes: concatBytes(outputs.map(({ bytes }) => bytes)), outputs };
}

/** Presentation times of the packets, seconds from the first, and an MD5 of what they decode to, by FFmpeg. */
function judge(bytes: Uint8Array, name: string): { errors: string; times: number[]; decoded: string } {
  const path = join(FOLDER, name);
  writeFileSync(path, bytes);
  const probe = ["-v", "error", "-show_entries", "packet=pts_time", "-of", "csv=p=0", path];
  const lines = execFileSync("ffprobe", probe, { encoding: "utf8", stdio: STDIO }).trim().split("\n");
  const times = lines.map((line) => Number.parseFloat(line)).sort((a, b) => a - b);
  const decode = ["-v", "error", "-xerror", "-err_detect", "explode", "-i", path, "-f", "md5", "-"];
  const decoded = execFileSync("ffmpeg", decode, { encoding: "utf8", stdio: STDIO });
  const shell = `ffmpeg -v warning -i "$1" -f null - 2>&1`;
  const errors = execFileSync("sh", ["-c", shell, "sh", path], { encoding: "utf8", stdio: STDIO });
  return { errors, times, decoded };
}

/** Samples that mp4box reads in each track of `init` with all parts, pushed part by part. */
function countByMp4box(init: Uint8Array, outputs: readonly PackagerOutput[]): number[] {
  const file = createFile(true);
  const counts: number[] = [];
  file.onError = (module, message) => {
    throw new Error(`${module}: ${message}`);
  };
  file.onReady = (movie) => {
    for (const [i, { id }] of movie.tracks.entries()) {
      counts[i] = 0;
      file.setExtractionOptions(id, i, { nbSamples: 1 });
    }
    file.start();
  };
  file.onSamples = (_id, index, samples) => {
    counts[index as number] = (counts[index as number] ?? 0) + samples.length;
  };
  let at = 0;
  for (const bytes of [init, ...outputs.flatMap((o) => (o.kind === "part" && o.bytes.length > 0 ? [o.bytes] : []))]) {
    file.appendBuffer(MP4BoxBuffer.fromArrayBuffer(bytes.slice().buffer, at));
    at += bytes.length;
  }
  file.flush();
  return counts;
}

test.each<[string, string, number, RegExp]>([
  ["H.264 at 30 fps", `${VIDEO("30")} -t 3 ${X264} -bf 0`, 1000 / 30, /^avc1\.6400/],
  ["H.264 with B-frames at 29.97 fps", `${VIDEO("30000/1001")} -t 3 ${X264} -bf 3`, 1001 / 30, /^avc1\.6400/],
  ["H.264 at 24 fps", `${VIDEO("24")} -t 3 ${X264} -tune zerolatency`, 1000 / 24, /^avc1\./],
  [
    "HEVC",
    `${VIDEO("30")} -t 2 -c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=30 -tag:v hvc1`,
    1000 / 30,
    /^hvc1\.1\.6\.L\d+\.90$/,
  ],
  ["AV1", `${VIDEO("30")} -t 2 -c:v libsvtav1 -preset 12 -g 30`, 1000 / 30, /^av01\.0\.\d\dM\.08$/],
  ["AAC", `${SINE} -t 3 -c:a aac -b:a 128k`, 1024 / 48, /^mp4a\.40\.2$/],
  ["Opus", `${SINE} -t 3 -c:a libopus`, 20, /^opus$/],
  ["AC-3", `${SINE} -t 3 -c:a ac3 -movflags delay_moov`, 32, /^ac-3$/],
  ["E-AC-3", `${SINE} -t 3 -c:a eac3 -movflags delay_moov`, 32, /^ec-3$/],
  ["FLAC", `${SINE} -t 3 -c:a flac`, 96, /^flac$/],
])(
  "%s from FFmpeg is packaged so that FFmpeg and mp4box find the same media in it",
  (name, options, frameMs, codecs) => {
    const recording = record(`${options} -output_ts_offset ${EPOCH + 0.123}`);
    const { info, init, frames } = recording;
    expect(info.codecs).toMatch(codecs);
    // FFmpeg waits for the next frame to write a fragment, so every duration but the last is the distance to the next.
    for (const [i, frame] of frames.entries())
      expect(frames[i + 1]?.dts ?? frame.dts + frame.durationTicks).toBe(frame.dts + frame.durationTicks);
    const { bytes, outputs } = repackage(recording, frameMs);
    const pipe = concatBytes([init, ...frames.map(({ data }) => data)]);
    expect(bytes.length).toBeGreaterThan(pipe.length);
    expect(countByMp4box(init, outputs)).toEqual([frames.length]);
    const file = judge(bytes, `${name}.mp4`);
    expect(file.errors).toBe("");
    // FFmpeg's reader moves every presentation time of a file with negative offsets by the most negative one.
    const shift = -Math.min(0, ...frames.map(({ ctsOffset }) => ctsOffset)) / info.timescale;
    const times = frames
      .map(({ dts, ctsOffset }) => (dts + ctsOffset) / info.timescale - EPOCH + 1 + shift)
      .sort((a, b) => a - b);
    expect(file.times).toHaveLength(times.length);
    for (const [i, time] of times.entries()) expect(Math.abs(time - (file.times[i] ?? 0))).toBeLessThan(2e-6);
  },
  30_000,
);

test("decoded packaged H.264 is bit-identical to decoded output of FFmpeg's own file", () => {
  const options = `${VIDEO("30")} -t 2 ${X264} -bf 2 -threads 1`;
  const recording = record(options);
  const { info, init, frames } = recording;
  expect(frames.some(({ ctsOffset }) => ctsOffset < 0)).toBe(true);
  const name = testTrackName("track");
  const tracks = [{ name, kind: info.kind, timescale: info.timescale, partTargetMs: 333.34 }];
  const packager = new Packager({ tracks, segmentTargetMs: 1000, targetDurationS: 1, startedAtMs: 0 });
  const outputs = packager.beginTimeline({ inits: new Map([[name, { info, bytes: init }]]), programOffsetMs: 0 });
  for (const frame of frames) outputs.push(...packager.push(name, frame));
  outputs.push(...packager.end());
  const own = execFileSync("ffmpeg", ["-v", "error", ...options.split(" "), ...FRAGMENTED], {
    maxBuffer: 1 << 28,
    stdio: STDIO,
  });
  const packaged = judge(concatBytes(outputs.map(({ bytes }) => bytes)), "packaged.mp4");
  expect(packaged.errors).toBe("");
  expect(packaged.decoded).toBe(judge(new Uint8Array(own), "own.mp4").decoded);
}, 30_000);

/** Two recordings as one muxed track: its init section and all parts. */
function mux(picture: Recording, sound: Recording): PackagerOutput[] {
  const [video, audio] = [testTrackName("video"), testTrackName("audio")];
  const tracks = [picture, sound].map(({ info: { kind, timescale } }) => ({
    name: kind === "video" ? video : audio,
    kind,
    timescale,
    partTargetMs: 333.34,
  }));
  const packager = new Packager({
    tracks,
    segmentTargetMs: 1000,
    targetDurationS: 1,
    startedAtMs: EPOCH * 1000,
    muxed: true,
  });
  const inits = new Map([picture, sound].map(({ info, init }, i) => [i === 0 ? video : audio, { info, bytes: init }]));
  const outputs = packager.beginTimeline({ inits, programOffsetMs: 0 });
  const arrivals = [picture, sound].flatMap(({ info, frames }) =>
    frames.map((frame) => ({ track: info.kind === "video" ? video : audio, frame, atS: frame.dts / info.timescale })),
  );
  for (const { track, frame } of arrivals.sort((a, b) => a.atS - b.atS)) outputs.push(...packager.push(track, frame));
  outputs.push(...packager.end());
  return outputs;
}

/** What FFmpeg decodes of the pictures in `bytes`: an MD5, and how many. */
function decodedPictures(bytes: Uint8Array): { md5: string; count: number } {
  const path = join(FOLDER, "pictures.mp4");
  writeFileSync(path, bytes);
  const run = (program: string, args: readonly string[]): string =>
    execFileSync(program, args, { encoding: "utf8", stdio: STDIO }).trim();
  const md5 = run("ffmpeg", ["-v", "error", "-i", path, "-map", "0:v", "-f", "md5", "-"]);
  const counting = [
    "-select_streams",
    "v",
    "-count_frames",
    "-show_entries",
    "stream=nb_read_frames",
    "-of",
    "csv=p=0",
  ];
  return { md5, count: Number(run("ffprobe", ["-v", "error", ...counting, path])) };
}

test("a muxed track has the same pictures and audio in FFmpeg and mp4box as two tracks, and packaging stays below 1 %", () => {
  const rate = "-b:v 2500k -minrate 2500k -maxrate 2500k -bufsize 2500k -nal-hrd cbr";
  const picture = record(`${VIDEO("30")} -t 3 ${X264} -bf 2 -threads 1 ${rate} -output_ts_offset ${EPOCH}`);
  const sound = record(`${SINE} -t 3 -c:a aac -b:a 128k -output_ts_offset ${EPOCH}`);
  const outputs = mux(picture, sound);
  const [init = new Uint8Array(0), ...parts] = outputs.map(({ bytes }) => bytes);
  // AAC's first frame lies before the first picture.
  const heard = sound.frames.slice(1);
  expect(countByMp4box(init, outputs)).toEqual([picture.frames.length, heard.length]);
  const whole = concatBytes([init, ...parts]);
  const file = judge(whole, "muxed.mp4");
  expect(file.errors).toBe("");
  expect(file.times).toHaveLength(picture.frames.length + heard.length);
  const alone = decodedPictures(repackage(picture, 1000 / 30).bytes);
  expect(alone.count).toBe(picture.frames.length);
  expect(decodedPictures(whole)).toEqual(alone);
  const media = [...picture.frames, ...heard].reduce((sum, { data }) => sum + data.length, 0);
  expect(concatBytes(parts).length / media - 1).toBeLessThan(0.01);

  const closing = outputs.find((output) => output.kind === "part" && output.meta.close !== undefined);
  const prefix = closing?.kind === "part" ? closing.meta.close?.iframeBytes : 0;
  const first = concatBytes([init, parts[0]?.subarray(0, prefix) ?? new Uint8Array(0)]);
  expect(decodedPictures(first).count).toBe(1);
}, 30_000);
