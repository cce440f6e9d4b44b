/** The commands of a room: a message, or an act of moderation. */
import type { AutoModLevel, ModerationCategory } from "../moderation/categories.ts";
import type { ChatModes } from "./events.ts";

/** What a moderator may do. */
export type ModerationCommand =
  | { readonly kind: "delete"; readonly target: number }
  | { readonly kind: "clear"; readonly subject: string }
  /** `atProgrammeMs`: the moment of the picture at which it is shown, ms since the epoch; without it, at once. */
  | { readonly kind: "pin"; readonly target: number | null; readonly atProgrammeMs?: number }
  | { readonly kind: "modes"; readonly modes: Partial<ChatModes> }
  | { readonly kind: "timeout"; readonly subject: string; readonly seconds: number }
  | { readonly kind: "ban"; readonly subject: string; readonly address: boolean }
  | { readonly kind: "unban"; readonly subject: string }
  | { readonly kind: "role"; readonly subject: string; readonly role: "moderator" | null }
  | { readonly kind: "words"; readonly words: readonly string[] }
  | { readonly kind: "automod"; readonly automod: AutoModUpdate }
  | { readonly kind: "approve"; readonly held: string }
  | { readonly kind: "deny"; readonly held: string }
  | { readonly kind: "list"; readonly what: "held" | "bans" | "audit" | "words" | "automod" | "moderators" };

/** What changes of `AutoModConfig`; levels that are not named stay. */
export interface AutoModUpdate {
  readonly levels?: Readonly<Partial<Record<ModerationCategory, AutoModLevel>>>;
  readonly allowed?: readonly string[];
}

/** What is acknowledged: a message, or a moderator's act. */
export type Command = { readonly kind: "chat"; readonly text: string; readonly replyTo?: number } | ModerationCommand;
