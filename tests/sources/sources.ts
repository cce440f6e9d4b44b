/** Odd sources as people have them, by kind, and what must come of each. */
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  allChecks,
  hasAspectRatio,
  hasAvSync,
  hasBeepCount,
  hasBt709Tags,
  hasColor,
  hasDuration,
  hasFlashCount,
  hasFrameRate,
  hasNoCombing,
  type SourceCheck,
} from "./checks.ts";
import { beepTimesS } from "./decode-output.ts";
import {
  AAC_ARGS,
  beepArgs,
  concatenateFiles,
  type FlashBeepShape,
  flashAndBeepArgs,
  flashArgs,
  H264_ARGS,
  overwriteFlvNumber,
  runFfmpeg,
} from "./ffmpeg-args.ts";
import type { PackageSourceOptions } from "./package-source.ts";

/** One odd source. */
export interface OddSource {
  readonly name: string;
  /** What is odd about it. */
  readonly kind: string;
  /** Part of `npm test`; the others are aired by `npm run sources`. */
  readonly quick?: true;
  /** Makes the source in an empty folder; gives its file's name. */
  readonly make: (folder: string) => string;
  readonly options?: Omit<PackageSourceOptions, "input">;
  readonly loop?: true;
  /** What is wrong with what came out, beyond what must hold of every source. */
  readonly check?: SourceCheck;
  /** The picture whose shape is checked, counted from 0; the first without it. */
  readonly pictureAt?: number;
}

/** What is odd about sources. */
export const SOURCE_KINDS = {
  rate: "frame rate",
  sound: "sound's timeline",
  tracks: "tracks that end, pause, begin late or are empty",
  selection: "tracks that are not broadcast",
  changes: "changes on the way",
  pictures: "pictures as they are",
  names: "names",
} as const;

/** A file of flash and beep, as `name`. */
function flashBeepFile(name: string, shape: FlashBeepShape = {}, ...more: string[]): (folder: string) => string {
  return (folder) => {
    runFfmpeg(folder, ...flashAndBeepArgs(shape), ...H264_ARGS, ...AAC_ARGS, ...more, "-shortest", name);
    return name;
  };
}

/** Two files, one after the other in one file of MPEG-TS. */
function joinedTs(first: string[], second: string[]): (folder: string) => string {
  return (folder) => {
    runFfmpeg(folder, ...first, "-f", "mpegts", "first.ts");
    runFfmpeg(folder, ...second, "-f", "mpegts", "second.ts");
    concatenateFiles(folder, "joined.ts", ["first.ts", "second.ts"]);
    return "joined.ts";
  };
}

const TS = [...H264_ARGS, ...AAC_ARGS];
const offsetArgs = (seconds: number): string[] => ["-output_ts_offset", `${seconds}`];

const RATES: readonly OddSource[] = [
  {
    ...{ name: "29.97 fps for 50 s", kind: SOURCE_KINDS.rate, quick: true },
    make: flashBeepFile("ntsc.mp4", { rate: "30000/1001", seconds: 50 }),
    check: allChecks(hasFrameRate(30_000, 1001), hasAvSync, hasDuration(50)),
  },
  {
    ...{ name: "23.976 fps for 50 s", kind: SOURCE_KINDS.rate },
    make: flashBeepFile("film.mp4", { rate: "24000/1001", seconds: 50 }),
    check: allChecks(hasFrameRate(24_000, 1001), hasAvSync, hasDuration(50)),
  },
  {
    ...{ name: "31.25 fps, stamped in milliseconds", kind: SOURCE_KINDS.rate },
    make: flashBeepFile("odd.mkv", { rate: "125/4", seconds: 20 }),
    check: allChecks(hasFrameRate(125, 4), hasAvSync),
  },
  {
    ...{ name: "30 fps, stamped in milliseconds", kind: SOURCE_KINDS.rate },
    make: flashBeepFile("usual.flv", { rate: "30", seconds: 20, sampleRate: 44_100 }),
    check: allChecks(hasFrameRate(30), hasAvSync),
  },
  {
    ...{ name: "59.94 fps in segments of 1.7 s", kind: SOURCE_KINDS.rate, quick: true },
    make: flashBeepFile("fast.mp4", { rate: "60000/1001", seconds: 12 }),
    options: { segmentMs: 1700 },
    check: allChecks(hasFrameRate(60_000, 1001), hasAvSync),
  },
  {
    ...{ name: "25 fps in segments of half a second, muxed", kind: SOURCE_KINDS.rate },
    make: flashBeepFile("short.mp4", { seconds: 12 }),
    options: { segmentMs: 500, muxed: true },
    check: hasFrameRate(25),
  },
  {
    ...{ name: "240 fps", kind: SOURCE_KINDS.rate },
    make: flashBeepFile("slow-motion.mp4", { rate: "240", seconds: 6 }),
    check: allChecks(hasFrameRate(60), hasAvSync),
  },
  {
    ...{ name: "one picture a second", kind: SOURCE_KINDS.rate },
    make: (folder) => {
      runFfmpeg(
        folder,
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=160x90:r=1:d=20",
        ...beepArgs({ seconds: 20 }),
        ...H264_ARGS,
        ...AAC_ARGS,
        "slides.mp4",
      );
      return "slides.mp4";
    },
    check: allChecks(hasFrameRate(1), hasDuration(20)),
  },
];

const SOUND: readonly OddSource[] = [
  {
    ...{ name: "48 kHz, repeated", kind: SOURCE_KINDS.sound, quick: true, loop: true },
    make: flashBeepFile("loop.mp4", { seconds: 10 }),
    options: { untilS: 45 },
    check: allChecks(hasAvSync, (_, watched) => [
      beepTimesS(watched).length < 22 && `only ${beepTimesS(watched).length} beeps`,
    ]),
  },
  {
    ...{
      name: "44.1 kHz at 29.97 fps, repeated, the sound a little longer than the picture",
      kind: SOURCE_KINDS.sound,
      loop: true,
    },
    make: flashBeepFile("loop.mkv", { seconds: 6, rate: "30000/1001", sampleRate: 44_100 }),
    options: { untilS: 60 },
    check: hasAvSync,
  },
  {
    ...{ name: "a clip of 1.2 s, repeated", kind: SOURCE_KINDS.sound, loop: true },
    make: flashBeepFile("clip.mp4", { seconds: 1.2 }),
    options: { untilS: 30 },
    check: allChecks(hasAvSync, (_, watched) => [
      beepTimesS(watched).length < 24 && `only ${beepTimesS(watched).length} beeps`,
    ]),
  },
  {
    ...{ name: "sound that gains 2 ms a second", kind: SOURCE_KINDS.sound, quick: true },
    make: flashBeepFile("gains.mkv", { seconds: 60, drift: 1.002 }),
    check: hasAvSync,
  },
  {
    ...{ name: "sound that loses 1 ms a second", kind: SOURCE_KINDS.sound },
    make: flashBeepFile("loses.mkv", { seconds: 120, drift: 0.999 }),
    check: hasAvSync,
  },
  {
    ...{ name: "from 48 kHz stereo to 44.1 kHz mono", kind: SOURCE_KINDS.sound, quick: true },
    make: joinedTs(
      [...flashAndBeepArgs({ seconds: 6 }), ...TS],
      [...flashAndBeepArgs({ seconds: 6, sampleRate: 44_100, layout: "mono" }), ...TS, ...offsetArgs(6)],
    ),
    check: allChecks(hasAvSync, hasFlashCount(6)),
  },
  {
    ...{ name: "from 5.1 to stereo", kind: SOURCE_KINDS.sound },
    make: joinedTs(
      [...flashAndBeepArgs({ seconds: 6, layout: "5.1" }), ...TS],
      [...flashAndBeepArgs({ seconds: 6 }), ...TS, ...offsetArgs(6)],
    ),
    check: allChecks(hasAvSync, hasFlashCount(6)),
  },
];

const TRACKS: readonly OddSource[] = [
  {
    ...{ name: "no new picture for six seconds", kind: SOURCE_KINDS.tracks, quick: true },
    make: (folder) => {
      const hole = ["-vf", "select='not(between(t,3,8.9))'", "-fps_mode", "vfr"];
      runFfmpeg(folder, ...flashAndBeepArgs({ seconds: 14 }), ...hole, ...H264_ARGS, ...AAC_ARGS, "screen.mp4");
      return "screen.mp4";
    },
    check: allChecks(hasDuration(14), hasBeepCount(7)),
  },
  {
    ...{ name: "no sound for seven seconds", kind: SOURCE_KINDS.tracks },
    make: (folder) => {
      const hole = ["-af", "aselect='not(between(t,3,10))'"];
      runFfmpeg(folder, ...flashAndBeepArgs({ seconds: 14 }), ...hole, ...H264_ARGS, "-c:a", "pcm_s16le", "hole.mkv");
      return "hole.mkv";
    },
    check: allChecks(hasDuration(14), hasDuration(14, "audio"), hasFlashCount(7), (_, watched) => [
      beepTimesS(watched).some((at) => at > 14 && at < 20.9) && "there is sound in the hole",
    ]),
  },
  {
    ...{ name: "sound for longer than the picture", kind: SOURCE_KINDS.tracks, quick: true },
    make: (folder) => {
      runFfmpeg(folder, ...flashAndBeepArgs({ seconds: 4, soundSeconds: 14 }), ...H264_ARGS, ...AAC_ARGS, "longer.mp4");
      return "longer.mp4";
    },
    check: allChecks(hasDuration(14), hasBeepCount(7)),
  },
  {
    ...{ name: "a picture for longer than the sound", kind: SOURCE_KINDS.tracks },
    make: (folder) => {
      runFfmpeg(
        folder,
        ...flashAndBeepArgs({ seconds: 14, soundSeconds: 4 }),
        ...H264_ARGS,
        ...AAC_ARGS,
        "shorter.mp4",
      );
      return "shorter.mp4";
    },
    check: allChecks(hasDuration(14), hasDuration(14, "audio"), hasFlashCount(7)),
  },
  {
    ...{ name: "a sound track without a packet", kind: SOURCE_KINDS.tracks },
    make: (folder) => {
      const none = ["-af", "aselect=0"];
      runFfmpeg(folder, ...flashAndBeepArgs({ seconds: 8 }), ...none, ...H264_ARGS, "-c:a", "pcm_s16le", "empty.mkv");
      return "empty.mkv";
    },
    check: allChecks(hasDuration(8), hasFlashCount(4)),
  },
  {
    ...{ name: "a picture that begins five seconds after the sound", kind: SOURCE_KINDS.tracks },
    make: (folder) => {
      runFfmpeg(
        folder,
        ...beepArgs({ seconds: 12 }),
        "-itsoffset",
        "5",
        ...flashArgs({ seconds: 7 }),
        ...H264_ARGS,
        ...AAC_ARGS,
        "late.mkv",
      );
      return "late.mkv";
    },
    check: allChecks(hasDuration(12), hasBeepCount(6), hasColor([16, 128, 128])),
  },
  {
    ...{ name: "sound that begins five seconds after the picture", kind: SOURCE_KINDS.tracks },
    make: (folder) => {
      runFfmpeg(
        folder,
        ...flashArgs({ seconds: 12 }),
        "-itsoffset",
        "6",
        ...beepArgs({ seconds: 6 }),
        ...H264_ARGS,
        ...AAC_ARGS,
        "late.mkv",
      );
      return "late.mkv";
    },
    check: allChecks(hasDuration(12), hasFlashCount(6), hasBeepCount(3)),
  },
  {
    ...{ name: "a clock that jumps by an hour", kind: SOURCE_KINDS.tracks, quick: true },
    make: joinedTs([...flashAndBeepArgs(), ...TS], [...flashAndBeepArgs(), ...TS, ...offsetArgs(3600)]),
    check: allChecks(hasDuration(12), hasAvSync),
  },
  {
    ...{ name: "a clock that is set back by two minutes", kind: SOURCE_KINDS.tracks },
    make: joinedTs(
      [...flashAndBeepArgs(), ...TS, ...offsetArgs(300)],
      [...flashAndBeepArgs(), ...TS, ...offsetArgs(180)],
    ),
    check: allChecks(hasDuration(12), hasAvSync),
  },
  {
    ...{ name: "a clock that is set back by three seconds", kind: SOURCE_KINDS.tracks },
    make: joinedTs([...flashAndBeepArgs(), ...TS], [...flashAndBeepArgs(), ...TS, ...offsetArgs(3)]),
    check: allChecks(hasDuration(12), hasAvSync),
  },
  {
    ...{ name: "a hole of seven seconds in all tracks", kind: SOURCE_KINDS.tracks },
    make: joinedTs([...flashAndBeepArgs(), ...TS], [...flashAndBeepArgs(), ...TS, ...offsetArgs(13)]),
    check: hasDuration(19),
  },
  {
    ...{ name: "a header that says an hour", kind: SOURCE_KINDS.tracks },
    make: (folder) => {
      flashBeepFile("wrong.flv", { sampleRate: 44_100 })(folder);
      overwriteFlvNumber(folder, "wrong.flv", "duration", 3600);
      return "wrong.flv";
    },
    check: allChecks(hasDuration(6), hasAvSync),
  },
  {
    ...{ name: "a subtitle track of a minute", kind: SOURCE_KINDS.tracks },
    make: (folder) => {
      writeFileSync(
        join(folder, "a.srt"),
        "1\n00:00:01,000 --> 00:00:02,000\nA\n\n2\n00:00:50,000 --> 00:01:00,000\nB\n",
      );
      runFfmpeg(
        folder,
        ...flashAndBeepArgs(),
        "-i",
        "a.srt",
        "-map",
        "0",
        "-map",
        "1",
        "-map",
        "2",
        ...TS,
        "-c:s",
        "srt",
        "subtitled.mkv",
      );
      return "subtitled.mkv";
    },
    check: allChecks(hasDuration(6), hasAvSync),
  },
  {
    ...{ name: "transport packets that are damaged", kind: SOURCE_KINDS.tracks },
    make: (folder) => {
      runFfmpeg(
        folder,
        ...flashAndBeepArgs({ seconds: 20 }),
        ...TS,
        "-bsf:v",
        "noise=amount=200*gt(n\\,100)*lt(n\\,180)",
        "-f",
        "mpegts",
        "damaged.ts",
      );
      return "damaged.ts";
    },
    check: hasDuration(20),
  },
];

const SELECTION: readonly OddSource[] = [
  {
    ...{ name: "chapters", kind: SOURCE_KINDS.selection, quick: true },
    make: (folder) => {
      const chapter = (from: number, title: string): string =>
        `[CHAPTER]\nTIMEBASE=1/1\nSTART=${from}\nEND=${from + 3}\ntitle=${title}\n`;
      writeFileSync(join(folder, "chapters.txt"), `;FFMETADATA1\n${chapter(0, "One")}${chapter(3, "Two")}`);
      runFfmpeg(
        folder,
        ...flashAndBeepArgs(),
        "-i",
        "chapters.txt",
        "-map_metadata",
        "2",
        ...H264_ARGS,
        ...AAC_ARGS,
        "chapters.mp4",
      );
      return "chapters.mp4";
    },
    check: allChecks(hasAvSync, hasDuration(6)),
  },
  {
    ...{ name: "a cover before the film", kind: SOURCE_KINDS.selection },
    make: (folder) => {
      runFfmpeg(folder, "-f", "lavfi", "-i", "color=red:s=600x600:d=1", "-frames:v", "1", "cover.jpg");
      const maps = ["-map", "2", "-map", "0", "-map", "1", "-c:v:0", "copy", "-disposition:v:0", "attached_pic"];
      runFfmpeg(
        folder,
        ...flashAndBeepArgs(),
        "-i",
        "cover.jpg",
        ...maps,
        "-c:v:1",
        "libx264",
        ...AAC_ARGS,
        "cover.mp4",
      );
      return "cover.mp4";
    },
    check: allChecks(hasAvSync, hasDuration(6)),
  },
  {
    ...{ name: "a default sound track that is the second", kind: SOURCE_KINDS.selection },
    make: (folder) => {
      const silent = ["-f", "lavfi", "-i", "anullsrc=r=48000:cl=stereo"];
      const maps = ["-map", "0", "-map", "2", "-map", "1", "-disposition:a:0", "0", "-disposition:a:1", "default"];
      runFfmpeg(folder, ...flashAndBeepArgs(), ...silent, ...maps, ...TS, "-t", "6", "default.mkv");
      return "default.mkv";
    },
    check: hasAvSync,
  },
  {
    ...{ name: "a second sound track that is longer", kind: SOURCE_KINDS.selection },
    make: (folder) => {
      runFfmpeg(
        folder,
        ...flashAndBeepArgs(),
        ...beepArgs({ seconds: 40 }),
        "-map",
        "0",
        "-map",
        "1",
        "-map",
        "2",
        ...TS,
        "second.mp4",
      );
      return "second.mp4";
    },
    check: allChecks(hasDuration(6), hasAvSync),
  },
  {
    ...{ name: "two programs", kind: SOURCE_KINDS.selection },
    make: (folder) => {
      const small = [
        "-f",
        "lavfi",
        "-i",
        "color=red:s=96x54:r=25:d=6",
        "-f",
        "lavfi",
        "-i",
        "anullsrc=r=48000:cl=stereo",
      ];
      const programs = ["-program", "program_num=1:st=0:st=1", "-program", "program_num=2:st=2:st=3"];
      const maps = ["-map", "2", "-map", "3", "-map", "0", "-map", "1", "-t", "6"];
      runFfmpeg(folder, ...flashAndBeepArgs(), ...small, ...maps, ...TS, ...programs, "-f", "mpegts", "programs.ts");
      return "programs.ts";
    },
    check: hasAvSync,
  },
  {
    ...{ name: "music with a cover", kind: SOURCE_KINDS.selection },
    make: (folder) => {
      runFfmpeg(folder, "-f", "lavfi", "-i", "color=red:s=600x600:d=1", "-frames:v", "1", "cover.jpg");
      runFfmpeg(
        folder,
        ...beepArgs({ seconds: 8 }),
        "-i",
        "cover.jpg",
        "-map",
        "0",
        "-map",
        "1",
        "-c:v",
        "copy",
        ...AAC_ARGS,
        "-disposition:v:0",
        "attached_pic",
        "song.m4a",
      );
      return "song.m4a";
    },
    check: allChecks(hasBeepCount(4), hasDuration(8, "audio")),
  },
];

const portraitArgs = ["-f", "lavfi", "-i", "color=white:s=90x160:r=25:d=5"];
const landscapeArgs = ["-f", "lavfi", "-i", "color=white:s=160x90:r=25:d=5"];

const CHANGES: readonly OddSource[] = [
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
    make: joinedTs([...flashAndBeepArgs(), ...TS], [...flashAndBeepArgs({ rate: "30" }), ...TS, ...offsetArgs(6)]),
    check: allChecks(hasDuration(12), hasAvSync),
  },
];

const stillImage =
  (name: string) =>
  (folder: string): string => {
    runFfmpeg(folder, "-f", "lavfi", "-i", "color=0x804020:s=320x180:d=1", "-frames:v", "1", name);
    return name;
  };

const PICTURES: readonly OddSource[] = [
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

const NAMES: readonly OddSource[] = ODD_FILE_NAMES.map(
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

/** All of them. */
export const ODD_SOURCES: readonly OddSource[] = [
  ...[...RATES, ...SOUND, ...TRACKS, ...SELECTION, ...CHANGES, ...PICTURES, ...NAMES],
];
