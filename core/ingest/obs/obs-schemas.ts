/** The messages of `GetClientConfiguration` as schemas. OBS adds fields from release to release; unknown ones are ignored. */
import * as z from "zod/mini";
import { answerSchemas, requestSchemas } from "../../api/schemas.ts";
import type { ObsClient, ObsConfiguration } from "./obs-configuration.ts";
import type { ObsPreferences } from "./obs-ladder.ts";

/** Limits of a request, each with its reason; beyond one it is refused with `invalid-body`. */
const OBS_REQUEST_LIMITS = {
  /** Characters of a stream's name, a key or a publish token, and an address's parameters. */
  authenticationChars: 4_096,
  textChars: 256,
  /** No encoder's pictures are larger. */
  pixels: 16_384,
  minPixels: 16,
  frameRateTerm: 1_000_000,
  minFramesPerSecond: 1,
  kilobitsPerSecond: 10_000_000,
  tracks: 64,
  canvases: 16,
  gpus: 16,
} as const;

const limits = OBS_REQUEST_LIMITS;
const pixels = z.int().check(z.gte(limits.minPixels), z.lte(limits.pixels));
const rateTerm = z.int().check(z.gte(1), z.lte(limits.frameRateTerm));
const text = z.string().check(z.maxLength(limits.textChars));
const index = z.nullish(z.int().check(z.nonnegative()));
const frameRate = z
  .object({ numerator: rateTerm, denominator: rateTerm })
  .check(z.refine(({ numerator, denominator }) => numerator >= limits.minFramesPerSecond * denominator));
const canvas = z.object({ width: pixels, height: pixels, framerate: frameRate });

/** The request of OBS: up to 31.0 with one canvas in `preferences`, then with `canvases`, of which the first is the main one. */
export const ObsRequestBody: z.ZodMiniType<ObsRequest> = z.object({
  authentication: z.string().check(z.maxLength(limits.authenticationChars)),
  client: z.object({ name: z.optional(text), version: z.optional(text) }),
  capabilities: z.optional(
    z.object({
      gpu: z.nullish(
        z.array(z.object({ vendor_id: z.optional(z.int().check(z.nonnegative())) })).check(z.maxLength(limits.gpus)),
      ),
    }),
  ),
  preferences: z
    .object({
      width: z.optional(pixels),
      height: z.optional(pixels),
      framerate: z.optional(frameRate),
      canvases: z.optional(z.array(canvas).check(z.maxLength(limits.canvases))),
      maximum_aggregate_bitrate: z.nullish(z.number().check(z.nonnegative(), z.lte(limits.kilobitsPerSecond))),
      maximum_video_tracks: z.nullish(z.int().check(z.nonnegative(), z.lte(limits.tracks))),
      composition_gpu_index: index,
    })
    .check(
      z.refine((preferences) => canvasOf(preferences) !== null, {
        message: "`width`, `height` and `framerate`, or one of `canvases`, are required",
      }),
    ),
});
requestSchemas.add(ObsRequestBody, { id: "ObsClientConfigurationBody" });

interface ObsCanvas {
  readonly width: number;
  readonly height: number;
  readonly framerate: { readonly numerator: number; readonly denominator: number };
}

/** A request as OBS sends it. */
export interface ObsRequest {
  authentication: string;
  client: { name?: string | undefined; version?: string | undefined };
  capabilities?: { gpu?: { vendor_id?: number | undefined }[] | null | undefined } | undefined;
  preferences: {
    width?: number | undefined;
    height?: number | undefined;
    framerate?: ObsCanvas["framerate"] | undefined;
    canvases?: ObsCanvas[] | undefined;
    /** kbit/s; 0 and null: automatic. */
    maximum_aggregate_bitrate?: number | null | undefined;
    maximum_video_tracks?: number | null | undefined;
    composition_gpu_index?: number | null | undefined;
  };
}

function canvasOf({ width, height, framerate, canvases }: ObsRequest["preferences"]): ObsCanvas | null {
  if (canvases?.[0] !== undefined) return canvases[0];
  return width === undefined || height === undefined || framerate === undefined ? null : { width, height, framerate };
}

/** The values of a parsed request that choose the configuration. */
export function readObsRequest(request: ObsRequest): {
  readonly client: ObsClient;
  readonly preferences: ObsPreferences;
} {
  const { client, capabilities, preferences } = request;
  const main = canvasOf(preferences);
  if (main === null) throw new RangeError("the request has no canvas");
  const gpu = capabilities?.gpu?.[preferences.composition_gpu_index ?? 0];
  return {
    client: { version: client.version ?? "", gpuVendorId: gpu?.vendor_id ?? null },
    preferences: {
      width: main.width,
      height: main.height,
      frameRate: main.framerate,
      maxKilobitsPerSecond: preferences.maximum_aggregate_bitrate || null,
      maxTracks: preferences.maximum_video_tracks || null,
    },
  };
}

const count = z.int().check(z.gte(1));

/** The configuration; a refusal has `status.result` "error" and no renditions. */
export const ObsConfigurationSchema: z.ZodMiniType<ObsConfiguration> = z.object({
  meta: z.object({ service: z.string(), schema_version: z.string(), config_id: z.string() }),
  status: z.object({ result: z.enum(["success", "error"]), html_en_us: z.exactOptional(z.string()) }),
  ingest_endpoints: z.array(z.object({ protocol: z.enum(["RTMP", "RTMPS"]), url_template: z.string() })),
  encoder_configurations: z.array(
    z.object({
      type: z.string(),
      width: count,
      height: count,
      framerate: z.object({ numerator: count, denominator: count }),
      canvas_index: z.int().check(z.nonnegative()),
      settings: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
    }),
  ),
  audio_configurations: z.object({
    live: z.array(
      z.object({
        codec: z.literal("aac"),
        track_id: z.int().check(z.nonnegative()),
        channels: count,
        settings: z.object({ bitrate: count }),
      }),
    ),
  }),
});
answerSchemas.add(ObsConfigurationSchema, { id: "ObsClientConfiguration" });
