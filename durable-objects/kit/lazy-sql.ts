/** SQLite that holds nothing, not even tables, before the first row: so that whoever only looks leaves nothing behind. */

const INSERT_STATEMENT = /^\s*INSERT\b/i;

/** Statements on a schema that is made with the first INSERT; until then there is nothing to find, change or delete. */
export class LazySql {
  readonly #storage: DurableObjectStorage;
  readonly #create: () => void;
  #exists: boolean;

  /** `table`: one that the schema has; `create` is called once, before the first INSERT, with the schema made. */
  constructor(storage: DurableObjectStorage, table: string, schema: string, create: () => void) {
    this.#storage = storage;
    this.#exists = storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = ?", table).toArray().length > 0;
    // The schema is of statements that do nothing where they were done before: an older one is brought up to date.
    if (this.#exists) storage.sql.exec(schema);
    this.#create = () => {
      storage.sql.exec(schema);
      create();
    };
  }

  /** Whether anything was ever stored. */
  get exists(): boolean {
    return this.#exists;
  }

  /** As `SqlStorage.exec` does. */
  exec<T extends Record<string, SqlStorageValue>>(query: string, ...values: unknown[]): SqlStorageCursor<T> {
    if (!this.#exists) {
      if (!INSERT_STATEMENT.test(query)) return this.#storage.sql.exec<T>("SELECT 1 WHERE 0");
      this.#exists = true;
      this.#create();
    }
    return this.#storage.sql.exec<T>(query, ...values);
  }

  /** Deletes all that was stored, the object's alarm too. */
  async clear(): Promise<void> {
    this.#exists = false;
    await this.#storage.deleteAlarm();
    await this.#storage.deleteAll();
  }
}
