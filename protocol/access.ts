/**
 * Who may watch a stream and read its chat, and whose tokens are revoked. The stream's Live object holds it; feeds carry
 * it to every isolate, and the room's facts to every shard.
 */
import type { Role } from "./room/events.ts";

/**
 * Who may watch: everybody; whoever has a token; followers, which are those whose token says since when they follow, and
 * hosts, moderators and subscribers.
 */
export type Playback = "public" | "token" | "followers";

/** Every way to play. */
export const PLAYBACKS: readonly Playback[] = ["public", "token", "followers"];

/** Tokens of `subject` whose version is below `version` open nothing until `untilMs`, ms since the epoch. */
export interface Revocation {
  readonly subject: string;
  readonly version: number;
  /** The issuer of tokens took them back, or the room banned the subject: each stands for itself. */
  readonly by: "issuer" | "ban";
  readonly untilMs: number;
}

/** A stream's access. `revision` grows with each change, so that of two the newer is known. */
export interface Access {
  readonly revision: number;
  readonly playback: Playback;
  readonly revocations: readonly Revocation[];
}

/** The access of a stream that nobody has set any for. */
export const OPEN_ACCESS: Access = { revision: 0, playback: "public", revocations: [] };

/** Bounds, each with its reason and what the one who exceeds it is told. */
export const ACCESS_LIMITS = {
  /** A token opens nothing later than this after it was issued, so no revocation need be kept for longer. */
  tokenLifeMs: 86_400_000,
  /** Clocks of issuers may be off by so much. */
  toleranceMs: 5_000,
  /** Revocations at once: each feed and each shard's attachment begins with them. A further one is refused. */
  revocations: 1_000,
} as const;

/** A version that no token reaches: a revocation with it is of all tokens of its subject. */
export const EVERY_VERSION: number = Number.MAX_SAFE_INTEGER;

/** Who asks, as a token or its lack says. `tokenVersion` is 0 where it is absent. */
export interface Bearer {
  readonly subject: string | null;
  readonly roles: readonly Role[];
  readonly followerSinceMs: number | null;
  readonly expiresMs: number | null;
  readonly tokenVersion?: number;
}

/** Why a token says nothing of its bearer; stable. */
export type TokenError =
  | "token-malformed"
  | "token-expired"
  | "token-forged"
  | "token-wrong-room"
  | "token-unsupported";

/** Why somebody may not watch; stable. */
export type AccessError = "token-missing" | "token-expired" | "token-revoked" | "followers-only";

/** Why the bearer may not watch and read at `nowMs`, or null. A revoked token opens a public stream no more than another. */
export function refusalOf(access: Access, bearer: Bearer, nowMs: number): AccessError | null {
  const { subject, expiresMs } = bearer;
  if (subject === null) return access.playback === "public" ? null : "token-missing";
  if (expiresMs !== null && nowMs > expiresMs + ACCESS_LIMITS.toleranceMs) return "token-expired";
  if ((bearer.tokenVersion ?? 0) < (revokedIn(access).get(subject) ?? 0)) return "token-revoked";
  return access.playback === "followers" && !follows(bearer, nowMs) ? "followers-only" : null;
}

const FOLLOWERS: readonly Role[] = ["host", "moderator", "subscriber"];

function follows({ roles, followerSinceMs }: Bearer, nowMs: number): boolean {
  const since = followerSinceMs !== null && followerSinceMs <= nowMs + ACCESS_LIMITS.toleranceMs;
  return since || roles.some((role) => FOLLOWERS.includes(role));
}

const revoked = new WeakMap<Access, ReadonlyMap<string, number>>();

/** The version below which a subject's tokens are revoked, by subject. Made once: it is asked for with every request. */
function revokedIn(access: Access): ReadonlyMap<string, number> {
  const known = revoked.get(access);
  if (known !== undefined) return known;
  const made = new Map<string, number>();
  for (const { subject, version } of access.revocations) made.set(subject, Math.max(version, made.get(subject) ?? 0));
  revoked.set(access, made);
  return made;
}

/** With another way to play. */
export function withPlayback(access: Access, playback: Playback): Access {
  return { ...access, revision: access.revision + 1, playback };
}

/** What is to be revoked; version 0 takes a revocation back. */
export type Revoking = Omit<Revocation, "untilMs">;

/**
 * With the subject's tokens below the version revoked. A lower version than the standing one changes nothing but its end.
 * What no token can be concerned by any more is dropped. Null where there is no room for another revocation.
 */
export function withRevocation(access: Access, { subject, version, by }: Revoking, nowMs: number): Access | null {
  const standing = access.revocations.filter(({ untilMs }) => untilMs > nowMs);
  const others = standing.filter((each) => each.subject !== subject || each.by !== by);
  if (version > 0 && others.length >= ACCESS_LIMITS.revocations) return null;
  const untilMs = nowMs + ACCESS_LIMITS.tokenLifeMs + 2 * ACCESS_LIMITS.toleranceMs;
  const before = standing.find((each) => !others.includes(each))?.version ?? 0;
  const revocation = { subject, version: Math.max(version, before), by, untilMs };
  return { ...access, revision: access.revision + 1, revocations: version > 0 ? [...others, revocation] : others };
}

/** The access as the room knows it: whom it banned, it knows better. */
export function withoutBans(access: Access): Access {
  return { ...access, revocations: access.revocations.filter(({ by }) => by !== "ban") };
}

/** An object that is told of a stream's access. */
export interface AccessTaker {
  setAccess(access: Access): Promise<void>;
}
