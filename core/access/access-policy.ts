/**
 * Who may watch a stream and read its chat, and whose tokens are revoked. The stream's Live object holds it; feeds carry
 * it to every isolate, and the room's facts to every shard.
 */

import type { Role } from "./roles.ts";
import { activeStop, type StreamStop } from "./stream-stop.ts";

/**
 * Who may watch: everybody; whoever has a token; followers, which are those whose token says since when they follow, and
 * hosts, moderators and subscribers.
 */
export type PlaybackPolicy = "public" | "token" | "followers";

/** Every way to play. */
export const PLAYBACK_POLICIES: readonly PlaybackPolicy[] = ["public", "token", "followers"];

/** Tokens of `subject` whose version is below `version` open nothing until `untilMs`, ms since the epoch. */
export interface Revocation {
  readonly subject: string;
  /** 0: it was taken back, which those who know of it have to be told. */
  readonly version: number;
  /** The issuer of tokens took them back, or the room banned the subject: each stands for itself. */
  readonly by: "issuer" | "ban";
  readonly untilMs: number;
  /** The access's revision that it came with: of two for one subject, the newer counts. */
  readonly revision: number;
}

/**
 * A stream's access. `revision` grows with each change, so that of two the newer is known. On a feed `revocations` may be
 * those only that changed, or a piece of all: `mergeAccess` joins them.
 */
export interface AccessPolicy {
  readonly revision: number;
  readonly playback: PlaybackPolicy;
  readonly revocations: readonly Revocation[];
  /** Absent or null where the stream isn't stopped. */
  readonly stop?: StreamStop | null;
}

/** The access of a stream that nobody has set any for. */
export const PUBLIC_ACCESS_POLICY: AccessPolicy = { revision: 0, playback: "public", revocations: [] };

/** Bounds, each with its reason and what the one who exceeds it is told. */
export const ACCESS_LIMITS = {
  /** A token opens nothing later than this after it was issued, so no revocation need be kept for longer. */
  tokenLifetimeMs: 86_400_000,
  /** Characters of a token. */
  tokenChars: 4_096,
  /** Characters of a subject and of a name. */
  nameChars: 64,
  /** Clocks of issuers may be off by so much. */
  clockSkewMs: 5_000,
  /** The issuer's revocations at once: the row that the room keeps them in has 2 MB. A further one is refused. */
  issuerRevocations: 2_000,
  /** Bans at once, beside the issuer's: an isolate holds 2 MB of them. One more drops one of whoever has the most. */
  bans: 10_000,
  /** Revocations in one frame of a feed: 500 kB of the longest, most escaped subjects. Further ones follow in others. */
  revocationsPerFrame: 1_000,
} as const;

/** A version that no token reaches: a revocation with it is of all tokens of its subject. */
export const ALL_TOKEN_VERSIONS: number = Number.MAX_SAFE_INTEGER;

/** Who asks, as a token or its lack says. `tokenVersion` is 0 where it is absent. */
export interface Principal {
  readonly subject: string | null;
  readonly roles: readonly Role[];
  readonly followerSinceMs: number | null;
  readonly expiresMs: number | null;
  readonly tokenVersion?: number;
}

/** Why a token says nothing of its bearer; stable. */
export const TOKEN_ERRORS = [
  "token-expired",
  "token-malformed",
  "token-forged",
  "token-unsupported",
  "token-wrong-room",
] as const;
export type TokenError = (typeof TOKEN_ERRORS)[number];

/** Why somebody may not watch; stable. */
export const ACCESS_DENIALS = ["token-missing", "token-expired", "token-revoked", "followers-only", "stopped"] as const;
export type AccessDenial = (typeof ACCESS_DENIALS)[number];

/**
 * Why the bearer may not watch and read at `nowMs`, or null. No token opens what was stopped; a revoked one opens a public
 * stream no more than another.
 */
export function findAccessDenial(access: AccessPolicy, principal: Principal, nowMs: number): AccessDenial | null {
  if (activeStop(access, nowMs) !== null) return "stopped";
  const { subject, expiresMs } = principal;
  if (subject === null) return access.playback === "public" ? null : "token-missing";
  if (expiresMs !== null && hasTokenExpired({ expiresMs }, nowMs)) return "token-expired";
  if ((principal.tokenVersion ?? 0) < minTokenVersion(access, principal, subject)) return "token-revoked";
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

/** Revocations by who made them and of whom. Made once: it is asked for with every request. */
function getRevocationIndex(access: AccessPolicy): RevocationIndex {
  const known = revocationIndexes.get(access);
  if (known !== undefined) return known;
  const made = { issuer: new Map<string, Revocation>(), ban: new Map<string, Revocation>() };
  for (const revocation of access.revocations) made[revocation.by].set(revocation.subject, revocation);
  revocationIndexes.set(access, made);
  return made;
}

/** The version below which a bearer's tokens are revoked: of a host, by the issuer only; a room's ban is none for it. */
function minTokenVersion(access: AccessPolicy, { roles }: Principal, subject: string): number {
  const { issuer, ban } = getRevocationIndex(access);
  const byIssuer = issuer.get(subject)?.version ?? 0;
  return roles.includes("host") ? byIssuer : Math.max(byIssuer, ban.get(subject)?.version ?? 0);
}

/** Whether a bearer whose token is revoked has that from a ban in the room, and not from whoever issues tokens. */
export function isBanned(access: AccessPolicy, { subject, tokenVersion = 0 }: Principal): boolean {
  if (subject === null) return false;
  const { issuer, ban } = getRevocationIndex(access);
  return ban.has(subject) && tokenVersion >= (issuer.get(subject)?.version ?? 0);
}

/** With another way to play. */
export function withPlaybackPolicy(access: AccessPolicy, playback: PlaybackPolicy): AccessPolicy {
  return { ...access, revision: access.revision + 1, playback };
}

/** With the stream stopped, or with that undone (null). */
export function withStop(access: AccessPolicy, stop: StreamStop | null): AccessPolicy {
  return { ...access, revision: access.revision + 1, stop };
}

/**
 * What is known of an access with what a feed told: the newer of everything, in whatever order feeds tell. The same object
 * where nothing is new. Revocations that no token can be concerned by any more are dropped, and bans beyond the bound.
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

/** What is known of a subject. One ban is looked for without an index, which would be made anew with each of a raid's bans. */
function findRevocation(
  known: AccessPolicy,
  update: AccessPolicy,
  { by, subject }: Revocation,
): Revocation | undefined {
  if (update.revocations.length > 1) return getRevocationIndex(known)[by].get(subject);
  return known.revocations.find((each) => each.subject === subject && each.by === by);
}

/** The issuer's, and of the bans the newest. */
function limitRevocations(revocations: readonly Revocation[]): readonly Revocation[] {
  let over = revocations.length - ACCESS_LIMITS.bans - ACCESS_LIMITS.issuerRevocations;
  if (over <= 0) return revocations;
  return revocations.filter(({ by }) => by === "issuer" || --over < 0);
}

/** The newer of two policies of one stream. */
export function selectNewerAccess(one: AccessPolicy, other: AccessPolicy | undefined): AccessPolicy {
  return other !== undefined && other.revision > one.revision ? other : one;
}

/** A policy split to fit the frames of a feed. Each piece has the whole policy but for its share of the revocations, so their order does not matter. */
export function splitAccessPolicy(access: AccessPolicy): readonly [AccessPolicy, ...AccessPolicy[]] {
  const { revocationsPerFrame } = ACCESS_LIMITS;
  const piece = (from: number): AccessPolicy => ({
    ...access,
    revocations: access.revocations.slice(from, from + revocationsPerFrame),
  });
  const count = Math.max(1, Math.ceil(access.revocations.length / revocationsPerFrame));
  return [piece(0), ...Array.from({ length: count - 1 }, (_, index) => piece((index + 1) * revocationsPerFrame))];
}

/** The access as the room knows it: whom it banned, it knows better. */
export function withoutBans(access: AccessPolicy): AccessPolicy {
  return { ...access, revocations: access.revocations.filter(({ by }) => by !== "ban") };
}

/** An object that is told of a stream's access. */
export interface AccessPolicyReceiver {
  setAccess(access: AccessPolicy): Promise<void>;
}
