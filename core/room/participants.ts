/** The people of a room. */
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

/** Who a viewer is to rate limits, places and counts: the account, else the device. */
export function participantKey({ subject, device }: Pick<Participant, "subject" | "device">): string {
  return subject === null ? `device:${device}` : `account:${subject}`;
}

/** Whether a person moderates here. */
export function isStaff(roles: readonly Role[]): boolean {
  return roles.includes("host") || roles.includes("moderator");
}
