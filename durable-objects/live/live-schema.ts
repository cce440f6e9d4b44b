/** Schema versions of a Live object's storage. */
import type { AccessPolicy } from "../../core/access/access-policy.ts";
import { INBOX_TABLE } from "../kit/inbox.ts";
import { LazyStorage } from "../kit/lazy-storage.ts";
import { hasColumn, type Migration, type StorageSchema } from "../kit/migrations.ts";
import type { ObjectStorage } from "../kit/object-storage.ts";
import { OUTBOX_TABLES } from "../kit/outbox.ts";

/** The key under which the access policy without revocations is stored. */
export const ACCESS_KEY = "access";

/** The key of a mark that an early release left for a silent publisher. */
const OLD_SILENCE_KEY = "silent";

/** Stream keys' hashes, broadcasts, init sections, and the index of stored segments. */
const createBroadcasts: Migration = ({ sql }) => {
  sql.exec(`
CREATE TABLE IF NOT EXISTS keys (hash TEXT PRIMARY KEY, created_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS broadcasts (
  id TEXT PRIMARY KEY, config TEXT NOT NULL, publisher TEXT NOT NULL, opened_ms INTEGER NOT NULL, ended_ms INTEGER);
CREATE TABLE IF NOT EXISTS inits (
  broadcast TEXT NOT NULL, track TEXT NOT NULL, version INTEGER NOT NULL, bytes BLOB NOT NULL,
  PRIMARY KEY (broadcast, track, version));
CREATE TABLE IF NOT EXISTS segments (
  broadcast TEXT NOT NULL, track TEXT NOT NULL, msn INTEGER NOT NULL, discontinuity INTEGER NOT NULL,
  duration_ticks INTEGER NOT NULL, segment TEXT NOT NULL,
  PRIMARY KEY (broadcast, track, msn)) WITHOUT ROWID;
`);
};

/** Packs of listed segments, from which a long window is restored. */
const createPacks: Migration = ({ sql }) => {
  sql.exec(`
CREATE TABLE IF NOT EXISTS packs (
  broadcast TEXT NOT NULL, track TEXT NOT NULL, first INTEGER NOT NULL, bytes BLOB NOT NULL,
  PRIMARY KEY (broadcast, track, first)) WITHOUT ROWID;
`);
};

/** Broadcasts have sequence numbers, because clocks jump. Older rows are numbered in insertion order. */
const addSequences: Migration = (storage) => {
  if (hasColumn(storage, "broadcasts", "sequence")) return;
  storage.sql.exec("ALTER TABLE broadcasts ADD COLUMN sequence INTEGER NOT NULL DEFAULT 0");
  storage.sql.exec("UPDATE broadcasts SET sequence = rowid");
};

/** Revocations, which were a part of the access policy, have a row each; stops have a record. */
const createRevocationsAndStops: Migration = ({ sql, kv }) => {
  sql.exec(`
CREATE TABLE IF NOT EXISTS revocations (
  made_by TEXT NOT NULL, subject TEXT NOT NULL, version INTEGER NOT NULL, until_ms INTEGER NOT NULL,
  revision INTEGER NOT NULL, actor TEXT NOT NULL, PRIMARY KEY (made_by, subject)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stops (
  id INTEGER PRIMARY KEY, act TEXT NOT NULL, at_ms INTEGER NOT NULL, authority TEXT NOT NULL, name TEXT NOT NULL,
  category TEXT, reason TEXT, until_ms INTEGER);
`);
  kv.delete(OLD_SILENCE_KEY);
  const policy = kv.get<AccessPolicy>(ACCESS_KEY);
  if (policy === undefined) return;
  for (const { by, subject, version, untilMs } of policy.revocations) {
    sql.exec(
      "INSERT OR REPLACE INTO revocations VALUES (?, ?, ?, ?, ?, '')",
      by,
      subject,
      version,
      untilMs,
      policy.revision,
    );
  }
  kv.put(ACCESS_KEY, { ...policy, revocations: [] } satisfies AccessPolicy);
};

/** Domain events. The room may not have the current policy: it is sent once more. */
const createOutbox: Migration = ({ sql, kv }) => {
  sql.exec(OUTBOX_TABLES + INBOX_TABLE);
  const policy = kv.get<AccessPolicy>(ACCESS_KEY);
  if (policy === undefined) return;
  sql.exec(
    `INSERT INTO outbox (id, at_ms, program_time_ms, kind, body)
     VALUES (lower(hex(randomblob(16))), unixepoch() * 1000, NULL, 'playback-policy-changed', ?)`,
    JSON.stringify({ kind: "playback-policy-changed", playback: policy.playback }),
  );
};

/**
 * Keys have an id, a role, an expiry and uses; broadcasts have the credential of their publisher, and limited credentials a
 * row for each session. Earlier keys get an id and have no limit; those beyond the latest 1,000 opened nothing.
 */
const extendKeys: Migration = (storage) => {
  const { sql } = storage;
  if (!hasColumn(storage, "keys", "id")) {
    sql.exec(`
ALTER TABLE keys ADD COLUMN id TEXT NOT NULL DEFAULT '';
ALTER TABLE keys ADD COLUMN label TEXT NOT NULL DEFAULT '';
ALTER TABLE keys ADD COLUMN role TEXT NOT NULL DEFAULT 'primary';
ALTER TABLE keys ADD COLUMN expires_ms INTEGER;
ALTER TABLE keys ADD COLUMN uses_left INTEGER;
ALTER TABLE keys ADD COLUMN last_used_ms INTEGER;
ALTER TABLE keys ADD COLUMN revoked_ms INTEGER;
DELETE FROM keys WHERE hash NOT IN (SELECT hash FROM keys ORDER BY created_ms DESC LIMIT 1000);
UPDATE keys SET id = lower(hex(randomblob(5)));
CREATE UNIQUE INDEX keys_by_id ON keys (id);
`);
  }
  if (!hasColumn(storage, "broadcasts", "credential")) {
    sql.exec("ALTER TABLE broadcasts ADD COLUMN credential TEXT NOT NULL DEFAULT ''");
  }
  sql.exec(`
CREATE TABLE IF NOT EXISTS publish_sessions (
  credential TEXT NOT NULL, broadcast TEXT NOT NULL, publisher TEXT NOT NULL, expires_ms INTEGER,
  PRIMARY KEY (credential, broadcast, publisher)) WITHOUT ROWID;
`);
};

/** Health of the last 30 days, and sums of viewers' reports by hour. `broadcast` is empty where none was on the air. */
const createHealthHistory: Migration = ({ sql }) => {
  sql.exec(`
CREATE TABLE IF NOT EXISTS health_minutes (
  at_ms INTEGER PRIMARY KEY, broadcast TEXT NOT NULL, viewers INTEGER NOT NULL, bits_per_second REAL,
  frames_per_second REAL, round_trip_ms REAL, loss_share REAL, delay_ms REAL, viewer_delay_ms REAL, stalled_share REAL);
CREATE TABLE IF NOT EXISTS health_checks (
  id INTEGER PRIMARY KEY, broadcast TEXT NOT NULL, check_id TEXT NOT NULL, severity TEXT NOT NULL, say TEXT NOT NULL,
  raised_ms INTEGER NOT NULL, cleared_ms INTEGER);
CREATE TABLE IF NOT EXISTS health_events (
  id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, broadcast TEXT NOT NULL, kind TEXT NOT NULL, detail TEXT);
CREATE TABLE IF NOT EXISTS viewer_quality (hour_ms INTEGER PRIMARY KEY, sums TEXT NOT NULL);
`);
};

/** Every schema version of Live objects. */
export const LIVE_SCHEMA: StorageSchema = {
  object: "Live",
  migrations: [
    createBroadcasts,
    createPacks,
    addSequences,
    createRevocationsAndStops,
    createOutbox,
    extendKeys,
    createHealthHistory,
  ],
};

/** A Live object's storage. */
export function openLiveStorage(storage: ObjectStorage): LazyStorage {
  return new LazyStorage(storage, LIVE_SCHEMA);
}
