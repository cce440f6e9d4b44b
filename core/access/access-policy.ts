/**
 * The access policy of a stream: who may watch it and read its chat, and whose tokens are revoked. The stream's Live object
 * holds it; feeds carry it to every isolate, and state entries of the room to every shard.
 */

import { isPublicOnly } from "./account.ts";
import { isGuestSubject } from "./guest.ts";
import type { Role } from "./roles.ts";
import { activeStop, type StreamStop } from "./stream-stop.ts";

/**
 * Playback policies: everybody; bearers of a token; followers, which are bearers whose token has a follower date, and
 * hosts, moderators and subscribers.
 */
export type PlaybackPolicy = "public" | "token" | "followers";

/** All playback policies. */
export const PLAYBACK_POLICIES: readonly PlaybackPolicy[] = ["public", "token", "followers"];

/** Tokens of `subject` with a version below `version` are invalid until `untilMs`, ms since the epoch. */
export interface Revocation {
  readonly subject: string;
  /** 0: the revocation was undone, which replicas must learn. */
  readonly version: number;
  /** Made by the issuer of tokens, or by a ban in the room; the two are independent. */
  readonly by: "issuer" | "ban";
  readonly untilMs: number;
  /** The policy's revision at its change: of two for one subject, the newer one counts. */
  readonly revision: number;
}

/**
 * A stream's access policy. `revision` grows with each change and orders versions. In a feed, `revocations` may contain
 * only the changed ones, or a piece of all: `mergeAccess` merges them.
 */
export interface AccessPolicy {
  readonly revision: number;
  readonly playback: PlaybackPolicy;
  readonly revocations: readonly Revocation[];
  /** Absent or null if the stream is not stopped. */
  readonly stop?: StreamStop | null;
}

/** The policy of a stream without settings. */
export const PUBLIC_ACCESS_POLICY: AccessPolicy = { revision: 0, playback: "public", revocations: [] };

/** Limits, each with its reason and the error of a request that exceeds it. */
export const ACCESS_LIMITS = {
  /** A token expires at most this long after its issue, so no revocation has to be kept for longer. */
  tokenLifetimeMs: 86_400_000,
  /** Characters of a token. */
  tokenChars: 4_096,
  /** Characters of a subject and of a name. */
  nameChars: 64,
  /** Tolerated offset of issuers' clocks. */
  clockSkewMs: 5_000,
  /** The issuer's revocations at once: the room stores them in a row of at most 2 MB. A further one is refused. */
  issuerRevocations: 2_000,
  /** Bans at once, besides the issuer's: an isolate holds 2 MB of them. A further one evicts one of the actor with the most. */
  bans: 10_000,
  /** Revocations per feed frame: 500 kB of the longest escaped subjects. Further ones follow in other frames. */
  revocationsPerFrame: 1_000,
} as const;

/** A version above that of any token: a revocation with it applies to all tokens of its subject. */
export const ALL_TOKEN_VERSIONS: number = Number.MAX_SAFE_INTEGER;

/** The requester, by its token or without one. `tokenVersion` is 0 if absent. */
export interface Principal {
  readonly subject: string | null;
  readonly roles: readonly Role[];
  readonly followerSinceMs: number | null;
  readonly expiresMs: number | null;
  readonly tokenVersion?: number;
}

/** Why a token is invalid; stable. */
export const TOKEN_ERRORS = [
  "token-expired",
  "token-malformed",
  "token-forged",
  "token-unsupported",
  "token-wrong-room",
] as const;
export type TokenError = (typeof TOKEN_ERRORS)[number];

/** Why a viewer may not watch; stable. */
export const ACCESS_DENIALS = ["token-missing", "token-expired", "token-revoked", "followers-only", "stopped"] as const;
export type AccessDenial = (typeof ACCESS_DENIALS)[number];

/**
 * The reason why the viewer may not watch and read at `nowMs`, or null. A stopped stream refuses every token; a revoked
 * token is refused by public streams too.
 */
export function findAccessDenial(access: AccessPolicy, principal: Principal, nowMs: number): AccessDenial | null {
  if (activeStop(access, nowMs) !== null) return "stopped";
  const { subject, expiresMs } = principal;
  if (subject === null || isGuestSubject(subject)) return access.playback === "public" ? null : "token-missing";
  if (expiresMs !== null && hasTokenExpired({ expiresMs }, nowMs)) return "token-expired";
  if ((principal.tokenVersion ?? 0) < minTokenVersion(access, principal, subject)) return "token-revoked";
  if (access.playback !== "public" && isPublicOnly(subject) && !principal.roles.includes("host")) {
    return "token-missing";
  }
  return access.playback === "followers" && !isFollower(principal, nowMs) ? "followers-only" : null;
}

/** Whether a token that ends at `expiresMs` opens nothing any more; the issuer's clock may be off. */
export const hasTokenExpired = ({ expiresMs }: { readonly expiresMs: number }, nowMs: number): boolean =>
  nowMs > expiresMs + ACCESS_LIMITS.clockSkewMs;

const FOLLOWER_ROLES: readonly Role[] = ["host", "moderator", "subscriber"];

function isFollower({ roles, followerSinceMs }: Principal, nowMs: number): boolean {
  const since = followerSinceMs !== null && followerSinceMs <= nowMs + ACCESS_LIMITS.clockSkewMs;
  return since || roles.some((role) => FOLLOWER_ROLES.includes(role));
}

type RevocationIndex = Readonly<Record<Revocation["by"], ReadonlyMap<string, Revocation>>>;

const revocationIndexes = new WeakMap<AccessPolicy, RevocationIndex>();

/** Revocations by maker and subject. Computed once, since every request needs it. */
function getRevocationIndex(access: AccessPolicy): RevocationIndex {
  const known = revocationIndexes.get(access);
  if (known !== undefined) return known;
  const made = { issuer: new Map<string, Revocation>(), ban: new Map<string, Revocation>() };
  for (const revocation of access.revocations) made[revocation.by].set(revocation.subject, revocation);
  revocationIndexes.set(access, made);
  return made;
}

/** The version below which a viewer's tokens are revoked: for a host by the issuer only; a room's ban does not apply. */
function minTokenVersion(access: AccessPolicy, { roles }: Principal, subject: string): number {
  const { issuer, ban } = getRevocationIndex(access);
  const byIssuer = issuer.get(subject)?.version ?? 0;
  return roles.includes("host") ? byIssuer : Math.max(byIssuer, ban.get(subject)?.version ?? 0);
}

/** Whether the issuer has revoked this version of the subject's tokens. */
export function isRevokedByIssuer(access: AccessPolicy, subject: string, tokenVersion: number): boolean {
  return tokenVersion < (getRevocationIndex(access).issuer.get(subject)?.version ?? 0);
}

/** Whether a revocation of the viewer's token comes from a ban in the room, and not from the issuer. */
export function isBanned(access: AccessPolicy, { subject, tokenVersion = 0 }: Principal): boolean {
  if (subject === null) return false;
  const { issuer, ban } = getRevocationIndex(access);
  return ban.has(subject) && tokenVersion >= (issuer.get(subject)?.version ?? 0);
}

/** The policy with another playback policy. */
export function withPlaybackPolicy(access: AccessPolicy, playback: PlaybackPolicy): AccessPolicy {
  return { ...access, revision: access.revision + 1, playback };
}

/** The policy with the stream stopped, or with the stop undone (null). */
export function withStop(access: AccessPolicy, stop: StreamStop | null): AccessPolicy {
  return { ...access, revision: access.revision + 1, stop };
}

/**
 * Merges a policy with a change from a feed: the newer part of each, in any order of arrival. Returns the same object
 * if nothing is new. Revocations without effect are dropped, and bans beyond the limit.
 */
export function mergeAccessPolicy(known: AccessPolicy, update: AccessPolicy, nowMs: number): AccessPolicy {
  const fresh = update.revocations.filter(
    (each) => (findRevocation(known, update, each)?.revision ?? -1) < each.revision,
  );
  if (fresh.length === 0 && update.revision <= known.revision) return known;
  const head = update.revision > known.revision ? update : known;
  if (fresh.length === 0) return { ...head, revocations: known.revocations };
  const renewed = { issuer: new Set<string>(), ban: new Set<string>() };
  for (const { by, subject } of fresh) renewed[by].add(subject);
  const kept = known.revocations.filter(({ by, subject, untilMs }) => untilMs > nowMs && !renewed[by].has(subject));
  return { ...head, revocations: limitRevocations([...kept, ...fresh]) };
}

/** A subject's revocation. A single ban is found without the index, which would be rebuilt for each ban of a raid. */
function findRevocation(
  known: AccessPolicy,
  update: AccessPolicy,
  { by, subject }: Revocation,
): Revocation | undefined {
  if (update.revocations.length > 1) return getRevocationIndex(known)[by].get(subject);
  return known.revocations.find((each) => each.subject === subject && each.by === by);
}

/** The issuer's revocations, and the newest bans. */
function limitRevocations(revocations: readonly Revocation[]): readonly Revocation[] {
  let over = revocations.length - ACCESS_LIMITS.bans - ACCESS_LIMITS.issuerRevocations;
  if (over <= 0) return revocations;
  return revocations.filter(({ by }) => by === "issuer" || --over < 0);
}

/** The newer of two policies of one stream. */
export function selectNewerAccess(one: AccessPolicy, other: AccessPolicy | undefined): AccessPolicy {
  return other !== undefined && other.revision > one.revision ? other : one;
}

/** A policy split to fit the frames of a feed. Each piece is a complete policy with a part of the revocations, so order is irrelevant. */
export function splitAccessPolicy(access: AccessPolicy): readonly [AccessPolicy, ...AccessPolicy[]] {
  const { revocationsPerFrame } = ACCESS_LIMITS;
  const piece = (from: number): AccessPolicy => ({
    ...access,
    revocations: access.revocations.slice(from, from + revocationsPerFrame),
  });
  const count = Math.max(1, Math.ceil(access.revocations.length / revocationsPerFrame));
  return [piece(0), ...Array.from({ length: count - 1 }, (_, index) => piece((index + 1) * revocationsPerFrame))];
}

/** The policy for the room, without bans: the room knows its own. */
export function withoutBans(access: AccessPolicy): AccessPolicy {
  return { ...access, revocations: access.revocations.filter(({ by }) => by !== "ban") };
}

/** An object that receives a stream's access policy. */
export interface AccessPolicyReceiver {
  setAccess(access: AccessPolicy): Promise<void>;
}
