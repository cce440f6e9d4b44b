/** What the definition of one command consists of. */
import * as z from "zod/mini";
import type { JsonObject } from "../../kit/json-fields.ts";
import type { FieldSchemas } from "../field-schemas.ts";
import type { Participant } from "../participants.ts";
import type { Rank } from "../permissions.ts";
import type { RoomState } from "../room-state.ts";
import type { CommandAcceptance, CommandRefusal, DecisionContext, EnvelopeOf } from "../sequencer/decision.ts";

/** A command of a participant with an account, whose roles are the effective ones in the room. */
export interface AccountEnvelope<C> extends Omit<EnvelopeOf<C>, "by"> {
  readonly by: Participant & { readonly subject: string };
}

/** The declaration of a command. An absent member: not applicable to the command. */
export interface CommandSpec<C extends { readonly kind: string }> {
  readonly kind: C["kind"];
  /** The minimum rank that may issue it. */
  readonly minRank: Rank;
  /** Its members and their limits. The order is that of the stored digest. */
  readonly fields: FieldSchemas<C, "kind">;
  /** Hand-written decoder, for a command of the hot path. A property test holds it equal to the schema. */
  readonly read?: (fields: JsonObject) => C | null;
  /** The subject that it is about, besides its sender. Called before the decision. */
  readonly subject?: (command: C, state: RoomState) => string | null;
  /** The offset of the message that it is about: loaded before the decision. */
  readonly target?: (command: C) => number | null;
  /** The secret in it: the decision gets its hash. */
  readonly secret?: (command: C) => string | null;
  /** Whether the decision reads the audit log. */
  readonly needsAuditLog?: (command: C) => boolean;
  readonly decide: (
    state: RoomState,
    envelope: AccountEnvelope<C>,
    context: DecisionContext,
  ) => CommandAcceptance | CommandRefusal;
}

/** One command. */
export interface CommandDefinition<C extends { readonly kind: string }> extends Required<CommandSpec<C>> {
  readonly schema: z.ZodMiniType<C>;
}

/** The definition that a command's file declares. */
export function defineCommand<C extends { readonly kind: string }>(spec: CommandSpec<C>): CommandDefinition<C> {
  const schema = z.object({ kind: z.literal(spec.kind), ...spec.fields }) as unknown as z.ZodMiniType<C>;
  return {
    read: (fields) => {
      const parsed = schema.safeParse(fields);
      return parsed.success ? parsed.data : null;
    },
    subject: () => null,
    target: () => null,
    secret: () => null,
    needsAuditLog: () => false,
    ...spec,
    schema,
  };
}
