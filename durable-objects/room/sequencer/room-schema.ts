/** Schema versions of a room's storage. */
import { hasColumn, type Migration, type StorageSchema } from "../../kit/migrations.ts";
import { OUTBOX_TABLES } from "../../kit/outbox.ts";

/** Values of `layout` in `meta`: every row is bound to its place (AAD), or some rows are from before that. */
export const LAYOUT_WITH_AAD = "placed";
const LAYOUT_MIXED = "mixed";

/** The key in `meta` of a mark: sanctions of devices and networks have names that clients could choose. */
export const FORGEABLE_SANCTIONS_KEY = "forgeable-sanctions";

/** Tables of a room whose history was not encrypted; `encryptPlainHistory` moves their rows and drops them. */
export const PLAIN_TABLES = { events: "plain_events", facts: "plain_facts", audit: "plain_audit" } as const;

/**
 * Encrypted history. `tag`: the subject who acted; `about`: the subject under whose key a row is encrypted, empty where it is
 * about nobody. Tables of the layout before stay under other names until their rows are encrypted, which needs the keyrings.
 */
const createEncryptedHistory: Migration = (storage) => {
  const { sql } = storage;
  if (hasColumn(storage, "events", "subject")) {
    sql.exec(`
DROP INDEX IF EXISTS events_by_id;
DROP INDEX IF EXISTS events_by_programme;
ALTER TABLE events RENAME TO ${PLAIN_TABLES.events};
ALTER TABLE facts RENAME TO ${PLAIN_TABLES.facts};
ALTER TABLE audit RENAME TO ${PLAIN_TABLES.audit};
CREATE TABLE sketch (id INTEGER PRIMARY KEY CHECK (id = 1), bytes BLOB NOT NULL);
INSERT INTO sketch SELECT id, sketch FROM people;
DROP TABLE people;
INSERT OR REPLACE INTO meta VALUES ('layout', '${LAYOUT_WITH_AAD}');
`);
  }
  sql.exec(`
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
  offset INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, programme_ms INTEGER NOT NULL, kind TEXT NOT NULL,
  tag TEXT NOT NULL, client_id TEXT NOT NULL, roles TEXT NOT NULL, device TEXT NOT NULL, address TEXT NOT NULL,
  about TEXT NOT NULL, text BLOB, body BLOB);
CREATE UNIQUE INDEX IF NOT EXISTS events_by_id ON events (tag, client_id) WHERE tag <> '';
CREATE INDEX IF NOT EXISTS events_by_programme ON events (programme_ms);
CREATE TABLE IF NOT EXISTS facts (
  id INTEGER PRIMARY KEY, of TEXT NOT NULL, about TEXT NOT NULL, by TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS audit (
  at_ms INTEGER NOT NULL, by TEXT NOT NULL, act TEXT NOT NULL, about TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS people (tag TEXT PRIMARY KEY, subject BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS shards (id INTEGER PRIMARY KEY, sockets INTEGER NOT NULL, watching INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS sketch (id INTEGER PRIMARY KEY CHECK (id = 1), bytes BLOB NOT NULL);
`);
};

/** Rows are bound to their place. Before, a client could choose the names of its device and network: those are deleted. */
const bindRowsToPlace: Migration = ({ sql }) => {
  const isOlder =
    sql.exec("SELECT 1 FROM meta WHERE key = 'epoch'").toArray().length > 0 &&
    sql.exec("SELECT 1 FROM meta WHERE key = 'layout'").toArray().length === 0;
  if (!isOlder) return;
  sql.exec(`
UPDATE events SET device = '', address = '' WHERE device <> '' OR address <> '';
INSERT INTO meta VALUES ('layout', '${LAYOUT_MIXED}'), ('${FORGEABLE_SANCTIONS_KEY}', '1');
`);
};

/** Domain events. */
const createOutbox: Migration = ({ sql }) => {
  sql.exec(OUTBOX_TABLES);
};

/** Every schema version of rooms. */
export const ROOM_SCHEMA: StorageSchema = {
  object: "Room",
  migrations: [createEncryptedHistory, bindRowsToPlace, createOutbox],
};
