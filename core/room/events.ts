/** Participants, chat modes, events and counts of a room. */
import type { Effect } from "./effects/index.ts";

/** What a person is in a room. Hosts and moderators are its staff. */
export type Role = "host" | "moderator" | "subscriber" | "verified";

/** Every role, the highest first. */
export const ROLES: readonly Role[] = ["host", "moderator", "subscriber", "verified"];

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
