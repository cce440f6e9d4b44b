/** A stream's access as its Live object keeps it: one value, and a row for each revocation. */
import {
  type AccessPolicy,
  type PlaybackPolicy,
  PUBLIC_ACCESS_POLICY,
  withPlaybackPolicy,
  withStop,
} from "../../core/access/access-policy.ts";
import { RevocationPools, type RevocationRecord, type RevocationRequest } from "../../core/access/revocation-pools.ts";
import type { StreamStop } from "../../core/access/stream-stop.ts";
import { LazySql } from "../kit/lazy-sql.ts";

const ACCESS_KEY = "access";
const REVOCATIONS_SCHEMA = `
CREATE TABLE IF NOT EXISTS revocations (
  made_by TEXT NOT NULL, subject TEXT NOT NULL, version INTEGER NOT NULL, until_ms INTEGER NOT NULL,
  revision INTEGER NOT NULL, actor TEXT NOT NULL, PRIMARY KEY (made_by, subject)) WITHOUT ROWID;
`;

type RevocationRow = {
  made_by: "issuer" | "ban";
  subject: string;
  version: number;
  until_ms: number;
  revision: number;
  actor: string;
};

/** Who may watch one stream. */
export class StreamAccessStore {
  readonly #storage: DurableObjectStorage;
  readonly #sql: LazySql;
  readonly #onChange: (change: AccessPolicy) => void;
  readonly #pools: RevocationPools;
  /** Without revocations. */
  #policy: AccessPolicy;
  #currentPolicy: AccessPolicy | null = null;

  /** `changed` is told of each change after it was stored; of the revocations, those that changed. */
  constructor(storage: DurableObjectStorage, changed: (change: AccessPolicy) => void) {
    this.#storage = storage;
    this.#sql = new LazySql(storage, "revocations", REVOCATIONS_SCHEMA, () => {});
    this.#onChange = changed;
    const { revocations, ...head } = storage.kv.get<AccessPolicy>(ACCESS_KEY) ?? PUBLIC_ACCESS_POLICY;
    this.#policy = { ...head, revocations: [] };
    this.#pools = new RevocationPools(this.#readRevocations());
    // Earlier versions kept them with the rest.
    const together = revocations.map((each) => ({ ...each, revision: head.revision, actor: "" }));
    if (together.length === 0) return;
    for (const each of together) this.#insertRevocation(each);
    this.#storage.kv.put(ACCESS_KEY, this.#policy);
    this.#pools = new RevocationPools(this.#readRevocations());
  }

  get current(): AccessPolicy {
    this.#currentPolicy ??= {
      ...this.#policy,
      revocations: this.#pools.all.map(({ actor: _, ...revocation }) => revocation),
    };
    return this.#currentPolicy;
  }

  /** Sets who may watch. */
  setPlaybackPolicy(playback: PlaybackPolicy): void {
    if (playback !== this.#policy.playback) this.#save(withPlaybackPolicy(this.#policy, playback));
  }

  /** Stops the stream, or undoes that (null). */
  setStop(stop: StreamStop | null): void {
    this.#save(withStop(this.#policy, stop));
  }

  /** Revokes tokens, or takes that back; false where the issuer has no room for another revocation. */
  revoke(request: RevocationRequest, nowMs: number): boolean {
    const revision = this.#policy.revision + 1;
    const change = this.#pools.revoke(request, revision, nowMs);
    if (change === null) return false;
    const { actor: _, ...revocation } = change.revocation;
    for (const { by, subject } of change.evicted) {
      this.#sql.exec("DELETE FROM revocations WHERE made_by = ? AND subject = ?", by, subject);
    }
    if (!change.evicted.includes(change.revocation)) this.#insertRevocation(change.revocation);
    this.#save({ ...this.#policy, revision }, [revocation]);
    return true;
  }

  #save(policy: AccessPolicy, revocations: AccessPolicy["revocations"] = []): void {
    this.#storage.kv.put(ACCESS_KEY, policy);
    this.#policy = policy;
    this.#currentPolicy = null;
    this.#onChange({ ...policy, revocations });
  }

  #insertRevocation({ by, subject, version, untilMs, revision, actor }: RevocationRecord): void {
    this.#sql.exec(
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
    const rows = this.#sql.exec<RevocationRow>("SELECT * FROM revocations ORDER BY revision").toArray();
    return rows.map(({ made_by, until_ms, ...row }) => ({ ...row, by: made_by, untilMs: until_ms }));
  }
}
