/**
 * The revocations of one stream in its Live object: the issuer's and the room's bans have separate pools, so that bans
 * never take slots of the issuer; among bans, an actor that fills the pool evicts its own.
 */
import { ACCESS_LIMITS, type Revocation } from "./access-policy.ts";

/** A revocation request; version 0 undoes a revocation. */
export interface RevocationRequest extends Pick<Revocation, "subject" | "version" | "by"> {
  /** The banning actor, or the issuer. */
  readonly actor?: string;
}

/** A revocation and its maker. */
export interface RevocationRecord extends Revocation {
  readonly actor: string;
}

/** The changes of the pools. */
export interface RevocationChange {
  readonly revocation: RevocationRecord;
  /** Evicted revocations. */
  readonly evicted: readonly RevocationRecord[];
}

/** The current revocations of one stream, oldest first. */
export class RevocationPools {
  readonly #pools: Readonly<Record<Revocation["by"], Map<string, RevocationRecord>>> = {
    issuer: new Map(),
    ban: new Map(),
  };

  /** `kept`: the restored revocations, in order of creation. */
  constructor(records: Iterable<RevocationRecord>) {
    for (const revocation of records) this.#pools[revocation.by].set(revocation.subject, revocation);
  }

  /** All revocations, the issuer's first. */
  get all(): RevocationRecord[] {
    return [...this.#pools.issuer.values(), ...this.#pools.ban.values()];
  }

  /**
   * Revokes a subject's tokens below the version, or undoes that. A version lower than the current one changes only its
   * expiry. Null if the issuer's pool is full; a ban is always accepted.
   */
  revoke(
    { subject, version, by, actor = "" }: RevocationRequest,
    revision: number,
    nowMs: number,
  ): RevocationChange | null {
    const dropped = this.dropExpired(nowMs);
    const pool = this.#pools[by];
    const before = pool.get(subject);
    const untilMs = nowMs + ACCESS_LIMITS.tokenLifetimeMs + 2 * ACCESS_LIMITS.clockSkewMs;
    const highest = version === 0 ? 0 : Math.max(version, before?.version ?? 0);
    const kept: RevocationRecord = { subject, version: highest, by, untilMs, revision, actor };
    if (before === undefined && pool.size >= poolLimit(by)) {
      // An undone revocation evicts nothing.
      if (version === 0) return { revocation: kept, evicted: [...dropped, kept] };
      const weakest = this.#selectForEviction(by);
      if (weakest === null) return null;
      pool.delete(weakest.subject);
      dropped.push(weakest);
    }
    // The newest is last.
    pool.delete(subject);
    pool.set(subject, kept);
    return { revocation: kept, evicted: dropped };
  }

  /** When the next revocation concerns no token any more, ms since the epoch, or null. */
  get firstExpiryMs(): number | null {
    const oldest = Object.values(this.#pools).flatMap((pool) => pool.values().next().value?.untilMs ?? []);
    return oldest.length === 0 ? null : Math.min(...oldest);
  }

  /** Drops what concerns no token any more, and returns it. The oldest stand first. */
  dropExpired(nowMs: number): RevocationRecord[] {
    const dropped: RevocationRecord[] = [];
    for (const pool of Object.values(this.#pools)) {
      for (const each of pool.values()) {
        if (each.untilMs > nowMs) break;
        pool.delete(each.subject);
        dropped.push(each);
      }
    }
    return dropped;
  }

  /** The next eviction: an undone revocation, else a ban of the actor with the most; null if only the issuer's are left. */
  #selectForEviction(by: Revocation["by"]): RevocationRecord | null {
    const pool = [...this.#pools[by].values()];
    const takenBack = pool.find(({ version }) => version === 0);
    if (takenBack !== undefined) return takenBack;
    if (by === "issuer") return null;
    const held = new Map<string, number>();
    for (const { actor } of pool) held.set(actor, (held.get(actor) ?? 0) + 1);
    const most = Math.max(...held.values());
    return pool.find(({ actor }) => held.get(actor) === most) ?? null;
  }
}

const poolLimit = (by: Revocation["by"]): number =>
  by === "issuer" ? ACCESS_LIMITS.issuerRevocations : ACCESS_LIMITS.bans;
