/** Pins a message, or removes the pin. */
import * as z from "zod/mini";
import type { PinnedMessage } from "../entries/pin.ts";
import { integerField, OFFSET_FIELD } from "../field-schemas.ts";
import { ROOM_LIMITS } from "../room-limits.ts";
import type { CommandAcceptance } from "../sequencer/decision.ts";
import { acceptAudited, refuseCommand } from "./decision.ts";
import { type CommandDefinition, defineCommand } from "./define-command.ts";

/** `target`: the message's offset, or null. `atProgrammeMs`: the program time of the change, ms since the epoch; absent: now. */
export interface PinCommand {
  readonly kind: "pin";
  readonly target: number | null;
  readonly atProgrammeMs?: number;
}

export const pinCommand: CommandDefinition<PinCommand> = defineCommand<PinCommand>({
  kind: "pin",
  minRank: "moderator",
  fields: { target: z.nullable(OFFSET_FIELD), atProgrammeMs: z.exactOptional(integerField(0)) },
  target: ({ target }) => target,
  decide: (_state, { act: { target, atProgrammeMs } }, context) => {
    const message = target === null ? null : context.findMessage(target);
    if (target !== null && message === null) return refuseCommand("not-found");
    if (atProgrammeMs === undefined) return acceptPin(target, message);
    // As far ahead as history reaches back.
    if (Math.abs(atProgrammeMs - context.nowMs) > ROOM_LIMITS.retentionMs) return refuseCommand("malformed");
    const decision = acceptPin(target, message === null ? null : { ...message, fromProgrammeMs: atProgrammeMs });
    return { ...decision, programTimeMs: atProgrammeMs };
  },
});

function acceptPin(target: number | null, value: PinnedMessage | null): CommandAcceptance {
  return acceptAudited("pin", String(target), { kind: "pin", target }, [{ of: "pin", key: "", value }]);
}
