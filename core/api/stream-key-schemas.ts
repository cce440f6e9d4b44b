/** The messages of the control API about stream keys. */
import * as z from "zod/mini";
import {
  DEFAULT_OVERLAP_S,
  STREAM_KEY_ID_PATTERN,
  STREAM_KEY_LIMITS,
  STREAM_KEY_PATTERN,
  STREAM_KEY_ROLES,
  STREAM_KEY_STATES,
  type StreamKeyRole,
} from "../access/stream-key.ts";
import { answerSchemas, requestSchemas, StreamNameSchema } from "./schemas.ts";

const timestamp = z.nullable(z.iso.datetime({ offset: true }));
const usesLeft = z.nullable(z.int().check(z.nonnegative()));

/** `POST …/keys`: `uses` and `expiresInS` limit the sessions that the key begins; absent: no limit. */
export const StreamKeyBody: z.ZodMiniType<{
  label: string;
  role: StreamKeyRole;
  expiresInS?: number | undefined;
  uses?: number | undefined;
}> = z.strictObject({
  label: z._default(z.string().check(z.trim(), z.maxLength(STREAM_KEY_LIMITS.labelChars)), ""),
  role: z._default(z.enum(STREAM_KEY_ROLES), "primary"),
  expiresInS: z.optional(z.int().check(z.gte(1), z.lte(STREAM_KEY_LIMITS.expiryS))),
  uses: z.optional(z.int().check(z.gte(1), z.lte(STREAM_KEY_LIMITS.uses))),
});
requestSchemas.add(StreamKeyBody, { id: "StreamKeyBody" });

/** `POST …/keys/{key}/rotate`: seconds in which the old key still begins sessions. */
export const KeyRotationBody: z.ZodMiniType<{ overlapS: number }> = z.strictObject({
  overlapS: z._default(z.int().check(z.gte(0), z.lte(STREAM_KEY_LIMITS.overlapS)), DEFAULT_OVERLAP_S),
});
requestSchemas.add(KeyRotationBody, { id: "KeyRotationBody" });

const keyInfo = {
  id: z.string().check(z.regex(STREAM_KEY_ID_PATTERN)),
  label: z.string(),
  role: z.enum(STREAM_KEY_ROLES),
  createdAt: z.iso.datetime({ offset: true }),
  expiresAt: timestamp,
  usesLeft,
};

/** `POST …/keys` and `…/rotate`: the key is shown this once. `replaces`: the rotated key and its expiry. */
export const StreamKeySchema: z.ZodMiniType = z.object({
  stream: StreamNameSchema,
  key: z.string().check(z.regex(STREAM_KEY_PATTERN)),
  ...keyInfo,
  replaces: z.exactOptional(z.object({ id: keyInfo.id, expiresAt: timestamp })),
});
answerSchemas.add(StreamKeySchema, { id: "StreamKey" });

/** `GET …/keys`: all keys, without their secrets, the one issued last first. */
export const StreamKeyListSchema: z.ZodMiniType = z.object({
  stream: StreamNameSchema,
  keys: z.array(
    z.object({ ...keyInfo, state: z.enum(STREAM_KEY_STATES), lastUsedAt: timestamp, revokedAt: timestamp }),
  ),
});
answerSchemas.add(StreamKeyListSchema, { id: "StreamKeyList" });
