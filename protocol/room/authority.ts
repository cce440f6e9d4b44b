/** Who may do what, and to whom. Both are tables: what isn't in them may not be done. */
import type { Role } from "./events.ts";
import type { Act } from "./wire.ts";

/** Where somebody stands among those who act on each other. */
export type Rank = "viewer" | "moderator" | "host";

/** Every rank, the lowest first. */
export const RANKS: readonly Rank[] = ["viewer", "moderator", "host"];

/** The least rank that each act asks for. */
export const ACT_RANKS: Readonly<Record<Act["kind"], Rank>> = {
  chat: "viewer",
  delete: "moderator",
  clear: "moderator",
  pin: "moderator",
  modes: "moderator",
  timeout: "moderator",
  ban: "moderator",
  unban: "moderator",
  role: "host",
  words: "moderator",
  automod: "moderator",
  approve: "moderator",
  deny: "moderator",
  list: "moderator",
};

/** Whom each rank may shut out or silence; and lift what somebody of that rank has set, with its own. */
const SANCTIONS: Readonly<Record<Rank, readonly Rank[]>> = {
  viewer: [],
  moderator: ["viewer"],
  host: ["viewer", "moderator"],
};

/** Whose messages each rank may take away. */
const MESSAGES: Readonly<Record<Rank, readonly Rank[]>> = {
  viewer: [],
  moderator: ["viewer", "moderator"],
  host: ["viewer", "moderator", "host"],
};

/** The rank that roles give. */
export function rankOf(roles: readonly Role[]): Rank {
  if (roles.includes("host")) return "host";
  return roles.includes("moderator") ? "moderator" : "viewer";
}

/** The higher of two ranks. */
export function higher(a: Rank, b: Rank): Rank {
  return RANKS.indexOf(a) > RANKS.indexOf(b) ? a : b;
}

/** Whether somebody of this rank may do an act at all. */
export function mayDo(rank: Rank, kind: Act["kind"]): boolean {
  return higher(rank, ACT_RANKS[kind]) === rank;
}

/** Whether a sanction that `by` sets is one for `whom`: asked when it is set, and whenever it would be felt. */
export function maySanction(by: Rank, whom: Rank): boolean {
  return SANCTIONS[by].includes(whom);
}

/** Whether `by` may lift or replace what somebody of the rank `setter` has set. */
export function mayLift(by: Rank, setter: Rank): boolean {
  return by === setter || maySanction(by, setter);
}

/** Whether `by` may take away the messages of `whom`. */
export function mayRemove(by: Rank, whom: Rank): boolean {
  return MESSAGES[by].includes(whom);
}
