/**
 * The publish API's messages as schemas, for its documentation and for validation off the hot path. A PUT of a part decodes
 * its header by hand (`publish-request.ts`); a property test holds decoder and schema equal.
 */
import * as z from "zod/mini";
import { PLAYBACK_POLICIES, type PlaybackPolicy } from "../access/access-policy.ts";
import { STREAM_KEY_ROLES } from "../access/stream-key.ts";
import { answerSchemas, BroadcastIdSchema, requestSchemas, StreamNameSchema, TrackNameSchema } from "../api/schemas.ts";
import { BROADCAST_LIMITS } from "../broadcast/broadcast-limits.ts";
import type { BroadcastConfig, PartMeta, Track } from "../broadcast/broadcast-log.ts";
import type { PublishProgress } from "./publish-api.ts";
import { CODECS_PATTERN, LANGUAGE_PATTERN, MAX_MSN, PUBLISH_LIMITS } from "./publish-limits.ts";

const positive = (max: number): z.ZodMiniType<number> => z.number().check(z.gt(0), z.lte(max));
const integer = (min: number, max: number): z.ZodMiniType<number> => z.int().check(z.gte(min), z.lte(max));
const index = integer(0, MAX_MSN);

const track: z.ZodMiniType<Track> = z.object({
  name: TrackNameSchema,
  kind: z.enum(["video", "audio"]),
  codecs: z.string().check(z.regex(CODECS_PATTERN)),
  timescale: integer(1, 1e9),
  partTargetMs: positive(60_000),
  bandwidth: positive(1e10),
  averageBandwidth: positive(1e10),
  width: z.exactOptional(positive(1e6)),
  height: z.exactOptional(positive(1e6)),
  frameRate: z.exactOptional(positive(1e6)),
  channels: z.exactOptional(positive(1e6)),
  sampleRate: z.exactOptional(positive(1e6)),
  language: z.exactOptional(z.string().check(z.regex(LANGUAGE_PATTERN))),
});

/** The body of an opening PUT: the broadcast, and the stream's playback policy from now on. */
export const BroadcastOpeningSchema: z.ZodMiniType<BroadcastConfig & { playback?: PlaybackPolicy }> = z
  .object({
    broadcast: BroadcastIdSchema,
    startedAtMs: positive(PUBLISH_LIMITS.timeMs),
    targetDurationS: integer(1, PUBLISH_LIMITS.targetDurationS),
    windowS: positive(BROADCAST_LIMITS.windowS),
    tracks: z.array(track).check(z.minLength(1), z.maxLength(BROADCAST_LIMITS.tracks)),
    playback: z.exactOptional(z.enum(PLAYBACK_POLICIES)),
  })
  .check(
    z.refine(({ tracks }) => new Set(tracks.map(({ name }) => name)).size === tracks.length, {
      message: "two tracks have the same name",
      path: ["tracks"],
    }),
    z.refine(({ tracks, targetDurationS }) => tracks.every((each) => each.partTargetMs <= 1_000 * targetDurationS), {
      message: "`partTargetMs` is at most the target duration",
      path: ["tracks"],
    }),
  );
requestSchemas.add(BroadcastOpeningSchema, { id: "BroadcastOpening" });

/** The header `Corral-Part`. */
export const PartMetaSchema: z.ZodMiniType<PartMeta> = z.object({
  msn: index,
  part: integer(0, BROADCAST_LIMITS.partsPerSegment - 1),
  durationTicks: integer(1, Number.MAX_SAFE_INTEGER),
  independent: z.boolean(),
  gap: z.boolean(),
  start: z.exactOptional(
    z.object({ programTimeMs: positive(PUBLISH_LIMITS.timeMs), initVersion: index, discontinuity: z.boolean() }),
  ),
  close: z.exactOptional(z.object({ iframeBytes: z.exactOptional(integer(1, BROADCAST_LIMITS.partBytes)) })),
});
requestSchemas.add(PartMetaSchema, { id: "PartMeta" });

/** The answer to every successful PUT. */
export const PublishProgressSchema: z.ZodMiniType<PublishProgress> = z.object({
  epoch: z.string(),
  tracks: z.record(
    TrackNameSchema,
    z.object({
      durableMsn: z.int().check(z.gte(-1)),
      next: z.object({ msn: z.int().check(z.gte(0)), part: z.int().check(z.gte(0)) }),
      inits: z.array(z.int().check(z.gte(0))),
    }),
  ),
  chunks: z.exactOptional(z.literal(true)),
  chunkMs: z.exactOptional(z.int().check(z.gte(1))),
}) as unknown as z.ZodMiniType<PublishProgress>;
answerSchemas.add(PublishProgressSchema, { id: "PublishProgress" });

/** `POST /ingest/{stream}/srt-passphrase`: a key's id, and the address of the sender that has shown it. */
export const PassphraseBody: z.ZodMiniType<{ keyId: string; address?: string | undefined }> = z.strictObject({
  keyId: z.string().check(z.maxLength(PUBLISH_LIMITS.addressChars)),
  address: z.optional(z.string().check(z.maxLength(PUBLISH_LIMITS.addressChars))),
});
requestSchemas.add(PassphraseBody, { id: "PassphraseBody" });

/** The key's secret, with which its sender encrypts. */
export const PassphraseSchema: z.ZodMiniType<{ passphrase: string }> = z.object({
  passphrase: z.string().check(z.regex(/^[A-Za-z0-9_-]{43}$/)),
});
answerSchemas.add(PassphraseSchema, { id: "Passphrase" });

/** `POST /ingest/{stream}/session`: what the publisher's key or token permits now. */
export const PublisherSessionSchema: z.ZodMiniType = z.object({
  stream: StreamNameSchema,
  role: z.enum(STREAM_KEY_ROLES),
  label: z.string(),
  expiresAt: z.nullable(z.iso.datetime({ offset: true })),
  usesLeft: z.nullable(z.int().check(z.gte(0))),
  live: z.nullable(z.object({ broadcast: BroadcastIdSchema, isOwn: z.boolean() })),
});
answerSchemas.add(PublisherSessionSchema, { id: "PublisherSession" });
