import { expect, test } from "vitest";
import { chooseEncoder, type EncodeJob, encodeArgs, type Input, inputArgs, parseEncoders } from "./ffmpeg-args.ts";
import { DEFAULT_LADDER, parseLadderFlags, planRenditions, type SourceInfo } from "./ladder.ts";
import { PRESETS } from "./presets.ts";

const source: SourceInfo = {
  video: { width: 1280, height: 720, frameRate: { num: 30, den: 1 } },
  audio: { channels: 2, sampleRate: 48_000 },
  durationS: 12.5,
};
const job = (input: Input, more: Partial<EncodeJob> = {}): EncodeJob => ({
  input,
  source,
  renditions: planRenditions(more.source ?? source, DEFAULT_LADDER),
  preset: PRESETS.balanced,
  encoders: { h264: "libx264" },
  ...more,
});
const after = (args: readonly string[], flag: string): string[] =>
  args.flatMap((arg, index) => (arg === flag ? [args[index + 1] ?? ""] : []));

test("every track leaves on a pipe of its own, in the order of the renditions", () => {
  const args = encodeArgs(job({ kind: "file", url: "a.mp4", loop: false }));
  expect(args.filter((arg) => arg.startsWith("pipe:"))).toEqual(["pipe:3", "pipe:4", "pipe:5", "pipe:6"]);
  expect(after(args, "-map")).toEqual(["[v0]", "[v1]", "[v2]", "0:a:0"]);
});

test("files are read at their own speed and may repeat; live sources come as they come", () => {
  expect(inputArgs({ kind: "file", url: "a.mp4", loop: true })).toEqual(["-re", "-stream_loop", "-1", "-i", "a.mp4"]);
  const live = inputArgs({ kind: "live", url: "rtmp://host/app/key", listen: false });
  expect(live).not.toContain("-re");
  expect(live).toContain("-rw_timeout");
});

test("a probe of a file does not wait for its speed", () => {
  expect(inputArgs({ kind: "file", url: "a.mp4", loop: true }, true)).toEqual(["-i", "a.mp4"]);
});

test("listening for an encoder is said in the way of each protocol", () => {
  expect(inputArgs({ kind: "live", url: "rtmp://0.0.0.0/live/key", listen: true })).toContain("-listen");
  expect(inputArgs({ kind: "live", url: "srt://0.0.0.0:9000?latency=200", listen: true }).at(-1)).toBe(
    "srt://0.0.0.0:9000?latency=200&mode=listener",
  );
});

test("keyframes are forced at each segment in every video track, and nowhere else", () => {
  const args = encodeArgs(job({ kind: "file", url: "a.mp4", loop: false }));
  expect(after(args, "-force_key_frames")).toHaveLength(3);
  expect(new Set(after(args, "-g"))).toEqual(new Set(["60"]));
  expect(after(args, "-sc_threshold")).toEqual(["0", "0", "0"]);
});

test("sound that ends before the picture is filled up, except where the file repeats", () => {
  expect(after(encodeArgs(job({ kind: "file", url: "a.mp4", loop: false })), "-af")[0]).toContain(
    "apad=whole_dur=12.5",
  );
  expect(after(encodeArgs(job({ kind: "file", url: "a.mp4", loop: true })), "-af")[0]).not.toContain("apad");
});

test("a file is taken up where it was left", () => {
  const args = encodeArgs(job({ kind: "file", url: "a.mp4", loop: false }), 4);
  expect(args.indexOf("-ss")).toBeLessThan(args.indexOf("-i"));
  expect(after(args, "-ss")).toEqual(["4.000"]);
  expect(after(args, "-af")[0]).toContain("whole_dur=8.5");
});

test("the demo keeps its wall-clock timestamps and shows them, if there is a font", () => {
  const demo = { kind: "demo", font: "/fonts/mono.ttf", width: 1280, height: 720, frameRate: 30 } as const;
  const args = encodeArgs(job(demo));
  expect(args).toContain("-copyts");
  expect(args).not.toContain("-output_ts_offset");
  expect(after(args, "-filter_complex")[0]).toContain("drawtext=fontfile=/fonts/mono.ttf");
  expect(after(encodeArgs(job({ ...demo, font: null })), "-filter_complex")[0]).not.toContain("drawtext");
});

test("sources without picture get no filter graph, and sources without sound no audio output", () => {
  const sound = { ...source, video: null };
  const args = encodeArgs(job({ kind: "file", url: "a.mp3", loop: false }, { source: sound }));
  expect(args).not.toContain("-filter_complex");
  expect(after(args, "-map")).toEqual(["0:a:0"]);
  const silent = encodeArgs(job({ kind: "file", url: "a.mp4", loop: false }, { source: { ...source, audio: null } }));
  expect(silent).not.toContain("aac");
});

test("each codec is encoded by the encoder that the machine has", () => {
  const renditions = planRenditions(source, parseLadderFlags("720p:2M:hevc,480p:1M:av1,360p:500k"));
  const encoders = { hevc: "libx265", av1: "libaom-av1", h264: "libx264" };
  const args = encodeArgs(job({ kind: "file", url: "a.mp4", loop: false }, { renditions, encoders }));
  expect(after(args, "-c:v")).toEqual(["libx265", "libaom-av1", "libx264"]);
});

test("the machine's encoders are read from what FFmpeg lists", () => {
  const listed =
    " V..... = Video\n ------\n V....D libx264              libx264 H.264\n A....D aac                  AAC\n";
  const available = parseEncoders(listed);
  expect(chooseEncoder("h264", available)).toBe("libx264");
  expect(chooseEncoder("hevc", available)).toBeNull();
});
