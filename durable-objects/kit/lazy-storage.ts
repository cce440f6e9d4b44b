/** Storage that stays empty, without tables, until the first row or value: a request for an unknown name leaves nothing. */
import { isStorageEmpty, migrateStorage, type StorageSchema } from "./migrations.ts";
import type { ObjectStorage, SqlRow, SqlRows } from "./object-storage.ts";

/** An object's storage, whose schema is created with the first row or value and migrated where an earlier one stands. */
export class LazyStorage {
  readonly #storage: ObjectStorage;
  readonly #schema: StorageSchema;
  readonly #onCreate: () => void;
  #exists: boolean;

  /**
   * Migrates existing storage. Throws `NewerSchemaError` if a later release stored it. `onCreate` is called each time
   * the schema is created in empty storage.
   */
  constructor(storage: ObjectStorage, schema: StorageSchema, onCreate: () => void = () => {}) {
    this.#storage = storage;
    this.#schema = schema;
    this.#onCreate = onCreate;
    this.#exists = !isStorageEmpty(storage);
    if (this.#exists) migrateStorage(storage, schema);
  }

  /** Whether anything is stored. */
  get exists(): boolean {
    return this.#exists;
  }

  /** Runs a statement that reads, updates or deletes rows. In empty storage it is skipped. */
  exec<T extends SqlRow>(query: string, ...values: unknown[]): SqlRows<T> {
    if (!this.#exists) return this.#storage.sql.exec<T>("SELECT 1 WHERE 0");
    return this.#storage.sql.exec<T>(query, ...values);
  }

  /** Runs a statement that inserts rows. */
  insert<T extends SqlRow>(query: string, ...values: unknown[]): SqlRows<T> {
    this.create();
    return this.#storage.sql.exec<T>(query, ...values);
  }

  /** The value under a key, or undefined. */
  get<T>(key: string): T | undefined {
    return this.#storage.kv.get<T>(key);
  }

  /** Stores a value under a key. */
  put(key: string, value: unknown): void {
    this.create();
    this.#storage.kv.put(key, value);
  }

  /** Deletes the value under a key. */
  delete(key: string): void {
    if (this.#exists) this.#storage.kv.delete(key);
  }

  /** Runs `work` in a transaction, which an exception rolls back. */
  transaction<T>(work: () => T): T {
    try {
      return this.#storage.transactionSync(work);
    } catch (error) {
      // The schema may have been created in the transaction.
      this.#exists = !isStorageEmpty(this.#storage);
      throw error;
    }
  }

  /** Creates the schema in empty storage. */
  create(): void {
    if (this.#exists) return;
    migrateStorage(this.#storage, this.#schema);
    this.#exists = true;
    this.#onCreate();
  }

  /** Deletes everything, the object's alarm included. */
  async clear(): Promise<void> {
    this.#exists = false;
    await this.#storage.deleteAlarm();
    await this.#storage.deleteAll();
  }
}
