/** Odd sources: changes during the media, pictures of all kinds, and file names. */
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import {
  allChecks,
  hasAspectRatio,
  hasAvSync,
  hasBeepCount,
  hasBt709Tags,
  hasColor,
  hasDuration,
  hasFrameRate,
  hasNoCombing,
} from "./checks.ts";
import { flashAndBeepArgs, H264_ARGS, runFfmpeg } from "./ffmpeg-args.ts";
import { flashBeepFile, joinedTs, type OddSource, offsetArgs, SOURCE_KINDS, TS_ARGS } from "./odd-source.ts";

const portraitArgs = ["-f", "lavfi", "-i", "color=white:s=90x160:r=25:d=5"];
const landscapeArgs = ["-f", "lavfi", "-i", "color=white:s=160x90:r=25:d=5"];

/** Sources that change during the media. */
export const CHANGE_SOURCES: readonly OddSource[] = [
  {
    ...{ name: "turned to portrait", kind: SOURCE_KINDS.changes, quick: true },
    make: joinedTs([...landscapeArgs, ...H264_ARGS], [...portraitArgs, ...H264_ARGS, ...offsetArgs(5)]),
    pictureAt: 200,
    check: allChecks(hasDuration(10), hasAspectRatio(9 / 16)),
  },
  {
    ...{ name: "begun in portrait, turned to landscape", kind: SOURCE_KINDS.changes },
    make: joinedTs([...portraitArgs, ...H264_ARGS], [...landscapeArgs, ...H264_ARGS, ...offsetArgs(5)]),
    pictureAt: 200,
    check: allChecks(hasDuration(10), hasAspectRatio(16 / 9)),
  },
  {
    ...{ name: "from 16:9 to 4:3", kind: SOURCE_KINDS.changes },
    make: joinedTs(
      [...landscapeArgs, ...H264_ARGS],
      ["-f", "lavfi", "-i", "color=white:s=320x240:r=25:d=5", ...H264_ARGS, ...offsetArgs(5)],
    ),
    pictureAt: 200,
    check: allChecks(hasDuration(10), hasAspectRatio(4 / 3)),
  },
  {
    ...{ name: "from 25 to 30 pictures a second", kind: SOURCE_KINDS.changes },
    make: joinedTs(
      [...flashAndBeepArgs(), ...TS_ARGS],
      [...flashAndBeepArgs({ rate: "30" }), ...TS_ARGS, ...offsetArgs(6)],
    ),
    check: allChecks(hasDuration(12), hasAvSync),
  },
];

const stillImage =
  (name: string) =>
  (folder: string): string => {
    runFfmpeg(folder, "-f", "lavfi", "-i", "color=0x804020:s=320x180:d=1", "-frames:v", "1", name);
    return name;
  };

/** Odd shapes, colours and scans. */
export const PICTURE_SOURCES: readonly OddSource[] = [
  {
    ...{ name: "motion at 30 fps, then one picture a second", kind: SOURCE_KINDS.pictures, quick: true },
    make: (folder) => {
      const rare = ["-vf", "select='lt(t,4)+not(mod(n,30))'", "-fps_mode", "vfr"];
      runFfmpeg(folder, "-f", "lavfi", "-i", "testsrc2=s=160x90:r=30:d=16", ...rare, ...H264_ARGS, "vfr.mp4");
      return "vfr.mp4";
    },
    check: hasFrameRate(30),
  },
  {
    ...{ name: "pixels that are not square", kind: SOURCE_KINDS.pictures },
    make: (folder) => {
      runFfmpeg(
        folder,
        "-f",
        "lavfi",
        "-i",
        "color=white:s=180x144:r=25:d=3",
        "-vf",
        "setsar=64/45",
        ...H264_ARGS,
        "wide.mp4",
      );
      return "wide.mp4";
    },
    options: { ladder: "144p:200k" },
    check: allChecks(hasAspectRatio(16 / 9), (_, { width }) => [width !== 256 && `it is ${width} wide`]),
  },
  {
    ...{ name: "interlaced television", kind: SOURCE_KINDS.pictures },
    make: (folder) => {
      const fields = [
        "-vf",
        "tinterlace=interleave_top,fieldorder=tff",
        "-flags",
        "+ildct+ilme",
        "-c:v",
        "mpeg2video",
        "-b:v",
        "3M",
      ];
      runFfmpeg(folder, "-f", "lavfi", "-i", "testsrc2=s=352x288:r=50:d=4", ...fields, "-f", "mpegts", "tv.ts");
      return "tv.ts";
    },
    options: { ladder: "288p:600k" },
    check: allChecks(hasFrameRate(25), hasNoCombing),
  },
  {
    ...{ name: "RGB, as screens are captured", kind: SOURCE_KINDS.pictures, quick: true },
    make: (folder) => {
      runFfmpeg(
        folder,
        "-f",
        "lavfi",
        "-i",
        "color=red:s=1280x720:r=5:d=2",
        "-c:v",
        "libx264rgb",
        "-preset",
        "ultrafast",
        "rgb.mkv",
      );
      return "rgb.mkv";
    },
    check: allChecks(hasColor([63, 102, 240]), hasBt709Tags),
  },
  {
    ...{ name: "full range", kind: SOURCE_KINDS.pictures },
    make: (folder) => {
      runFfmpeg(
        folder,
        "-f",
        "lavfi",
        "-i",
        "color=white:s=320x180:r=10:d=2",
        "-pix_fmt",
        "yuvj420p",
        "-c:v",
        "mjpeg",
        "full.avi",
      );
      return "full.avi";
    },
    check: allChecks(hasColor([235, 128, 128]), hasBt709Tags),
  },
  {
    ...{ name: "BT.601 of standard definition", kind: SOURCE_KINDS.pictures },
    make: (folder) => {
      const red = ["-vf", "scale=out_color_matrix=bt601:out_range=tv,format=yuv420p"];
      runFfmpeg(
        folder,
        "-f",
        "lavfi",
        "-i",
        "color=red:s=320x180:r=10:d=2,format=gbrp",
        ...red,
        "-c:v",
        "libx264",
        "sd.mp4",
      );
      return "sd.mp4";
    },
    check: allChecks(hasColor([63, 102, 240]), hasBt709Tags),
  },
  {
    ...{ name: "HDR10", kind: SOURCE_KINDS.pictures },
    // 58 % and 75 % of the signal are 203 nits.
    make: (folder) => hdrFile(folder, "smpte2084", "0x949494", "hdr10.mp4"),
    check: allChecks(hasBt709Tags, hasColor([201, 128, 128])),
  },
  {
    ...{ name: "HLG", kind: SOURCE_KINDS.pictures },
    make: (folder) => hdrFile(folder, "arib-std-b67", "0xBFBFBF", "hlg.mp4"),
    check: allChecks(hasBt709Tags, hasColor([201, 128, 128])),
  },
  {
    ...{ name: "ten channels of a field recorder", kind: SOURCE_KINDS.pictures },
    make: (folder) => {
      const tone = Array.from({ length: 10 }, () => "0.3*sin(2*PI*400*t)*lt(mod(t\\,2)\\,0.1)").join("|");
      runFfmpeg(folder, "-f", "lavfi", "-i", `aevalsrc=exprs='${tone}':s=48000:d=6`, "ten.wav");
      return "ten.wav";
    },
    check: allChecks(hasDuration(6, "audio"), hasBeepCount(3)),
  },
  {
    ...{ name: "5.1 channels", kind: SOURCE_KINDS.pictures },
    make: flashBeepFile("surround.mkv", { layout: "5.1" }),
    check: hasAvSync,
  },
  {
    ...{ name: "a JPEG, held", kind: SOURCE_KINDS.pictures, quick: true, loop: true },
    make: stillImage("soon.jpg"),
    options: { untilS: 12 },
  },
  {
    ...{ name: "a PNG, held", kind: SOURCE_KINDS.pictures, loop: true },
    make: stillImage("soon.png"),
    options: { untilS: 12 },
  },
  {
    ...{ name: "a WebP, held", kind: SOURCE_KINDS.pictures, loop: true },
    make: stillImage("soon.webp"),
    options: { untilS: 12 },
  },
  {
    ...{ name: "an animated GIF, repeated", kind: SOURCE_KINDS.pictures, loop: true },
    make: (folder) => {
      runFfmpeg(folder, "-f", "lavfi", "-i", "testsrc2=s=160x90:r=10:d=1", "moving.gif");
      return "moving.gif";
    },
    options: { untilS: 15 },
    check: hasFrameRate(10),
  },
];

const ODD_FILE_NAMES = [
  "talk: part 1.mp4",
  "100% live %03d.mp4",
  "-dash.mp4",
  'it\'s "quoted".mp4',
  "a  b\tc.mp4",
  "ü 日本.mp4",
  "file:x.mp4",
  "[a],b;c.mp4",
];

/** Odd file names. */
export const NAME_SOURCES: readonly OddSource[] = ODD_FILE_NAMES.map(
  (name, i): OddSource => ({
    ...{ name: `a file called ${JSON.stringify(name)}`, kind: SOURCE_KINDS.names, ...(i === 0 ? { quick: true } : {}) },
    make: (folder) => {
      flashBeepFile("plain.mp4", { seconds: 4 })(folder);
      copyFileSync(join(folder, "plain.mp4"), join(folder, name));
      return name;
    },
    check: allChecks(hasAvSync, hasDuration(4)),
  }),
);

function hdrFile(folder: string, transfer: string, colour: string, name: string): string {
  const tags = ["-color_primaries", "bt2020", "-color_trc", transfer, "-colorspace", "bt2020nc", "-color_range", "tv"];
  const x265 = `log-level=error:colorprim=bt2020:transfer=${transfer}:colormatrix=bt2020nc`;
  const code = [
    "-pix_fmt",
    "yuv420p10le",
    "-c:v",
    "libx265",
    "-preset",
    "ultrafast",
    "-x265-params",
    x265,
    "-tag:v",
    "hvc1",
  ];
  runFfmpeg(folder, "-f", "lavfi", "-i", `color=${colour}:s=320x180:r=10:d=2`, ...code, ...tags, name);
  return name;
}
