/** The people of a room. */
import { isGuestSubject } from "../access/guest.ts";
import type { Role } from "../access/roles.ts";

/** The holder of a socket. `subject` is null for a viewer who may only read, and a guest's has no account. Times are ms since the epoch. */
export interface Participant {
  readonly subject: string | null;
  readonly name: string;
  readonly roles: readonly Role[];
  /** Start of following the host; null for viewers who do not. */
  readonly followerSinceMs: number | null;
  /** The room's name of the device, from its key; a random name each time without a key. */
  readonly device: string;
  /** The room's name of the network today; empty if unknown. */
  readonly address: string;
  /** Its names on the adjacent days. */
  readonly addressesNear?: readonly string[];
  /** The viewer's name in the estimate of distinct viewers; absent if it is not counted. */
  readonly countedAs?: string;
  /** The token's expiry; null without a token. */
  readonly expiresMs: number | null;
  /** The token's version, which revocations compare with; absent: 0. */
  readonly tokenVersion?: number;
}

/** A message's sender, as shown to all. */
export interface ParticipantProfile {
  readonly subject: string;
  readonly name: string;
  readonly roles: readonly Role[];
}

/** The sender of a message whose sender was erased. */
export const ERASED_PROFILE: ParticipantProfile = { subject: "", name: "", roles: [] };

/** Whether a viewer has an account, which the issuer of tokens vouches for. */
export function hasAccount<V extends Pick<Participant, "subject">>(
  viewer: V,
): viewer is V & { readonly subject: string } {
  return viewer.subject !== null && !isGuestSubject(viewer.subject);
}

/** The key of a viewer in rate limits, placement and counts: the account, else the device. */
export function participantKey({ subject, device }: Pick<Participant, "subject" | "device">): string {
  return hasAccount({ subject }) ? `account:${subject}` : `device:${device}`;
}

/** Whether a person is a moderator or host. */
export function isStaff(roles: readonly Role[]): boolean {
  return roles.includes("host") || roles.includes("moderator");
}
