/**
 * The revocations of one stream, as its Live object keeps them: the issuer's and the room's bans have a pool each, so that
 * no number of bans takes a place from the issuer; among the bans whoever fills the pool loses their own.
 */
import { ACCESS_LIMITS, type Revocation } from "./access-policy.ts";

/** What is to be revoked; version 0 takes a revocation back. */
export interface RevocationRequest extends Pick<Revocation, "subject" | "version" | "by"> {
  /** Who banned; the issuer is one. */
  readonly actor?: string;
}

/** A revocation and who made it. */
export interface RevocationRecord extends Revocation {
  readonly actor: string;
}

/** What of the pools changed. */
export interface RevocationChange {
  readonly revocation: RevocationRecord;
  /** What had to leave for it. */
  readonly evicted: readonly RevocationRecord[];
}

/** The standing revocations of one stream, the oldest first. */
export class RevocationPools {
  readonly #pools: Readonly<Record<Revocation["by"], Map<string, RevocationRecord>>> = {
    issuer: new Map(),
    ban: new Map(),
  };

  /** `kept`: those that stood before, in the order they were made. */
  constructor(records: Iterable<RevocationRecord>) {
    for (const revocation of records) this.#pools[revocation.by].set(revocation.subject, revocation);
  }

  /** All of them, the issuer's first. */
  get all(): RevocationRecord[] {
    return [...this.#pools.issuer.values(), ...this.#pools.ban.values()];
  }

  /**
   * Revokes a subject's tokens below the version, or takes that back. A lower version than the standing one changes nothing
   * but its end. Null where the issuer has filled the issuer's own pool; a ban is always taken.
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
      // Nothing leaves for the news that somebody isn't revoked.
      if (version === 0) return { revocation: kept, evicted: [...dropped, kept] };
      const weakest = this.#selectForEviction(by);
      if (weakest === null) return null;
      pool.delete(weakest.subject);
      dropped.push(weakest);
    }
    // The newest stands last.
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

  /** What leaves first: what was taken back, else a ban of whoever has the most; null where the issuer has only its own. */
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
