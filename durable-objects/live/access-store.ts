/** A stream's access policy in its Live object's storage: one value, and a row for each revocation. */
import {
  type AccessPolicy,
  type PlaybackPolicy,
  PUBLIC_ACCESS_POLICY,
  withPlaybackPolicy,
  withStop,
} from "../../core/access/access-policy.ts";
import { RevocationPools, type RevocationRecord, type RevocationRequest } from "../../core/access/revocation-pools.ts";
import type { StreamStop } from "../../core/access/stream-stop.ts";
import type { LazyStorage } from "../kit/lazy-storage.ts";
import { ACCESS_KEY } from "./live-schema.ts";

type RevocationRow = {
  made_by: "issuer" | "ban";
  subject: string;
  version: number;
  until_ms: number;
  revision: number;
  actor: string;
};

/** The access policy of one stream. A change is returned with the new revocations, as feeds carry it. */
export class StreamAccessStore {
  readonly #storage: LazyStorage;
  readonly #pools: RevocationPools;
  /** Without revocations. */
  #policy: AccessPolicy;
  #currentPolicy: AccessPolicy | null = null;

  constructor(storage: LazyStorage) {
    this.#storage = storage;
    this.#policy = storage.get<AccessPolicy>(ACCESS_KEY) ?? PUBLIC_ACCESS_POLICY;
    this.#pools = new RevocationPools(this.#readRevocations());
  }

  /** The policy with all revocations. */
  get current(): AccessPolicy {
    this.#currentPolicy ??= {
      ...this.#policy,
      revocations: this.#pools.all.map(({ actor: _, ...revocation }) => revocation),
    };
    return this.#currentPolicy;
  }

  /** Sets the playback policy. */
  setPlaybackPolicy(playback: PlaybackPolicy): AccessPolicy {
    return this.#save(withPlaybackPolicy(this.#policy, playback));
  }

  /** Stops the stream, or undoes the stop (null). */
  setStop(stop: StreamStop | null): AccessPolicy {
    return this.#save(withStop(this.#policy, stop));
  }

  /** Revokes tokens, or undoes a revocation; null if the issuer's pool is full. */
  revoke(request: RevocationRequest, nowMs: number): AccessPolicy | null {
    const revision = this.#policy.revision + 1;
    const change = this.#pools.revoke(request, revision, nowMs);
    if (change === null) return null;
    const { actor: _, ...revocation } = change.revocation;
    this.#deleteRevocations(change.evicted);
    if (!change.evicted.includes(change.revocation)) this.#insertRevocation(change.revocation);
    return { ...this.#save({ ...this.#policy, revision }), revocations: [revocation] };
  }

  /** When the next revocation concerns no token any more, ms since the epoch, or null. */
  get firstExpiryMs(): number | null {
    return this.#pools.firstExpiryMs;
  }

  /** Deletes revocations that concern no token any more. Null where none of the issuer's is among them: the room has those. */
  dropExpired(nowMs: number): AccessPolicy | null {
    const dropped = this.#pools.dropExpired(nowMs);
    this.#deleteRevocations(dropped);
    this.#currentPolicy = null;
    if (!dropped.some(({ by }) => by === "issuer")) return null;
    return this.#save({ ...this.#policy, revision: this.#policy.revision + 1 });
  }

  #deleteRevocations(revocations: readonly RevocationRecord[]): void {
    for (const { by, subject } of revocations) {
      this.#storage.exec("DELETE FROM revocations WHERE made_by = ? AND subject = ?", by, subject);
    }
  }

  #save(policy: AccessPolicy): AccessPolicy {
    this.#storage.put(ACCESS_KEY, policy);
    this.#policy = policy;
    this.#currentPolicy = null;
    return policy;
  }

  #insertRevocation({ by, subject, version, untilMs, revision, actor }: RevocationRecord): void {
    this.#storage.insert(
      "INSERT OR REPLACE INTO revocations VALUES (?, ?, ?, ?, ?, ?)",
      by,
      subject,
      version,
      untilMs,
      revision,
      actor,
    );
  }

  #readRevocations(): RevocationRecord[] {
    const rows = this.#storage.exec<RevocationRow>("SELECT * FROM revocations ORDER BY revision").toArray();
    return rows.map(({ made_by, until_ms, ...row }) => ({ ...row, by: made_by, untilMs: until_ms }));
  }
}
