/**
 * Schema versions of an object's storage. Version n is the result of the first n migrations, applied in order to empty
 * storage. Storage from before versions were kept has version 0, so the migrations up to the first release with versions
 * accept every layout that earlier releases left. Durable Objects refuse `PRAGMA user_version`: the version is a row.
 */
import type { ObjectStorage } from "./object-storage.ts";

/** One step from a schema version to the next. It runs in a transaction with the steps after it, and may not wait. */
export type Migration = (storage: ObjectStorage) => void;

/** All schema versions of one class of objects. */
export interface StorageSchema {
  /** The class, as error messages name it. */
  readonly object: string;
  /** In order; a released step never changes. */
  readonly migrations: readonly Migration[];
}

/** Storage written by a later release, whose rows this release cannot interpret. */
export class NewerSchemaError extends Error {
  override readonly name = "NewerSchemaError";

  constructor(object: string, stored: number, known: number) {
    super(
      `The storage of this ${object} object has schema version ${stored}, but this release knows versions up to ${known}. ` +
        "Deploy the release that wrote it, or a later one.",
    );
  }
}

const VERSION_TABLE = "schema_version";

/** The schema version of the storage; 0 if none is stored. */
export function readSchemaVersion(storage: ObjectStorage): number {
  if (!hasTable(storage, VERSION_TABLE)) return 0;
  return storage.sql.exec<{ version: number }>(`SELECT version FROM ${VERSION_TABLE}`).one().version;
}

/** Whether the object has stored neither a table nor a value. */
export function isStorageEmpty(storage: ObjectStorage): boolean {
  const tables = storage.sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf_*' LIMIT 1");
  return tables.toArray().length === 0 && [...storage.kv.list({ limit: 1 })].length === 0;
}

/**
 * Brings the storage to the newest version of the schema, with all of the steps or none. Throws `NewerSchemaError` where
 * the stored version is a later one.
 */
export function migrateStorage(storage: ObjectStorage, { object, migrations }: StorageSchema): void {
  const stored = readSchemaVersion(storage);
  if (stored > migrations.length) throw new NewerSchemaError(object, stored, migrations.length);
  if (stored === migrations.length) return;
  storage.transactionSync(() => {
    for (const migrate of migrations.slice(stored)) migrate(storage);
    storage.sql.exec(
      `CREATE TABLE IF NOT EXISTS ${VERSION_TABLE} (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL);
       INSERT OR REPLACE INTO ${VERSION_TABLE} VALUES (1, ${migrations.length});`,
    );
  });
}

/** Whether a table exists. */
export function hasTable(storage: ObjectStorage, table: string): boolean {
  const found = storage.sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", table);
  return found.toArray().length > 0;
}

/** Whether a table has a column. */
export function hasColumn(storage: ObjectStorage, table: string, column: string): boolean {
  const found = storage.sql.exec("SELECT 1 FROM pragma_table_info(?) WHERE name = ?", table, column);
  return found.toArray().length > 0;
}
