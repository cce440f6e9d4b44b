/** Inputs, and the FFmpeg arguments that read them. Pure. */

/** An input. */
export type SourceInput =
  /** The built-in picture and sound, on the wall clock. */
  | {
      readonly kind: "demo";
      /** Folder with the files of the film; null: the test card and its tone. */
      readonly film: string | null;
      /** File of the clock's font; null: the picture has no clock. */
      readonly font: string | null;
      readonly width: number;
      readonly height: number;
      readonly frameRate: number;
    }
  /** Media with an end, played at its own speed. `url`: a path, or a URL that FFmpeg reads. */
  | { readonly kind: "file"; readonly url: string; readonly loop: boolean; readonly format?: string }
  /** Media in real time. `listen`: an encoder connects to us. */
  | { readonly kind: "live"; readonly url: string; readonly listen: boolean; readonly format?: string };

/** An input that FFmpeg reads from somewhere. */
export type FfmpegInput = Exclude<SourceInput, { kind: "demo" }>;

/** Microseconds that a network read may block before FFmpeg closes the connection. */
const NETWORK_TIMEOUT_US = 10_000_000;
/** How much of a file is searched for tracks that begin late: reading is fast, and stops when all are found. */
const FILE_PROBE = ["-probesize", "50000000", "-analyzeduration", "60000000"] as const;
/** A connected encoder begins with all of its tracks; a track that starts later than this is ignored. */
const PUSH_PROBE = ["-analyzeduration", "1500000"] as const;
/** Joining a transmission may need the next keyframe to detect its properties, microseconds. */
export const JOIN_PROBE_US = 15_000_000;

/** The arguments up to `-i`, for FFmpeg and ffprobe. */
export function inputArgs(input: FfmpegInput): string[] {
  const format = input.format === undefined ? [] : ["-f", input.format];
  // A generator has no end to read.
  if (input.format === "lavfi") return [...format, "-i", input.url];
  if (input.kind === "file")
    return [...FILE_PROBE, ...protocolArgs(input.url, false), ...format, "-i", ffmpegAddress(input.url)];
  // A device's name, such as :0.0, is meaningful to its format only.
  const isNamed = input.format !== undefined && urlScheme(input.url) === null;
  // Not `nobuffer`: it would drop the probed media, including the first keyframe.
  const lowDelay = ["-fflags", "+genpts", "-flags", "low_delay"];
  // A feed's header describes its content.
  const feed = ["-probesize", "100000", "-analyzeduration", "100000"];
  const probe = input.url.startsWith("pipe:") ? feed : input.listen ? PUSH_PROBE : [];
  const address = isNamed ? input.url : listenUrl(ffmpegAddress(input.url), input.listen);
  return [...lowDelay, ...probe, ...protocolArgs(input.url, input.listen), ...format, "-i", address];
}

/** The FFmpeg address of `url`: a path stays a path, including colons, percent signs and leading dashes. */
function ffmpegAddress(url: string): string {
  return urlScheme(url) === null && !url.startsWith("pipe:") ? `file:${url}` : url;
}

/** The scheme of a URL, in lower case; null for a path. */
function urlScheme(url: string): string | null {
  return /^([a-z][a-z0-9+.-]+):\/\//i.exec(url)?.[1]?.toLowerCase() ?? null;
}

function protocolArgs(url: string, listen: boolean): string[] {
  switch (urlScheme(url)) {
    case "http":
    case "https":
      return [
        "-rw_timeout",
        `${NETWORK_TIMEOUT_US}`,
        "-reconnect",
        "1",
        "-reconnect_streamed",
        "1",
        "-reconnect_delay_max",
        "5",
      ];
    case "rtmp":
    case "rtmps":
      return listen ? ["-listen", "1"] : ["-rw_timeout", `${NETWORK_TIMEOUT_US}`];
    case "rtsp":
      return ["-rtsp_transport", "tcp"];
    default:
      return [];
  }
}

/** The mode in an SRT address says which side listens. */
function listenUrl(url: string, listen: boolean): string {
  if (!listen || !/^srt:\/\//i.test(url) || /[?&]mode=/.test(url)) return url;
  return `${url}${url.includes("?") ? "&" : "?"}mode=listener`;
}
