/** The command line of `npm start -- ingest`: its options and help text, and their validation. */
import { existsSync, readFileSync } from "node:fs";
import { isIP } from "node:net";
import { availableParallelism, hostname } from "node:os";
import { createSecureContext } from "node:tls";
import { type ArgsDef, type ParsedArgs, parseArgs } from "citty";
import { NODE_NAME_PATTERN } from "../../core/dispatch/dispatch-schemas.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { errorMessage, UsageError } from "../kit/errors.ts";
import { type EncoderFamily, parseEncoderFamily } from "../packager/encoder-families.ts";
import type { LadderSpec } from "../packager/ladder.ts";
import { PRESETS, type Preset, parsePreset } from "../packager/presets.ts";
import { defaultTranscodes, TRANSCODE_MODES, type TranscodeMode } from "../packager/transcoder.ts";
import { describeOptionError } from "./option-errors.ts";
import {
  joinRepeated,
  parseEdgeUrl,
  parseLadderOption,
  parseNumberOption,
  parseStreamOption,
  renderPresets,
} from "./options.ts";
import { SHARED_ARGS } from "./shared-args.ts";
import { renderHelpText } from "./usage.ts";

/** Limits of the options; beyond them the command line is refused with a sentence that names them. */
const INGEST_OPTION_LIMITS = {
  /** A longer outage needs a new broadcast. */
  maxReconnectS: 1_800,
  /** A primary that returns sooner would be on and off the air with its link. */
  minReturnS: 2,
  maxReturnS: 3_600,
  /** A broadcast ends some time. */
  maxDrainS: 86_400,
  /** No machine encodes more. */
  maxTranscodes: 256,
  minDvrS: 10,
  maxDvrS: 86_400,
} as const;

const RTMPS_PORT = "1936";

/** The validated options of an ingest node. */
export interface IngestOptions {
  readonly stream: StreamName;
  /** Address of the listeners. */
  readonly host: string;
  readonly rtmpPort: number;
  /** Address of plain RTMP: loopback, unless it may send keys in clear. */
  readonly rtmpHost: string;
  /** `tls`: the given certificate chain and its key, PEM; null: one is made. */
  readonly rtmps: {
    readonly port: number;
    readonly tls: { readonly cert: string; readonly key: string } | null;
  } | null;
  readonly srtPort: number;
  /** WHIP: the UDP port of media, the TCP port of the node's own signalling, and the addresses that senders are told. */
  readonly whip: { readonly port: number; readonly httpPort: number; readonly addresses: readonly string[] };
  readonly reconnectMs: number;
  /** See `AirSwitchOptions`. */
  readonly returnMs: number | null;
  /** A picture for the time without a sender; null: the plain one. */
  readonly slate: string | "off" | null;
  /** Whether renditions are encoded beside a picture that is passed through. */
  readonly hasRenditions: boolean;
  /** Whether AAC is made beside a sender's Opus. */
  readonly hasAac: boolean;
  /** Which senders are encoded anew, into which ladder, and how many at once. */
  readonly transcode: {
    readonly mode: TranscodeMode;
    readonly ladder: LadderSpec;
    readonly encoder: EncoderFamily;
    readonly limit: number;
  };
  /** Where places are leased, and this node's name there; null: the node is alone. */
  readonly dispatch: { readonly url: string; readonly token: string | null; readonly node: string } | null;
  /** How long broadcasts go on after SIGTERM, milliseconds. */
  readonly drainMs: number;
  /** Port of `/ready` and `/metrics`, or null. */
  readonly statusPort: number | null;
  readonly preset: Preset;
  readonly windowS: number;
  readonly port: number;
  /** A remote edge, or null to start a local one. */
  readonly edge: { readonly url: string; readonly token: string | null } | null;
  readonly dataDir: string | null;
  readonly logJson: boolean;
  readonly verbose: boolean;
}

/** Used environment variables. */
export interface IngestEnvironment {
  readonly CORRAL_INGEST_TOKEN?: string | undefined;
}

/** Options and their help texts. */
const INGEST_ARGS = {
  stream: {
    type: "string",
    default: "demo",
    valueHint: "NAME",
    description: "stream whose addresses and key are printed",
  },
  host: {
    type: "string",
    default: "127.0.0.1",
    valueHint: "ADDRESS",
    description: "IP address to listen on, e.g. 0.0.0.0",
  },
  "rtmp-port": { type: "string", default: "1935", valueHint: "PORT", description: "port of RTMP" },
  "allow-rtmp": {
    type: "boolean",
    default: false,
    description: "plain RTMP, which sends the key in clear, on --host too; otherwise on loopback only",
  },
  rtmps: {
    type: "boolean",
    default: false,
    description: "RTMPS too, with a certificate of the node's own unless --tls-cert and --tls-key are given",
  },
  "rtmps-port": { type: "string", valueHint: "PORT", description: "RTMPS on this port (default 1936)" },
  "tls-cert": { type: "string", valueHint: "FILE", description: "certificate chain of RTMPS, PEM" },
  "tls-key": { type: "string", valueHint: "FILE", description: "private key of RTMPS, PEM" },
  "srt-port": { type: "string", default: "8890", valueHint: "PORT", description: "UDP port of SRT" },
  "whip-port": { type: "string", default: "8189", valueHint: "PORT", description: "UDP port of WHIP's media" },
  "whip-address": {
    type: "string",
    valueHint: "ADDRESS",
    description: "IP addresses that WHIP senders are told, with commas between them (default: this machine's)",
  },
  "whip-http-port": {
    type: "string",
    default: "0",
    valueHint: "PORT",
    description: "TCP port at which the edge reaches WHIP (default: any free one)",
  },
  reconnect: {
    type: "string",
    default: "60",
    valueHint: "SECONDS",
    description: "how long a broadcast waits for a sender whose link broke",
  },
  slate: {
    type: "string",
    valueHint: "FILE.png|off",
    description: "picture that stands for a sender while its broadcast waits (default: a sentence); off: gaps",
  },
  "primary-return": {
    type: "string",
    default: "10",
    valueHint: "SECONDS|never",
    description: "how long a primary encoder must be steady before it takes over from the backup again",
  },
  transcode: {
    type: "string",
    default: "auto",
    valueHint: TRANSCODE_MODES.join("|"),
    description: "encode senders anew that cannot be passed through, none, or all",
  },
  renditions: {
    type: "string",
    default: "auto",
    valueHint: "auto|off",
    description:
      "with --transcode auto, the ladder's steps below a picture that is passed through, where a place is free",
  },
  "audio-aac": {
    type: "string",
    default: "auto",
    valueHint: "auto|off",
    description: "AAC beside a sender's Opus that is passed through, for players without Opus",
  },
  ladder: {
    type: "string",
    valueHint: "LADDER",
    description: "renditions of transcoding, as without ingest (default 720p:2500k,480p:1200k,360p:700k)",
  },
  encoder: SHARED_ARGS.encoder,
  "max-transcodes": {
    type: "string",
    valueHint: "NUMBER",
    description: "broadcasts at once that are encoded anew or get renditions (default: cores / 1.5)",
  },
  dispatch: {
    type: "string",
    valueHint: "URL",
    description: "edge that leases places for transcoding among nodes; needs its CORRAL_INGEST_TOKEN",
  },
  node: {
    type: "string",
    valueHint: "NAME",
    description: "this node's name for --dispatch (default: the host's name)",
  },
  "drain-timeout": {
    type: "string",
    default: "0",
    valueHint: "SECONDS",
    description: "how long broadcasts go on after SIGTERM, while no new one is taken",
  },
  "status-port": { type: "string", valueHint: "PORT", description: "port of /ready and /metrics (default: none)" },
  preset: SHARED_ARGS.preset,
  dvr: { type: "string", default: "60", valueHint: "SECONDS", description: "DVR window of the live streams" },
  port: SHARED_ARGS.port,
  edge: SHARED_ARGS.edge,
  "ingest-token": {
    type: "string",
    valueHint: "TOKEN",
    description: "the remote edge's CORRAL_INGEST_TOKEN (or that variable), for SRT",
  },
  data: {
    type: "string",
    valueHint: "DIR",
    description: "data folder of the local edge, and of the node's certificate (default .corral/edge-PORT)",
  },
  log: SHARED_ARGS.log,
  verbose: SHARED_ARGS.verbose,
} as const satisfies ArgsDef;

type IngestArgs = ParsedArgs<typeof INGEST_ARGS>;

/** The help text. */
export function renderIngestHelp(): string {
  const description =
    "Takes OBS, other encoders and browsers by RTMP, SRT and WHIP, and publishes their media, without transcoding if it is fit.";
  return `${renderHelpText({ command: "npm start -- ingest", description, args: INGEST_ARGS })}\n${renderPresets()}`;
}

/** Parses and validates `words`, those after `ingest`. Throws `UsageError` with one sentence. */
export function parseIngestOptions(
  words: readonly string[],
  env: IngestEnvironment,
  cores: number = availableParallelism(),
): IngestOptions {
  const args = parseArgs<typeof INGEST_ARGS>(joinRepeated(words, "--ladder"), INGEST_ARGS);
  const complaint = describeOptionError(args, INGEST_ARGS);
  if (complaint !== null) throw new UsageError(complaint);
  if (args.log !== "text" && args.log !== "json") throw new UsageError("--log is text or json.");
  if (isIP(args.host) === 0) throw new UsageError(`--host is an IP address, not "${args.host}".`);
  const preset = parsePreset(args.preset);
  if (preset === null)
    throw new UsageError(`"${args.preset}" is not a preset; choose ${Object.keys(PRESETS).join(", ")}.`);
  const { maxReconnectS, maxDrainS, minDvrS, maxDvrS } = INGEST_OPTION_LIMITS;
  const statusPort = args["status-port"];
  return {
    stream: parseStreamOption(args.stream),
    host: args.host,
    rtmpPort: portOf("--rtmp-port", args["rtmp-port"]),
    rtmpHost: args["allow-rtmp"] || isLoopback(args.host) ? args.host : "127.0.0.1",
    rtmps: rtmpsOf(args),
    srtPort: portOf("--srt-port", args["srt-port"]),
    whip: {
      port: portOf("--whip-port", args["whip-port"]),
      httpPort: portOf("--whip-http-port", args["whip-http-port"]),
      addresses: whipAddressesOf(args["whip-address"]),
    },
    reconnectMs: parseNumberOption("--reconnect", args.reconnect, 0, maxReconnectS, false) * 1000,
    slate: slateOf(args.slate),
    hasRenditions: isAuto("--renditions", args.renditions),
    hasAac: isAuto("--audio-aac", args["audio-aac"]),
    returnMs: returnOf(args["primary-return"]),
    transcode: transcodeOf(args, cores),
    dispatch: dispatchOf(args, env),
    drainMs: parseNumberOption("--drain-timeout", args["drain-timeout"], 0, maxDrainS, false) * 1000,
    statusPort: statusPort === undefined ? null : portOf("--status-port", statusPort),
    preset,
    windowS: parseNumberOption("--dvr", args.dvr, minDvrS, maxDvrS, false),
    port: parseNumberOption("--port", args.port, 1, 65_535, true),
    edge: remoteEdgeOf(args, env),
    dataDir: args.data ?? null,
    logJson: args.log === "json",
    verbose: args.verbose,
  };
}

function transcodeOf(args: IngestArgs, cores: number): IngestOptions["transcode"] {
  const mode = TRANSCODE_MODES.find((known) => known === args.transcode);
  if (mode === undefined)
    throw new UsageError(`--transcode is ${TRANSCODE_MODES.join(", ")}, not "${args.transcode}".`);
  const text = args["max-transcodes"];
  const { maxTranscodes } = INGEST_OPTION_LIMITS;
  const limit =
    text === undefined ? defaultTranscodes(cores) : parseNumberOption("--max-transcodes", text, 1, maxTranscodes, true);
  const encoder = parseEncoderFamily(args.encoder);
  return { mode, ladder: parseLadderOption(args.ladder, encoder), encoder, limit };
}

function slateOf(text: string | undefined): IngestOptions["slate"] {
  if (text === undefined || text === "off") return text ?? null;
  if (!existsSync(text)) throw new UsageError(`--slate is a picture file or off; there is no file "${text}".`);
  return text;
}

function isAuto(option: string, text: string): boolean {
  if (text !== "auto" && text !== "off") throw new UsageError(`${option} is auto or off, not "${text}".`);
  return text === "auto";
}

function returnOf(text: string): number | null {
  const { minReturnS, maxReturnS } = INGEST_OPTION_LIMITS;
  if (text === "never") return null;
  return parseNumberOption("--primary-return", text, minReturnS, maxReturnS, false) * 1000;
}

/** 0 is any free port. */
function portOf(flag: string, text: string): number {
  return parseNumberOption(flag, text, 0, 65_535, true);
}

function whipAddressesOf(text: string | undefined): readonly string[] {
  const addresses = text === undefined ? [] : text.split(",").map((address) => address.trim());
  const invalid = addresses.find((address) => isIP(address) === 0);
  if (invalid !== undefined) throw new UsageError(`--whip-address has IP addresses, not "${invalid}".`);
  return addresses;
}

function isLoopback(host: string): boolean {
  return host === "::1" || /^127\./.test(host);
}

function rtmpsOf(args: IngestArgs): IngestOptions["rtmps"] {
  const [cert, key] = [args["tls-cert"], args["tls-key"]];
  const port = portOf("--rtmps-port", args["rtmps-port"] ?? RTMPS_PORT);
  const isWanted = args.rtmps || args["rtmps-port"] !== undefined;
  if (cert === undefined && key === undefined) return isWanted ? { port, tls: null } : null;
  if (!isWanted) throw new UsageError("--tls-cert and --tls-key need --rtmps or --rtmps-port.");
  if (cert === undefined || key === undefined) throw new UsageError("--tls-cert and --tls-key belong together.");
  const pems = { cert: readPem("--tls-cert", cert), key: readPem("--tls-key", key) };
  try {
    createSecureContext(pems);
  } catch (cause) {
    const what = "--tls-cert and --tls-key are not a certificate and its private key in PEM";
    throw new UsageError(`${what}: ${errorMessage(cause)}.`, { cause });
  }
  return { port, tls: pems };
}

function readPem(flag: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new UsageError(`${flag} cannot be read: ${errorMessage(cause)}.`, { cause });
  }
}

function dispatchOf(args: IngestArgs, env: IngestEnvironment): IngestOptions["dispatch"] {
  if (args.dispatch === undefined) {
    if (args.node !== undefined) throw new UsageError("--node requires --dispatch.");
    return null;
  }
  const token = args["ingest-token"] ?? env.CORRAL_INGEST_TOKEN ?? null;
  if (token === null && args.edge !== undefined)
    throw new UsageError("--dispatch needs the edge's ingest token: --ingest-token TOKEN, or CORRAL_INGEST_TOKEN.");
  const node = args.node ?? hostname();
  if (!NODE_NAME_PATTERN.test(node))
    throw new UsageError(`"${node}" is not a node's name; use --node with 1 to 64 of a–z, 0–9, ".", "_" and "-".`);
  return { url: parseEdgeUrl(args.dispatch), token, node };
}

function remoteEdgeOf(args: IngestArgs, env: IngestEnvironment): IngestOptions["edge"] {
  const token = args["ingest-token"] ?? env.CORRAL_INGEST_TOKEN ?? null;
  if (args.edge === undefined) {
    if (args["ingest-token"] !== undefined && args.dispatch === undefined)
      throw new UsageError("--ingest-token requires --edge.");
    return null;
  }
  return { url: parseEdgeUrl(args.edge), token };
}
