/**
 * The schemas of the server's frames, with their limits. `decodeServerFrame` reads frames by hand, since the pages load it; a
 * property test holds it equal to `SERVER_ENVELOPE_SCHEMAS`, and every frame of the room's tests satisfies its schema.
 */
import * as z from "zod/mini";
import { MODERATION_CATEGORIES } from "../../moderation/categories.ts";
import { EFFECTS } from "../effects/index.ts";
import type { AutoModConfig } from "../entries/automod.ts";
import type { DeniedMessage } from "../entries/denied.ts";
import type { HeldMessage } from "../entries/held.ts";
import type { RoomEvent } from "../events.ts";
import {
  AUTOMOD_LEVEL_FIELDS,
  type FieldSchemas,
  integerField,
  OFFSET_FIELD,
  SECRET_FIELD,
  WORDS_FIELD,
} from "../field-schemas.ts";
import { RANKS } from "../permissions.ts";
import { ROOM_ERROR_TEXTS, type RoomErrorCode } from "../room-errors.ts";
import { ROOM_LIMITS } from "../room-limits.ts";
import type { CommandOutcome, EventRange, OwnProfile, ServerFrame, TokenRenewalOutcome } from "../room-protocol.ts";
import {
  AUDITED_COMMANDS,
  type AuditLogEntry,
  type BanListEntry,
  type InvitationNotice,
  type ListedInvitation,
  type ModerationList,
  type StaffNote,
} from "../staff-messages.ts";
import {
  CHAT_MODES_FIELD,
  COUNTS_FIELD,
  EVENT_FIELD,
  NAMED_SUBJECT_FIELD,
  PINNED_FIELD,
  PROFILE_FIELD,
  SHOWN_TEXT_FIELD,
  TIME_FIELD,
} from "./event-schemas.ts";

type Frame<T extends ServerFrame["type"]> = Extract<ServerFrame, { type: T }>;
type RenewalError = Extract<TokenRenewalOutcome, { ok: false }>["error"];

const { listEntries, nameChars } = ROOM_LIMITS;
const ID_FIELD = z.string().check(z.maxLength(nameChars));
const HELD_ID_FIELD = z.string().check(z.minLength(1));
const NAME_FIELD = z.string();

const PENDING_FIELDS = {
  id: HELD_ID_FIELD,
  by: PROFILE_FIELD,
  clientId: ID_FIELD,
  text: SHOWN_TEXT_FIELD,
  replyTo: z.exactOptional(OFFSET_FIELD),
  atMs: TIME_FIELD,
  programmeMs: TIME_FIELD,
  device: NAME_FIELD,
  address: NAME_FIELD,
};

const HELD_FIELD = z.strictObject({
  ...PENDING_FIELDS,
  digest: z.exactOptional(z.string()),
  reasons: z.array(z.enum([...MODERATION_CATEGORIES, "reviewer", "unreviewed", "mode"])),
} satisfies FieldSchemas<HeldMessage, never>);

const DENIED_FIELD = z.strictObject({
  ...PENDING_FIELDS,
  digest: z.string(),
  reasons: z.array(z.enum([...MODERATION_CATEGORIES, "blocked", "reviewer"])),
} satisfies FieldSchemas<DeniedMessage, never>);

const BAN_FIELD = z.strictObject({
  key: z.string().check(z.minLength(1)),
  subject: NAMED_SUBJECT_FIELD,
  by: NAMED_SUBJECT_FIELD,
  rank: z.exactOptional(z.enum(RANKS)),
  ban: z.boolean(),
  untilMs: z.nullable(TIME_FIELD),
} satisfies FieldSchemas<BanListEntry, never>);

const AUDIT_FIELD = z.strictObject({
  atMs: TIME_FIELD,
  by: NAMED_SUBJECT_FIELD,
  act: z.enum(AUDITED_COMMANDS),
  about: z.string(),
} satisfies FieldSchemas<AuditLogEntry, never>);

const AUTOMOD_FIELD = z.strictObject({
  levels: z.strictObject(AUTOMOD_LEVEL_FIELDS),
  allowed: WORDS_FIELD,
} satisfies FieldSchemas<AutoModConfig, never>);

const INVITATION_FIELD = z.strictObject({
  id: SECRET_FIELD,
  by: PROFILE_FIELD,
  atMs: TIME_FIELD,
  untilMs: TIME_FIELD,
} satisfies FieldSchemas<ListedInvitation, never>);

const listOf = <T>(item: z.ZodMiniType<T>): z.ZodMiniType<T[]> => z.array(item).check(z.maxLength(listEntries));

/** The entries of each list of the staff. */
const LIST_FIELDS: {
  readonly [W in ModerationList["what"]]: FieldSchemas<Extract<ModerationList, { what: W }>, "what">;
} = {
  held: { held: listOf(HELD_FIELD as unknown as z.ZodMiniType<HeldMessage>) },
  denied: { denied: listOf(DENIED_FIELD as unknown as z.ZodMiniType<DeniedMessage>) },
  bans: { bans: listOf(BAN_FIELD as unknown as z.ZodMiniType<BanListEntry>) },
  audit: { audit: listOf(AUDIT_FIELD) },
  words: { words: WORDS_FIELD },
  automod: { automod: AUTOMOD_FIELD },
  moderators: { moderators: z.array(NAMED_SUBJECT_FIELD) },
  invitations: { invitations: listOf(INVITATION_FIELD as unknown as z.ZodMiniType<ListedInvitation>) },
};

const LIST_FIELD = z.union(
  Object.entries(LIST_FIELDS).map(
    ([what, fields]) =>
      z.strictObject({ what: z.literal(what), ...fields }) as unknown as z.ZodMiniType<ModerationList>,
  ),
);

const OUTCOME_FIELD = z.union([
  z.strictObject({
    ok: z.literal(true),
    event: z.exactOptional(EVENT_FIELD),
    held: z.exactOptional(HELD_ID_FIELD),
    list: z.exactOptional(LIST_FIELD),
    invitation: z.exactOptional(
      z.strictObject({ by: NAME_FIELD, untilMs: TIME_FIELD } satisfies FieldSchemas<InvitationNotice, never>),
    ),
  } satisfies FieldSchemas<Extract<CommandOutcome, { ok: true }>, never>),
  z.strictObject({ ok: z.literal(false), error: z.enum(Object.keys(ROOM_ERROR_TEXTS) as RoomErrorCode[]) }),
]) as unknown as z.ZodMiniType<CommandOutcome>;

const RENEWAL_ERRORS: { readonly [E in RenewalError]: E } = {
  "token-missing": "token-missing",
  "token-malformed": "token-malformed",
  "token-expired": "token-expired",
  "token-forged": "token-forged",
  "token-wrong-room": "token-wrong-room",
  "token-unsupported": "token-unsupported",
  "token-revoked": "token-revoked",
  "token-other-subject": "token-other-subject",
  "followers-only": "followers-only",
  stopped: "stopped",
  unavailable: "unavailable",
};

const RENEWAL_FIELD: z.ZodMiniType<TokenRenewalOutcome> = z.union([
  z.strictObject({ ok: z.literal(true), expiresMs: TIME_FIELD }),
  z.strictObject({ ok: z.literal(false), error: z.enum(RENEWAL_ERRORS) }),
]);

const STAFF_NOTE_FIELD = z.union([
  z.strictObject({ kind: z.literal("held"), held: HELD_FIELD }),
  z.strictObject({ kind: z.literal("settled"), id: HELD_ID_FIELD }),
]) as unknown as z.ZodMiniType<StaffNote>;

const RANGE_FIELDS: FieldSchemas<EventRange, never> = {
  epoch: z.string(),
  from: integerField(0),
  to: integerField(0),
  events: z.array(EVENT_FIELD),
  unseen: integerField(0),
};

/** The members of each frame, by its `type`. */
export const SERVER_FRAME_FIELDS: { readonly [T in ServerFrame["type"]]: FieldSchemas<Frame<T>, "type"> } = {
  welcome: {
    version: integerField(1),
    recovered: z.boolean(),
    nowMs: TIME_FIELD,
    you: z.nullable(PROFILE_FIELD as z.ZodMiniType<NonNullable<OwnProfile>>),
    expiresMs: z.nullable(TIME_FIELD),
    modes: CHAT_MODES_FIELD,
    pinned: z.nullable(PINNED_FIELD),
    counts: COUNTS_FIELD,
    ...RANGE_FIELDS,
  },
  tick: { nowMs: TIME_FIELD, counts: z.exactOptional(COUNTS_FIELD), ...RANGE_FIELDS },
  ack: { id: ID_FIELD, outcome: OUTCOME_FIELD },
  staff: { notes: z.array(STAFF_NOTE_FIELD) },
  renewed: { outcome: RENEWAL_FIELD },
};

/** An object of these members. A range does not end before it begins. */
function frameSchema(
  object: typeof z.strictObject | typeof z.looseObject,
  type: string,
  fields: Readonly<Record<string, z.ZodMiniType>>,
): z.ZodMiniType<ServerFrame> {
  const schema = object({ type: z.literal(type), ...fields }) as unknown as z.ZodMiniType<EventRange>;
  const whole = "from" in fields ? schema.check(z.refine(({ from, to }) => from <= to)) : schema;
  return whole as unknown as z.ZodMiniType<ServerFrame>;
}

/** The schema of each frame as the server sends it: these members and no others. */
export const SERVER_FRAME_SCHEMAS: ReadonlyMap<string, z.ZodMiniType<ServerFrame>> = new Map(
  Object.entries(SERVER_FRAME_FIELDS).map(([type, fields]) => [type, frameSchema(z.strictObject, type, fields)]),
);

/**
 * The schema of each frame as clients read it: they check the frame's own members, and ignore members that they do not know.
 * What is inside an object or a list may be of a later release, so it is not checked, and events of unknown kinds are skipped.
 */
export const SERVER_ENVELOPE_SCHEMAS: ReadonlyMap<string, z.ZodMiniType<ServerFrame>> = new Map(
  Object.entries(SERVER_FRAME_FIELDS).map(([type, fields]) => {
    const members = Object.entries(fields).map(([name, schema]) => [name, outline(schema)]);
    return [type, frameSchema(z.looseObject, type, Object.fromEntries(members))];
  }),
);

/** The head of an event as clients read it; other events are skipped. */
export const EVENT_HEAD_SCHEMA: z.ZodMiniType<Pick<RoomEvent, "kind" | "offset">> = z.looseObject({
  kind: z.enum(Object.keys(EFFECTS) as RoomEvent["kind"][]),
  offset: OFFSET_FIELD,
});

/** A schema without what is inside objects and lists, and without the limits of texts. */
function outline(schema: z.core.$ZodType): z.ZodMiniType {
  if (schema instanceof z.ZodMiniNullable) return z.nullable(outline(schema._zod.def.innerType));
  if (schema instanceof z.ZodMiniExactOptional) return z.exactOptional(outline(schema._zod.def.innerType));
  if (schema instanceof z.ZodMiniObject || schema instanceof z.ZodMiniUnion) return z.looseObject({});
  if (schema instanceof z.ZodMiniArray) return z.array(z.unknown());
  if (schema instanceof z.ZodMiniString) return z.string();
  return schema as z.ZodMiniType;
}
