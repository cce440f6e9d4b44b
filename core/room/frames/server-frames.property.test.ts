import fc from "fast-check";
import { expect, test } from "vitest";
import { ROLES } from "../../access/roles.ts";
import { MODERATION_CATEGORIES } from "../../moderation/categories.ts";
import { OPEN_CHAT_MODES } from "../chat-modes.ts";
import { decodeServerFrame } from "../client/decode-server-frame.ts";
import type { Effect } from "../effects/index.ts";
import { DEFAULT_AUTOMOD_CONFIG } from "../entries/automod.ts";
import type { RoomEvent } from "../events.ts";
import { RANKS } from "../permissions.ts";
import { ROOM_ERROR_TEXTS, type RoomErrorCode } from "../room-errors.ts";
import type { CommandOutcome, ServerFrame } from "../room-protocol.ts";
import type { ModerationList, StaffNote } from "../staff-messages.ts";
import {
  EVENT_HEAD_SCHEMA,
  SERVER_ENVELOPE_SCHEMAS,
  SERVER_FRAME_FIELDS,
  SERVER_FRAME_SCHEMAS,
} from "./server-frames.ts";

const subject = fc.string({ unit: "grapheme-ascii", maxLength: 64 });
const shownText = fc.string({ unit: "binary", maxLength: 500 }).filter((text) => text.length <= 500);
const id = fc.string({ minLength: 1, maxLength: 64 });
const offset = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const count = fc.maxSafeNat();
const timeMs = fc.oneof(fc.maxSafeNat(), fc.double({ noNaN: true, noDefaultInfinity: true }));
const profile = fc.record({ subject, name: subject, roles: fc.subarray([...ROLES]) });
const modes = fc.record({
  ...Object.fromEntries(Object.keys(OPEN_CHAT_MODES).map((name) => [name, fc.boolean()])),
  slowS: fc.nat(3_600),
  followersMin: fc.option(fc.nat(525_600)),
}) as unknown as fc.Arbitrary<typeof OPEN_CHAT_MODES>;
const counts = fc.record({
  watching: count,
  peak: count,
  distinct: count,
  likes: count,
  reactions: fc.dictionary(fc.constantFrom("🎉", "👍", "👩‍🚀"), count),
});

/** An arbitrary for each kind, so that no kind of event is left out. */
const EFFECTS: { readonly [K in Effect["kind"]]: fc.Arbitrary<Omit<Extract<Effect, { kind: K }>, "kind">> } = {
  chat: fc.record(
    { by: profile, text: shownText, replyTo: offset, gone: fc.constant(true as const) },
    { requiredKeys: ["by", "text"] },
  ),
  delete: fc.record({ target: offset }),
  clear: fc.record({ subject }),
  pin: fc.record({ target: fc.option(offset) }),
  modes: fc.record({ modes }),
  timeout: fc.record({ subject, untilMs: timeMs }),
  ban: fc.record({ subject }),
  unban: fc.record({ subject }),
  role: fc.record({ subject, role: fc.constantFrom("moderator" as const, null) }),
  rules: fc.constant({}),
  erase: fc.record({ targets: fc.array(offset, { maxLength: 5 }) }),
};
const stamp = fc.record({ offset, atMs: timeMs, programmeMs: timeMs });
const eventOf = (kind: Effect["kind"]): fc.Arbitrary<RoomEvent> =>
  fc.tuple(EFFECTS[kind], stamp).map(([effect, at]) => ({ kind, ...effect, ...at }) as RoomEvent);
const event = fc.oneof(...(Object.keys(EFFECTS) as Effect["kind"][]).map(eventOf));
const pinned = fc
  .tuple(eventOf("chat"), fc.option(timeMs, { nil: undefined }))
  .map(([message, fromProgrammeMs]) => (fromProgrammeMs === undefined ? message : { ...message, fromProgrammeMs }));

const held = fc.record(
  {
    id,
    by: profile,
    clientId: id,
    digest: id,
    text: shownText,
    reasons: fc.subarray([...MODERATION_CATEGORIES, "reviewer", "unreviewed", "mode"] as const),
    replyTo: offset,
    atMs: timeMs,
    programmeMs: timeMs,
    device: fc.string(),
    address: fc.string(),
  },
  { requiredKeys: ["id", "by", "clientId", "text", "reasons", "atMs", "programmeMs", "device", "address"] },
);
const denied = fc.record(
  {
    ...{ id, by: profile, clientId: id, digest: id, text: shownText },
    reasons: fc.subarray([...MODERATION_CATEGORIES, "blocked", "reviewer"] as const),
    replyTo: offset,
    ...{ atMs: timeMs, programmeMs: timeMs, device: fc.string(), address: fc.string() },
  },
  {
    requiredKeys: ["id", "by", "clientId", "digest", "text", "reasons", "atMs", "programmeMs", "device", "address"],
  },
);
const LISTS: { readonly [W in ModerationList["what"]]: fc.Arbitrary<unknown> } = {
  held: fc.array(held, { maxLength: 2 }),
  denied: fc.array(denied, { maxLength: 2 }),
  bans: fc.array(
    fc.record(
      { key: id, subject, by: subject, rank: fc.constantFrom(...RANKS), ban: fc.boolean(), untilMs: fc.option(timeMs) },
      { requiredKeys: ["key", "subject", "by", "ban", "untilMs"] },
    ),
    { maxLength: 2 },
  ),
  audit: fc.array(fc.record({ atMs: timeMs, by: subject, act: fc.constant("ban"), about: subject }), { maxLength: 2 }),
  words: fc.constantFrom([], ["spam", "buy now"]),
  automod: fc.constant(DEFAULT_AUTOMOD_CONFIG),
  moderators: fc.array(subject, { maxLength: 2 }),
  invitations: fc.array(fc.record({ id: fc.constant("a".repeat(43)), by: profile, atMs: timeMs, untilMs: timeMs }), {
    maxLength: 2,
  }),
};
const list = fc.oneof(
  ...Object.entries(LISTS).map(([what, entries]) => entries.map((value) => ({ what, [what]: value }))),
) as unknown as fc.Arbitrary<ModerationList>;
const outcome: fc.Arbitrary<CommandOutcome> = fc.oneof(
  fc.record(
    { ok: fc.constant(true as const), event, held: id, list, invitation: fc.record({ by: id, untilMs: timeMs }) },
    { requiredKeys: ["ok"] },
  ),
  fc.record({
    ok: fc.constant(false as const),
    error: fc.constantFrom(...(Object.keys(ROOM_ERROR_TEXTS) as RoomErrorCode[])),
  }),
);
const note: fc.Arbitrary<StaffNote> = fc.oneof(
  fc.record({ kind: fc.constant("held" as const), held }) as unknown as fc.Arbitrary<StaffNote>,
  fc.record({ kind: fc.constant("settled" as const), id }),
);
const range = fc
  .record({ epoch: id, from: count, to: count, events: fc.array(event, { maxLength: 4 }), unseen: count })
  .map(({ from, to, ...rest }) => ({ ...rest, from: Math.min(from, to), to: Math.max(from, to) }));

/** An arbitrary for each type, so that no frame is left out. */
const FRAMES: { readonly [T in ServerFrame["type"]]: fc.Arbitrary<object> } = {
  welcome: fc
    .record({
      version: fc.constant(1),
      recovered: fc.boolean(),
      nowMs: timeMs,
      you: fc.option(profile),
      expiresMs: fc.option(timeMs),
      modes,
      pinned: fc.option(pinned),
      counts,
      range,
    })
    .map(({ range: events, ...rest }) => ({ ...rest, ...events })),
  tick: fc
    .record({ nowMs: timeMs, counts, range }, { requiredKeys: ["nowMs", "range"] })
    .map(({ range: events, ...rest }) => ({ ...rest, ...events })),
  ack: fc.record({ id, outcome }),
  staff: fc.record({ notes: fc.array(note, { maxLength: 3 }) }),
  renewed: fc.record({
    outcome: fc.oneof(
      fc.record({ ok: fc.constant(true), expiresMs: timeMs }),
      fc.record({
        ok: fc.constant(false),
        error: fc.constantFrom("token-revoked", "token-forged", "token-other-subject", "unavailable", "stopped"),
      }),
    ),
  }),
};
const frame = fc.oneof(
  ...Object.entries(FRAMES).map(([type, fields]) => fields.map((members) => ({ type, ...members }))),
) as unknown as fc.Arbitrary<ServerFrame>;

const inJson = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

test("each frame satisfies its schema, and decodes to what was encoded", () => {
  fc.assert(
    fc.property(frame, (sent) => {
      const parsed = SERVER_FRAME_SCHEMAS.get(sent.type)?.safeParse(inJson(sent));
      expect(parsed?.error?.issues ?? []).toEqual([]);
      expect(decodeServerFrame(JSON.stringify(sent))).toEqual(inJson(sent));
    }),
    { numRuns: 2_000 },
  );
});

/** Values that some member of some frame takes, and values that none does. */
const oddValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(null, true, 0, -0, 1, -1, 1.5, 1e300, Number.MAX_SAFE_INTEGER, 2 ** 53, "", "e", "7", [], {}, [[]]),
  fc.constantFrom([{ kind: "confetti", offset: 1 }], [{ kind: "rules", offset: 0 }], [{ kind: "rules" }, null, 5, "x"]),
  fc.jsonValue(),
);
const memberNames = [
  "type",
  "more",
  "__proto__",
  ...Object.values(SERVER_FRAME_FIELDS).flatMap((fields) => Object.keys(fields)),
];
const mutation = fc.record({
  name: fc.constantFrom(...memberNames),
  value: fc.option(oddValue, { nil: undefined, freq: 4 }),
});

/** A frame's JSON with some members replaced, removed (value undefined) or added. */
const mutated = fc.tuple(frame, fc.array(mutation, { minLength: 1, maxLength: 3 })).map(([sent, mutations]) => {
  const members = new Map<string, unknown>(Object.entries(sent));
  for (const { name, value } of mutations) {
    if (value === undefined) members.delete(name);
    else members.set(name, value);
  }
  return `{${[...members].map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join()}}`;
});

test("the decoder accepts the frames that their envelope's schema accepts, without the events of unknown kinds", () => {
  const seen = { accepted: 0, refused: 0 };
  fc.assert(
    fc.property(fc.oneof(mutated, fc.json()), (text) => {
      const fields: unknown = JSON.parse(text);
      const type = (fields as { type?: unknown } | null)?.type;
      const schema = typeof type === "string" ? SERVER_ENVELOPE_SCHEMAS.get(type) : undefined;
      const accepts = schema?.safeParse(fields).success === true;
      seen[accepts ? "accepted" : "refused"] += 1;
      const decoded = decodeServerFrame(text);
      expect(decoded !== null, text).toBe(accepts);
      if (decoded === null) return;
      const isKnown = (event: unknown): boolean => EVENT_HEAD_SCHEMA.safeParse(event).success;
      const { events } = fields as { events?: unknown[] };
      const hasRange = "from" in SERVER_FRAME_FIELDS[decoded.type];
      expect(decoded).toEqual(hasRange ? { ...(fields as object), events: events?.filter(isKnown) } : fields);
    }),
    { numRuns: 5_000 },
  );
  expect(seen.accepted).toBeGreaterThan(500);
  expect(seen.refused).toBeGreaterThan(500);
});

test("a frame whose own member breaks its schema's type is refused by schema and decoder alike", () => {
  const wrongType: fc.Arbitrary<unknown> = fc.constantFrom(true, 1.5, -1, "text", [], {});
  fc.assert(
    fc.property(frame, fc.nat(), wrongType, (sent, at, value) => {
      const names = Object.keys(sent).filter((name) => name !== "type");
      const broken = { ...sent, [names[at % names.length] ?? ""]: value };
      const text = JSON.stringify(broken);
      if (SERVER_ENVELOPE_SCHEMAS.get(sent.type)?.safeParse(JSON.parse(text)).success === true) return;
      expect(SERVER_FRAME_SCHEMAS.get(sent.type)?.safeParse(JSON.parse(text)).success).toBe(false);
      expect(decodeServerFrame(text)).toBeNull();
    }),
    { numRuns: 2_000 },
  );
});
