/** The rows of a stream's keys and of the sessions of limited credentials. Keys are in the order of their issue. */
import { REGISTRY_LIMITS } from "../../core/access/registry/registry-limits.ts";
import type { StreamKeyInfo, StreamKeyRole } from "../../core/access/stream-key.ts";
import type { LazyStorage } from "../kit/lazy-storage.ts";

/** A key to store. `hash`: the SHA-256 of the whole key. */
export interface NewStreamKey {
  readonly id: string;
  readonly hash: string;
  readonly label: string;
  readonly role: StreamKeyRole;
  readonly expiresMs: number | null;
  readonly usesLeft: number | null;
}

/** One session of a limited credential: a publisher in a broadcast. */
export interface PublishSession {
  readonly credential: string;
  readonly broadcast: string;
  readonly publisher: string;
}

type KeyRow = {
  id: string;
  label: string;
  role: StreamKeyRole;
  created_ms: number;
  expires_ms: number | null;
  uses_left: number | null;
  last_used_ms: number | null;
  revoked_ms: number | null;
};

const COLUMNS = "id, label, role, created_ms, expires_ms, uses_left, last_used_ms, revoked_ms";
const USABLE = "revoked_ms IS NULL AND (expires_ms IS NULL OR expires_ms > ?) AND (uses_left IS NULL OR uses_left > 0)";

/** Typed access to the keys of one stream. */
export class StreamKeyStore {
  readonly #sql: LazyStorage;

  constructor(storage: LazyStorage) {
    this.#sql = storage;
  }

  /** The key with this hash, or null. */
  findByHash(hash: string): StreamKeyInfo | null {
    return this.#selectKey("WHERE hash = ?", hash);
  }

  /** The key with this id, or null. */
  findById(id: string): StreamKeyInfo | null {
    return this.#selectKey("WHERE id = ?", id);
  }

  /** All keys, the one issued last first. */
  listKeys(): StreamKeyInfo[] {
    return this.#sql.exec<KeyRow>(`SELECT ${COLUMNS} FROM keys ORDER BY rowid DESC`).toArray().map(parseKeyRow);
  }

  /** Hashes of the keys that are not revoked: the sessions of expired and used-up ones go on. */
  listHashes(): string[] {
    const rows = this.#sql.exec<{ hash: string }>("SELECT hash FROM keys WHERE revoked_ms IS NULL ORDER BY rowid DESC");
    return rows.toArray().map(({ hash }) => hash);
  }

  /** The number of keys that begin sessions at `nowMs`. */
  countUsable(nowMs: number): number {
    const rows = this.#sql.exec<{ n: number }>(`SELECT COUNT(*) AS n FROM keys WHERE ${USABLE}`, nowMs).toArray();
    return rows[0]?.n ?? 0;
  }

  /** Stores a key. */
  addKey({ id, hash, label, role, expiresMs, usesLeft }: NewStreamKey, nowMs: number): void {
    this.#sql.insert(
      "INSERT INTO keys (id, hash, label, role, created_ms, expires_ms, uses_left) VALUES (?, ?, ?, ?, ?, ?, ?)",
      id,
      hash,
      label,
      role,
      nowMs,
      expiresMs,
      usesLeft,
    );
  }

  /** Sets the expiry of a key. */
  setExpiry(id: string, expiresMs: number): void {
    this.#sql.exec("UPDATE keys SET expires_ms = ? WHERE id = ?", expiresMs, id);
  }

  /** Marks a key as revoked; an earlier time stays. */
  revokeKey(id: string, nowMs: number): void {
    this.#sql.exec("UPDATE keys SET revoked_ms = ? WHERE id = ? AND revoked_ms IS NULL", nowMs, id);
  }

  /** Marks every key as revoked. */
  revokeAll(nowMs: number): void {
    this.#sql.exec("UPDATE keys SET revoked_ms = ? WHERE revoked_ms IS NULL", nowMs);
  }

  /** Deletes all but the latest keys that begin no session, except for that of a running one. */
  pruneKeys(nowMs: number, keptId: string): void {
    const { retiredKeysPerStream } = REGISTRY_LIMITS;
    const rows = this.#sql.exec<{ id: string }>(
      `SELECT id FROM keys WHERE NOT (${USABLE}) AND id <> ? ORDER BY rowid DESC LIMIT -1 OFFSET ${retiredKeysPerStream}`,
      nowMs,
      keptId,
    );
    for (const { id } of rows.toArray()) {
      this.#sql.exec("DELETE FROM keys WHERE id = ?", id);
      this.#sql.exec("DELETE FROM publish_sessions WHERE credential = ?", id);
    }
  }

  /** Sets the time of a key's last use. */
  setLastUsed(id: string, nowMs: number): void {
    this.#sql.exec("UPDATE keys SET last_used_ms = ? WHERE id = ?", nowMs, id);
  }

  /** Takes one use of a limited key. */
  takeUse(id: string): void {
    this.#sql.exec("UPDATE keys SET uses_left = uses_left - 1 WHERE id = ? AND uses_left > 0", id);
  }

  /** Whether a session is stored. */
  hasSession({ credential, broadcast, publisher }: PublishSession): boolean {
    const rows = this.#sql.exec(
      "SELECT 1 FROM publish_sessions WHERE credential = ? AND broadcast = ? AND publisher = ?",
      credential,
      broadcast,
      publisher,
    );
    return rows.toArray().length > 0;
  }

  /** The publishers of a credential's stored sessions. */
  listSessions(credential: string): string[] {
    const query = "SELECT DISTINCT publisher FROM publish_sessions WHERE credential = ?";
    const rows = this.#sql.exec<{ publisher: string }>(query, credential);
    return rows.toArray().map(({ publisher }) => publisher);
  }

  /** Stores a session; `expiresMs`: it may be deleted from then on. */
  addSession({ credential, broadcast, publisher }: PublishSession, expiresMs: number | null): void {
    const query = "INSERT INTO publish_sessions VALUES (?, ?, ?, ?)";
    this.#sql.insert(query, credential, broadcast, publisher, expiresMs);
  }

  /** Deletes sessions that have expired, and returns the number of the others that expire. */
  dropSessions(nowMs: number): number {
    this.#sql.exec("DELETE FROM publish_sessions WHERE expires_ms <= ?", nowMs);
    const query = "SELECT COUNT(*) AS n FROM publish_sessions WHERE expires_ms IS NOT NULL";
    return this.#sql.exec<{ n: number }>(query).toArray()[0]?.n ?? 0;
  }

  #selectKey(where: string, value: string): StreamKeyInfo | null {
    const row = this.#sql.exec<KeyRow>(`SELECT ${COLUMNS} FROM keys ${where}`, value).toArray()[0];
    return row === undefined ? null : parseKeyRow(row);
  }
}

function parseKeyRow(row: KeyRow): StreamKeyInfo {
  const { id, label, role } = row;
  return {
    id,
    label,
    role,
    createdMs: row.created_ms,
    expiresMs: row.expires_ms,
    usesLeft: row.uses_left,
    lastUsedMs: row.last_used_ms,
    revokedMs: row.revoked_ms,
  };
}
