/**
 * The schemas of clients' frames, with their limits. `decodeClientFrame` reads them by hand, for a schema takes four times as
 * long for each message; a property test holds the two equal.
 */
import * as z from "zod/mini";
import { ACCESS_LIMITS } from "../../access/access-policy.ts";
import { COMMANDS, type Command } from "../commands/index.ts";
import { type FieldSchemas, integerField, textField } from "../field-schemas.ts";
import { ROOM_LIMITS } from "../room-limits.ts";
import type { ClientFrame } from "../room-protocol.ts";

type Frame<T extends ClientFrame["type"]> = Extract<ClientFrame, { type: T }>;

const { nameChars, reactionsPerFrame, emojiChars } = ROOM_LIMITS;
/** One emoji, which may be several code points. */
const EMOJI_PATTERN = /^\p{RGI_Emoji}$/v;
const COUNT_FIELD = integerField(1, reactionsPerFrame);
const POSITION_FIELD = z.object({ epoch: textField(nameChars), offset: integerField(0) });
const ANY_COMMAND = z.union(Object.values(COMMANDS).map(({ schema }) => schema as unknown as z.ZodMiniType<Command>));

/** The members of each frame, by its `type`. */
export const CLIENT_FRAME_FIELDS: { readonly [T in ClientFrame["type"]]: FieldSchemas<Frame<T>, "type"> } = {
  hello: { from: z._default(z.nullable(POSITION_FIELD), null) },
  // An invalid program time counts as unknown.
  act: { id: textField(nameChars), act: ANY_COMMAND, programmeMs: z.catch(z.nullable(integerField(0)), null) },
  like: { count: COUNT_FIELD },
  react: {
    emoji: textField(emojiChars).check(z.refine((text) => EMOJI_PATTERN.test(text))),
    count: COUNT_FIELD,
  },
  play: { on: z.boolean() },
  seen: {},
  renew: { token: z.string().check(z.maxLength(ACCESS_LIMITS.tokenChars)) },
};

/** The schema of each frame. */
export const CLIENT_FRAME_SCHEMAS: ReadonlyMap<string, z.ZodMiniType<ClientFrame>> = new Map(
  Object.entries(CLIENT_FRAME_FIELDS).map(([type, fields]) => [
    type,
    z.object({ type: z.literal(type), ...fields }) as unknown as z.ZodMiniType<ClientFrame>,
  ]),
);
