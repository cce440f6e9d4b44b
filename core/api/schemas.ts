/**
 * The messages of the HTTP API, each declared once: requests are validated by these schemas, answers of the test suite are
 * held against them, and `/openapi.json` documents them. Each is annotated with the type that the code uses, so the
 * compiler holds type and schema equal. Those about stream keys are in `stream-key-schemas.ts`,
 * the publish API's own in `core/ingest/publish-schemas.ts`.
 */

import * as z from "zod/mini";
import en from "zod/v4/locales/en.js";
import { PLAYBACK_POLICIES, type PlaybackPolicy } from "../access/access-policy.ts";
import { ROLES, type Role } from "../access/roles.ts";
import { STOP_CATEGORIES, STOP_LIMITS, type StopCategory, type StopNotice } from "../access/stream-stop.ts";
import type { BroadcastSummary, StreamStatus, TierCounters, TierName } from "../broadcast/stream-status.ts";
import type { BroadcastId, StreamName, TrackName } from "../kit/ids.ts";
import { JURISDICTIONS, type Jurisdiction } from "../room/object-names.ts";
import { ROOM_LIMITS } from "../room/room-limits.ts";
import type { IngestAddresses } from "./ingest-addresses.ts";
import type { ProblemDocument } from "./problems.ts";

z.config(en());

/** The component name of a schema in the OpenAPI document. */
export interface SchemaName {
  readonly id: string;
}

/** Schemas of answers, by the names of their components. */
export const answerSchemas: z.core.$ZodRegistry<SchemaName> = z.registry<SchemaName>();
/** Schemas of request bodies. */
export const requestSchemas: z.core.$ZodRegistry<SchemaName> = z.registry<SchemaName>();

function answer<T extends z.ZodMiniType>(id: string, schema: T): T {
  answerSchemas.add(schema, { id });
  return schema;
}

function body<T extends z.ZodMiniType>(id: string, schema: T): T {
  requestSchemas.add(schema, { id });
  return schema;
}

/** A stream's name. */
export const StreamNameSchema: z.ZodMiniType<StreamName> = z
  .string()
  .check(z.regex(/^[a-z0-9][a-z0-9_-]{0,63}$/)) as unknown as z.ZodMiniType<StreamName>;
/** A broadcast's id. */
export const BroadcastIdSchema: z.ZodMiniType<BroadcastId> = z
  .string()
  .check(z.regex(/^[a-z0-9]{8,32}$/)) as unknown as z.ZodMiniType<BroadcastId>;
/** A track's name. */
export const TrackNameSchema: z.ZodMiniType<TrackName> = z
  .string()
  .check(z.regex(/^[a-z0-9][a-z0-9_-]{0,31}$/)) as unknown as z.ZodMiniType<TrackName>;

const nonNegative = z.number().check(z.nonnegative());
const count = z.int().check(z.nonnegative());
const timestamp = z.iso.datetime({ offset: true });
const playbackPolicy: z.ZodMiniType<PlaybackPolicy> = z.enum(PLAYBACK_POLICIES);
const stopCategory: z.ZodMiniType<StopCategory> = z.enum(STOP_CATEGORIES);
const subject = z.string().check(z.minLength(1), z.maxLength(ROOM_LIMITS.nameChars));
const actorName = z.string().check(z.trim(), z.minLength(1), z.maxLength(STOP_LIMITS.nameChars));

/** `PUT …/access`. */
export const PlaybackPolicyBody: z.ZodMiniType<{ playback: PlaybackPolicy }> = body(
  "PlaybackPolicyBody",
  z.strictObject({ playback: playbackPolicy }),
);

/** `POST …/revocations`: tokens of the subject below the version are revoked; 0 takes a revocation back. */
export const RevocationBody: z.ZodMiniType<{ subject: string; version: number }> = body(
  "RevocationBody",
  z.strictObject({ subject, version: z.int().check(z.gte(0), z.lte(Number.MAX_SAFE_INTEGER)) }),
);

/** `POST …/stop`: `reason` is public, `until` its end, `by` the operator's name for the record. */
export const StopBody: z.ZodMiniType<{
  category: StopCategory;
  reason: string;
  until?: string | null | undefined;
  by?: string | undefined;
}> = body(
  "StopBody",
  z.strictObject({
    category: stopCategory,
    reason: z.string().check(z.trim(), z.minLength(1), z.maxLength(STOP_LIMITS.reasonChars)),
    until: z.nullish(timestamp),
    by: z.optional(actorName),
  }),
);

/** `DELETE …/stop`. */
export const StopUndoBody: z.ZodMiniType<{ by?: string | undefined }> = body(
  "StopUndoBody",
  z.strictObject({ by: z.optional(actorName) }),
);

const listener = z.nullable(z.object({ host: z.string(), port: z.int().check(z.gte(1), z.lte(65_535)) }));

/** `GET …/ingest`: the listeners of ingest nodes by protocol. */
export const IngestAddressesSchema: z.ZodMiniType<{ stream: StreamName } & IngestAddresses> = answer(
  "IngestAddresses",
  z.object({ stream: StreamNameSchema, rtmp: listener, rtmps: listener, srt: listener }),
);

/** `PUT …/crowd`: the expected number of viewers; 0 withdraws it. */
export const ExpectedAudienceBody: z.ZodMiniType<{ viewers: number }> = body(
  "ExpectedAudienceBody",
  z.strictObject({ viewers: z.int().check(z.gte(0), z.lte(ROOM_LIMITS.maxExpectedViewers)) }),
);

/** `PUT …/jurisdiction`. */
export const JurisdictionBody: z.ZodMiniType<{ jurisdiction: Jurisdiction }> = body(
  "JurisdictionBody",
  z.strictObject({ jurisdiction: z.enum(JURISDICTIONS) }),
);

/** `POST /dev/token`: the claims of the token, and its lifetime in seconds. */
export const DevTokenBody: z.ZodMiniType<{
  room: string;
  sub: string;
  name?: string | undefined;
  roles?: Role[] | undefined;
  follower_since?: number | undefined;
  ver?: number | undefined;
  seconds: number;
}> = body(
  "DevTokenBody",
  z.strictObject({
    room: z.string(),
    sub: subject,
    name: z.optional(subject),
    roles: z.optional(z.array(z.enum(ROLES))),
    follower_since: z.optional(z.number()),
    ver: z.optional(z.int().check(z.gte(0))),
    seconds: z._default(z.int().check(z.gte(-3_600), z.lte(86_400)), 3_600),
  }),
);

const clientProofs = { device: z.optional(z.unknown()), playback: z.optional(z.unknown()) };

/** `POST /rooms/{stream}/beacon`: the device key and the playback proof, if the page has them. */
export const ClientProofsBody: z.ZodMiniType<{ device?: unknown; playback?: unknown }> = body(
  "ClientProofsBody",
  z.looseObject(clientProofs),
);

/** `POST /rooms/{stream}/ticket`: the same, and the name that a viewer without an account chats under. */
export const RoomTicketBody: z.ZodMiniType<{ device?: unknown; playback?: unknown; guest?: unknown }> = body(
  "RoomTicketBody",
  z.looseObject({ ...clientProofs, guest: z.optional(z.unknown()) }),
);

const stopNotice: z.ZodMiniType<StopNotice> = z.object({
  category: stopCategory,
  reason: z.string(),
  until: z.nullable(timestamp),
});

/** An RFC 9457 problem document; some types have additional members. */
export const ProblemSchema: z.ZodMiniType<ProblemDocument> = answer(
  "Problem",
  z.looseObject({
    type: z.string().check(z.regex(/^\/problems\/[a-z-]+$/)),
    title: z.string().check(z.minLength(1)),
    detail: z.string().check(z.minLength(1)),
    status: z.int().check(z.gte(400), z.lte(599)),
  }),
);

const tierCounters: z.ZodMiniType<TierCounters> = z.object({
  tier: z.enum(["isolate", "colo", "region", "live", "r2"] satisfies TierName[]),
  requests: count,
  hits: count,
  coalesced: count,
  pulled: count,
  errors: count,
  refusals: count,
  upstream: count,
  objects: count,
  crossings: count,
  mostCrossings: count,
  refusedByRate: count,
  refusedByParked: count,
  refusedByNetwork: count,
  refusedByPlaces: count,
  refusedByBehind: count,
  flowOpens: count,
  flowByes: count,
  flowSkips: count,
  flowBytes: count,
});

/** `GET /api/streams/{stream}`. */
export const StreamStatusSchema: z.ZodMiniType<StreamStatus> = answer(
  "StreamStatus",
  z.object({
    stream: StreamNameSchema,
    state: z.enum(["live", "reconnecting", "ended"]),
    broadcast: BroadcastIdSchema,
    startedAt: nonNegative,
    at: nonNegative,
    countedFrom: nonNegative,
    tracks: z.array(
      z.object({
        name: TrackNameSchema,
        kind: z.enum(["video", "audio"]),
        codecs: z.string(),
        bandwidth: nonNegative,
        partTargetMs: nonNegative,
        lastMsn: z.int().check(z.gte(-1)),
        lastPart: z.int().check(z.gte(-1)),
        programTimeMs: z.nullable(z.number()),
      }),
    ),
    viewers: z.object({
      current: count,
      peak: count,
      watching: z.exactOptional(count),
      distinct: z.exactOptional(nonNegative),
      watchTimeMs: z.exactOptional(nonNegative),
      uncounted: z.exactOptional(count),
    }),
    requestsPerSecond: nonNegative,
    tiers: z.array(tierCounters),
    stop: z.exactOptional(stopNotice),
    children: count,
  }),
);

const broadcastSummary: z.ZodMiniType<BroadcastSummary> = z.object({
  broadcast: BroadcastIdSchema,
  startedAt: nonNegative,
  endedAt: z.nullable(nonNegative),
  tracks: z.array(z.object({ name: TrackNameSchema, kind: z.enum(["video", "audio"]) })),
});

/** `GET /api/streams/{stream}/broadcasts`, the newest first. */
export const BroadcastListSchema: z.ZodMiniType<{ stream: StreamName; broadcasts: BroadcastSummary[] }> = answer(
  "BroadcastList",
  z.object({ stream: StreamNameSchema, broadcasts: z.array(broadcastSummary) }),
);

/** `GET …/access`. */
export const AccessSchema: z.ZodMiniType = answer(
  "Access",
  z.object({
    revision: count,
    playback: playbackPolicy,
    revocations: z.array(
      z.looseObject({
        subject: z.string(),
        version: z.int().check(z.positive()),
        by: z.enum(["issuer", "ban"]),
        untilMs: nonNegative,
        revision: count,
      }),
    ),
    stop: z.optional(
      z.nullable(
        z.object({
          category: stopCategory,
          reason: z.string(),
          untilMs: z.nullable(nonNegative),
          atMs: nonNegative,
          authority: z.enum(["operator", "host"]),
        }),
      ),
    ),
  }),
);

/** `GET …/stop`: the stop in force, and the record of stops. */
export const StopStateSchema: z.ZodMiniType = answer(
  "StopState",
  z.object({
    stream: StreamNameSchema,
    stop: z.nullable(
      z.object({
        category: stopCategory,
        reason: z.string(),
        until: z.nullable(timestamp),
        authority: z.enum(["operator", "host"]),
      }),
    ),
    records: z.array(
      z.object({
        act: z.enum(["stop", "undo"]),
        at: timestamp,
        authority: z.enum(["operator", "host"]),
        by: z.string(),
        category: z.optional(z.nullable(stopCategory)),
        reason: z.optional(z.nullable(z.string())),
        until: z.optional(z.nullable(timestamp)),
      }),
    ),
  }),
);

/** `PUT …/crowd`: the room's shards, and the end of the expectation. */
export const ExpectedAudienceSchema: z.ZodMiniType = answer(
  "ExpectedAudience",
  z.object({ stream: StreamNameSchema, viewers: count, shards: z.int().check(z.positive()), until: timestamp }),
);

/** `PUT …/jurisdiction`. */
export const JurisdictionSchema: z.ZodMiniType = answer(
  "JurisdictionBinding",
  z.object({ stream: StreamNameSchema, jurisdiction: z.enum(JURISDICTIONS) }),
);

/** `DELETE /api/subjects/{id}`: the rooms concerned, those that have not confirmed yet, and the end of the last copies. */
export const ErasureSchema: z.ZodMiniType = answer(
  "Erasure",
  z.object({ subject: z.string(), erasedAt: timestamp, rooms: count, pending: count, recoveryCopiesEndAt: timestamp }),
);

/** `GET /api/subjects/{id}/export`. */
export const SubjectExportSchema: z.ZodMiniType = answer(
  "SubjectExport",
  z.object({
    subject: z.string(),
    at: timestamp,
    rooms: z.array(
      z.looseObject({
        stream: StreamNameSchema,
        jurisdiction: z.nullable(z.enum(JURISDICTIONS)),
        events: z.array(z.looseObject({ event: z.looseObject({}) })),
      }),
    ),
  }),
);

const deviceKey = z.exactOptional(z.string().check(z.regex(/^[A-Za-z0-9_-]{60}$/)));

/** `POST /rooms/{stream}/ticket`: the ticket of the socket, and a device key if the device needs a new one. */
export const RoomTicketSchema: z.ZodMiniType = answer(
  "RoomTicket",
  z.object({ ticket: z.string(), lastsMs: z.int().check(z.positive()), counted: z.boolean(), device: deviceKey }),
);

/** `POST /rooms/{stream}/beacon`: the time of the next beacon. */
export const BeaconReplySchema: z.ZodMiniType = answer(
  "BeaconReply",
  z.object({ nextMs: z.int().check(z.positive()), counted: z.boolean(), device: deviceKey }),
);

/** `GET /rooms/{stream}/replay`: events of one window of program time; `docs/room-protocol.md` lists their kinds. */
export const ReplayWindowSchema: z.ZodMiniType = answer(
  "ReplayWindow",
  z.object({ from: count, next: count, events: z.array(z.looseObject({ kind: z.string() })) }),
);

/** `POST /dev/token`. */
export const DevTokenSchema: z.ZodMiniType<{ token: string }> = answer(
  "DevToken",
  z.object({ token: z.string().check(z.minLength(1)) }),
);
