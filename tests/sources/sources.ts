/** Odd sources as people have them, by kind, and what must come of each. */
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AirOptions } from "./air.ts";
import {
  all,
  beepsAre,
  type Check,
  colourIs,
  flashesAre,
  hasNoCombs,
  inStep,
  lasts,
  rateIs,
  shaped,
  tagged,
} from "./checks.ts";
import { beeps } from "./judge.ts";
import { AAC, beep, concatenate, ffmpeg, flash, flashAndBeep, H264, lieInFlv, type Shape } from "./make.ts";

/** One odd source. */
export interface OddSource {
  readonly name: string;
  /** What is odd about it. */
  readonly kind: string;
  /** Part of `npm test`; the others are aired by `npm run sources`. */
  readonly quick?: true;
  /** Makes the source in an empty folder; gives its file's name. */
  readonly make: (folder: string) => string;
  readonly air?: Omit<AirOptions, "input">;
  readonly loop?: true;
  /** What is wrong with what came out, beyond what must hold of every source. */
  readonly check?: Check;
  /** The picture whose shape is checked, counted from 0; the first without it. */
  readonly pictureAt?: number;
}

/** What is odd about sources. */
export const KINDS = {
  rate: "frame rate",
  sound: "sound's timeline",
  tracks: "tracks that end, pause, begin late or are empty",
  selection: "tracks that are not broadcast",
  changes: "changes on the way",
  pictures: "pictures as they are",
  names: "names",
} as const;

/** A file of flash and beep, as `name`. */
function plain(name: string, shape: Shape = {}, ...more: string[]): (folder: string) => string {
  return (folder) => {
    ffmpeg(folder, ...flashAndBeep(shape), ...H264, ...AAC, ...more, "-shortest", name);
    return name;
  };
}

/** Two files, one after the other in one file of MPEG-TS. */
function joined(first: string[], second: string[]): (folder: string) => string {
  return (folder) => {
    ffmpeg(folder, ...first, "-f", "mpegts", "first.ts");
    ffmpeg(folder, ...second, "-f", "mpegts", "second.ts");
    concatenate(folder, "joined.ts", ["first.ts", "second.ts"]);
    return "joined.ts";
  };
}

const TS = [...H264, ...AAC];
const later = (seconds: number): string[] => ["-output_ts_offset", `${seconds}`];

const RATES: readonly OddSource[] = [
  {
    ...{ name: "29.97 fps for 50 s", kind: KINDS.rate, quick: true },
    make: plain("ntsc.mp4", { rate: "30000/1001", seconds: 50 }),
    check: all(rateIs(30_000, 1001), inStep, lasts(50)),
  },
  {
    ...{ name: "23.976 fps for 50 s", kind: KINDS.rate },
    make: plain("film.mp4", { rate: "24000/1001", seconds: 50 }),
    check: all(rateIs(24_000, 1001), inStep, lasts(50)),
  },
  {
    ...{ name: "31.25 fps, stamped in milliseconds", kind: KINDS.rate },
    make: plain("odd.mkv", { rate: "125/4", seconds: 20 }),
    check: all(rateIs(125, 4), inStep),
  },
  {
    ...{ name: "30 fps, stamped in milliseconds", kind: KINDS.rate },
    make: plain("usual.flv", { rate: "30", seconds: 20, sampleRate: 44_100 }),
    check: all(rateIs(30), inStep),
  },
  {
    ...{ name: "59.94 fps in segments of 1.7 s", kind: KINDS.rate, quick: true },
    make: plain("fast.mp4", { rate: "60000/1001", seconds: 12 }),
    air: { segmentMs: 1700 },
    check: all(rateIs(60_000, 1001), inStep),
  },
  {
    ...{ name: "25 fps in segments of half a second, muxed", kind: KINDS.rate },
    make: plain("short.mp4", { seconds: 12 }),
    air: { segmentMs: 500, muxed: true },
    check: rateIs(25),
  },
  {
    ...{ name: "240 fps", kind: KINDS.rate },
    make: plain("slow-motion.mp4", { rate: "240", seconds: 6 }),
    check: all(rateIs(60), inStep),
  },
  {
    ...{ name: "one picture a second", kind: KINDS.rate },
    make: (folder) => {
      ffmpeg(
        folder,
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=160x90:r=1:d=20",
        ...beep({ seconds: 20 }),
        ...H264,
        ...AAC,
        "slides.mp4",
      );
      return "slides.mp4";
    },
    check: all(rateIs(1), lasts(20)),
  },
];

const SOUND: readonly OddSource[] = [
  {
    ...{ name: "48 kHz, repeated", kind: KINDS.sound, quick: true, loop: true },
    make: plain("loop.mp4", { seconds: 10 }),
    air: { untilS: 45 },
    check: all(inStep, (_, watched) => [beeps(watched).length < 22 && `only ${beeps(watched).length} beeps`]),
  },
  {
    ...{
      name: "44.1 kHz at 29.97 fps, repeated, the sound a little longer than the picture",
      kind: KINDS.sound,
      loop: true,
    },
    make: plain("loop.mkv", { seconds: 6, rate: "30000/1001", sampleRate: 44_100 }),
    air: { untilS: 60 },
    check: inStep,
  },
  {
    ...{ name: "a clip of 1.2 s, repeated", kind: KINDS.sound, loop: true },
    make: plain("clip.mp4", { seconds: 1.2 }),
    air: { untilS: 30 },
    check: all(inStep, (_, watched) => [beeps(watched).length < 24 && `only ${beeps(watched).length} beeps`]),
  },
  {
    ...{ name: "sound that gains 2 ms a second", kind: KINDS.sound, quick: true },
    make: plain("gains.mkv", { seconds: 60, drift: 1.002 }),
    check: inStep,
  },
  {
    ...{ name: "sound that loses 1 ms a second", kind: KINDS.sound },
    make: plain("loses.mkv", { seconds: 120, drift: 0.999 }),
    check: inStep,
  },
  {
    ...{ name: "from 48 kHz stereo to 44.1 kHz mono", kind: KINDS.sound, quick: true },
    make: joined(
      [...flashAndBeep({ seconds: 6 }), ...TS],
      [...flashAndBeep({ seconds: 6, sampleRate: 44_100, layout: "mono" }), ...TS, ...later(6)],
    ),
    check: all(inStep, flashesAre(6)),
  },
  {
    ...{ name: "from 5.1 to stereo", kind: KINDS.sound },
    make: joined(
      [...flashAndBeep({ seconds: 6, layout: "5.1" }), ...TS],
      [...flashAndBeep({ seconds: 6 }), ...TS, ...later(6)],
    ),
    check: all(inStep, flashesAre(6)),
  },
];

const TRACKS: readonly OddSource[] = [
  {
    ...{ name: "no new picture for six seconds", kind: KINDS.tracks, quick: true },
    make: (folder) => {
      const hole = ["-vf", "select='not(between(t,3,8.9))'", "-fps_mode", "vfr"];
      ffmpeg(folder, ...flashAndBeep({ seconds: 14 }), ...hole, ...H264, ...AAC, "screen.mp4");
      return "screen.mp4";
    },
    check: all(lasts(14), beepsAre(7)),
  },
  {
    ...{ name: "no sound for seven seconds", kind: KINDS.tracks },
    make: (folder) => {
      const hole = ["-af", "aselect='not(between(t,3,10))'"];
      ffmpeg(folder, ...flashAndBeep({ seconds: 14 }), ...hole, ...H264, "-c:a", "pcm_s16le", "hole.mkv");
      return "hole.mkv";
    },
    check: all(lasts(14), lasts(14, "audio"), flashesAre(7), (_, watched) => [
      beeps(watched).some((at) => at > 14 && at < 20.9) && "there is sound in the hole",
    ]),
  },
  {
    ...{ name: "sound for longer than the picture", kind: KINDS.tracks, quick: true },
    make: (folder) => {
      ffmpeg(folder, ...flashAndBeep({ seconds: 4, soundSeconds: 14 }), ...H264, ...AAC, "longer.mp4");
      return "longer.mp4";
    },
    check: all(lasts(14), beepsAre(7)),
  },
  {
    ...{ name: "a picture for longer than the sound", kind: KINDS.tracks },
    make: (folder) => {
      ffmpeg(folder, ...flashAndBeep({ seconds: 14, soundSeconds: 4 }), ...H264, ...AAC, "shorter.mp4");
      return "shorter.mp4";
    },
    check: all(lasts(14), lasts(14, "audio"), flashesAre(7)),
  },
  {
    ...{ name: "a sound track without a packet", kind: KINDS.tracks },
    make: (folder) => {
      const none = ["-af", "aselect=0"];
      ffmpeg(folder, ...flashAndBeep({ seconds: 8 }), ...none, ...H264, "-c:a", "pcm_s16le", "empty.mkv");
      return "empty.mkv";
    },
    check: all(lasts(8), flashesAre(4)),
  },
  {
    ...{ name: "a picture that begins five seconds after the sound", kind: KINDS.tracks },
    make: (folder) => {
      ffmpeg(
        folder,
        ...beep({ seconds: 12 }),
        "-itsoffset",
        "5",
        ...flash({ seconds: 7 }),
        ...H264,
        ...AAC,
        "late.mkv",
      );
      return "late.mkv";
    },
    check: all(lasts(12), beepsAre(6), colourIs([16, 128, 128])),
  },
  {
    ...{ name: "sound that begins five seconds after the picture", kind: KINDS.tracks },
    make: (folder) => {
      ffmpeg(
        folder,
        ...flash({ seconds: 12 }),
        "-itsoffset",
        "6",
        ...beep({ seconds: 6 }),
        ...H264,
        ...AAC,
        "late.mkv",
      );
      return "late.mkv";
    },
    check: all(lasts(12), flashesAre(6), beepsAre(3)),
  },
  {
    ...{ name: "a clock that jumps by an hour", kind: KINDS.tracks, quick: true },
    make: joined([...flashAndBeep(), ...TS], [...flashAndBeep(), ...TS, ...later(3600)]),
    check: all(lasts(12), inStep),
  },
  {
    ...{ name: "a clock that is set back by two minutes", kind: KINDS.tracks },
    make: joined([...flashAndBeep(), ...TS, ...later(300)], [...flashAndBeep(), ...TS, ...later(180)]),
    check: all(lasts(12), inStep),
  },
  {
    ...{ name: "a clock that is set back by three seconds", kind: KINDS.tracks },
    make: joined([...flashAndBeep(), ...TS], [...flashAndBeep(), ...TS, ...later(3)]),
    check: all(lasts(12), inStep),
  },
  {
    ...{ name: "a hole of seven seconds in all tracks", kind: KINDS.tracks },
    make: joined([...flashAndBeep(), ...TS], [...flashAndBeep(), ...TS, ...later(13)]),
    check: lasts(19),
  },
  {
    ...{ name: "a header that says an hour", kind: KINDS.tracks },
    make: (folder) => {
      plain("wrong.flv", { sampleRate: 44_100 })(folder);
      lieInFlv(folder, "wrong.flv", "duration", 3600);
      return "wrong.flv";
    },
    check: all(lasts(6), inStep),
  },
  {
    ...{ name: "a subtitle track of a minute", kind: KINDS.tracks },
    make: (folder) => {
      writeFileSync(
        join(folder, "a.srt"),
        "1\n00:00:01,000 --> 00:00:02,000\nA\n\n2\n00:00:50,000 --> 00:01:00,000\nB\n",
      );
      ffmpeg(
        folder,
        ...flashAndBeep(),
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
    check: all(lasts(6), inStep),
  },
  {
    ...{ name: "transport packets that are damaged", kind: KINDS.tracks },
    make: (folder) => {
      ffmpeg(
        folder,
        ...flashAndBeep({ seconds: 20 }),
        ...TS,
        "-bsf:v",
        "noise=amount=200*gt(n\\,100)*lt(n\\,180)",
        "-f",
        "mpegts",
        "damaged.ts",
      );
      return "damaged.ts";
    },
    check: lasts(20),
  },
];

const SELECTION: readonly OddSource[] = [
  {
    ...{ name: "chapters", kind: KINDS.selection, quick: true },
    make: (folder) => {
      const chapter = (from: number, title: string): string =>
        `[CHAPTER]\nTIMEBASE=1/1\nSTART=${from}\nEND=${from + 3}\ntitle=${title}\n`;
      writeFileSync(join(folder, "chapters.txt"), `;FFMETADATA1\n${chapter(0, "One")}${chapter(3, "Two")}`);
      ffmpeg(folder, ...flashAndBeep(), "-i", "chapters.txt", "-map_metadata", "2", ...H264, ...AAC, "chapters.mp4");
      return "chapters.mp4";
    },
    check: all(inStep, lasts(6)),
  },
  {
    ...{ name: "a cover before the film", kind: KINDS.selection },
    make: (folder) => {
      ffmpeg(folder, "-f", "lavfi", "-i", "color=red:s=600x600:d=1", "-frames:v", "1", "cover.jpg");
      const maps = ["-map", "2", "-map", "0", "-map", "1", "-c:v:0", "copy", "-disposition:v:0", "attached_pic"];
      ffmpeg(folder, ...flashAndBeep(), "-i", "cover.jpg", ...maps, "-c:v:1", "libx264", ...AAC, "cover.mp4");
      return "cover.mp4";
    },
    check: all(inStep, lasts(6)),
  },
  {
    ...{ name: "a default sound track that is the second", kind: KINDS.selection },
    make: (folder) => {
      const silent = ["-f", "lavfi", "-i", "anullsrc=r=48000:cl=stereo"];
      const maps = ["-map", "0", "-map", "2", "-map", "1", "-disposition:a:0", "0", "-disposition:a:1", "default"];
      ffmpeg(folder, ...flashAndBeep(), ...silent, ...maps, ...TS, "-t", "6", "default.mkv");
      return "default.mkv";
    },
    check: inStep,
  },
  {
    ...{ name: "a second sound track that is longer", kind: KINDS.selection },
    make: (folder) => {
      ffmpeg(
        folder,
        ...flashAndBeep(),
        ...beep({ seconds: 40 }),
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
    check: all(lasts(6), inStep),
  },
  {
    ...{ name: "two programs", kind: KINDS.selection },
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
      ffmpeg(folder, ...flashAndBeep(), ...small, ...maps, ...TS, ...programs, "-f", "mpegts", "programs.ts");
      return "programs.ts";
    },
    check: inStep,
  },
  {
    ...{ name: "music with a cover", kind: KINDS.selection },
    make: (folder) => {
      ffmpeg(folder, "-f", "lavfi", "-i", "color=red:s=600x600:d=1", "-frames:v", "1", "cover.jpg");
      ffmpeg(
        folder,
        ...beep({ seconds: 8 }),
        "-i",
        "cover.jpg",
        "-map",
        "0",
        "-map",
        "1",
        "-c:v",
        "copy",
        ...AAC,
        "-disposition:v:0",
        "attached_pic",
        "song.m4a",
      );
      return "song.m4a";
    },
    check: all(beepsAre(4), lasts(8, "audio")),
  },
];

const upright = ["-f", "lavfi", "-i", "color=white:s=90x160:r=25:d=5"];
const level = ["-f", "lavfi", "-i", "color=white:s=160x90:r=25:d=5"];

const CHANGES: readonly OddSource[] = [
  {
    ...{ name: "turned to portrait", kind: KINDS.changes, quick: true },
    make: joined([...level, ...H264], [...upright, ...H264, ...later(5)]),
    pictureAt: 200,
    check: all(lasts(10), shaped(9 / 16)),
  },
  {
    ...{ name: "begun in portrait, turned to landscape", kind: KINDS.changes },
    make: joined([...upright, ...H264], [...level, ...H264, ...later(5)]),
    pictureAt: 200,
    check: all(lasts(10), shaped(16 / 9)),
  },
  {
    ...{ name: "from 16:9 to 4:3", kind: KINDS.changes },
    make: joined([...level, ...H264], ["-f", "lavfi", "-i", "color=white:s=320x240:r=25:d=5", ...H264, ...later(5)]),
    pictureAt: 200,
    check: all(lasts(10), shaped(4 / 3)),
  },
  {
    ...{ name: "from 25 to 30 pictures a second", kind: KINDS.changes },
    make: joined([...flashAndBeep(), ...TS], [...flashAndBeep({ rate: "30" }), ...TS, ...later(6)]),
    check: all(lasts(12), inStep),
  },
];

const still =
  (name: string) =>
  (folder: string): string => {
    ffmpeg(folder, "-f", "lavfi", "-i", "color=0x804020:s=320x180:d=1", "-frames:v", "1", name);
    return name;
  };

const PICTURES: readonly OddSource[] = [
  {
    ...{ name: "motion at 30 fps, then one picture a second", kind: KINDS.pictures, quick: true },
    make: (folder) => {
      const rare = ["-vf", "select='lt(t,4)+not(mod(n,30))'", "-fps_mode", "vfr"];
      ffmpeg(folder, "-f", "lavfi", "-i", "testsrc2=s=160x90:r=30:d=16", ...rare, ...H264, "vfr.mp4");
      return "vfr.mp4";
    },
    check: rateIs(30),
  },
  {
    ...{ name: "pixels that are not square", kind: KINDS.pictures },
    make: (folder) => {
      ffmpeg(folder, "-f", "lavfi", "-i", "color=white:s=180x144:r=25:d=3", "-vf", "setsar=64/45", ...H264, "wide.mp4");
      return "wide.mp4";
    },
    air: { ladder: "144p:200k" },
    check: all(shaped(16 / 9), (_, { width }) => [width !== 256 && `it is ${width} wide`]),
  },
  {
    ...{ name: "interlaced television", kind: KINDS.pictures },
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
      ffmpeg(folder, "-f", "lavfi", "-i", "testsrc2=s=352x288:r=50:d=4", ...fields, "-f", "mpegts", "tv.ts");
      return "tv.ts";
    },
    air: { ladder: "288p:600k" },
    check: all(rateIs(25), hasNoCombs),
  },
  {
    ...{ name: "RGB, as screens are captured", kind: KINDS.pictures, quick: true },
    make: (folder) => {
      ffmpeg(
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
    check: all(colourIs([63, 102, 240]), tagged),
  },
  {
    ...{ name: "full range", kind: KINDS.pictures },
    make: (folder) => {
      ffmpeg(
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
    check: all(colourIs([235, 128, 128]), tagged),
  },
  {
    ...{ name: "BT.601 of standard definition", kind: KINDS.pictures },
    make: (folder) => {
      const red = ["-vf", "scale=out_color_matrix=bt601:out_range=tv,format=yuv420p"];
      ffmpeg(
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
    check: all(colourIs([63, 102, 240]), tagged),
  },
  {
    ...{ name: "HDR10", kind: KINDS.pictures },
    // 58 % and 75 % of the signal are 203 nits.
    make: (folder) => hdr(folder, "smpte2084", "0x949494", "hdr10.mp4"),
    check: all(tagged, colourIs([201, 128, 128])),
  },
  {
    ...{ name: "HLG", kind: KINDS.pictures },
    make: (folder) => hdr(folder, "arib-std-b67", "0xBFBFBF", "hlg.mp4"),
    check: all(tagged, colourIs([201, 128, 128])),
  },
  {
    ...{ name: "ten channels of a field recorder", kind: KINDS.pictures },
    make: (folder) => {
      const tone = Array.from({ length: 10 }, () => "0.3*sin(2*PI*400*t)*lt(mod(t\\,2)\\,0.1)").join("|");
      ffmpeg(folder, "-f", "lavfi", "-i", `aevalsrc=exprs='${tone}':s=48000:d=6`, "ten.wav");
      return "ten.wav";
    },
    check: all(lasts(6, "audio"), beepsAre(3)),
  },
  {
    ...{ name: "5.1 channels", kind: KINDS.pictures },
    make: plain("surround.mkv", { layout: "5.1" }),
    check: inStep,
  },
  {
    ...{ name: "a JPEG, held", kind: KINDS.pictures, quick: true, loop: true },
    make: still("soon.jpg"),
    air: { untilS: 12 },
  },
  { ...{ name: "a PNG, held", kind: KINDS.pictures, loop: true }, make: still("soon.png"), air: { untilS: 12 } },
  { ...{ name: "a WebP, held", kind: KINDS.pictures, loop: true }, make: still("soon.webp"), air: { untilS: 12 } },
  {
    ...{ name: "an animated GIF, repeated", kind: KINDS.pictures, loop: true },
    make: (folder) => {
      ffmpeg(folder, "-f", "lavfi", "-i", "testsrc2=s=160x90:r=10:d=1", "moving.gif");
      return "moving.gif";
    },
    air: { untilS: 15 },
    check: rateIs(10),
  },
];

const NAMED = [
  "talk: part 1.mp4",
  "100% live %03d.mp4",
  "-dash.mp4",
  'it\'s "quoted".mp4',
  "a  b\tc.mp4",
  "ü 日本.mp4",
  "file:x.mp4",
  "[a],b;c.mp4",
];

const NAMES: readonly OddSource[] = NAMED.map(
  (name, i): OddSource => ({
    ...{ name: `a file called ${JSON.stringify(name)}`, kind: KINDS.names, ...(i === 0 ? { quick: true } : {}) },
    make: (folder) => {
      plain("plain.mp4", { seconds: 4 })(folder);
      copyFileSync(join(folder, "plain.mp4"), join(folder, name));
      return name;
    },
    check: all(inStep, lasts(4)),
  }),
);

function hdr(folder: string, transfer: string, colour: string, name: string): string {
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
  ffmpeg(folder, "-f", "lavfi", "-i", `color=${colour}:s=320x180:r=10:d=2`, ...code, ...tags, name);
  return name;
}

/** All of them. */
export const SOURCES: readonly OddSource[] = [
  ...[...RATES, ...SOUND, ...TRACKS, ...SELECTION, ...CHANGES, ...PICTURES, ...NAMES],
];
