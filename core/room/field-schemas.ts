/** Schemas of the fields that several room messages have; each accepts what its namesake in `json-fields.ts` reads. */
import * as z from "zod/mini";
import type { AutoModLevel, ModerationCategory } from "../moderation/categories.ts";
import type { ChatModes } from "./chat-modes.ts";
import { ROOM_LIMITS } from "./room-limits.ts";

/** A well-formed string of 1 to `maxUnits` UTF-16 units once it is trimmed. */
export function textField(maxUnits: number): z.ZodMiniType<string> {
  const wellFormed = z.string().check(
    z.maxLength(2 * maxUnits),
    z.refine((text) => text.isWellFormed()),
  );
  const trimmed = z.string().check(z.minLength(1), z.maxLength(maxUnits));
  return z.pipe(
    wellFormed,
    z.pipe(
      z.transform((text: string) => text.trim()),
      trimmed,
    ),
  );
}

/** An integer within bounds; without an upper one, any safe integer. */
export function integerField(min: number, max: number = Number.MAX_SAFE_INTEGER): z.ZodMiniType<number> {
  return z.int().check(z.minimum(min), z.maximum(max));
}

/** A subject. */
export const SUBJECT_FIELD: z.ZodMiniType<string> = textField(ROOM_LIMITS.nameChars);

/** The offset of an event. */
export const OFFSET_FIELD: z.ZodMiniType<number> = integerField(1);

/** A list of words or phrases. */
export const WORDS_FIELD: z.ZodMiniType<string[]> = z
  .array(textField(ROOM_LIMITS.blockedWordChars))
  .check(z.maxLength(ROOM_LIMITS.blockedWords));

/** The key of a held message: a subject and a client's id, each with its length; see `heldMessageKey`. */
export const HELD_KEY_FIELD: z.ZodMiniType<string> = textField(2 * (ROOM_LIMITS.nameChars + 3));

/** A secret of 32 random bytes, and the SHA-256 of one, as base64url. */
export const SECRET_FIELD: z.ZodMiniType<string> = z.string().check(z.regex(/^[A-Za-z0-9_-]{43}$/));

/** The chat modes, each with its limits. */
export const CHAT_MODE_FIELDS: FieldSchemas<ChatModes, never> = {
  slowS: integerField(0, 3_600),
  followersMin: z.nullable(integerField(0, 525_600)),
  // Events from before guests lack it.
  accountsOnly: z._default(z.boolean(), false),
  subscribersOnly: z.boolean(),
  verifiedOnly: z.boolean(),
  emoteOnly: z.boolean(),
  unique: z.boolean(),
  noLinks: z.boolean(),
  noCapitals: z.boolean(),
  review: z.boolean(),
};

const LEVEL_FIELD: z.ZodMiniType<AutoModLevel> = z.literal([0, 1, 2, 3, 4] satisfies AutoModLevel[]);

/** The AutoMod level of each category. */
export const AUTOMOD_LEVEL_FIELDS: Readonly<Record<ModerationCategory, z.ZodMiniType<AutoModLevel>>> = {
  profanity: LEVEL_FIELD,
  sexual: LEVEL_FIELD,
  hate: LEVEL_FIELD,
  harassment: LEVEL_FIELD,
  spam: LEVEL_FIELD,
};

/** A schema for each member of a message except its tag: every member has one, and there are no others. */
export type FieldSchemas<M, Tag extends keyof M> = { readonly [K in Exclude<keyof M, Tag>]-?: z.ZodMiniType<M[K]> };
