/** The command line: its options and help texts, and their validation. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { isIPv4 } from "node:net";
import { fileURLToPath } from "node:url";
import { type ArgsDef, type ParsedArgs, parseArgs } from "citty";
import { z } from "zod";
import { PLAYBACK_POLICIES, type PlaybackPolicy } from "../../core/access/access-policy.ts";
import { parseStreamName, type StreamName } from "../../core/kit/ids.ts";
import type { SourceInput } from "../ingest/input.ts";
import { errorMessage, UsageError } from "../kit/errors.ts";
import { ANY_ADDRESS, LOOPBACK } from "../kit/listen-address.ts";
import { defaultCodecOf, type EncoderFamily, parseEncoderFamily } from "../packager/encoder-families.ts";
import {
  checkLadder,
  createLadderStep,
  DEFAULT_LADDER,
  defaultLadder,
  type LadderSpec,
  parseBitrate,
  parseCodec,
  parseLadderFlags,
  type VideoCodec,
} from "../packager/ladder.ts";
import { PRESETS, type Preset, parsePreset } from "../packager/presets.ts";
import { describeNpmOptionError, describeOptionError } from "./option-errors.ts";
import { SHARED_ARGS } from "./shared-args.ts";
import { renderEntries, renderHelpText } from "./usage.ts";

/** Limits of the options; beyond them the command line is refused with a sentence that names them. */
const OPTION_LIMITS = {
  /** Shorter parts cost more in requests and packaging than they save in delay. */
  minPartS: 0.1,
  minSegmentS: 0.5,
  maxSegmentS: 10,
  /** At least six segments are listed. */
  minDvrS: 10,
  maxDvrS: 86_400,
} as const;

/** Where the files of the demo film are kept. */
const FILM_FOLDER = fileURLToPath(new URL("../../.corral/demo-film", import.meta.url));

/** The validated options of a broadcast. */
export interface BroadcastOptions {
  readonly input: SourceInput;
  /** The input's name in messages. */
  readonly inputName: string;
  readonly stream: StreamName;
  readonly port: number;
  /** IPv4 address on which the local edge listens. */
  readonly host: string;
  readonly preset: Preset;
  readonly ladder: LadderSpec;
  readonly encoder: EncoderFamily;
  /** Whether each video rendition carries the audio. */
  readonly muxed: boolean;
  readonly windowS: number;
  /** The playback policy from now on; null leaves it unchanged. */
  readonly playback: PlaybackPolicy | null;
  /** A remote edge, or null to start a local one. */
  readonly edge: { readonly url: string; readonly key: string } | null;
  readonly dataDir: string | null;
  readonly logJson: boolean;
  readonly verbose: boolean;
}

/** Used environment variables. */
export interface OriginEnvironment {
  readonly CORRAL_KEY?: string | undefined;
}

/** Options and their help texts. */
const ARGS = {
  input: {
    type: "positional",
    required: false,
    description:
      "file, device, or rtmp:// srt:// http(s):// address that FFmpeg reads (default: the demo film, with the time of day)",
  },
  portrait: { type: "boolean", default: false, description: "the demo upright, as phones film" },
  "test-card": {
    type: "boolean",
    default: false,
    description: "instead of the demo film, a test card with a large clock and a beep each second",
  },
  stream: { type: "string", default: "demo", valueHint: "NAME", description: "stream name in its URLs" },
  loop: { type: "boolean", default: false, description: "repeat a file when it ends" },
  listen: { type: "boolean", default: false, description: "with rtmp:// or srt://: listen for an encoder" },
  format: { type: "string", valueHint: "NAME", description: "FFmpeg's name of the input's format, e.g. v4l2, lavfi" },
  preset: SHARED_ARGS.preset,
  part: { type: "string", valueHint: "SECONDS", description: "part duration, at least the viewers' p95 round trip" },
  segment: { type: "string", valueHint: "SECONDS", description: "segment duration and keyframe interval" },
  ladder: {
    type: "string",
    valueHint: "LADDER",
    description: "renditions as HEIGHT:BITRATE[:CODEC],… or a JSON file (default 720p:2500k,480p:1200k,360p:700k)",
  },
  encoder: SHARED_ARGS.encoder,
  muxed: {
    type: "boolean",
    default: false,
    description: "mux the audio into each video rendition: about half the requests per viewer",
  },
  dvr: { type: "string", default: "60", valueHint: "SECONDS", description: "DVR window of the live stream" },
  playback: {
    type: "string",
    valueHint: PLAYBACK_POLICIES.join("|"),
    description: "playback policy: everybody, holders of a token, or followers (default: unchanged)",
  },
  port: SHARED_ARGS.port,
  host: {
    type: "string",
    valueHint: "[ADDRESS]",
    description:
      "let other machines of the network watch: the local edge listens on all addresses of this machine, or on this one",
  },
  edge: SHARED_ARGS.edge,
  key: { type: "string", valueHint: "KEY", description: "stream key for --edge (or CORRAL_KEY)" },
  data: {
    type: "string",
    valueHint: "DIR",
    description: "data folder of the local edge: recordings, chat, bans and keys (default .corral/edge-PORT)",
  },
  log: SHARED_ARGS.log,
  verbose: SHARED_ARGS.verbose,
} as const satisfies ArgsDef;

/** The help text. */
export function renderHelp(): string {
  const description = "Broadcasts INPUT, or a demo, as Low-Latency HLS.";
  const usage = renderHelpText({ command: "npm start --", description, args: ARGS });
  const commands = renderEntries([["ingest", "takes encoders by RTMP and SRT: npm start -- ingest --help"]]);
  return `${usage}\n${renderPresets()}\nCOMMANDS\n\n${commands.join("\n")}\n`;
}

/** The presets of the help texts. */
export function renderPresets(): string {
  const presets = renderEntries(Object.values(PRESETS).map(({ name, note }) => [name, note]));
  return `PRESETS\n\n${presets.join("\n")}\n`;
}

/** Parses and validates `words`. Throws `UsageError` with one sentence. */
export function parseBroadcastOptions(words: readonly string[], env: OriginEnvironment): BroadcastOptions {
  // A file name may start with a dash.
  const plain = words.map((word) => (/^-[^-]/.test(word) && existsSync(word) ? `./${word}` : word));
  const args = parseArgs<typeof ARGS>([...joinRepeated(plain.map(completeHost), "--ladder")], ARGS);
  rejectUnknown(args);
  const stream = parseStreamOption(args.stream);
  if (args.log !== "text" && args.log !== "json") throw new UsageError("--log is text or json.");
  const input = inputOf(args);
  const encoder = parseEncoderFamily(args.encoder);
  return {
    input,
    inputName: input.kind === "demo" ? "The demo" : input.url,
    stream,
    port: parseNumberOption("--port", args.port, 1, 65_535, true),
    host: hostOf(args),
    preset: presetOf(args),
    ladder: parseLadderOption(args.ladder, encoder),
    encoder,
    muxed: args.muxed,
    windowS: parseNumberOption("--dvr", args.dvr, OPTION_LIMITS.minDvrS, OPTION_LIMITS.maxDvrS, false),
    playback: playbackOf(args),
    edge: edgeOf(args, env),
    dataDir: args.data ?? null,
    logJson: args.log === "json",
    verbose: args.verbose,
  };
}

type Args = ParsedArgs<typeof ARGS>;

/** `--ladder a --ladder b` is `--ladder a,b`. */
export function joinRepeated(words: readonly string[], flag: string): string[] {
  const values: string[] = [];
  const rest: string[] = [];
  for (let i = 0; i < words.length; i += 1) {
    const word = words[i] ?? "";
    if (word.startsWith(`${flag}=`)) values.push(word.slice(flag.length + 1));
    else if (word === flag) values.push(words[++i] ?? "");
    else rest.push(word);
  }
  return values.length === 0 ? rest : [...rest, `${flag}=${values.join(",")}`];
}

function rejectUnknown(args: Args): void {
  const taken = describeNpmOptionError(args, ARGS);
  if (taken !== null) throw new UsageError(taken);
  if (args._.length > 1) throw new UsageError(`Only one input is allowed: unexpected "${args._[1]}".`);
  const complaint = describeOptionError(args, ARGS);
  if (complaint !== null) throw new UsageError(complaint);
}

/** A number in a range, written with digits. Throws `UsageError`. */
export function parseNumberOption(flag: string, text: string, min: number, max: number, whole: boolean): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max) || (whole && !Number.isInteger(value))) {
    throw new UsageError(`${flag} must be ${whole ? "a whole number " : ""}from ${min} to ${max}, not "${text}".`);
  }
  return value;
}

/** `--host` needs no address: `--host clip.mp4` has an input. */
function completeHost(word: string, at: number, words: readonly string[]): string {
  return word === "--host" && !isIPv4(words[at + 1] ?? "") ? `--host=${ANY_ADDRESS}` : word;
}

function hostOf({ host, edge }: Args): string {
  if (host === undefined) return LOOPBACK;
  if (edge !== undefined) throw new UsageError("--host is of a local edge, and --edge names another one.");
  if (isIPv4(host)) return host;
  throw new UsageError(`--host is an IPv4 address of this machine, not "${host}".`);
}

function playbackOf({ playback }: Args): PlaybackPolicy | null {
  if (playback === undefined) return null;
  const known = PLAYBACK_POLICIES.find((each) => each === playback);
  if (known === undefined) throw new UsageError(`--playback is ${PLAYBACK_POLICIES.join(", ")}, not "${playback}".`);
  return known;
}

function presetOf(args: Args): Preset {
  const preset = parsePreset(args.preset);
  if (preset === null)
    throw new UsageError(`"${args.preset}" is not a preset; choose ${Object.keys(PRESETS).join(", ")}.`);
  const { minSegmentS, maxSegmentS, minPartS } = OPTION_LIMITS;
  const segmentMs =
    args.segment === undefined
      ? preset.segmentMs
      : Math.round(parseNumberOption("--segment", args.segment, minSegmentS, maxSegmentS, false) * 1000);
  const partMs =
    args.part === undefined
      ? Math.min(preset.partMs, segmentMs / 2)
      : parseNumberOption("--part", args.part, minPartS, maxSegmentS, false) * 1000;
  if (partMs * 2 > segmentMs) {
    throw new UsageError(
      `Parts of ${partMs / 1000} s are too long for segments of ${segmentMs / 1000} s: a segment needs two or more.`,
    );
  }
  return { ...preset, partMs, segmentMs };
}

function inputOf(args: Args): SourceInput {
  const format = args.format === undefined ? {} : { format: args.format };
  const url = args.input;
  if (url === undefined) {
    if (args.loop || args.listen || args.format !== undefined) {
      throw new UsageError("--loop, --listen and --format need an input.");
    }
    const size = args.portrait ? { width: 720, height: 1280 } : { width: 1280, height: 720 };
    return { kind: "demo", film: args["test-card"] ? null : FILM_FOLDER, font: null, ...size, frameRate: 30 };
  }
  if (args["test-card"] || args.portrait)
    throw new UsageError("--test-card and --portrait are for the demo, which has no input.");
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(url)?.[1]?.toLowerCase();
  if (args.listen && scheme !== "rtmp" && scheme !== "srt") {
    throw new UsageError(
      "--listen needs an rtmp:// or srt:// address to listen on, e.g. rtmp://0.0.0.0:1935/live/key.",
    );
  }
  if (args.format === "lavfi") return { kind: "file", url, loop: args.loop, format: "lavfi" };
  if (scheme !== undefined && scheme !== "file") {
    if (args.loop && scheme !== "http" && scheme !== "https")
      throw new UsageError("--loop repeats files, not live sources.");
    return args.loop
      ? { kind: "file", url, loop: true, ...format }
      : { kind: "live", url, listen: args.listen, ...format };
  }
  if (url === "-") throw new UsageError("Standard input cannot be probed; use a file, a named pipe or a URL.");
  const path = pathOf(url);
  if (args.format === undefined || args.format === "v4l2") {
    if (!existsSync(path)) throw new UsageError(`There is no file or device ${path}.`);
    const kind = statSync(path);
    if (kind.isDirectory()) throw new UsageError(`${path} is a directory; use a file.`);
    if (kind.isCharacterDevice() || kind.isFIFO()) {
      if (args.loop) throw new UsageError("--loop repeats files, not live sources.");
      const device = kind.isCharacterDevice() && path.startsWith("/dev/video") ? { format: "v4l2" } : format;
      return { kind: "live", url: path, listen: false, ...device };
    }
    return { kind: "file", url: path, loop: args.loop, ...format };
  }
  if (args.loop) return { kind: "file", url: path, loop: true, ...format };
  return existsSync(path) && statSync(path).isFile()
    ? { kind: "file", url: path, loop: false, ...format }
    : { kind: "live", url, listen: false, ...format };
}

/** The path in `url`: itself, or the part after `file:`, in which %20 may be a space. */
function pathOf(url: string): string {
  const rest = /^file:(?:\/\/(?:localhost)?(?=\/))?(.*)$/is.exec(url)?.[1];
  if (rest === undefined || existsSync(url)) return url;
  if (existsSync(rest)) return rest;
  try {
    return decodeURIComponent(rest);
  } catch {
    return rest;
  }
}

const LadderFile = z.strictObject({
  video: z.array(
    z.strictObject({
      height: z.number().int(),
      bitrate: z.union([z.string(), z.number()]),
      codec: z.string().optional(),
    }),
  ),
  audio: z.strictObject({ bitrate: z.union([z.string(), z.number()]) }).optional(),
});

/** The ladder of `--ladder`: flags or a JSON file; the default without one. `encoder` decides unnamed codecs. Throws `UsageError`. */
export function parseLadderOption(text: string | undefined, encoder: EncoderFamily): LadderSpec {
  const codec = defaultCodecOf(encoder);
  if (text === undefined) return defaultLadder(codec);
  if (!text.endsWith(".json")) return parseLadderFlags(text, codec);
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(text, "utf8"));
  } catch (cause) {
    throw new UsageError(`The ladder ${text} cannot be read: ${errorMessage(cause)}.`, { cause });
  }
  return parseLadderFile(json, text, codec);
}

/** A ladder from JSON: `{ "video": [{ "height": 720, "bitrate": "2500k", "codec": "h264" }], "audio": { "bitrate": "128k" } }`. */
export function parseLadderFile(json: unknown, name: string, defaultCodec: VideoCodec = "h264"): LadderSpec {
  const file = LadderFile.safeParse(json);
  if (!file.success) {
    const issue = file.error.issues[0];
    throw new UsageError(
      `The ladder ${name} is invalid at ${issue?.path.join(".") || "its top"}: ${issue?.message ?? "invalid"}.`,
    );
  }
  const { video, audio } = file.data;
  return checkLadder({
    video: video.map(({ height, bitrate, codec }) =>
      createLadderStep(height, parseBitrate(`${bitrate}`), parseCodec(codec ?? defaultCodec)),
    ),
    audioBitsPerSecond: audio === undefined ? DEFAULT_LADDER.audioBitsPerSecond : parseBitrate(`${audio.bitrate}`),
  });
}

function edgeOf(args: Args, env: OriginEnvironment): BroadcastOptions["edge"] {
  if (args.edge === undefined) {
    if (args.key !== undefined) throw new UsageError("--key requires --edge; a local edge creates its own key.");
    return null;
  }
  const url = parseEdgeUrl(args.edge);
  const key = args.key ?? env.CORRAL_KEY;
  if (key === undefined || key === "") throw new UsageError("--edge needs the stream key: --key KEY, or CORRAL_KEY.");
  return { url, key };
}

/** The origin of an edge. Throws `UsageError`. */
export function parseEdgeUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new UsageError(`"${text}" is not an http(s) URL of an edge.`);
  }
  return text.replace(/\/+$/, "");
}

/** A stream's name. Throws `UsageError`. */
export function parseStreamOption(text: string): StreamName {
  const stream = parseStreamName(text);
  if (stream !== null) return stream;
  throw new UsageError(
    `"${text}" is not a stream name; use 1 to 64 of a–z, 0–9, _ and -, starting with a letter or digit.`,
  );
}
