/** Who may do what, and to whom. Both are tables: what isn't in them may not be done. */
import type { Role } from "./events.ts";

/** Where somebody stands among those who act on each other. */
export type Rank = "viewer" | "moderator" | "host";

/** Every rank, the lowest first. */
export const RANKS: readonly Rank[] = ["viewer", "moderator", "host"];

/** Whom each rank may shut out or silence; and lift what somebody of that rank has set, with its own. */
const SANCTIONABLE_RANKS: Readonly<Record<Rank, readonly Rank[]>> = {
  viewer: [],
  moderator: ["viewer"],
  host: ["viewer", "moderator"],
};

/** Whose messages each rank may take away. */
const REMOVABLE_AUTHOR_RANKS: Readonly<Record<Rank, readonly Rank[]>> = {
  viewer: [],
  moderator: ["viewer", "moderator"],
  host: ["viewer", "moderator", "host"],
};

/** The rank that roles give. */
export function rankOfRoles(roles: readonly Role[]): Rank {
  if (roles.includes("host")) return "host";
  return roles.includes("moderator") ? "moderator" : "viewer";
}

/** The higher of two ranks. */
export function higherRank(a: Rank, b: Rank): Rank {
  return RANKS.indexOf(a) > RANKS.indexOf(b) ? a : b;
}

/** Whether a sanction that `by` sets is one for `whom`: asked when it is set, and whenever it would be felt. */
export function maySanction(actorRank: Rank, targetRank: Rank): boolean {
  return SANCTIONABLE_RANKS[actorRank].includes(targetRank);
}

/** Whether `by` may lift or replace what somebody of the rank `setter` has set. */
export function mayLiftSanction(actorRank: Rank, setterRank: Rank): boolean {
  return actorRank === setterRank || maySanction(actorRank, setterRank);
}

/** Whether `by` may take away the messages of `whom`. */
export function mayRemoveMessage(actorRank: Rank, authorRank: Rank): boolean {
  return REMOVABLE_AUTHOR_RANKS[actorRank].includes(authorRank);
}
