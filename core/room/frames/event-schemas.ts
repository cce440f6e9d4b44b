/** The schemas of events, and of the values that several of the server's frames have, with their limits. */
import * as z from "zod/mini";
import { ROLES } from "../../access/roles.ts";
import type { Effect } from "../effects/index.ts";
import type { PinnedMessage } from "../entries/pin.ts";
import type { ChatEvent, RoomCounts, RoomEvent } from "../events.ts";
import { CHAT_MODE_FIELDS, type FieldSchemas, integerField, OFFSET_FIELD } from "../field-schemas.ts";
import type { ParticipantProfile } from "../participants.ts";
import { ROOM_LIMITS } from "../room-limits.ts";

/** A time, ms since the epoch. */
export const TIME_FIELD: z.ZodMiniType<number> = z.number();

/** A subject, empty where it was erased. */
export const NAMED_SUBJECT_FIELD: z.ZodMiniType<string> = z.string().check(z.maxLength(ROOM_LIMITS.nameChars));

/** A text as it is shown, empty where it was removed. */
export const SHOWN_TEXT_FIELD: z.ZodMiniType<string> = z.string().check(z.maxLength(ROOM_LIMITS.messageChars));

/** A person as all see it. A name has as many code points as a subject has units. */
export const PROFILE_FIELD: z.ZodMiniType<ParticipantProfile> = z.strictObject({
  subject: NAMED_SUBJECT_FIELD,
  name: z.string().check(z.maxLength(2 * ROOM_LIMITS.nameChars)),
  roles: z.array(z.enum(ROLES)),
} satisfies FieldSchemas<ParticipantProfile, never>);

/** All chat modes. */
export const CHAT_MODES_FIELD: z.ZodMiniType<Extract<Effect, { kind: "modes" }>["modes"]> =
  z.strictObject(CHAT_MODE_FIELDS);

/** The counts of a room. */
export const COUNTS_FIELD: z.ZodMiniType<RoomCounts> = z.strictObject({
  watching: integerField(0),
  peak: integerField(0),
  distinct: integerField(0),
  likes: integerField(0),
  reactions: z.record(z.string().check(z.maxLength(ROOM_LIMITS.emojiChars)), integerField(0)),
} satisfies FieldSchemas<RoomCounts, never>);

/** The members of each kind of effect. */
export const EFFECT_FIELDS: { readonly [K in Effect["kind"]]: FieldSchemas<Extract<Effect, { kind: K }>, "kind"> } = {
  chat: {
    by: PROFILE_FIELD,
    text: SHOWN_TEXT_FIELD,
    replyTo: z.exactOptional(OFFSET_FIELD),
    gone: z.exactOptional(z.literal(true)),
  },
  delete: { target: OFFSET_FIELD },
  clear: { subject: NAMED_SUBJECT_FIELD },
  pin: { target: z.nullable(OFFSET_FIELD) },
  modes: { modes: CHAT_MODES_FIELD },
  timeout: { subject: NAMED_SUBJECT_FIELD, untilMs: TIME_FIELD },
  ban: { subject: NAMED_SUBJECT_FIELD },
  unban: { subject: NAMED_SUBJECT_FIELD },
  role: { subject: NAMED_SUBJECT_FIELD, role: z.nullable(z.literal("moderator")) },
  rules: {},
  erase: { targets: z.array(OFFSET_FIELD).check(z.maxLength(ROOM_LIMITS.eraseTargets)) },
};

const STAMP_FIELDS = { offset: OFFSET_FIELD, atMs: TIME_FIELD, programmeMs: TIME_FIELD };

/** One event. */
export const EVENT_FIELD: z.ZodMiniType<RoomEvent> = z.union(
  Object.entries(EFFECT_FIELDS).map(
    ([kind, fields]) =>
      z.strictObject({ kind: z.literal(kind), ...fields, ...STAMP_FIELDS }) as unknown as z.ZodMiniType<RoomEvent>,
  ),
);

/** The pinned message. */
export const PINNED_FIELD: z.ZodMiniType<PinnedMessage> = z.strictObject({
  kind: z.literal("chat"),
  ...EFFECT_FIELDS.chat,
  ...STAMP_FIELDS,
  fromProgrammeMs: z.exactOptional(TIME_FIELD),
} satisfies FieldSchemas<ChatEvent & PinnedMessage, never>) as unknown as z.ZodMiniType<PinnedMessage>;
