import { expect, test } from "vitest";
import { testSourceInfo } from "../testing/source-info.ts";
import { type DecodeJob, decodeArgs, demoSource, jobTracks } from "./decode-args.ts";
import type { SourceInput } from "./input.ts";

const args = (of: DecodeJob): string[] => decodeArgs(of, ["/tmp/a.sock", "/tmp/b.sock"]);
const after = (args: readonly string[], flag: string): string[] =>
  args.flatMap((arg, index) => (arg === flag ? [args[index + 1] ?? ""] : []));
const job = (input: SourceInput, more: Partial<DecodeJob> = {}): DecodeJob => {
  const { video, audio } = testSourceInfo(1280, 720);
  const canvas = { width: 640, height: 360 };
  return {
    ...{ input, video, audio, canvas, mayJump: false, resumeS: 0, startMs: 1_760_000_000_250, canToneMap: true },
    ...more,
  };
};
const file = { kind: "file", url: "a.mp4", loop: false } as const;
const filters = (more: Partial<DecodeJob>): string => after(args(job(file, more)), "-vf")[0] ?? "";
const picture = testSourceInfo(1280, 720).video ?? expect.fail();

test("selected tracks have one socket each, video first, with the source's timestamps", () => {
  const words = args(job(file));
  expect(after(words, "-map")).toEqual(["0:0?", "0:1?"]);
  expect(words.filter((word) => word.startsWith("unix:"))).toEqual(["unix:/tmp/a.sock", "unix:/tmp/b.sock"]);
  expect(words).toContain("-copyts");
  expect(after(words, "-vf")[0]).toContain("file='pipe\\:3'");
  expect(after(words, "-af")[0]).toContain("file='pipe\\:4'");
  expect(after(words, "-map_chapters")).toEqual(["-1", "-1"]);
  expect(jobTracks(job(file))).toEqual(["video", "audio"]);
});

test("a single track has the first socket", () => {
  const words = args(job(file, { video: null, canvas: null }));
  expect(words.filter((word) => word.startsWith("unix:"))).toEqual(["unix:/tmp/a.sock"]);
  expect(after(words, "-map")).toEqual(["0:1?"]);
});

test("missing timestamps of a recorded transmission are counted by the decoder only for audio alone", () => {
  const flags = (more: Partial<DecodeJob>): string[] => after(args(job(file, more)), "-fflags");
  const alone = { video: null, canvas: null };
  expect(flags({ ...alone, mayJump: true })).toEqual(["+nofillin"]);
  expect(flags({ ...alone, mayJump: true, resumeS: 4 })).toEqual([]);
  expect(flags(alone)).toEqual([]);
  expect(flags({ mayJump: true })).toEqual([]);
});

test("a file is resumed at its last position", () => {
  const words = args(job(file, { resumeS: 4 }));
  expect(words.indexOf("-ss")).toBeLessThan(words.indexOf("-i"));
  expect(after(words, "-ss")).toEqual(["4.000"]);
});

test("any picture is scaled into the canvas with bars", () => {
  expect(filters({})).toMatch(/scale=w=2\*floor.*640.*pad=640:360:\(ow-iw\)\/2:\(oh-ih\)\/2/);
});

test("interlaced pictures are deinterlaced, and others are unchanged", () => {
  expect(filters({ video: { ...picture, isInterlaced: true } })).toMatch(/^bwdif/);
  expect(filters({})).not.toContain("bwdif");
});

test("colours are converted to BT.709, and unknown colour coding is inferred from the picture's size", () => {
  expect(filters({})).toContain("out_color_matrix=bt709");
  expect(filters({})).not.toContain("in_color_matrix");
  expect(filters({ video: { ...picture, hasMatrix: false } })).toContain("in_color_matrix=bt709");
  expect(filters({ video: { ...picture, hasMatrix: false, height: 576 } })).toContain("in_color_matrix=bt601");
});

test("high dynamic range is tone-mapped where FFmpeg can", () => {
  expect(filters({ video: { ...picture, transfer: "pq" } })).toContain("tin=smpte2084");
  expect(filters({ video: { ...picture, transfer: "hlg" } })).toContain("tin=arib-std-b67");
  expect(filters({ video: { ...picture, transfer: "pq" }, canToneMap: false })).not.toContain("zscale");
});

test("of more than the known channel layouts, the first two channels are used", () => {
  const sound = testSourceInfo(2, 2).audio ?? expect.fail();
  expect(after(args(job(file, { audio: { ...sound, channels: 10 } })), "-af")[0]).toMatch(/^pan=stereo/);
  expect(after(args(job(file, { audio: { ...sound, channels: 6 } })), "-af")[0]).not.toContain("pan");
});

test("the test card has the canvas's size", () => {
  const demo = { kind: "demo", film: null, font: null, width: 1280, height: 720, frameRate: 30 } as const;
  expect(after(args(job(demo, { audio: null })), "-i")).toEqual(["testsrc2=s=640x360:r=30"]);
});

test("the test card shows the wall clock of its start, if a font is available", () => {
  const demo = { kind: "demo", film: null, font: "/fonts/mono.ttf", width: 1280, height: 720, frameRate: 30 } as const;
  const { video } = demoSource(demo);
  const words = args(job(demo, { video, audio: null }));
  expect(after(words, "-vf")[0]).toMatch(
    /setpts=PTS\+0\.25\/TB,drawtext=fontfile=\/fonts\/mono\.ttf.*gmtime\\:1760000000/,
  );
  expect(after(args(job({ ...demo, font: null }, { video })), "-vf")[0]).not.toContain("drawtext");
  expect(after(args(job(demo, { video: null, canvas: null })), "-i")[0]).toMatch(/^aevalsrc.*mod\(t\+0\.25/);
});
