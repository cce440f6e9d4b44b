/**
 * The answer to OBS's `GetClientConfiguration` (multitrack video, "Enhanced Broadcasting"), and the same document for its
 * setting "Config Override". Sources: `multitrack-video.hpp` of OBS, and the Multitrack Video Integration API of Amazon IVS.
 */

import { formatListener, type IngestAddresses } from "../../api/ingest-addresses.ts";
import { escapeHtml } from "../../kit/escape-html.ts";
import type { StreamName } from "../../kit/ids.ts";
import { chooseObsLadder, type ObsPreferences, type ObsRendition } from "./obs-ladder.ts";

/** The version of the schema that OBS 30.2 introduced; later ones only add fields. */
const SCHEMA_VERSION = "2024-06-04";
const SERVICE = "Corral";
const AUDIO_KILOBITS_PER_SECOND = 160;
/** Seconds between keyframes: the ingest node passes groups of pictures of at most 4 s through. */
const KEYFRAME_INTERVAL_S = 2;

/** OBS's x264, which every build has. */
const SOFTWARE_ENCODER = "obs_x264";
const NVIDIA_ENCODER = "obs_nvenc_h264_tex";
const NVIDIA_VENDOR_ID = 0x10de;
/** The first major version with that encoder on every system. */
const NVIDIA_ENCODER_SINCE = 31;

/** What chooses the encoder. */
export interface ObsClient {
  /** Like `32.2.1`. */
  readonly version: string;
  /** PCI vendor of the processor that composes the picture; null: unknown. */
  readonly gpuVendorId: number | null;
}

/** One rendition as OBS reads it. */
export interface ObsEncoderConfiguration {
  readonly type: string;
  readonly width: number;
  readonly height: number;
  readonly framerate: { readonly numerator: number; readonly denominator: number };
  readonly canvas_index: number;
  readonly settings: Readonly<Record<string, string | number | boolean>>;
}

/** The whole document. Without renditions, `status` says why. */
export interface ObsConfiguration {
  readonly meta: { readonly service: string; readonly schema_version: string; readonly config_id: string };
  readonly status: { readonly result: "success" | "error"; readonly html_en_us?: string };
  readonly ingest_endpoints: readonly { readonly protocol: "RTMP" | "RTMPS"; readonly url_template: string }[];
  readonly encoder_configurations: readonly ObsEncoderConfiguration[];
  readonly audio_configurations: {
    readonly live: readonly {
      readonly codec: "aac";
      readonly track_id: number;
      readonly channels: number;
      readonly settings: { readonly bitrate: number };
    }[];
  };
}

/** What a configuration is made of. */
export interface ObsConfigurationInput {
  /** OBS sends it with the key as `clientConfigId`. */
  readonly configId: string;
  readonly addresses: IngestAddresses;
  /** Null: the stream is part of the key. */
  readonly stream: StreamName | null;
  readonly client: ObsClient;
  readonly preferences: ObsPreferences;
}

/** The configuration of a client. */
export function buildObsConfiguration(input: ObsConfigurationInput): ObsConfiguration {
  const { configId, addresses, stream, client, preferences } = input;
  const type = chooseEncoder(client);
  return {
    meta: { service: SERVICE, schema_version: SCHEMA_VERSION, config_id: configId },
    status: { result: "success" },
    ingest_endpoints: listEndpoints(addresses, stream),
    encoder_configurations: chooseObsLadder(preferences).map((rendition) => configureEncoder(type, rendition)),
    audio_configurations: {
      live: [{ codec: "aac", track_id: 0, channels: 2, settings: { bitrate: AUDIO_KILOBITS_PER_SECOND } }],
    },
  };
}

/** A canvas of 16:9. */
export interface ObsCanvasChoice {
  readonly height: number;
  readonly framesPerSecond: number;
}

/** The document for OBS's setting "Config Override", which OBS does not ask the edge for; x264 encodes. */
export function buildObsOverride(
  addresses: IngestAddresses,
  stream: StreamName,
  { height, framesPerSecond }: ObsCanvasChoice,
): ObsConfiguration {
  return buildObsConfiguration({
    configId: stream,
    addresses,
    stream,
    client: { version: "", gpuVendorId: null },
    preferences: {
      width: (height * 16) / 9,
      height,
      frameRate: { numerator: framesPerSecond, denominator: 1 },
      maxKilobitsPerSecond: null,
      maxTracks: null,
    },
  });
}

/** A refusal: OBS shows `sentence`, plain text, to its user. */
export function buildObsRefusal(configId: string, sentence: string): ObsConfiguration {
  return {
    meta: { service: SERVICE, schema_version: SCHEMA_VERSION, config_id: configId },
    status: { result: "error", html_en_us: escapeHtml(sentence) },
    ingest_endpoints: [],
    encoder_configurations: [],
    audio_configurations: { live: [] },
  };
}

/** RTMPS first, where there is one: it hides the key. OBS puts the key in place of `{stream_key}`. */
function listEndpoints(
  { rtmp, rtmps }: IngestAddresses,
  stream: StreamName | null,
): ObsConfiguration["ingest_endpoints"] {
  const path = stream === null ? "live/{stream_key}" : `live/${stream}/{stream_key}`;
  return [
    ...(rtmps === null
      ? []
      : [{ protocol: "RTMPS" as const, url_template: `rtmps://${formatListener(rtmps)}/${path}` }]),
    ...(rtmp === null ? [] : [{ protocol: "RTMP" as const, url_template: `rtmp://${formatListener(rtmp)}/${path}` }]),
  ];
}

function chooseEncoder({ version, gpuVendorId }: ObsClient): string {
  const major = Number(/^(\d{1,4})\./.exec(version)?.[1] ?? 0);
  return gpuVendorId === NVIDIA_VENDOR_ID && major >= NVIDIA_ENCODER_SINCE ? NVIDIA_ENCODER : SOFTWARE_ENCODER;
}

function configureEncoder(type: string, rendition: ObsRendition): ObsEncoderConfiguration {
  const { width, height, frameRate, kilobitsPerSecond } = rendition;
  const { numerator, denominator } = frameRate;
  const speed =
    type === SOFTWARE_ENCODER
      ? { preset: "veryfast" }
      : { preset: "p4", tune: "ll", multipass: "disabled", lookahead: false };
  return {
    type,
    width,
    height,
    framerate: { numerator, denominator },
    canvas_index: 0,
    // Without B-frames a group of pictures is closed, and a part needs no picture of the next one.
    settings: {
      rate_control: "CBR",
      bitrate: kilobitsPerSecond,
      keyint_sec: KEYFRAME_INTERVAL_S,
      bf: 0,
      profile: "high",
      ...speed,
    },
  };
}
