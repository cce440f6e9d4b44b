/** Every command: chat messages, and the staff's commands. */

import { higherRank, type Rank } from "../permissions.ts";
import type { EnvelopeOf } from "../sequencer/decision.ts";
import { type AcceptCommand, acceptCommand } from "./accept.ts";
import { type ApproveCommand, approveCommand } from "./approve.ts";
import { type AutoModCommand, automodCommand } from "./automod.ts";
import { type BanCommand, banCommand } from "./ban.ts";
import { type ChatCommand, chatCommand } from "./chat.ts";
import { type ClearCommand, clearCommand } from "./clear.ts";
import type { CommandDefinition } from "./define-command.ts";
import { type DeleteCommand, deleteCommand } from "./delete.ts";
import { type DenyCommand, denyCommand } from "./deny.ts";
import { type InviteCommand, inviteCommand } from "./invite.ts";
import { type ListCommand, listCommand } from "./list.ts";
import { type ModesCommand, modesCommand } from "./modes.ts";
import { type PinCommand, pinCommand } from "./pin.ts";
import { type RoleCommand, roleCommand } from "./role.ts";
import { type TimeoutCommand, timeoutCommand } from "./timeout.ts";
import { type UnbanCommand, unbanCommand } from "./unban.ts";
import { type UninviteCommand, uninviteCommand } from "./uninvite.ts";
import { type WordsCommand, wordsCommand } from "./words.ts";

/** Commands of clients, which the room acknowledges. */
export type Command =
  | ChatCommand
  | DeleteCommand
  | ClearCommand
  | PinCommand
  | ModesCommand
  | TimeoutCommand
  | BanCommand
  | UnbanCommand
  | RoleCommand
  | InviteCommand
  | UninviteCommand
  | AcceptCommand
  | WordsCommand
  | AutoModCommand
  | ApproveCommand
  | DenyCommand
  | ListCommand;

/** Commands of the staff, and the one by which a viewer becomes staff. */
export type ModerationCommand = Exclude<Command, ChatCommand>;

/** A command as a shard sends it to the room. */
export type CommandEnvelope = EnvelopeOf<Command>;

/** The definition of each command. */
export const COMMANDS: { readonly [K in Command["kind"]]: CommandDefinition<Extract<Command, { kind: K }>> } = {
  chat: chatCommand,
  delete: deleteCommand,
  clear: clearCommand,
  pin: pinCommand,
  modes: modesCommand,
  timeout: timeoutCommand,
  ban: banCommand,
  unban: unbanCommand,
  role: roleCommand,
  invite: inviteCommand,
  uninvite: uninviteCommand,
  accept: acceptCommand,
  words: wordsCommand,
  automod: automodCommand,
  approve: approveCommand,
  deny: denyCommand,
  list: listCommand,
};

/** The definition of a command, or null for an unknown kind. */
export function commandDefinition(kind: Command["kind"]): CommandDefinition<Command>;
export function commandDefinition(kind: unknown): CommandDefinition<Command> | null;
export function commandDefinition(kind: unknown): CommandDefinition<Command> | null {
  if (typeof kind !== "string" || !Object.hasOwn(COMMANDS, kind)) return null;
  return COMMANDS[kind as Command["kind"]] as unknown as CommandDefinition<Command>;
}

/** Whether a person of this rank may issue a command. */
export function mayIssueCommand(rank: Rank, kind: Command["kind"]): boolean {
  return higherRank(rank, COMMANDS[kind].minRank) === rank;
}
