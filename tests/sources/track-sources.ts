/** Odd sources: tracks that end, pause or begin late, and tracks that are not broadcast. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { allChecks, hasAvSync, hasBeepCount, hasColor, hasDuration, hasFlashCount } from "./checks.ts";
import { beepTimesS } from "./decode-output.ts";
import {
  AAC_ARGS,
  beepArgs,
  flashAndBeepArgs,
  flashArgs,
  H264_ARGS,
  overwriteFlvNumber,
  runFfmpeg,
} from "./ffmpeg-args.ts";
import { flashBeepFile, joinedTs, type OddSource, offsetArgs, SOURCE_KINDS, TS_ARGS } from "./odd-source.ts";

/** Tracks that end, pause, begin late or are empty. */
export const TRACK_SOURCES: readonly OddSource[] = [
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
    make: joinedTs([...flashAndBeepArgs(), ...TS_ARGS], [...flashAndBeepArgs(), ...TS_ARGS, ...offsetArgs(3600)]),
    check: allChecks(hasDuration(12), hasAvSync),
  },
  {
    ...{ name: "a clock that is set back by two minutes", kind: SOURCE_KINDS.tracks },
    make: joinedTs(
      [...flashAndBeepArgs(), ...TS_ARGS, ...offsetArgs(300)],
      [...flashAndBeepArgs(), ...TS_ARGS, ...offsetArgs(180)],
    ),
    check: allChecks(hasDuration(12), hasAvSync),
  },
  {
    ...{ name: "a clock that is set back by three seconds", kind: SOURCE_KINDS.tracks },
    make: joinedTs([...flashAndBeepArgs(), ...TS_ARGS], [...flashAndBeepArgs(), ...TS_ARGS, ...offsetArgs(3)]),
    check: allChecks(hasDuration(12), hasAvSync),
  },
  {
    ...{ name: "a hole of seven seconds in all tracks", kind: SOURCE_KINDS.tracks },
    make: joinedTs([...flashAndBeepArgs(), ...TS_ARGS], [...flashAndBeepArgs(), ...TS_ARGS, ...offsetArgs(13)]),
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
        ...TS_ARGS,
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
        ...TS_ARGS,
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

/** Tracks that are not broadcast. */
export const SELECTION_SOURCES: readonly OddSource[] = [
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
      runFfmpeg(folder, ...flashAndBeepArgs(), ...silent, ...maps, ...TS_ARGS, "-t", "6", "default.mkv");
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
        ...TS_ARGS,
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
      runFfmpeg(
        folder,
        ...flashAndBeepArgs(),
        ...small,
        ...maps,
        ...TS_ARGS,
        ...programs,
        "-f",
        "mpegts",
        "programs.ts",
      );
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
