/** Selects the tracks of a source to broadcast. Pure. */
import { z } from "zod";
import { announcedFrameRate } from "../../core/ingest/source/frame-rate.ts";
import type { Rational } from "../../core/kit/rational.ts";
import type { SourceAudio, SourceInfo, SourceVideo } from "./source-info.ts";

const FlagSchema = z.number().default(0);
const StreamSchema = z.object({
  index: z.number().default(0),
  codec_type: z.string().optional(),
  codec_name: z.string().optional(),
  codec_tag_string: z.string().optional(),
  width: z.number().optional(),
  height: z.number().optional(),
  sample_aspect_ratio: z.string().optional(),
  avg_frame_rate: z.string().optional(),
  r_frame_rate: z.string().optional(),
  field_order: z.string().optional(),
  color_transfer: z.string().optional(),
  color_space: z.string().optional(),
  channels: z.number().optional(),
  sample_rate: z.string().optional(),
  start_time: z.string().optional(),
  duration: z.string().optional(),
  disposition: z
    .object({
      default: FlagSchema,
      attached_pic: FlagSchema,
      timed_thumbnails: FlagSchema,
      still_image: FlagSchema,
      comment: FlagSchema,
      hearing_impaired: FlagSchema,
      visual_impaired: FlagSchema,
    })
    .prefault({}),
  side_data_list: z.array(z.object({ rotation: z.number().optional() })).optional(),
});
const ProbeSchema = z.object({
  streams: z.array(StreamSchema).default([]),
  programs: z.array(z.object({ streams: z.array(z.object({ index: z.number() })).default([]) })).default([]),
  format: z.object({ duration: z.string().optional(), format_name: z.string().optional() }).optional(),
});

type ProbedStream = z.infer<typeof StreamSchema>;

/** Formats whose clock may restart within the media: recorded transmissions. */
const JUMPING_CLOCK_FORMATS = ["mpegts", "mpeg", "hls", "flv", "live_flv", "asf", "rtp", "rtsp", "sdp"];
/** Formats whose index has each picture's duration. */
const INDEXED_FORMATS = ["mov", "mp4"];

/**
 * The broadcast tracks: the default video and audio of one program, without covers and thumbnails, commentary only
 * without other audio, and only codecs in `decodable`. `json` is ffprobe's output; throws on other input. `isUndecided`: a
 * video track was announced whose size is not known yet.
 */
export function selectTracks(
  json: string,
  decodable: ReadonlySet<string>,
): SourceInfo & { readonly isUndecided: boolean } {
  const { streams, programs, format } = ProbeSchema.parse(JSON.parse(json));
  const warnings: string[] = [];
  const canDecode = (stream: ProbedStream): boolean => decodable.has(stream.codec_name ?? "");
  const pictures = streams.filter((stream) => stream.codec_type === "video" && isMainVideo(stream));
  const sounds = streams.filter((stream) => stream.codec_type === "audio");
  const picture = highestRanked(
    pictures.filter((stream) => canDecode(stream) && (stream.width ?? 0) > 0 && (stream.height ?? 0) > 0),
    (stream) => [stream.disposition.default, (stream.width ?? 0) * (stream.height ?? 0)],
  );
  const program = programs.find((each) => each.streams.some(({ index }) => index === picture?.index));
  const isIn = (stream: ProbedStream): number =>
    program === undefined || program.streams.some(({ index }) => index === stream.index) ? 1 : 0;
  const sound = highestRanked(sounds.filter(canDecode), (stream) => [
    isIn(stream),
    mainAudioRank(stream),
    stream.disposition.default,
  ]);
  if (picture === null)
    warnings.push(
      ...undecodableWarnings(
        "picture",
        pictures.filter((stream) => !canDecode(stream)),
      ),
    );
  if (sound === null) warnings.push(...undecodableWarnings("sound", sounds));
  const durationS = Number(format?.duration);
  // A generator's rate is exact; a demuxer guesses from few pictures.
  const isExact = format?.format_name === "lavfi";
  const names = format?.format_name?.split(",") ?? [];
  return {
    video:
      picture === null
        ? null
        : toSourceVideo(
            picture,
            isExact,
            names.some((name) => INDEXED_FORMATS.includes(name)),
          ),
    audio: sound === null ? null : toSourceAudio(sound),
    durationS: durationS > 0 ? durationS : null,
    mayJump: names.some((name) => JUMPING_CLOCK_FORMATS.includes(name)),
    isStill: false,
    isUndecided: picture === null && pictures.some((stream) => canDecode(stream) && (stream.width ?? 0) === 0),
    warnings,
  };
}

/** The film, not its cover. */
function isMainVideo({ disposition }: ProbedStream): boolean {
  return disposition.attached_pic === 0 && disposition.timed_thumbnails === 0 && disposition.still_image === 0;
}

function mainAudioRank({ disposition }: ProbedStream): number {
  return disposition.comment + disposition.hearing_impaired + disposition.visual_impaired === 0 ? 1 : 0;
}

/** The stream with the highest rank, the first among equals. */
function highestRanked(
  streams: readonly ProbedStream[],
  ranks: (stream: ProbedStream) => number[],
): ProbedStream | null {
  const compare = (a: ProbedStream, b: ProbedStream): number =>
    ranks(b)
      .map((rank, i) => rank - (ranks(a)[i] ?? 0))
      .find((difference) => difference !== 0) ?? a.index - b.index;
  return streams.toSorted(compare)[0] ?? null;
}

function undecodableWarnings(what: string, streams: readonly ProbedStream[]): string[] {
  const [first] = streams;
  if (first === undefined) return [];
  const tag = first.codec_tag_string?.startsWith("[") ? undefined : first.codec_tag_string;
  const codec = first.codec_name ?? tag ?? "of an unknown codec";
  return [`This FFmpeg cannot decode the ${what} (track ${first.index}, ${codec}); it is skipped.`];
}

function toSourceVideo(stream: ProbedStream, isExact: boolean, isIndexed: boolean): SourceVideo {
  const aspect = parseRational(stream.sample_aspect_ratio ?? "", ":");
  const width = Math.round((stream.width ?? 0) * (aspect === null ? 1 : aspect.num / aspect.den));
  const height = stream.height ?? 0;
  const rotation = stream.side_data_list?.find((data) => data.rotation !== undefined)?.rotation ?? 0;
  const endS = Number(stream.start_time) + Number(stream.duration);
  const turned = Math.abs(rotation) % 180 === 90;
  const mean = parseRational(stream.avg_frame_rate ?? "", "/");
  const transfers: Record<string, SourceVideo["transfer"]> = { smpte2084: "pq", "arib-std-b67": "hlg" };
  return {
    stream: stream.index,
    width: turned ? height : width,
    height: turned ? width : height,
    frameRate: isExact ? mean : announcedFrameRate(mean, parseRational(stream.r_frame_rate ?? "", "/")),
    endS: isIndexed && Number.isFinite(endS) ? endS : null,
    isInterlaced: ["tt", "bb", "tb", "bt"].includes(stream.field_order ?? ""),
    transfer: transfers[stream.color_transfer ?? ""] ?? "sdr",
    hasMatrix: !["", "unknown", "reserved"].includes(stream.color_space ?? ""),
  };
}

function toSourceAudio({ index, channels, sample_rate }: ProbedStream): SourceAudio {
  return { stream: index, channels: channels ?? 2, sampleRate: Number(sample_rate ?? 48_000) };
}

function parseRational(text: string, separator: string): Rational | null {
  const [num, den] = text.split(separator).map(Number);
  return num !== undefined && den !== undefined && num > 0 && den > 0 ? { num, den } : null;
}
