/** What happens in a room: people, events, modes, counts. */
import type { Role } from "../access/roles.ts";

/** Who holds a socket. `subject` is null for someone without an account, who may read. Times are ms since the epoch. */
export interface Participant {
  readonly subject: string | null;
  readonly name: string;
  readonly roles: readonly Role[];
  /** Follows the host since then; null for those who don't. */
  readonly followerSinceMs: number | null;
  /** What the room calls the device, by the key that it showed; another name each time where it showed none. */
  readonly device: string;
  /** What the room calls the network today; empty where it is not known. */
  readonly address: string;
  /** What it calls it on the days beside this one. */
  readonly addressesNear?: readonly string[];
  /** What the viewer is in the estimate of different people; absent where it isn't counted. */
  readonly countedAs?: string;
  /** The token's end; null without a token. */
  readonly expiresMs: number | null;
  /** What revocations of tokens compare with; 0 where it is absent. */
  readonly tokenVersion?: number;
}

/** A message's sender, as all see it. */
export interface ParticipantProfile {
  readonly subject: string;
  readonly name: string;
  readonly roles: readonly Role[];
}

/** The sender of a message whose sender was erased. */
export const ERASED_PROFILE: ParticipantProfile = { subject: "", name: "", roles: [] };

/** Restrictions on who may write what; those who moderate are exempt from all. */
export interface ChatModes {
  /** Seconds between two messages of one person; 0 is off. */
  readonly slowS: number;
  /** Only those who have followed for so many minutes may write; null is off. Subscribers and verified are exempt. */
  readonly followersMin: number | null;
  readonly subscribersOnly: boolean;
  readonly verifiedOnly: boolean;
  readonly emoteOnly: boolean;
  /** No message that was there already. */
  readonly unique: boolean;
  /** No links, but those of verified people. */
  readonly noLinks: boolean;
  /** No messages that are mostly capitals. */
  readonly noCapitals: boolean;
  /** Every message waits for a moderator. */
  readonly review: boolean;
}

/** A room in which everybody with an account may write. */
export const OPEN_CHAT_MODES: ChatModes = {
  slowS: 0,
  followersMin: null,
  subscribersOnly: false,
  verifiedOnly: false,
  emoteOnly: false,
  unique: false,
  noLinks: false,
  noCapitals: false,
  review: false,
};

/** What happened. `target` is the offset of a message. */
export type Effect =
  | {
      readonly kind: "chat";
      readonly by: ParticipantProfile;
      readonly text: string;
      readonly replyTo?: number;
      readonly gone?: true;
    }
  | { readonly kind: "delete"; readonly target: number }
  | { readonly kind: "clear"; readonly subject: string }
  | { readonly kind: "pin"; readonly target: number | null }
  | { readonly kind: "modes"; readonly modes: ChatModes }
  | { readonly kind: "timeout"; readonly subject: string; readonly untilMs: number }
  | { readonly kind: "ban"; readonly subject: string }
  | { readonly kind: "unban"; readonly subject: string }
  | { readonly kind: "role"; readonly subject: string; readonly role: "moderator" | null }
  /** Words or levels changed; those who moderate may ask for them. */
  | { readonly kind: "rules" }
  /** Someone was erased: the events at these offsets tell nothing personal any more. */
  | { readonly kind: "erase"; readonly targets: readonly number[] };

/** Where and when: offset within the room's epoch (from 1, without holes), server time, programme time; ms since 1970. */
export interface EventStamp {
  readonly offset: number;
  readonly atMs: number;
  readonly programmeMs: number;
}

/** One event of a room's history. */
export type RoomEvent = Effect & EventStamp;

/** A chat message of the history. */
export type ChatEvent = Extract<RoomEvent, { kind: "chat" }>;

/** People watching now, the most that did, an estimate of how many different ones; likes and reactions so far. */
export interface RoomCounts {
  readonly watching: number;
  readonly peak: number;
  readonly distinct: number;
  readonly likes: number;
  readonly reactions: Readonly<Record<string, number>>;
}

/** Counts of a room in which nothing has happened. */
export const EMPTY_ROOM_COUNTS: RoomCounts = { watching: 0, peak: 0, distinct: 0, likes: 0, reactions: {} };

/** Who a viewer is to rate limits, places and counts: the account, else the device. */
export function participantKey({ subject, device }: Pick<Participant, "subject" | "device">): string {
  return subject === null ? `device:${device}` : `account:${subject}`;
}

/** Whether a person moderates here. */
export function isStaff(roles: readonly Role[]): boolean {
  return roles.includes("host") || roles.includes("moderator");
}

/**
 * The event after a later one: a message that was deleted, or whose sender was cleared, loses its text and says so; what
 * was erased loses all that is personal. Others are as they were.
 */
export function applyLaterEvent(event: RoomEvent, later: Effect & { readonly offset: number }): RoomEvent {
  if (event.offset >= later.offset) return event;
  if (later.kind === "erase") return later.targets.includes(event.offset) ? redactEvent(event) : event;
  if (event.kind !== "chat" || event.gone === true) return event;
  const hit =
    (later.kind === "delete" && later.target === event.offset) ||
    (later.kind === "clear" && later.subject === event.by.subject);
  return hit ? { ...event, text: "", gone: true } : event;
}

/** The event without anything personal: it keeps its place, so that the history has no hole. */
export function redactEvent({ kind, offset, atMs, programmeMs }: Pick<RoomEvent, "kind"> & EventStamp): RoomEvent {
  const place = { offset, atMs, programmeMs };
  switch (kind) {
    case "chat":
      return { kind, by: ERASED_PROFILE, text: "", gone: true, ...place };
    case "timeout":
      return { kind, subject: "", untilMs: atMs, ...place };
    case "role":
      return { kind, subject: "", role: null, ...place };
    case "clear":
    case "ban":
    case "unban":
      return { kind, subject: "", ...place };
    case "delete":
    case "pin":
    case "modes":
    case "rules":
    case "erase":
      return { kind: "erase", targets: [], ...place };
  }
}
