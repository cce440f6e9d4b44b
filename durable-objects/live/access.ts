/** A stream's access as its Live object keeps it: one value, and a row for each revocation. */
import { type Access, OPEN_ACCESS, type Playback, withPlayback, withStop } from "../../protocol/access.ts";
import { type KeptRevocation, RevocationPools, type Revoking } from "../../protocol/revocations.ts";
import type { Stop } from "../../protocol/stop.ts";
import { LazySql } from "../room/lazy-sql.ts";

const KEY = "access";
const SCHEMA = `
CREATE TABLE IF NOT EXISTS revocations (
  made_by TEXT NOT NULL, subject TEXT NOT NULL, version INTEGER NOT NULL, until_ms INTEGER NOT NULL,
  revision INTEGER NOT NULL, actor TEXT NOT NULL, PRIMARY KEY (made_by, subject)) WITHOUT ROWID;
`;

type Row = {
  made_by: "issuer" | "ban";
  subject: string;
  version: number;
  until_ms: number;
  revision: number;
  actor: string;
};

/** Who may watch one stream. */
export class StreamAccess {
  readonly #storage: DurableObjectStorage;
  readonly #sql: LazySql;
  readonly #changed: (change: Access) => void;
  readonly #pools: RevocationPools;
  /** Without revocations. */
  #head: Access;
  #now: Access | null = null;

  /** `changed` is told of each change after it was stored; of the revocations, those that changed. */
  constructor(storage: DurableObjectStorage, changed: (change: Access) => void) {
    this.#storage = storage;
    this.#sql = new LazySql(storage, "revocations", SCHEMA, () => {});
    this.#changed = changed;
    const { revocations, ...head } = storage.kv.get<Access>(KEY) ?? OPEN_ACCESS;
    this.#head = { ...head, revocations: [] };
    this.#pools = new RevocationPools(this.#stored());
    // Earlier versions kept them with the rest.
    const together = revocations.map((each) => ({ ...each, revision: head.revision, actor: "" }));
    if (together.length === 0) return;
    for (const each of together) this.#insert(each);
    this.#storage.kv.put(KEY, this.#head);
    this.#pools = new RevocationPools(this.#stored());
  }

  get now(): Access {
    this.#now ??= { ...this.#head, revocations: this.#pools.all.map(({ actor: _, ...revocation }) => revocation) };
    return this.#now;
  }

  /** Sets who may watch. */
  setPlayback(playback: Playback): void {
    if (playback !== this.#head.playback) this.#keep(withPlayback(this.#head, playback));
  }

  /** Stops the stream, or undoes that (null). */
  setStop(stop: Stop | null): void {
    this.#keep(withStop(this.#head, stop));
  }

  /** Revokes tokens, or takes that back; false where the issuer has no room for another revocation. */
  revoke(revoking: Revoking, nowMs: number): boolean {
    const revision = this.#head.revision + 1;
    const change = this.#pools.revoke(revoking, revision, nowMs);
    if (change === null) return false;
    const { actor: _, ...revocation } = change.kept;
    for (const { by, subject } of change.dropped) {
      this.#sql.exec("DELETE FROM revocations WHERE made_by = ? AND subject = ?", by, subject);
    }
    if (!change.dropped.includes(change.kept)) this.#insert(change.kept);
    this.#keep({ ...this.#head, revision }, [revocation]);
    return true;
  }

  #keep(head: Access, revocations: Access["revocations"] = []): void {
    this.#storage.kv.put(KEY, head);
    this.#head = head;
    this.#now = null;
    this.#changed({ ...head, revocations });
  }

  #insert({ by, subject, version, untilMs, revision, actor }: KeptRevocation): void {
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

  #stored(): KeptRevocation[] {
    const rows = this.#sql.exec<Row>("SELECT * FROM revocations ORDER BY revision").toArray();
    return rows.map(({ made_by, until_ms, ...row }) => ({ ...row, by: made_by, untilMs: until_ms }));
  }
}
