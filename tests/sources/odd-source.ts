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
  /** What is odd about it. */
  readonly kind: string;
  /** Part of `npm test`; the others are aired by `npm run sources`. */
  readonly quick?: true;
  /** Makes the source in an empty folder; gives its file's name. */
  readonly make: (folder: string) => string;
  readonly options?: Omit<PackageSourceOptions, "input">;
  readonly loop?: true;
  /** Checks of the output beyond those of every source. */
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
export function flashBeepFile(name: string, shape: FlashBeepShape = {}, ...more: string[]): (folder: string) => string {
  return (folder) => {
    runFfmpeg(folder, ...flashAndBeepArgs(shape), ...H264_ARGS, ...AAC_ARGS, ...more, "-shortest", name);
    return name;
  };
}

/** Two files, one after the other in one file of MPEG-TS. */
export function joinedTs(first: string[], second: string[]): (folder: string) => string {
  return (folder) => {
    runFfmpeg(folder, ...first, "-f", "mpegts", "first.ts");
    runFfmpeg(folder, ...second, "-f", "mpegts", "second.ts");
    concatenateFiles(folder, "joined.ts", ["first.ts", "second.ts"]);
    return "joined.ts";
  };
}

/** H.264 and AAC, as MPEG-TS takes them. */
export const TS_ARGS: readonly string[] = [...H264_ARGS, ...AAC_ARGS];
/** Moves all timestamps of an output. */
export const offsetArgs = (seconds: number): string[] => ["-output_ts_offset", `${seconds}`];
