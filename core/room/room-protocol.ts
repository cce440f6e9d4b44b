/** The room's wire protocol, version 1: frames as JSON texts. See `docs/room-protocol.md`. */

import type { AccessDenial, TokenError } from "../access/access-policy.ts";
import type { Role } from "../access/roles.ts";
import type { ChatModes } from "./chat-modes.ts";
import type { Command } from "./commands/index.ts";
import type { PinnedMessage } from "./entries/pin.ts";
import type { RoomCounts, RoomEvent } from "./events.ts";
import type { Participant, ParticipantProfile } from "./participants.ts";
import type { RoomErrorCode } from "./room-errors.ts";
import type { ModerationList, StaffNote } from "./staff-messages.ts";

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

/** Who a viewer is, as its welcome says; `nameOf` gives the name as it is shown. */
export function toOwnProfile(
  { subject, name }: Participant,
  roles: readonly Role[],
  nameOf: (who: Pick<ParticipantProfile, "subject" | "name">) => string,
): OwnProfile {
  return subject === null ? null : { subject, name: nameOf({ subject, name }), roles };
}
