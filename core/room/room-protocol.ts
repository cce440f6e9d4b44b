/** The room's wire protocol, version 1: frames as JSON texts, codes of errors and closes. See `docs/room-protocol.md`. */

import type { AccessDenial, TokenError } from "../access/access-policy.ts";
import type { Command } from "./commands/index.ts";
import type { ChatModes, Participant, ParticipantProfile, Role, RoomCounts, RoomEvent } from "./events.ts";
import type { AuditLogEntry, AutoModConfig, BanListEntry, HeldMessage, PinnedMessage } from "./room-state.ts";

export type { AutoModUpdate } from "./commands/automod.ts";
export type { Command, ModerationCommand } from "./commands/index.ts";

/** The version that both sides speak. */
export const ROOM_PROTOCOL_VERSION = 1;

/** What a client sends while it plays, and what it gets: fixed, so that the platform answers without waking the shard. */
export const HEARTBEAT = "beat";
export const HEARTBEAT_REPLY = "ok";

/** What a browser's socket names as its protocol, beside the ticket that opens it. */
export const ROOM_SUBPROTOCOL = "corral";

/** A position in a room's history: its epoch, and the last event that is known. */
export interface RoomPosition {
  readonly epoch: string;
  readonly offset: number;
}

/** Whether a position is one of this epoch. Before the first event all are the same: a room keeps no epoch before it. */
export function isInEpoch({ epoch, offset }: RoomPosition, ofEpoch: string): boolean {
  return offset === 0 || epoch === ofEpoch;
}

/** Frames of clients. `id`: the client's own, the same when it sends again, and never the same for another act. */
export type ClientFrame =
  | { readonly type: "hello"; readonly from: RoomPosition | null }
  | { readonly type: "act"; readonly id: string; readonly act: Command; readonly programmeMs: number | null }
  | { readonly type: "like"; readonly count: number }
  | { readonly type: "react"; readonly emoji: string; readonly count: number }
  | { readonly type: "play"; readonly on: boolean }
  | { readonly type: "seen" }
  | { readonly type: "renew"; readonly token: string };

const ERROR_TEXTS = {
  malformed: "The act doesn't fit the protocol.",
  "id-used": "Another act was sent with this id; send this one with a new id.",
  "sign-in": "Only people with an account may do this.",
  "token-expired": "The token has expired; connect with a new one.",
  "token-revoked": "The token was revoked; connect with a new one.",
  forbidden: "This is not for your role.",
  banned: "You are banned from this room.",
  stopped: "The stream was stopped.",
  "timed-out": "You may not write for a while.",
  "rate-limited": "Too many in a short time; wait a little.",
  "slow-mode": "Slow mode: wait before the next message.",
  "followers-only": "Only people who have followed for a while may write.",
  "subscribers-only": "Only subscribers may write.",
  "verified-only": "Only verified people may write.",
  "emote-only": "Only emotes and emoji may be written.",
  "not-unique": "This was written already.",
  "no-links": "Links may not be written here.",
  "no-capitals": "Too many capitals.",
  denied: "The message breaks the room's rules.",
  "review-full": "Too many messages wait for review.",
  "not-found": "There is nothing like this in the room.",
  full: "The list is full; take something off it first.",
  busy: "The room has too much to do; send again.",
  unavailable: "The room didn't answer; send again.",
} as const;
/** A stable error code. */
export type RoomErrorCode = keyof typeof ERROR_TEXTS;

/** What each code says to people. */
export const ROOM_ERROR_TEXTS: Readonly<Record<RoomErrorCode, string>> = ERROR_TEXTS;

/** Errors after which the same act may be sent again at once. */
export const RETRYABLE_ROOM_ERRORS: ReadonlySet<RoomErrorCode> = new Set(["busy", "unavailable"]);

/** Lists that moderators ask for. */
export type ModerationList =
  | { readonly what: "held"; readonly held: readonly HeldMessage[] }
  | { readonly what: "bans"; readonly bans: readonly BanListEntry[] }
  | { readonly what: "audit"; readonly audit: readonly AuditLogEntry[] }
  | { readonly what: "words"; readonly words: readonly string[] }
  | { readonly what: "automod"; readonly automod: AutoModConfig }
  /** Those appointed in the room; whose token says so isn't among them. */
  | { readonly what: "moderators"; readonly moderators: readonly string[] };

/** What became of an act: stored (with the event, if it made one), waiting for review, answered with a list, or refused. */
export type CommandOutcome =
  | { readonly ok: true; readonly event?: RoomEvent; readonly held?: string; readonly list?: ModerationList }
  | { readonly ok: false; readonly error: RoomErrorCode };

/** What became of a new token: it holds until `expiresMs`, or the old one goes on. */
export type TokenRenewalOutcome =
  | { readonly ok: true; readonly expiresMs: number }
  | { readonly ok: false; readonly error: AccessDenial | TokenError | "token-other-subject" | "unavailable" };

/** Which events a frame tells of: those after `from`, up to `to`; `unseen` of them were left out. */
export interface EventRange {
  readonly epoch: string;
  readonly from: number;
  readonly to: number;
  readonly events: readonly RoomEvent[];
  readonly unseen: number;
}

/** Who a viewer is to the room. */
export type OwnProfile = { readonly subject: string; readonly name: string; readonly roles: readonly Role[] } | null;

/** What only those who moderate are told. */
export type StaffNote =
  | { readonly kind: "held"; readonly held: HeldMessage }
  | { readonly kind: "settled"; readonly id: string };

/** Frames of the server. `nowMs` is the server's clock. */
export type ServerFrame =
  | ({
      readonly type: "welcome";
      readonly version: number;
      readonly recovered: boolean;
      readonly nowMs: number;
      readonly you: OwnProfile;
      /** The token's end; null without a token. */
      readonly expiresMs: number | null;
      readonly modes: ChatModes;
      readonly pinned: PinnedMessage | null;
      readonly counts: RoomCounts;
    } & EventRange)
  | ({ readonly type: "tick"; readonly nowMs: number; readonly counts?: RoomCounts } & EventRange)
  | { readonly type: "ack"; readonly id: string; readonly outcome: CommandOutcome }
  | { readonly type: "staff"; readonly notes: readonly StaffNote[] }
  | { readonly type: "renewed"; readonly outcome: TokenRenewalOutcome };

const SOCKET_CLOSE_CODES = {
  malformed: { code: 4400, again: "never" },
  /** The reason says what is wrong with the token, or that there is none. */
  token: { code: 4401, again: "never" },
  /** Banned; or, as the reason says, none of those for whom the stream is. */
  banned: { code: 4403, again: "never" },
  slow: { code: 4408, again: "soon" },
  moved: { code: 4410, again: "soon" },
  tooLarge: { code: 4413, again: "never" },
  binary: { code: 4415, again: "never" },
  rateLimited: { code: 4429, again: "later" },
  /** The stream was stopped; the reason is the stop's category. */
  stopped: { code: 4451, again: "later" },
  /** The reason is the number of seconds within which to come back, at a random moment. */
  comeBack: { code: 4503, again: "later" },
} as const;
/** Name of a close. */
export type SocketCloseName = keyof typeof SOCKET_CLOSE_CODES;

/** Why a socket was closed: its code, and whether a client may come back (`later`: after a long wait, spread). */
export const SOCKET_CLOSES: Readonly<
  Record<SocketCloseName, { readonly code: number; readonly again: "never" | "soon" | "later" }>
> = SOCKET_CLOSE_CODES;

/** Who a viewer is, as its welcome says; `nameOf` gives the name as it is shown. */
export function toOwnProfile(
  { subject, name }: Participant,
  roles: readonly Role[],
  nameOf: (who: Pick<ParticipantProfile, "subject" | "name">) => string,
): OwnProfile {
  return subject === null ? null : { subject, name: nameOf({ subject, name }), roles };
}
