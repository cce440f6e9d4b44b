/** Ranks, and the targets that each may act on. The tables are complete: anything else is forbidden. */
import type { Role } from "../access/roles.ts";

/** The rank of a person, which decides whom the person may act on. */
export type Rank = "viewer" | "moderator" | "host";

/** Every rank, the lowest first. */
export const RANKS: readonly Rank[] = ["viewer", "moderator", "host"];

/** The ranks that each rank may sanction, and whose sanctions it may lift besides those of its own rank. */
const SANCTIONABLE_RANKS: Readonly<Record<Rank, readonly Rank[]>> = {
  viewer: [],
  moderator: ["viewer"],
  host: ["viewer", "moderator"],
};

/** The ranks whose messages each rank may remove. */
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

/** Whether a sanction of this setter applies to this target: checked when it is set, and whenever it is enforced. */
export function maySanction(actorRank: Rank, targetRank: Rank): boolean {
  return SANCTIONABLE_RANKS[actorRank].includes(targetRank);
}

/** Whether a person may lift or replace a sanction of this setter. */
export function mayLiftSanction(actorRank: Rank, setterRank: Rank): boolean {
  return actorRank === setterRank || maySanction(actorRank, setterRank);
}

/** Whether a person may remove messages of this author. */
export function mayRemoveMessage(actorRank: Rank, authorRank: Rank): boolean {
  return REMOVABLE_AUTHOR_RANKS[actorRank].includes(authorRank);
}
