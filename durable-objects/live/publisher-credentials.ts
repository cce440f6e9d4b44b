/**
 * What publishers show in one Live object: keys and publish tokens. A use of a limited one is a session: a publisher in a
 * broadcast, which is counted once. The end of a credential concerns new sessions only; a revocation ends a running one.
 */
import { ACCESS_LIMITS, isRevokedByIssuer } from "../../core/access/access-policy.ts";
import { PUBLISH_TOKEN_LIMITS, type PublishTokenClaims } from "../../core/access/publish-token.ts";
import { REGISTRY_LIMITS } from "../../core/access/registry/registry-limits.ts";
import type { StreamKeyInfo } from "../../core/access/stream-key.ts";
import { type PublishRefusal, refusePublish } from "../../core/ingest/publish-result.ts";
import type { PublisherCredential, PublisherStatus } from "../../core/ingest/publisher-identity.ts";
import type { Clock } from "../../core/kit/clock.ts";
import type { LazyStorage } from "../kit/lazy-storage.ts";
import type { PublisherSeat } from "./active-broadcast.ts";
import type { StreamAccess } from "./stream-access.ts";
import type { PublishSession, StreamKeyStore } from "./stream-key-store.ts";

/** A credential that is not revoked. */
export interface KnownCredential extends Pick<PublisherStatus, "role" | "label" | "expiresMs" | "usesLeft"> {
  /** The key's id, or one of the token that no key has. */
  readonly id: string;
  readonly kind: PublisherCredential["kind"];
}

/** What the credentials run on. */
export interface PublisherCredentialsOptions {
  readonly storage: LazyStorage;
  readonly store: StreamKeyStore;
  readonly access: StreamAccess;
  readonly clock: Clock;
}

/** The key under which the time is stored up to whose issue publish tokens are revoked. */
const TOKENS_REVOKED_KEY = "publish-tokens-revoked";

/** A key's last use is stored at most this often while its session publishes. */
const LAST_USED_STEP_MS = 60_000;

/** The credentials of one stream's publishers. */
export class PublisherCredentials {
  readonly #options: PublisherCredentialsOptions;
  #lastUse: { readonly id: string; readonly atMs: number } | null = null;

  constructor(options: PublisherCredentialsOptions) {
    this.#options = options;
  }

  /** What a publisher has shown, or the refusal of one that is unknown or revoked. */
  identify(credential: PublisherCredential): KnownCredential | PublishRefusal {
    if (credential.kind === "token") return this.#identifyToken(credential.claims);
    const key = this.#options.store.findByHash(credential.hash);
    return key === null || key.revokedMs !== null ? refusePublish("keyWrong") : knownKey(key);
  }

  /** Why a credential does not begin this session, or null; a limited one's stored session may go on. */
  refuseSession(
    credential: KnownCredential,
    session: PublishSession,
    seat: PublisherSeat | null,
  ): PublishRefusal | null {
    const { store, clock } = this.#options;
    const { id, expiresMs, usesLeft } = credential;
    const isExpired = expiresMs !== null && clock.nowMs() >= expiresMs;
    if (!isExpired && (usesLeft === null || store.hasSession(session))) return null;
    const sessions = store.listSessions(id);
    const isUsed = credential.kind === "token" ? sessions.length > 0 : usesLeft === 0;
    if (!isExpired && !isUsed) return credential.kind === "token" ? this.#refuseTokenFlood() : null;
    const running = seat?.credential === id ? [seat.publisher] : [];
    return { ...refusePublish(isExpired ? "keyExpired" : "keyUsed"), sessions: [...sessions, ...running] };
  }

  /** Counts the use of a session that begins; one that is stored is not counted again. Part of a transaction. */
  beginSession({ id, kind, usesLeft, expiresMs }: KnownCredential, session: PublishSession): void {
    const { store, clock } = this.#options;
    if (kind === "key") {
      store.setLastUsed(id, clock.nowMs());
      this.#lastUse = { id, atMs: clock.nowMs() };
    }
    if (usesLeft === null || store.hasSession(session)) return;
    if (kind === "key") store.takeUse(id);
    // A clock that was ahead may be set back: a token is remembered beyond its expiry.
    store.addSession(session, kind === "key" ? null : (expiresMs ?? 0) + PUBLISH_TOKEN_LIMITS.lifetimeMs);
  }

  /** Notes that a session publishes. */
  recordActivity({ id, kind }: KnownCredential): void {
    const nowMs = this.#options.clock.nowMs();
    const last = this.#lastUse;
    if (kind !== "key" || (last?.id === id && Math.abs(nowMs - last.atMs) < LAST_USED_STEP_MS)) return;
    this.#lastUse = { id, atMs: nowMs };
    this.#options.store.setLastUsed(id, nowMs);
  }

  /** Revokes the publish tokens that were issued until now. */
  revokeTokens(): void {
    this.#options.storage.put(TOKENS_REVOKED_KEY, this.#options.clock.nowMs());
  }

  #identifyToken(claims: PublishTokenClaims): KnownCredential | PublishRefusal {
    const { storage, access } = this.#options;
    const { id, subject, role, tokenVersion, issuedMs, expiresMs } = claims;
    // The issuer's clock may be ahead.
    const revokedMs = (storage.get<number>(TOKENS_REVOKED_KEY) ?? Number.NEGATIVE_INFINITY) + ACCESS_LIMITS.clockSkewMs;
    if (issuedMs <= revokedMs || isRevokedByIssuer(access.policy, subject, tokenVersion)) {
      return refusePublish("tokenWrong", "The token is revoked.");
    }
    return { id: `token ${id}`, kind: "token", role, label: "", expiresMs, usesLeft: 1 };
  }

  #refuseTokenFlood(): PublishRefusal | null {
    const { store, clock } = this.#options;
    if (store.dropSessions(clock.nowMs()) < REGISTRY_LIMITS.publishTokensPerStream) return null;
    return refusePublish("tooMany", "The stream remembers no further publish token; try again in some minutes.");
  }
}

function knownKey({ id, role, label, expiresMs, usesLeft }: StreamKeyInfo): KnownCredential {
  return { id, kind: "key", role, label, expiresMs, usesLeft };
}
