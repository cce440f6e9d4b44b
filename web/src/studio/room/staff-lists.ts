/** The staff lists as a pure reducer over received lists and staff notes. */

import type { AutoModConfig } from "../../../../core/room/entries/automod.ts";
import type { DeniedMessage } from "../../../../core/room/entries/denied.ts";
import type { HeldMessage } from "../../../../core/room/entries/held.ts";
import type {
  AuditLogEntry,
  BanListEntry,
  ListedInvitation,
  ModerationList,
  StaffNote,
} from "../../../../core/room/staff-messages.ts";

/** The lists; null before they are received. */
export interface StaffLists {
  readonly held: readonly HeldMessage[];
  readonly denied: readonly DeniedMessage[] | null;
  readonly bans: readonly BanListEntry[] | null;
  readonly audit: readonly AuditLogEntry[] | null;
  readonly words: readonly string[] | null;
  readonly automod: AutoModConfig | null;
  readonly moderators: readonly string[] | null;
  readonly invitations: readonly ListedInvitation[] | null;
}

/** No lists received. */
export const EMPTY_STAFF_LISTS: StaffLists = {
  held: [],
  denied: null,
  bans: null,
  audit: null,
  words: null,
  automod: null,
  moderators: null,
  invitations: null,
};

/** All lists, which each welcome requests. */
export const STAFF_LIST_NAMES: readonly ModerationList["what"][] = [
  "held",
  "denied",
  "bans",
  "audit",
  "words",
  "automod",
  "moderators",
  "invitations",
];

/** The lists after one is received. */
export function applyStaffList(staff: StaffLists, list: ModerationList): StaffLists {
  switch (list.what) {
    case "held":
      return { ...staff, held: list.held };
    case "denied":
      return { ...staff, denied: list.denied };
    case "bans":
      return { ...staff, bans: list.bans };
    case "audit":
      return { ...staff, audit: list.audit };
    case "words":
      return { ...staff, words: list.words };
    case "automod":
      return { ...staff, automod: list.automod };
    case "moderators":
      return { ...staff, moderators: list.moderators };
    case "invitations":
      return { ...staff, invitations: list.invitations };
  }
}

/** The lists after staff notes. */
export function applyStaffNotes(staff: StaffLists, notes: readonly StaffNote[]): StaffLists {
  let { held } = staff;
  for (const note of notes) {
    held =
      note.kind === "held"
        ? [...held.filter(({ id }) => id !== note.held.id), note.held]
        : held.filter(({ id }) => id !== note.id);
  }
  return { ...staff, held };
}

/** A banned participant: one line for account, devices and addresses. */
export interface SanctionSummary {
  readonly subject: string;
  readonly by: string;
  readonly ban: boolean;
  readonly untilMs: number | null;
  /** Devices and addresses banned with the account. */
  readonly devices: number;
  readonly addresses: number;
}

/** The ban list by participant, the newest first, without those expired by `nowMs`. */
export function groupSanctions(bans: readonly BanListEntry[], nowMs: number): SanctionSummary[] {
  const people = new Map<string, SanctionSummary>();
  for (const { key, subject, by, ban, untilMs } of bans) {
    if (untilMs !== null && untilMs <= nowMs) continue;
    const before = people.get(subject);
    people.set(subject, {
      subject,
      by,
      ban: ban || before?.ban === true,
      untilMs: ban || before?.ban === true ? null : untilMs,
      devices: (before?.devices ?? 0) + (key.startsWith("device:") ? 1 : 0),
      addresses: (before?.addresses ?? 0) + (key.startsWith("address:") ? 1 : 0),
    });
  }
  return [...people.values()].reverse();
}

/** Parses words, one a line: trimmed, without blanks and duplicates. */
export function parseWordLines(text: string): string[] {
  return [...new Set(text.split("\n").flatMap((line) => line.trim() || []))];
}
