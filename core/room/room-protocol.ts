/** The room's wire protocol, version 1: frames as JSON texts. See `docs/room-protocol.md`. */

import type { AccessDenial, TokenError } from "../access/access-policy.ts";
import type { Role } from "../access/roles.ts";
import type { ChatModes } from "./chat-modes.ts";
import type { Command } from "./commands/index.ts";
import type { PinnedMessage } from "./entries/pin.ts";
import type { RoomCounts, RoomEvent } from "./events.ts";
import type { Participant, ParticipantProfile } from "./participants.ts";
import type { RoomErrorCode } from "./room-errors.ts";
import type { InvitationNotice, ModerationList, StaffNote } from "./staff-messages.ts";

/** The version that both sides speak. */
export const ROOM_PROTOCOL_VERSION = 1;

/** What a client sends while it plays, and the reply: fixed, so that the platform replies without waking the shard. */
export const HEARTBEAT = "beat";
export const HEARTBEAT_REPLY = "ok";

/** The WebSocket subprotocol of a browser, besides the ticket that opens it. */
export const ROOM_SUBPROTOCOL = "corral";

/** A position in a room's history: its epoch, and the last known event. */
export interface RoomPosition {
  readonly epoch: string;
  readonly offset: number;
}

/** Whether a position is in this epoch. Before the first event all are the same: a room stores no epoch before it. */
export function isInEpoch({ epoch, offset }: RoomPosition, ofEpoch: string): boolean {
  return offset === 0 || epoch === ofEpoch;
}

/** Client frames. `id`: the client's own, the same in a resend, and never the same for another command. */
export type ClientFrame =
  | { readonly type: "hello"; readonly from: RoomPosition | null }
  | { readonly type: "act"; readonly id: string; readonly act: Command; readonly programmeMs: number | null }
  | { readonly type: "like"; readonly count: number }
  | { readonly type: "react"; readonly emoji: string; readonly count: number }
  | { readonly type: "play"; readonly on: boolean }
  | { readonly type: "seen" }
  | { readonly type: "renew"; readonly token: string };

/** The outcome of a command: stored (with its event, if any), held for review, answered with what it asks for, or refused. */
export type CommandOutcome =
  | {
      readonly ok: true;
      readonly event?: RoomEvent;
      readonly held?: string;
      readonly list?: ModerationList;
      readonly invitation?: InvitationNotice;
    }
  | { readonly ok: false; readonly error: RoomErrorCode };

/** The outcome of a token renewal: the new token is valid until `expiresMs`, or the old one remains. */
export type TokenRenewalOutcome =
  | { readonly ok: true; readonly expiresMs: number }
  | { readonly ok: false; readonly error: AccessDenial | TokenError | "token-other-subject" | "unavailable" };

/** The events of a frame: those after `from`, up to `to`; `unseen` of them were omitted. */
export interface EventRange {
  readonly epoch: string;
  readonly from: number;
  readonly to: number;
  readonly events: readonly RoomEvent[];
  readonly unseen: number;
}

/** A viewer's identity in the room. */
export type OwnProfile = { readonly subject: string; readonly name: string; readonly roles: readonly Role[] } | null;

/** Server frames. `nowMs` is the server's clock. */
export type ServerFrame =
  | ({
      readonly type: "welcome";
      readonly version: number;
      readonly recovered: boolean;
      readonly nowMs: number;
      readonly you: OwnProfile;
      /** The token's expiry; null without a token. */
      readonly expiresMs: number | null;
      readonly modes: ChatModes;
      readonly pinned: PinnedMessage | null;
      readonly counts: RoomCounts;
    } & EventRange)
  | ({ readonly type: "tick"; readonly nowMs: number; readonly counts?: RoomCounts } & EventRange)
  | { readonly type: "ack"; readonly id: string; readonly outcome: CommandOutcome }
  | { readonly type: "staff"; readonly notes: readonly StaffNote[] }
  | { readonly type: "renewed"; readonly outcome: TokenRenewalOutcome };

/** A viewer's identity, as its welcome states it; `nameOf` returns the displayed name. */
export function toOwnProfile(
  { subject, name }: Participant,
  roles: readonly Role[],
  nameOf: (who: Pick<ParticipantProfile, "subject" | "name">) => string,
): OwnProfile {
  return subject === null ? null : { subject, name: nameOf({ subject, name }), roles };
}
