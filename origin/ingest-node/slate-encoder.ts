/** Slates for the time without a sender: encoded once for each format by FFmpeg, and kept in memory. */
import { fileURLToPath } from "node:url";
import { type SlateFormat, slateKey, type VideoSlateFormat } from "../../core/ingest/slate/slate-format.ts";
import { type EncodedSlate, slateGroupFrames } from "../../core/ingest/slate/slate-schedule.ts";
import { BoundedMap } from "../../core/kit/bounded-map.ts";
import type { Clock } from "../../core/kit/clock.ts";
import { FragmentReader } from "../../core/media/cmaf/fragment-reader.ts";
import { listEncoders } from "../ingest/probe.ts";
import { errorMessage, SourceError } from "../kit/errors.ts";
import { describeFailure, FfmpegProcess, FIRST_PIPE } from "../kit/ffmpeg-process.ts";
import { parseEncoders } from "../packager/encode-args.ts";

/** Limits of slates, each with its reason. */
const SLATE_LIMITS = {
  /** Formats in memory, some 50 KB each: a node has few sizes and rates. */
  formats: 64,
  /** Bytes of one slate: a group of a detailed picture in 4K is under 4 MiB. */
  bytes: 8_388_608,
  /** Frames of silence that are encoded: the first ones hold the encoder's priming. */
  silenceFrames: 12,
  /** An FFmpeg that takes longer is killed: a still picture takes a second. */
  encodeMs: 30_000,
} as const;

/** The picture without `--slate`, and its background. */
const PLAIN_PICTURE = fileURLToPath(new URL("./slate.png", import.meta.url));
const BACKGROUND = "0x14181d";

/** Encoders without hardware, which may be busy: a slate is small and not urgent. */
const ENCODERS: Readonly<Record<VideoSlateFormat["codec"], readonly string[]>> = {
  h264: ["libx264", "libopenh264"],
  hevc: ["libx265"],
  av1: ["libaom-av1"],
};
const H264_PROFILES: Readonly<Record<number, string>> = { 66: "baseline", 77: "main" };

/** What a library needs. */
export interface SlateLibraryOptions {
  /** A picture file that FFmpeg reads; null: a plain one with a sentence. */
  readonly picture: string | null;
  readonly log: { warn(text: string): void };
  readonly clock: Clock;
}

/** See the file's first line. */
export class SlateLibrary {
  readonly #options: SlateLibraryOptions;
  readonly #slates = new BoundedMap<string, Promise<EncodedSlate | null>>(SLATE_LIMITS.formats);
  #encoders: Promise<ReadonlySet<string>> | null = null;
  /** One FFmpeg at a time: a slate is not urgent. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: SlateLibraryOptions) {
    this.#options = options;
  }

  /** The slate of `format`; null if it cannot be made, which is logged once. */
  prepare(format: SlateFormat): Promise<EncodedSlate | null> {
    const key = slateKey(format);
    const known = this.#slates.get(key);
    if (known !== undefined) return known;
    const slate = this.#last.then(() => this.#encode(format));
    this.#last = slate;
    this.#slates.set(key, slate);
    return slate;
  }

  async #encode(format: SlateFormat): Promise<EncodedSlate | null> {
    try {
      this.#encoders ??= listEncoders(new AbortController().signal).then(parseEncoders);
      const encoders = await this.#encoders;
      const args = format.media === "video" ? this.#videoArgs(format, encoders) : audioArgs(format);
      return await runEncoder(format, args, this.#options.clock);
    } catch (error) {
      const { log } = this.#options;
      log.warn(`No slate in ${format.codec}, so gaps stand for the time without a sender: ${errorMessage(error)}`);
      return null;
    }
  }

  #videoArgs(format: VideoSlateFormat, encoders: ReadonlySet<string>): string[] {
    const { codec, profile, width, height, frameRate, timescale, bitsPerSecond } = format;
    const encoder = ENCODERS[codec].find((name) => encoders.has(name));
    if (encoder === undefined) throw new SourceError(`This machine's FFmpeg cannot encode ${codec}.`);
    const rate = `${frameRate.num}/${frameRate.den}`;
    const frames = slateGroupFrames(format);
    const filters = [
      `scale=${width}:${height}:force_original_aspect_ratio=decrease:flags=bicubic:out_color_matrix=bt709:out_range=tv`,
      `pad=${width}:${height}:(ow-iw)/2:(oh-ih)/2:${BACKGROUND}`,
      "setsar=1,format=yuv420p,setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709",
      `loop=loop=-1:size=1,settb=1/${timescale},setpts=N/(${rate}*TB)`,
    ];
    return [
      ...["-framerate", rate, "-i", this.#options.picture ?? PLAIN_PICTURE, "-map", "0:v:0"],
      ...["-vf", filters.join(","), "-frames:v", `${frames}`, "-fps_mode", "passthrough"],
      ...["-enc_time_base", `1:${timescale}`, "-video_track_timescale", `${timescale}`],
      ...encoderArgs(encoder, profile, bitsPerSecond),
      ...["-g", `${frames}`, "-bf", "0"],
    ];
  }
}

function encoderArgs(encoder: string, profile: number | null, bitsPerSecond: number): string[] {
  const rate = ["-maxrate", `${bitsPerSecond}`, "-bufsize", `${bitsPerSecond}`];
  const named = H264_PROFILES[profile ?? 0];
  switch (encoder) {
    case "libx264":
      return [
        ...["-c:v", encoder, "-preset", "veryfast", "-crf", "22", "-sc_threshold", "0", "-tune", "zerolatency"],
        ...["-profile:v", named ?? "high", ...rate],
      ];
    case "libx265":
      return [
        ...["-c:v", encoder, "-preset", "superfast", "-crf", "24", "-tag:v", "hvc1", ...rate],
        ...["-x265-params", "log-level=error:scenecut=0:bframes=0:open-gop=0:repeat-headers=0"],
      ];
    case "libaom-av1":
      return [
        ...["-c:v", encoder, "-usage", "realtime", "-cpu-used", "8", "-lag-in-frames", "0"],
        ...["-b:v", `${Math.round(bitsPerSecond / 2)}`],
      ];
    default:
      return ["-c:v", encoder, "-b:v", `${Math.round(bitsPerSecond / 2)}`];
  }
}

function audioArgs({ codec, sampleRate, channels }: Extract<SlateFormat, { media: "audio" }>): string[] {
  const encoder = codec === "aac" ? ["-c:a", "aac", "-profile:a", "aac_low"] : ["-c:a", "libopus"];
  const layout = ["mono", "stereo", "3.0", "4.0", "5.0", "5.1", "6.1", "7.1"][channels - 1] ?? "stereo";
  return [
    ...["-f", "lavfi", "-i", `anullsrc=r=${sampleRate}:cl=${layout}`, "-frames:a", `${SLATE_LIMITS.silenceFrames}`],
    ...[...encoder, "-b:a", `${32_000 * channels}`],
  ];
}

/** One run of FFmpeg. Throws `SourceError` with a sentence. */
async function runEncoder(format: SlateFormat, args: readonly string[], clock: Clock): Promise<EncodedSlate> {
  const reader = new FragmentReader("the slate");
  const inits: EncodedSlate["init"][] = [];
  const frames: Uint8Array[] = [];
  let bytes = 0;
  const onData = (_pipe: number, chunk: Uint8Array): void => {
    bytes += chunk.length;
    if (bytes > SLATE_LIMITS.bytes) throw new SourceError(`The slate has more than ${SLATE_LIMITS.bytes} bytes.`);
    for (const event of reader.push(chunk)) {
      if (event.kind === "init") inits.push(event);
      else frames.push(event.frame.data.slice());
    }
  };
  const flags = "+frag_every_frame+empty_moov+default_base_moof+negative_cts_offsets+skip_trailer+delay_moov";
  const output = ["-threads", "1", "-map_metadata", "-1", "-f", "mp4", "-movflags", flags, "-use_editlist", "0"];
  const all = ["-hide_banner", "-loglevel", "error", "-nostdin", ...args, ...output, `pipe:${FIRST_PIPE}`];
  const encoder = new FfmpegProcess(all, 1, false, { onData });
  const cancel = clock.startTimer(SLATE_LIMITS.encodeMs, () => encoder.kill());
  const failure = describeFailure(await encoder.done);
  cancel();
  if (failure !== null) throw new SourceError(failure);
  const [init] = inits;
  const group = format.media === "video" ? frames : frames.slice(-1);
  if (init === undefined || group.length === 0) throw new SourceError("FFmpeg made no frame of it.");
  if (init.info.timescale !== format.timescale) throw new SourceError("FFmpeg does not count in the track's clock.");
  return { format, init, frames: group };
}
