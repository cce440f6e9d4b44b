import { expect, test } from "vitest";
import * as z from "zod/mini";
import { NO_INGEST_ADDRESSES, parseIngestAddresses } from "../../api/ingest-addresses.ts";
import { parseStreamName } from "../../kit/ids.ts";
import { parsePublishTarget } from "../rtmp/publish-target.ts";
import { buildObsConfiguration, buildObsRefusal, type ObsConfigurationInput } from "./obs-configuration.ts";
import { ObsConfigurationSchema, ObsRequestBody, readObsRequest } from "./obs-schemas.ts";

const stream = parseStreamName("show");
if (stream === null) throw new Error("no stream");
const input: ObsConfigurationInput = {
  configId: "config-1",
  addresses: parseIngestAddresses("rtmp://node:1935 rtmps://node:1936 srt://node:8890") ?? NO_INGEST_ADDRESSES,
  stream,
  client: { version: "32.2.1", gpuVendorId: null },
  preferences: {
    width: 1280,
    height: 720,
    frameRate: { numerator: 30, denominator: 1 },
    maxKilobitsPerSecond: null,
    maxTracks: null,
  },
};

/** The publish name of OBS for a template: it cuts the address at `/{stream_key}`, and adds its parameters to the key. */
function publishAs(template: string, key: string): ReturnType<typeof parsePublishTarget> {
  const server = template.slice(0, template.indexOf("/{stream_key}"));
  const application = server.replace(/^rtmps?:\/\/[^/]+\//, "");
  return parsePublishTarget(application, `${key}${key.includes("?") ? "&" : "?"}clientConfigId=config-1`);
}

test("a configuration is three renditions for x264 without B-frames, with an address by TLS first", () => {
  const made = buildObsConfiguration(input);
  expect(ObsConfigurationSchema.safeParse(made).success).toBe(true);
  expect(made.meta).toEqual({ service: "Corral", schema_version: "2024-06-04", config_id: "config-1" });
  expect(made.ingest_endpoints).toEqual([
    { protocol: "RTMPS", url_template: "rtmps://node:1936/live/show/{stream_key}" },
    { protocol: "RTMP", url_template: "rtmp://node:1935/live/show/{stream_key}" },
  ]);
  expect(made.encoder_configurations[0]).toEqual({
    type: "obs_x264",
    ...{ width: 1280, height: 720, framerate: { numerator: 30, denominator: 1 }, canvas_index: 0 },
    settings: { rate_control: "CBR", bitrate: 2_500, keyint_sec: 2, bf: 0, profile: "high", preset: "veryfast" },
  });
  expect(made.encoder_configurations.map(({ height }) => height)).toEqual([720, 480, 360]);
  expect(made.audio_configurations.live).toEqual([
    { codec: "aac", track_id: 0, channels: 2, settings: { bitrate: 160 } },
  ]);
});

test("the address and the key that OBS makes of a template are what the RTMP listener takes", () => {
  for (const { url_template } of buildObsConfiguration(input).ingest_endpoints) {
    expect(publishAs(url_template, "corral_key")).toEqual({ stream, key: "corral_key" });
  }
  for (const { url_template } of buildObsConfiguration({ ...input, stream: null }).ingest_endpoints) {
    expect(publishAs(url_template, "show?key=corral_key")).toEqual({ stream, key: "corral_key" });
    expect(publishAs(url_template, "show/corral_key")).toEqual({ stream, key: "corral_key" });
  }
});

test("NVENC encodes where OBS has it and composes on an NVIDIA processor", () => {
  const typeFor = (version: string, gpuVendorId: number | null): string | undefined =>
    buildObsConfiguration({ ...input, client: { version, gpuVendorId } }).encoder_configurations[0]?.type;
  expect(typeFor("31.0.0", 0x10de)).toBe("obs_nvenc_h264_tex");
  expect(typeFor("30.2.3", 0x10de)).toBe("obs_x264");
  expect(typeFor("32.0.0", 0x1002)).toBe("obs_x264");
  expect(typeFor("", 0x10de)).toBe("obs_x264");
});

test("a refusal is text for OBS's dialog, which reads HTML", () => {
  const refusal = buildObsRefusal("config-1", 'The key "<b>" & co.');
  expect(ObsConfigurationSchema.safeParse(refusal).success).toBe(true);
  expect(refusal.status).toEqual({ result: "error", html_en_us: "The key &quot;&lt;b&gt;&quot; &amp; co." });
  expect(refusal.encoder_configurations).toEqual([]);
});

const oldRequest = {
  ...{ service: "", schema_version: "2024-06-04", authentication: "key" },
  client: { name: "obs-studio", version: "30.2.3", supported_codecs: ["h264"] },
  capabilities: {
    cpu: {},
    gpu: [
      { vendor_id: 0x1002, model: "a" },
      { vendor_id: 0x10de, model: "b" },
    ],
  },
  preferences: {
    ...{ maximum_aggregate_bitrate: null, maximum_video_tracks: 2, vod_track_audio: false },
    ...{ width: 1280, height: 720, canvas_width: 1920, canvas_height: 1080, composition_gpu_index: 1 },
    framerate: { numerator: 30_000, denominator: 1_001 },
  },
};

test("requests of earlier and later releases of OBS are read", () => {
  expect(readObsRequest(z.parse(ObsRequestBody, oldRequest))).toEqual({
    client: { version: "30.2.3", gpuVendorId: 0x10de },
    preferences: {
      ...{ width: 1280, height: 720, frameRate: { numerator: 30_000, denominator: 1_001 } },
      ...{ maxKilobitsPerSecond: null, maxTracks: 2 },
    },
  });
  const { width, height, framerate } = oldRequest.preferences;
  const canvases = [{ width, height, canvas_width: 1920, canvas_height: 1080, framerate }];
  const later = { ...oldRequest, capabilities: { gpu: null }, preferences: { canvases, maximum_aggregate_bitrate: 0 } };
  expect(readObsRequest(z.parse(ObsRequestBody, later))).toMatchObject({
    client: { gpuVendorId: null },
    preferences: { width: 1280, height: 720, maxKilobitsPerSecond: null, maxTracks: null },
  });
});

test("a request without a canvas, or beyond the limits, is refused", () => {
  const withPreferences = (over: object): object => ({
    ...oldRequest,
    preferences: { ...oldRequest.preferences, ...over },
  });
  for (const body of [
    {},
    { ...oldRequest, preferences: {} },
    { ...oldRequest, authentication: "k".repeat(5_000) },
    withPreferences({ width: 0 }),
    withPreferences({ height: 1e9 }),
    withPreferences({ framerate: { numerator: 30, denominator: 0 } }),
    withPreferences({ framerate: { numerator: 1, denominator: 30 } }),
    withPreferences({ maximum_aggregate_bitrate: -1 }),
    withPreferences({ maximum_video_tracks: 1_000 }),
  ]) {
    expect(ObsRequestBody.safeParse(body).success, JSON.stringify(body).slice(0, 200)).toBe(false);
  }
});
