import { allChecks, hasAvSync, hasDuration, hasFlashCount, hasFrameRate } from "./checks.ts";
import { beepTimesS } from "./decode-output.ts";
import { AAC_ARGS, beepArgs, flashAndBeepArgs, H264_ARGS, runFfmpeg } from "./ffmpeg-args.ts";
import { flashBeepFile, joinedTs, type OddSource, offsetArgs, SOURCE_KINDS, TS_ARGS } from "./odd-source.ts";

/** Odd frame rates. */
export const FRAME_RATE_SOURCES: readonly OddSource[] = [
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

/** Odd audio timestamps. */
export const AUDIO_TIMELINE_SOURCES: readonly OddSource[] = [
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
      [...flashAndBeepArgs({ seconds: 6 }), ...TS_ARGS],
      [...flashAndBeepArgs({ seconds: 6, sampleRate: 44_100, layout: "mono" }), ...TS_ARGS, ...offsetArgs(6)],
    ),
    check: allChecks(hasAvSync, hasFlashCount(6)),
  },
  {
    ...{ name: "from 5.1 to stereo", kind: SOURCE_KINDS.sound },
    make: joinedTs(
      [...flashAndBeepArgs({ seconds: 6, layout: "5.1" }), ...TS_ARGS],
      [...flashAndBeepArgs({ seconds: 6 }), ...TS_ARGS, ...offsetArgs(6)],
    ),
    check: allChecks(hasAvSync, hasFlashCount(6)),
  },
];
