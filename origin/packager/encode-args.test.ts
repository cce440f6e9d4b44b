import { expect, test } from "vitest";
import { KeyframeSchedule } from "../../core/media/cmaf/keyframes.ts";
import { parseDecodable } from "../ingest/decode-args.ts";
import { testSourceInfo } from "../testing/source-info.ts";
import { encodeAudioArgs, encodeVideoArgs, parseEncoders } from "./encode-args.ts";
import { softwareEncoder } from "./encoder-families.ts";
import {
  type AudioRendition,
  DEFAULT_LADDER,
  parseLadderFlags,
  planRenditions,
  type VideoRendition,
} from "./ladder.ts";
import { PRESETS } from "./presets.ts";

const after = (args: readonly string[], flag: string): string[] =>
  args.flatMap((arg, index) => (arg === flag ? [args[index + 1] ?? ""] : []));
const renditions = planRenditions(testSourceInfo(1280, 720), DEFAULT_LADDER);
const videos = renditions.filter((each): each is VideoRendition => each.kind === "video");
const audio = renditions.find((each): each is AudioRendition => each.kind === "audio");
const schedule = new KeyframeSchedule({ num: 30, den: 1 }, 2000);
const args = encodeVideoArgs(videos, { width: 1280, height: 720 }, schedule, PRESETS.balanced, { h264: "libx264" });

test("each rendition has its own pipe, in order", () => {
  expect(args.filter((arg) => /^pipe:[3-9]/.test(arg))).toEqual(["pipe:3", "pipe:4", "pipe:5"]);
  expect(after(args, "-map")).toEqual(["[v0]", "[v1]", "[v2]"]);
  expect(encodeAudioArgs(audio ?? expect.fail()).at(-1)).toBe("pipe:3");
});

test("keyframes are forced at the scheduled times in every rendition, and nowhere else", () => {
  expect(after(args, "-force_key_frames")).toEqual(Array.from({ length: 3 }, () => schedule.ffmpegExpression));
  expect(new Set(after(args, "-g"))).toEqual(new Set(["61"]));
  expect(after(args, "-sc_threshold")).toEqual(["0", "0", "0"]);
});

test("raw media is read without probing, and none of it is lost", () => {
  expect(after(args, "-probesize")).toEqual(["32"]);
  expect(args).not.toContain("+nobuffer");
});

test("a rendition of the canvas's size is not scaled, and all are tagged with their colour space", () => {
  const [graph] = after(args, "-filter_complex");
  expect(graph?.match(/scale=/g)).toHaveLength(2);
  expect(graph).toContain("colorspace=bt709");
});

test("each codec uses the machine's best encoder", () => {
  const mixed = planRenditions(testSourceInfo(1280, 720), parseLadderFlags("720p:2M:hevc,480p:1M:av1,360p:500k"));
  const encoders = { hevc: "libx265", av1: "libaom-av1", h264: "libx264" };
  const pictures = mixed.filter((each): each is VideoRendition => each.kind === "video");
  const words = encodeVideoArgs(pictures, { width: 1280, height: 720 }, schedule, PRESETS.balanced, encoders);
  expect(after(words, "-c:v")).toEqual(["libx265", "libaom-av1", "libx264"]);
});

const hardwareArgs = (id: string, ladder = "720p:2M,360p:500k"): string[] => {
  const pictures = planRenditions(testSourceInfo(1280, 720), parseLadderFlags(ladder)).filter(
    (each): each is VideoRendition => each.kind === "video",
  );
  const codec = pictures[0]?.codec ?? "h264";
  return encodeVideoArgs(pictures, { width: 1280, height: 720 }, schedule, PRESETS.balanced, { [codec]: id });
};

test("every encoder gets the schedule's keyframes, hardware with rare ones of its own, and no B-frames", () => {
  for (const id of ["h264_nvenc", "h264_qsv", "h264_qsv+low_power", "h264_vaapi", "h264_videotoolbox"]) {
    const words = hardwareArgs(id);
    expect(after(words, "-force_key_frames"), id).toEqual([schedule.ffmpegExpression, schedule.ffmpegExpression]);
    expect(after(words, "-g"), id).toEqual(["601", "601"]);
    expect(after(words, "-bf"), id).toEqual(["0", "0"]);
    expect(after(words, "-c:v"), id).toEqual([id.replace("+low_power", ""), id.replace("+low_power", "")]);
  }
});

test("each hardware family has its options for low delay", () => {
  const nvenc = hardwareArgs("h264_nvenc", "720p:2M").join(" ");
  expect(nvenc).toContain("-preset p4 -tune ull -zerolatency 1 -delay 0 -rc cbr -bf 0 -forced-idr 1");
  expect(hardwareArgs("h264_videotoolbox", "720p:2M").join(" ")).toContain("-realtime 1 -prio_speed 1");
  const qsv = hardwareArgs("h264_qsv+low_power", "720p:2M").join(" ");
  expect(qsv).toContain("-async_depth 1 -bf 0 -forced_idr 1 -low_power 1");
  expect(hardwareArgs("h264_qsv").join(" ")).not.toContain("low_power");
  expect(hardwareArgs("hevc_nvenc", "720p:2M:hevc")).toContain("hvc1");
});

test("VAAPI gets a device and uploads each scaled picture; QSV gets its pixel format; others neither", () => {
  const vaapi = hardwareArgs("h264_vaapi");
  expect(vaapi.indexOf("-init_hw_device")).toBeLessThan(vaapi.indexOf("-i"));
  expect(after(vaapi, "-filter_complex")[0]?.match(/setsar=1,format=nv12,hwupload\[v\d\]/g)).toHaveLength(2);
  expect(after(hardwareArgs("h264_qsv"), "-filter_complex")[0]?.match(/setsar=1,format=nv12\[v/g)).toHaveLength(2);
  expect(after(args, "-filter_complex")[0]).not.toContain("format=");
  expect(args).not.toContain("-init_hw_device");
});

test("SVT-AV1 has its frame rate, low-delay prediction and a constant rate without a maximum", () => {
  const words = hardwareArgs("libsvtav1", "720p:2M:av1");
  expect(after(words, "-svtav1-params")).toEqual(["pred-struct=1:rc=2:scd=0:lookahead=0:fps-num=30:fps-denom=1"]);
  expect(words).not.toContain("-maxrate");
  expect(Number(after(words, "-preset")[0])).toBeGreaterThanOrEqual(10);
});

test("the machine's encoders and decoders are parsed from FFmpeg's lists", () => {
  const listed =
    " V..... = Video\n ------\n V....D libx264              libx264 H.264\n A....D aac                  AAC\n";
  const available = parseEncoders(listed);
  expect(softwareEncoder("h264", available)).toBe("libx264");
  expect(softwareEncoder("hevc", available)).toBeNull();
  const codecs =
    " D..... = Decoding supported\n ------\n DEV.LS h264                 H.264\n ..A.L. ac4                  AC-4\n";
  expect([...parseDecodable(codecs)]).toContain("h264");
  expect([...parseDecodable(codecs)]).not.toContain("ac4");
});
