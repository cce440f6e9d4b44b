/** The room's wire protocol, version 1: frames as JSON texts, codes of errors and closes. See `docs/room-protocol.md`. */

import type { AccessError, TokenError } from "../access.ts";
import type { Category, Level } from "../moderation/categories.ts";
import type { Author, Counts, Modes, Role, RoomEvent, Viewer } from "./events.ts";
import type { AuditLine, AutoMod, BanLine, Held, Pinned } from "./state.ts";

/** The version that both sides speak. */
export const VERSION = 1;

/** What a client sends while it plays, and what it gets: fixed, so that the platform answers without waking the shard. */
export const BEAT = "beat";
export const BEAT_ANSWER = "ok";

/** What a browser's socket names as its protocol, beside the ticket that opens it. */
export const SOCKET_PROTOCOL = "corral";

/** A position in a room's history: its epoch, and the last event that is known. */
export interface Position {
  readonly epoch: string;
  readonly offset: number;
}

/** Whether a position is one of this epoch. Before the first event all are the same: a room keeps no epoch before it. */
export function isOf({ epoch, offset }: Position, ofEpoch: string): boolean {
  return offset === 0 || epoch === ofEpoch;
}

/** What a moderator may do. */
export type ModerationAct =
  | { readonly kind: "delete"; readonly target: number }
  | { readonly kind: "clear"; readonly subject: string }
  /** `atProgrammeMs`: the moment of the picture at which it is shown, ms since the epoch; without it, at once. */
  | { readonly kind: "pin"; readonly target: number | null; readonly atProgrammeMs?: number }
  | { readonly kind: "modes"; readonly modes: Partial<Modes> }
  | { readonly kind: "timeout"; readonly subject: string; readonly seconds: number }
  | { readonly kind: "ban"; readonly subject: string; readonly address: boolean }
  | { readonly kind: "unban"; readonly subject: string }
  | { readonly kind: "role"; readonly subject: string; readonly role: "moderator" | null }
  | { readonly kind: "words"; readonly words: readonly string[] }
  | { readonly kind: "automod"; readonly automod: AutoModChange }
  | { readonly kind: "approve"; readonly held: string }
  | { readonly kind: "deny"; readonly held: string }
  | { readonly kind: "list"; readonly what: "held" | "bans" | "audit" | "words" | "automod" | "moderators" };

/** What changes of `AutoMod`; levels that are not named stay. */
export interface AutoModChange {
  readonly levels?: Readonly<Partial<Record<Category, Level>>>;
  readonly allowed?: readonly string[];
}

/** What is acknowledged: a message, or a moderator's act. */
export type Act = { readonly kind: "chat"; readonly text: string; readonly replyTo?: number } | ModerationAct;

/** Frames of clients. `id`: the client's own, the same when it sends again, and never the same for another act. */
export type ClientFrame =
  | { readonly type: "hello"; readonly from: Position | null }
  | { readonly type: "act"; readonly id: string; readonly act: Act; readonly programmeMs: number | null }
  | { readonly type: "like"; readonly count: number }
  | { readonly type: "react"; readonly emoji: string; readonly count: number }
  | { readonly type: "play"; readonly on: boolean }
  | { readonly type: "seen" }
  | { readonly type: "renew"; readonly token: string };

const SAID = {
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
export type ErrorCode = keyof typeof SAID;

/** What each code says to people. */
export const ERRORS: Readonly<Record<ErrorCode, string>> = SAID;

/** Errors after which the same act may be sent again at once. */
export const RETRYABLE: ReadonlySet<ErrorCode> = new Set(["busy", "unavailable"]);

/** Lists that moderators ask for. */
export type Listed =
  | { readonly what: "held"; readonly held: readonly Held[] }
  | { readonly what: "bans"; readonly bans: readonly BanLine[] }
  | { readonly what: "audit"; readonly audit: readonly AuditLine[] }
  | { readonly what: "words"; readonly words: readonly string[] }
  | { readonly what: "automod"; readonly automod: AutoMod }
  /** Those appointed in the room; whose token says so isn't among them. */
  | { readonly what: "moderators"; readonly moderators: readonly string[] };

/** What became of an act: stored (with the event, if it made one), waiting for review, answered with a list, or refused. */
export type Outcome =
  | { readonly ok: true; readonly event?: RoomEvent; readonly held?: string; readonly list?: Listed }
  | { readonly ok: false; readonly error: ErrorCode };

/** What became of a new token: it holds until `expiresMs`, or the old one goes on. */
export type Renewed =
  | { readonly ok: true; readonly expiresMs: number }
  | { readonly ok: false; readonly error: AccessError | TokenError | "token-other-subject" | "unavailable" };

/** Which events a frame tells of: those after `from`, up to `to`; `unseen` of them were left out. */
export interface Stretch {
  readonly epoch: string;
  readonly from: number;
  readonly to: number;
  readonly events: readonly RoomEvent[];
  readonly unseen: number;
}

/** Who a viewer is to the room. */
export type You = { readonly subject: string; readonly name: string; readonly roles: readonly Role[] } | null;

/** What only those who moderate are told. */
export type StaffNote =
  | { readonly kind: "held"; readonly held: Held }
  | { readonly kind: "settled"; readonly id: string };

/** Frames of the server. `nowMs` is the server's clock. */
export type ServerFrame =
  | ({
      readonly type: "welcome";
      readonly version: number;
      readonly recovered: boolean;
      readonly nowMs: number;
      readonly you: You;
      /** The token's end; null without a token. */
      readonly expiresMs: number | null;
      readonly modes: Modes;
      readonly pinned: Pinned | null;
      readonly counts: Counts;
    } & Stretch)
  | ({ readonly type: "tick"; readonly nowMs: number; readonly counts?: Counts } & Stretch)
  | { readonly type: "ack"; readonly id: string; readonly outcome: Outcome }
  | { readonly type: "staff"; readonly notes: readonly StaffNote[] }
  | { readonly type: "renewed"; readonly outcome: Renewed };

const CLOSE_CODES = {
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
export type CloseName = keyof typeof CLOSE_CODES;

/** Why a socket was closed: its code, and whether a client may come back (`later`: after a long wait, spread). */
export const CLOSES: Readonly<
  Record<CloseName, { readonly code: number; readonly again: "never" | "soon" | "later" }>
> = CLOSE_CODES;

/** Who a viewer is, as its welcome says; `nameOf` gives the name as it is shown. */
export function youAre(
  { subject, name }: Viewer,
  roles: readonly Role[],
  nameOf: (who: Pick<Author, "subject" | "name">) => string,
): You {
  return subject === null ? null : { subject, name: nameOf({ subject, name }), roles };
}
