import type { SourceCheck } from "./checks.ts";
import {
  AAC_ARGS,
  concatenateFiles,
  type FlashBeepShape,
  flashAndBeepArgs,
  H264_ARGS,
  runFfmpeg,
} from "./ffmpeg-args.ts";
import type { PackageSourceOptions } from "./package-source.ts";

/** One odd source. */
export interface OddSource {
  readonly name: string;
  /** Its kind of oddity. */
  readonly kind: string;
  /** Whether it is part of `npm test`; the others run in `npm run sources`. */
  readonly quick?: true;
  /** Creates the source in an empty folder; returns its file name. */
  readonly make: (folder: string) => string;
  readonly options?: Omit<PackageSourceOptions, "input">;
  readonly loop?: true;
  /** Checks of the output besides those of every source. */
  readonly check?: SourceCheck;
  /** Index of the picture whose shape is checked; by default the first. */
  readonly pictureAt?: number;
}

/** Kinds of oddities. */
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
export function flashBeepFile(name: string, shape: FlashBeepShape = {}, ...more: string[]): (folder: string) => string {
  return (folder) => {
    runFfmpeg(folder, ...flashAndBeepArgs(shape), ...H264_ARGS, ...AAC_ARGS, ...more, "-shortest", name);
    return name;
  };
}

/** Two concatenated MPEG-TS files. */
export function joinedTs(first: string[], second: string[]): (folder: string) => string {
  return (folder) => {
    runFfmpeg(folder, ...first, "-f", "mpegts", "first.ts");
    runFfmpeg(folder, ...second, "-f", "mpegts", "second.ts");
    concatenateFiles(folder, "joined.ts", ["first.ts", "second.ts"]);
    return "joined.ts";
  };
}

/** H.264 and AAC for MPEG-TS. */
export const TS_ARGS: readonly string[] = [...H264_ARGS, ...AAC_ARGS];
/** Shifts all timestamps of an output. */
export const offsetArgs = (seconds: number): string[] => ["-output_ts_offset", `${seconds}`];
