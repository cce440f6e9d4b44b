/** The values that a room's state is made of. */
import type { AutoModLevels, ModerationCategory } from "../moderation/categories.ts";
import type { Command } from "./commands.ts";
import type { ChatEvent, ParticipantProfile } from "./events.ts";

/** Where somebody stands among those who act on each other. */
export type Rank = "viewer" | "moderator" | "host";

/** Every rank, the lowest first. */
export const RANKS: readonly Rank[] = ["viewer", "moderator", "host"];

/** A ban or a timeout of an account, a device or an address. */
export interface Sanction {
  readonly subject: string;
  readonly by: string;
  /** What the setter was: it is felt by those only whom one of this rank may sanction. Absent: a host. */
  readonly rank?: Rank;
  readonly ban: boolean;
  /** Its end; null for good. */
  readonly untilMs: number | null;
}

/** How texts and names are judged in a room. */
export interface AutoModConfig {
  /** How strict each category is: 0 lets all pass, 4 finds the mildest too. */
  readonly levels: AutoModLevels;
  /** Words and phrases that pass though a list has them. */
  readonly allowed: readonly string[];
}

/** Why a message waits: a category of the lists, the reviewer's word or its silence, or the mode `review`. */
export type HoldReason = ModerationCategory | "reviewer" | "unreviewed" | "mode";

/** A message that waits for a moderator. */
export interface HeldMessage {
  readonly id: string;
  readonly by: ParticipantProfile;
  readonly clientId: string;
  /** Of the act as it came, by which it is known when it is sent again; see `act-digest.ts`. */
  readonly digest?: string;
  readonly text: string;
  readonly reasons: readonly HoldReason[];
  readonly replyTo?: number;
  readonly atMs: number;
  readonly programmeMs: number;
  readonly device: string;
  readonly address: string;
}

/** A line of the ban list. */
export interface BanListEntry extends Sanction {
  readonly key: string;
}

/** A line of the audit log. */
export interface AuditLogEntry {
  readonly atMs: number;
  readonly by: string;
  readonly act: Exclude<Command["kind"], "chat" | "list">;
  readonly about: string;
}

/** A message that is pinned; from a moment of the picture on, ms since the epoch, where it isn't at once. */
export type PinnedMessage = ChatEvent & { readonly fromProgrammeMs?: number };
