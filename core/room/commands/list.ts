/** Requests a list of the staff. */
import * as z from "zod/mini";
import { ROOM_LIMITS } from "../room-limits.ts";
import type { RoomState } from "../room-state.ts";
import type { DecisionContext } from "../sequencer/decision.ts";
import type { ModerationList } from "../staff-messages.ts";
import { type CommandDefinition, defineCommand } from "./define-command.ts";

/** `what`: the list. */
export interface ListCommand {
  readonly kind: "list";
  readonly what: ModerationList["what"];
}

export const listCommand: CommandDefinition<ListCommand> = defineCommand<ListCommand>({
  kind: "list",
  minRank: "moderator",
  fields: { what: z.enum(["held", "denied", "bans", "audit", "words", "automod", "moderators", "invitations"]) },
  needsAuditLog: ({ what }) => what === "audit",
  decide: (state, { act: { what } }, context) => ({
    ok: true,
    entries: [],
    staffNotes: [],
    list: readList(state, what, context),
  }),
});

function readList(state: RoomState, what: ModerationList["what"], context: DecisionContext): ModerationList {
  const { listEntries } = ROOM_LIMITS;
  switch (what) {
    case "held":
      return { what, held: [...state.heldMessages.values()].slice(0, listEntries) };
    case "denied":
      return { what, denied: [...state.deniedMessages.values()].reverse() };
    case "bans":
      return { what, bans: [...state.sanctions].slice(-listEntries).map(([key, value]) => ({ key, ...value })) };
    case "audit":
      return { what, audit: context.auditLog().slice(0, listEntries) };
    case "words":
      return { what, words: state.words };
    case "moderators":
      return { what, moderators: [...state.moderators] };
    case "invitations": {
      const open = [...state.invitations].filter(([, { untilMs }]) => untilMs > context.nowMs);
      return { what, invitations: open.map(([id, invitation]) => ({ id, ...invitation })) };
    }
    case "automod":
      return { what, automod: state.automod };
  }
}
